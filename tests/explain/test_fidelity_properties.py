"""Checks of maps: likeness against slow formulas, orders against what is best by construction."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from cxr_core.explain.fidelity.imputation import impute, road
from cxr_core.explain.fidelity.likeness import spearman, ssim
from cxr_core.explain.fidelity.order import (
    cell_order,
    order_check,
    random_orders,
    seen_after,
    step_counts,
)
from cxr_core.explain.overlay import to_heatmap
from tests.strategies import bytes_of, pixels, seeds

values = st.integers(-3, 3).map(float) | st.floats(-100, 100, width=32)
sides = st.tuples(st.integers(1, 8), st.integers(2, 8))
grids = hnp.arrays(np.float32, sides, elements=values)
pairs = sides.flatmap(lambda s: st.tuples(*[hnp.arrays(np.float32, s, elements=values)] * 2))


def not_flat(*several):
    """Leave out maps without an order."""
    for grid in several:
        assume(np.ptp(grid) > 0)


@given(pairs)
def test_rank_correlation_is_scipys(pair):
    not_flat(*pair)
    expected = stats.spearmanr(pair[0].ravel(), pair[1].ravel()).statistic
    assert spearman(*pair) == pytest.approx(expected, abs=1e-9)
    assert spearman(*pair) == pytest.approx(spearman(pair[1], pair[0]), abs=1e-12)


@given(grids)
def test_ranks_know_no_unit_and_turn_with_the_sign(grid):
    not_flat(grid)
    exact = grid.astype(np.float64)
    assert spearman(exact, 4 * exact) == pytest.approx(1)
    assert spearman(exact, -exact) == pytest.approx(-1)


def slow_ssim(one, other):
    """Wang's equation 13 window by window."""
    x, y = to_heatmap(one).astype(float), to_heatmap(other).astype(float)
    size = [min(7, side) for side in one.shape]
    found = []
    for top in range(one.shape[0] - size[0] + 1):
        for left in range(one.shape[1] - size[1] + 1):
            a, b = (v[top : top + size[0], left : left + size[1]].ravel() for v in (x, y))
            covariance = float(((a - a.mean()) * (b - b.mean())).mean())
            light = (2 * a.mean() * b.mean() + 1e-4) / (a.mean() ** 2 + b.mean() ** 2 + 1e-4)
            found.append(light * (2 * covariance + 9e-4) / (a.var() + b.var() + 9e-4))
    return float(np.mean(found))


@given(pairs)
def test_structural_similarity_is_the_mean_over_windows(pair):
    assert ssim(*pair) == pytest.approx(slow_ssim(*pair), abs=1e-9)
    assert ssim(*pair) == pytest.approx(ssim(pair[1], pair[0]), abs=1e-12)
    assert ssim(pair[0], pair[0]) == pytest.approx(1)
    assert -1 <= ssim(*pair) <= 1 + 1e-9


@given(grids, seeds)
def test_an_order_names_every_cell_once_the_largest_first(grid, seed):
    not_flat(grid)
    order = cell_order(grid, seed=seed)
    assert sorted(order.tolist()) == list(range(grid.size))
    assert (np.diff(grid.ravel()[order]) <= 0).all()


@given(st.integers(1, 60), st.integers(2, 20))
def test_steps_go_from_no_cell_to_all(n_cells, n_steps):
    counts = step_counts(n_cells, n_steps)
    assert counts[0] == 0
    assert counts[-1] == n_cells
    assert (np.diff(counts) > 0).all()
    assert np.ptp(np.diff(counts)) <= 1
    assert len(counts) == min(n_steps, n_cells) + 1


@given(grids, st.integers(2, 6))
def test_no_order_beats_the_map_that_is_the_score(grid, n_steps):
    """Where every cell adds its own value to the score, the best map is those values."""
    not_flat(grid)

    def score(seen):
        return float(grid[seen].sum(dtype=np.float64))

    random = random_orders(score, grid.shape, n_orders=5, n_steps=n_steps)
    found = order_check(score, grid, random)
    tolerance = 1e-9 * float(np.abs(grid).sum())
    assert (random.areas >= found.deletion.area - tolerance).all()
    assert (random.areas <= found.insertion.area + tolerance).all()
    order = cell_order(grid)
    for share, value in zip(found.deletion.shares, found.deletion.scores, strict=True):
        covered = order[: round(share * grid.size)]
        left = grid.sum(dtype=np.float64) - grid.ravel()[covered].sum(dtype=np.float64)
        assert value == pytest.approx(left, abs=tolerance + 1e-9)
    assert found.insertion.shares[0] == 0
    assert found.insertion.scores[0] == pytest.approx(0, abs=1e-9)
    assert found.n_deletion_beaten == int((random.areas > found.deletion.area).sum())


@given(seeds, sides, st.floats(0.05, 0.95))
def test_road_turns_with_the_sign_of_the_map(seed, shape, share):
    grid = np.random.default_rng(seed).normal(size=shape)  # no ties, which are put in any order

    def score(seen):
        return float(np.abs(grid)[seen].sum(dtype=np.float64))

    forth, back = road(score, grid, shares=(share,)), road(score, -grid, shares=(share,))
    assert forth.gap == pytest.approx(-back.gap, abs=1e-6)
    assert road(lambda _: 1.0, grid, shares=(share,)).gap == 0


@given(st.integers(0, 12))
def test_cells_are_covered_in_order(n):
    seen = seen_after(np.arange(12)[::-1], n, (3, 4))
    assert seen.ravel().tolist() == [True] * (12 - n) + [False] * n


@given(pixels(0, 255, np.uint8, st.tuples(st.integers(2, 18), st.integers(2, 18))), seeds)
def test_what_is_imputed_is_the_weighted_mean_of_its_neighbours(values_, seed):
    image = values_.astype(np.float32) / 255
    seen = np.random.default_rng(seed).random(image.shape) < 0.6
    assume(seen.any() and not seen.all())
    before = bytes_of(image, seen)
    filled = impute(image, seen, noise=0.0)
    assert bytes_of(image, seen) == before
    np.testing.assert_array_equal(filled[seen], image[seen])
    assert image[seen].min() - 1e-3 <= filled.min() <= filled.max() <= image[seen].max() + 1e-3
    height, width = image.shape
    for y, x in list(zip(*np.nonzero(~seen), strict=True))[:5]:
        total = weight = 0.0
        for dy, dx in ((a, b) for a in (-1, 0, 1) for b in (-1, 0, 1) if a or b):
            if 0 <= y + dy < height and 0 <= x + dx < width:
                share = 1 / 6 if not (dy and dx) else 1 / 12
                weight += share
                total += share * float(filled[y + dy, x + dx])
        assert filled[y, x] == pytest.approx(total / weight, abs=2e-3)


@given(st.floats(0, 1, width=32), seeds)
def test_a_flat_film_is_imputed_flat(grey, seed):
    image = np.full((9, 12), grey, np.float32)
    seen = np.random.default_rng(seed).random(image.shape) < 0.3
    assume(seen.any())
    np.testing.assert_allclose(impute(image, seen, noise=0.0), image, atol=1e-3)
