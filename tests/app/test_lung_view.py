"""Sentences about lungs and maps, worked by hand."""

from __future__ import annotations

import pytest

from cxr_core.radiograph import Notice
from ui.film_view import Lungs
from ui.lung_view import lung_line, lung_rows, outside, outside_sentence

LUNGS = Lungs((((0.1, 0.1), (0.4, 0.1), (0.4, 0.9)),), 0.3)
SHARES = {"vgg16": 0.6, "densenet201": 0.25}
ODD = Lungs((), 0.02, (Notice("one_lung", "Only one lung was found."),))


def test_shares_are_said_beside_the_area():
    said = lung_line(LUNGS, SHARES)
    assert said.startswith("Lungs cover 30% of the film.")
    assert "in them: VGG16 60%, DenseNet201 25%." in said
    assert lung_line(None, {}) == ""
    assert "no map has a positive part" in lung_line(LUNGS, {})


def test_lungs_that_were_not_found_are_not_measured_on():
    assert lung_line(ODD, SHARES) == "Lungs: Only one lung was found."
    assert outside(ODD, SHARES) == []
    assert outside(None, SHARES) == []


def test_a_map_outside_is_warned_of():
    assert outside(LUNGS, SHARES) == ["densenet201"]
    assert outside_sentence(["densenet201"]).startswith("The map of **DenseNet201** lies in")
    assert outside_sentence(["densenet201", "vgg16"]).startswith("The maps of ")


def test_rows():
    rows = lung_rows(LUNGS, SHARES)
    assert rows[0]["System"] == "VGG16"
    assert rows[0]["Ratio"] == pytest.approx(2.0)
