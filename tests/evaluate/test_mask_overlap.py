"""Dice of masks, and means with intervals over patients."""

from __future__ import annotations

import numpy as np
import pytest

from cxr_core.evaluate.bootstrap import mean_interval
from cxr_core.evaluate.mask_overlap import dice


@pytest.mark.parametrize(
    ("mask", "truth", "expected"),
    [
        ([1, 1, 0, 0], [1, 1, 0, 0], 1.0),
        ([1, 1, 0, 0], [0, 0, 1, 1], 0.0),
        ([1, 1, 1, 0], [0, 1, 1, 1], 2 * 2 / 6),
        ([255, 0], [1, 1], 2 / 3),
        ([0, 0], [0, 0], 1.0),
        ([0, 0], [1, 0], 0.0),
    ],
)
def test_dice_is_the_one_worked_by_hand(mask, truth, expected):
    assert dice(np.array(mask), np.array(truth)) == pytest.approx(expected)
    assert dice(np.array(truth), np.array(mask)) == pytest.approx(expected)


def test_masks_of_two_shapes_are_refused():
    with pytest.raises(ValueError, match="must have one shape"):
        dice(np.ones((2, 2)), np.ones((2, 3)))


def test_a_mean_knows_its_films():
    found = mean_interval([1.0, 2.0, 3.0, 6.0], ["a", "a", "b", "c"])
    assert (found["value"], found["n"]) == (3.0, 4)
    assert 1.5 <= found["low"] < 3.0 < found["high"] <= 6.0
    assert found == mean_interval([1.0, 2.0, 3.0, 6.0], ["x", "x", "y", "z"])


def test_films_of_one_patient_are_not_independent():
    values = np.random.default_rng(0).normal(size=60)
    films = values.repeat(5)
    wide = mean_interval(films, np.arange(60).repeat(5).tolist())
    narrow = mean_interval(films, list(range(300)))
    assert wide["high"] - wide["low"] > 1.7 * (narrow["high"] - narrow["low"])


def test_equal_values_have_no_width():
    found = mean_interval([0.5] * 4, [1, 1, 2, 3])
    assert found["value"] == found["low"] == found["high"] == 0.5
