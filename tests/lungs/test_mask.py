"""Masks of a film: plausible ones, and notes on the others."""

from __future__ import annotations

import numpy as np
import pytest

from cxr_core.errors import SpecMismatchError
from cxr_core.lungs import (
    LungSegmenter,
)
from cxr_core.lungs.shape import clean, outline
from cxr_core.preprocess import PreprocessSpec
from tests.lungs.material import LEFT, LIMITS, RIGHT, FakeEngine, codes, film, mask_of, segmenter_of


def test_two_lungs_are_plausible():
    found = mask_of(LEFT, RIGHT)
    assert found.is_plausible
    assert found.area_share == pytest.approx(2 * 12 * 6 / 400)
    assert len(found.polygons) == 2
    for polygon, (rows, columns) in zip(found.polygons, (LEFT, RIGHT), strict=True):
        xs, ys = (20 * np.array(axis) for axis in zip(*polygon, strict=True))
        assert [xs.min(), xs.max()] == pytest.approx([columns.start, columns.stop], abs=0.5)
        assert [ys.min(), ys.max()] == pytest.approx([rows.start, rows.stop], abs=0.5)


@pytest.mark.parametrize(
    ("regions", "expected"),
    [
        ((), ["no_lungs"]),
        ((LEFT,), ["not_two_regions"]),
        ((LEFT, RIGHT, (slice(17, 20), slice(0, 20))), ["not_two_regions"]),
        ((LEFT, (slice(4, 8), slice(12, 18))), ["unequal_regions"]),
        (((slice(1, 8), slice(4, 14)), (slice(11, 18), slice(4, 14))), ["not_side_by_side"]),
        (((slice(0, 20), slice(0, 9)), (slice(0, 20), slice(11, 20))), ["unusual_area"]),
        (((slice(8, 12), slice(4, 8)), (slice(8, 12), slice(12, 16))), ["unusual_area"]),
    ],
)
def test_implausible_masks_say_so(regions, expected):
    found = mask_of(*regions)
    assert codes(found) == expected
    assert not found.is_plausible
    assert all(note.message.endswith(".") for note in found.notes)


def test_an_unsure_network_says_so():
    probability = np.zeros((20, 20))
    probability[LEFT] = probability[RIGHT] = 0.6
    assert codes(segmenter_of(probability).segment(film())) == []
    probability[0:4] = 0.4
    assert codes(segmenter_of(probability).segment(film())) == ["unsure_edge"]


def test_specks_are_dropped_and_holes_filled():
    probability = np.zeros((20, 20), np.float32)
    probability[LEFT] = probability[RIGHT] = 1.0
    probability[8, 4] = 0.0
    probability[0, 19] = 1.0
    mask, regions = clean(probability, 0.5)
    assert mask[8, 4]
    assert not mask[0, 19]
    assert len(regions) == len(outline(probability, mask, 0.5)) == 2


@pytest.mark.parametrize("shape", [(1, 300), (300, 1), (7, 900)])
def test_films_of_any_shape_are_taken(shape):
    found = segmenter_of(np.zeros((20, 20))).segment(film(*shape))
    assert found.mask.shape == (20, 20)


def test_a_mask_cannot_be_changed():
    found = mask_of(LEFT, RIGHT)
    for array in (found.mask, found.probability):
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0] = 1


def test_a_network_of_another_shape_is_refused():
    spec = PreprocessSpec(10, 10)
    with pytest.raises(SpecMismatchError, match="must give shape"):
        LungSegmenter(
            FakeEngine(np.zeros((20, 20))),
            preprocess_spec=spec,
            threshold=0.5,
            limits=LIMITS,
            record={},
        )
