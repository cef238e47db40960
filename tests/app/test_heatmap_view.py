"""Sentences about maps, worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from cxr_core.explain.cam import Cam
from ui.heatmap_view import cell_rows, decomposition, file_stem, map_title


def cam(grid, *, method="hirescam", class_name="COVID19", score=2.0, bias=0.5):
    return Cam("vgg16", class_name, method, np.array(grid, np.float32), score, bias)


def test_hirescam_adds_up_in_words():
    said = decomposition(cam([[1.0, -0.5], [0.75, 0.25]]))
    assert said == (
        "Cells for it add 2.00, cells against it \N{MINUS SIGN}0.50, biases 0.50: together the "
        "score of COVID-19, 2.00. 3 of 4 cells (row 1 column 1, row 2 column 1, row 2 column 2) "
        "hold 100% of what is for it."
    )


def test_another_method_does_not_add_up():
    said = decomposition(cam([[3.0, 1.0]], method="gradcam", bias=None), "PNEUMONIA")
    assert said == (
        "2 of 2 cells (row 1 column 1, row 1 column 2) hold 100% of what is for it. The cells do "
        "not add up to the score of COVID-19 against Pneumonia, 2.00."
    )


def test_a_map_without_a_cell_above_zero():
    assert "No cell is for it." in decomposition(cam([[-1.0, -0.0]]))
    assert "No cell is for it." in decomposition(cam(np.zeros((2, 2))))


def test_eigencam_is_not_about_a_class():
    said = decomposition(cam([[1.0]], method="eigencam", class_name=None, bias=None))
    assert said.startswith("**Eigen-CAM is not about a class:**")
    assert map_title(cam([[1.0]], method="eigencam", class_name=None)) == (
        "VGG16, Eigen-CAM, no class"
    )


def test_cells_as_a_table():
    rows = cell_rows(cam([[1.0, -3.0]]))
    assert rows[1] == {"Row": 1, "Column": 2, "Value": -3.0, "Share of all": 0.75}
    assert [row["Share of all"] for row in cell_rows(cam([[0.0, 0.0]]))] == [0, 0]


@pytest.mark.parametrize(
    ("against", "stem"),
    [
        (None, "ensemble-dense-covid19-gradcam"),
        ("NORMAL", "ensemble-dense-covid19-against-normal-gradcam"),
    ],
)
def test_file_names_say_nothing_of_the_film(against, stem):
    assert file_stem("ensemble_dense", "COVID19", against, "gradcam") == stem
