"""The share of a map that lies in the lungs, by hand and in degenerate cases."""

from __future__ import annotations

import numpy as np
import pytest

from cxr_core.lungs import (
    LungMask,
    lung_share,
)
from tests.lungs.material import LEFT, RIGHT, codes, mask_of


def half_mask() -> LungMask:
    """The left half of a film of 4 by 4 pixels."""
    mask = np.zeros((4, 4), bool)
    mask[:, :2] = True
    return LungMask(mask, mask.astype(np.float32), 0.5, ())


@pytest.mark.parametrize(
    ("grid", "share"),
    [
        ([[1, 0], [1, 0]], 1.0),
        ([[0, 1], [0, 1]], 0.0),
        ([[3, 1], [0, 0]], 0.75),
        ([[1, 1], [1, 1]], 0.5),
        ([[3, -9], [0, 1]], 0.75),  # what speaks against the class takes no part
        ([[2e300, 2e300], [0, 0]], 0.5),
        ([[0, 6, 0]], 0.5),  # the mask covers half of the middle cell
        ([[3, 6, 3]], 0.5),
        ([[6, 6, 0]], 0.75),
        ([[7]], 0.5),
    ],
)
def test_the_share_is_the_one_worked_by_hand(grid, share):
    found = lung_share(np.array(grid, float), half_mask())
    assert found.share == pytest.approx(share, abs=1e-12)
    assert found.area_share == 0.5
    assert found.enrichment == pytest.approx(2 * share, abs=1e-12)
    assert ("outside_lungs" in codes(found)) == (found.enrichment < 1)


def test_a_finer_grid_than_the_mask_is_exact_too():
    grid = np.zeros((8, 8))
    grid[0, 3] = grid[0, 4] = 1.0
    assert lung_share(grid, half_mask()).share == pytest.approx(0.5)


def test_an_even_map_has_the_lungs_share_of_the_area():
    """Whatever the sizes: 7 by 7 cells on a mask of 20 by 20 pixels do not fit each other."""
    lungs = mask_of(LEFT, RIGHT)
    found = lung_share(np.ones((7, 7)), lungs)
    assert found.share == pytest.approx(lungs.area_share, abs=1e-12)
    assert found.enrichment == pytest.approx(1.0)


def test_the_overlap_equals_a_slow_loop():
    rng = np.random.default_rng(0)
    grid = rng.normal(size=(7, 5))
    mask = rng.random((12, 9)) < 0.5
    inside = total = 0.0
    for i in range(7):
        for j in range(5):
            value = max(grid[i, j], 0.0)
            for y in range(12):
                for x in range(9):
                    rows = min((i + 1) / 7, (y + 1) / 12) - max(i / 7, y / 12)
                    columns = min((j + 1) / 5, (x + 1) / 9) - max(j / 5, x / 9)
                    part = value * max(rows, 0) * max(columns, 0)
                    total += part
                    inside += part * mask[y, x]
    lungs = LungMask(mask, mask.astype(np.float32), float(mask.mean()), ())
    assert lung_share(grid, lungs).share == pytest.approx(inside / total, abs=1e-12)


@pytest.mark.parametrize(
    ("grid", "code"),
    [
        (np.zeros((7, 7)), "no_positive_mass"),
        (-np.ones((7, 7)), "no_positive_mass"),
        (np.full((7, 7), np.nan), "not_finite"),
        (np.array([[np.inf, 1.0]]), "not_finite"),
    ],
)
def test_degenerate_maps_have_no_share_and_say_why(grid, code):
    found = lung_share(grid, half_mask())
    assert (found.share, found.enrichment, codes(found)) == (None, None, [code])


def test_without_lungs_there_is_no_share():
    found = lung_share(np.ones((7, 7)), mask_of())
    assert (found.share, found.enrichment, codes(found)) == (None, None, ["no_lungs"])


@pytest.mark.parametrize("shape", [(3,), (2, 2, 2), (0, 3)])
def test_a_map_of_another_shape_is_refused(shape):
    with pytest.raises(ValueError, match="`cam_grid` must have shape"):
        lung_share(np.ones(shape), half_mask())


def test_notes_of_the_mask_go_with_the_share():
    assert "not_two_regions" in codes(lung_share(np.ones((7, 7)), mask_of(LEFT)))


def test_nothing_is_changed():
    grid, lungs = np.array([[3.0, -1.0]]), half_mask()
    before = grid.copy(), lungs.mask.copy()
    lung_share(grid, lungs)
    np.testing.assert_array_equal(grid, before[0])
    np.testing.assert_array_equal(lungs.mask, before[1])
