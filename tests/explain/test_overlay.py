"""Display: colour tables, scaling of degenerate maps, the drawn picture."""

from __future__ import annotations

import numpy as np
import pytest

from cxr_core.explain.cam import Cam
from cxr_core.explain.overlay import COLOUR_MAPS, caption, colour_table, render, to_heatmap


def cam_of(grid) -> Cam:
    return Cam("vgg16", "COVID19", "hirescam", np.asarray(grid, np.float32), 1.0)


@pytest.mark.parametrize("name", COLOUR_MAPS)
def test_tables_grow_brighter(name):
    table = colour_table(name)
    assert table.shape == (256, 3)
    assert table.dtype == np.uint8
    brightness = table.astype(float) @ [0.299, 0.587, 0.114]
    assert brightness[-1] > brightness[0] + 100
    assert np.diff(brightness[::16]).min() > 0


def test_inferno_ends_where_it_is_published_to_end():
    table = colour_table("inferno").astype(int)
    assert np.abs(table[0] - [0, 0, 4]).max() <= 2
    assert np.abs(table[-1] - [252, 255, 164]).max() <= 2


def test_unknown_table():
    with pytest.raises(ValueError, match=r"`name` must be one of .*'jet'"):
        colour_table("jet")


@pytest.mark.parametrize(
    ("grid", "expected"),
    [
        ([[0, 0], [0, 0]], [[0, 0], [0, 0]]),
        ([[-1, -2], [-3, -4]], [[0, 0], [0, 0]]),
        ([[2, 2], [2, 2]], [[1, 1], [1, 1]]),
        ([[-1, 1], [2, 4]], [[0, 0.25], [0.5, 1]]),
        ([[1e-30, 0], [0, 0]], [[1, 0], [0, 0]]),
    ],
)
def test_scaling_for_display(grid, expected):
    np.testing.assert_allclose(to_heatmap(np.asarray(grid, np.float32)), expected)


def test_a_map_with_nan_is_refused():
    with pytest.raises(ValueError, match=r"`grid` must be finite\. Received: 1 values"):
        to_heatmap(np.array([[np.nan, 1]], np.float32))


@pytest.mark.parametrize("shape", [(224, 224), (300, 600), (1, 1), (900, 450)])
def test_the_picture_keeps_the_films_proportions(shape):
    image = np.random.default_rng(0).random(shape).astype(np.float32)
    before = image.copy()
    picture = render(image, cam_of(np.eye(7)))
    height, width = picture.shape[0] - 34, picture.shape[1] - 76
    assert picture.dtype == np.uint8
    assert width / height == pytest.approx(shape[1] / shape[0], rel=0.01)
    np.testing.assert_array_equal(image, before)


def test_opacity_zero_shows_the_film_and_one_shows_the_map():
    image = np.full((448, 448), 0.5, np.float32)
    cam = cam_of(np.eye(7))
    film, colours = render(image, cam, opacity=0.0), render(image, cam, opacity=1.0)
    assert (film[:448, :448] == 128).all()
    np.testing.assert_array_equal(colours[10, 10], colour_table("inferno")[255])
    np.testing.assert_array_equal(colours[10, 440], colour_table("inferno")[0])
    with pytest.raises(ValueError, match=r"`opacity` must be in \[0, 1\]"):
        render(image, cam, opacity=1.5)


def test_the_caption_names_system_method_and_class():
    assert caption(cam_of(np.eye(2))) == "VGG16 · HiResCAM · COVID-19 · research use only"
