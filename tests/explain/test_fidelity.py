"""Fidelity checks against cases whose answer is known by hand, and degenerate maps."""

from __future__ import annotations

import numpy as np
import pytest

from cxr_core.errors import NotApplicableError
from cxr_core.explain.fidelity import (
    cover_image,
    impute,
    order_check,
    pair_baseline,
    random_orders,
    road,
    spearman,
    ssim,
)
from cxr_core.explain.fidelity.order import cell_order, seen_after, step_counts

SHAPE = (7, 7)
DEGENERATE = [
    (np.zeros(SHAPE), r"`grid` must not be flat\. Received: 0 in every cell"),
    (np.full(SHAPE, -2.0), r"`grid` must not be flat\. Received: -2 in every cell"),
    (np.full(SHAPE, np.nan), r"`grid` must be finite\. Received: 49 values that are not"),
    (np.where(np.eye(7) > 0, np.inf, 0), r"Received: 7 values"),
    (np.ones((1, 1)), r"two or more cells\. Received: \(1, 1\)"),
]


def sum_of(worth):
    """A model whose score is the worth of the cells that are seen, as Xplique's tests have it."""
    return lambda seen: float((worth * seen).sum())


def worth_of(*cells):
    worth = np.zeros(SHAPE)
    for row, column in cells:
        worth[row, column] = 1.0
    return worth


# Likeness


def test_spearman_by_hand_and_against_scipy():
    from scipy.stats import spearmanr

    one = np.array([[1.0, 2], [3, 4]])
    assert spearman(one, one**3) == pytest.approx(1.0)
    assert spearman(one, -one) == pytest.approx(-1.0)
    # ranks 1 2 3 4 against 2 1 4 3: 1 - 6 * 4 / (4 * 15)
    assert spearman(one, np.array([[2.0, 1], [4, 3]])) == pytest.approx(0.6)
    rng = np.random.default_rng(0)
    for _ in range(50):
        x, y = rng.integers(-3, 4, (2, *SHAPE)).astype(float)  # many equal values
        assert spearman(x, y) == pytest.approx(spearmanr(x.ravel(), y.ravel()).statistic)


def test_ssim_by_hand():
    rng = np.random.default_rng(1)
    grid = rng.normal(size=SHAPE).astype(np.float32)
    assert ssim(grid, grid) == pytest.approx(1.0)
    assert ssim(grid, 5 * grid) == pytest.approx(1.0)  # each is scaled by itself
    black = np.zeros(SHAPE, np.float32)
    assert ssim(black, -np.abs(grid)) == 1.0  # nothing positive: both black
    # heatmaps [1, 0] and [0, 1]: means 1/2, variances 1/4, covariance -1/4
    c2 = 0.03**2
    expected = (2 * -0.25 + c2) / (0.5 + c2)
    assert ssim(np.array([[1.0, 0]]), np.array([[0.0, 1]])) == pytest.approx(expected)
    larger = rng.normal(size=(9, 8))
    windows = [
        ssim_of_window(np.maximum(larger, 0), np.maximum(larger[::-1], 0), row, column)
        for row in range(3)
        for column in range(2)
    ]
    assert ssim(larger, larger[::-1]) == pytest.approx(np.mean(windows), abs=1e-6)


def ssim_of_window(x, y, row, column):
    """Wang's equation 13 in plain terms."""
    peak = x.max()
    x, y = (grid[row : row + 7, column : column + 7] / peak for grid in (x, y))
    cross = ((x - x.mean()) * (y - y.mean())).mean()
    return ((2 * x.mean() * y.mean() + 1e-4) * (2 * cross + 9e-4)) / (
        (x.mean() ** 2 + y.mean() ** 2 + 1e-4) * (x.var() + y.var() + 9e-4)
    )


def test_maps_of_two_sizes_cannot_be_compared():
    for measure in (spearman, ssim):
        with pytest.raises(ValueError, match=r"maps of one size\. Received: \(7, 7\), \(6, 7\)"):
            measure(np.eye(7), np.eye(7)[:6])


@pytest.mark.parametrize(("grid", "message"), DEGENERATE)
def test_a_map_without_an_order_is_refused(grid, message):
    with pytest.raises(NotApplicableError, match=message):
        spearman(grid, grid)
    with pytest.raises(NotApplicableError, match=message):
        cell_order(grid)


def test_the_baseline_of_pairs():
    grids = [np.eye(7), np.eye(7), np.zeros(SHAPE), np.full(SHAPE, np.nan)]
    found = pair_baseline(grids, n_pairs=20)
    assert (found.spearman, found.n_pairs, found.n_maps) == (pytest.approx(1.0), 20, 2)
    assert found.ssim == pytest.approx(1.0)
    with pytest.raises(NotApplicableError, match=r"two or more maps .* Received: 1"):
        pair_baseline(grids[1:])


# Deletion and insertion


def test_the_perfect_map_by_hand():
    """Four cells are the score; seven of 49 cells are covered at a time.

    Deletion: 4 with all seen, 0 from the first step on: area 4 / 2 / 7. Insertion: 0, then 4:
    area 4 * (1 - 1 / 14). No random order can be better on either.
    """
    worth = worth_of((0, 0), (2, 3), (5, 5), (6, 6))
    random = random_orders(sum_of(worth), SHAPE, n_orders=30, n_steps=7)
    found = order_check(sum_of(worth), worth, random)
    assert found.deletion.shares == pytest.approx(np.arange(8) / 7)
    assert found.deletion.scores == (4, 0, 0, 0, 0, 0, 0, 0)
    assert found.deletion.area == pytest.approx(4 / 14)
    assert found.insertion.shares == pytest.approx(np.arange(8) / 7)
    assert found.insertion.scores == (0, 4, 4, 4, 4, 4, 4, 4)
    assert found.insertion.area == pytest.approx(4 * 13 / 14)
    assert found.n_deletion_beaten == found.n_insertion_beaten == found.n_orders == 30
    assert found.random_mean == pytest.approx(2.0, abs=0.3)  # linear score: half on average
    assert found.random_spread > 0


def test_the_worst_map_beats_no_order():
    worth = worth_of((0, 0), (2, 3), (5, 5), (6, 6))
    random = random_orders(sum_of(worth), SHAPE, n_orders=30, n_steps=7)
    found = order_check(sum_of(worth), -worth, random)
    assert found.deletion.area == pytest.approx(4 * 13 / 14)
    assert found.insertion.area == pytest.approx(4 / 14)
    assert found.n_deletion_beaten == found.n_insertion_beaten == 0


def test_a_score_that_falls_at_the_first_cover():
    """Xplique's case: 0 as soon as anything is covered, so deletion is as small as it can be."""
    random = random_orders(lambda seen: float(seen.all()), SHAPE, n_orders=5, n_steps=7)
    found = order_check(lambda seen: float(seen.all()), np.eye(7), random)
    assert found.deletion.area == pytest.approx(1 / 14)
    assert found.insertion.area == pytest.approx(1 / 14)
    assert found.n_deletion_beaten == 0  # every order has the same area: nothing is beaten


def test_a_constant_score_says_nothing_and_says_so():
    random = random_orders(lambda _: 0.7, SHAPE, n_orders=5)
    found = order_check(lambda _: 0.7, np.arange(49.0).reshape(SHAPE), random)
    assert found.deletion.area == found.insertion.area == pytest.approx(0.7)
    assert (found.n_deletion_beaten, found.n_insertion_beaten) == (0, 0)
    assert found.notes == ("No cover moved the score, so this check says nothing of this film.",)


def test_a_random_map_does_not_beat_random_orders():
    """Over 200 random maps, the share of 20 orders beaten is a half, on either curve."""
    rng = np.random.default_rng(3)
    worth = rng.normal(size=SHAPE)
    random = random_orders(sum_of(worth), SHAPE, n_orders=20, seed=99)
    shares = []
    for _ in range(200):
        found = order_check(sum_of(worth), rng.normal(size=SHAPE), random)
        shares.append((found.n_deletion_beaten, found.n_insertion_beaten))
    assert np.mean(shares, axis=0) / 20 == pytest.approx([0.5, 0.5], abs=0.15)


def test_insertion_is_the_reversed_deletion():
    rng = np.random.default_rng(4)
    worth, grid = rng.normal(size=(2, *SHAPE))
    random = random_orders(sum_of(worth), SHAPE, n_orders=2)
    one = order_check(sum_of(worth), grid, random)
    turned = order_check(sum_of(worth), -grid, random)
    assert one.insertion.area == pytest.approx(turned.deletion.area)
    assert one.deletion.scores == pytest.approx(turned.insertion.scores[::-1])


def test_equal_cells_come_in_a_seeded_order_and_are_told():
    grid = worth_of((3, 3))
    assert cell_order(grid)[0] == 24
    assert (cell_order(grid, seed=1) == cell_order(grid, seed=1)).all()
    assert (cell_order(grid, seed=1) != cell_order(grid, seed=2)).any()
    random = random_orders(sum_of(grid), SHAPE, n_orders=1)
    assert random.spread == 0.0
    assert "Cells of equal value" in order_check(sum_of(grid), grid, random).notes[0]


def test_counts_and_masks():
    assert step_counts(49, 4).tolist() == [0, 12, 24, 37, 49]
    assert step_counts(4, 7).tolist() == [0, 1, 2, 3, 4]
    assert seen_after(np.array([3, 0, 1, 2]), 2, (2, 2)).tolist() == [[False, True], [True, False]]
    with pytest.raises(ValueError, match=r"`n_steps` must be 2 or more\. Received: n_steps=1"):
        step_counts(49, 1)
    with pytest.raises(ValueError, match=r"`n_orders` must be 1 or more\. Received: n_orders=0"):
        random_orders(sum_of(np.eye(7)), SHAPE, n_orders=0)


def test_a_score_that_is_not_finite_is_refused():
    with pytest.raises(NotApplicableError, match=r"`score` must be finite\. Received: nan with 49"):
        random_orders(lambda _: float("nan"), SHAPE)


# ROAD


def test_road_by_hand():
    worth = worth_of((0, 0), (2, 3), (5, 5), (6, 6))
    found = road(sum_of(worth), worth, shares=(0.2, 0.5))
    assert found.most_relevant_first == (0, 0)
    assert found.least_relevant_first == (4, 4)
    assert found.gap == 4
    assert road(sum_of(worth), -worth, shares=(0.2, 0.5)).gap == -4
    flat = road(lambda _: 0.3, np.arange(49.0).reshape(SHAPE))
    assert flat.gap == 0
    assert any("says nothing" in note for note in flat.notes)
    with pytest.raises(ValueError, match=r"`shares` must be above 0 and under 1.*\(0\.5, 1\.0\)"):
        road(sum_of(worth), worth, shares=(0.5, 1.0))


def test_imputation_equals_a_direct_solution():
    rng = np.random.default_rng(5)
    for shape in ((32, 48), (21, 35), (1, 9)):
        image = rng.random(shape).astype(np.float32)
        seen = rng.random(shape) > 0.7
        seen[:, :3] = False
        seen[0, -1] = True
        before = image.copy()
        found = impute(image, seen, noise=0.0)
        np.testing.assert_array_equal(found[seen], image[seen])
        np.testing.assert_allclose(found, directly_imputed(image, seen), atol=1e-3)
        np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("side", [5, 14, 40])
def test_small_films_are_imputed_as_exactly_as_large_ones(side):
    """The search stopped too early on them: 0.03 off on films of a few pixels."""
    ramp = np.repeat(np.linspace(0, 1, side, dtype=np.float32)[None], side, axis=0)
    seen = np.zeros((side, side), bool)
    seen[: side // 2, : side // 2 + 1] = True
    found = impute(ramp, seen, noise=0.0)
    np.testing.assert_allclose(found, directly_imputed(ramp, seen), atol=2e-3)


def directly_imputed(image, seen):
    """The linear system of all missing pixels, written out pixel by pixel."""
    height, width = image.shape
    matrix, right = np.zeros((image.size, image.size)), np.zeros(image.size)
    for row in range(height):
        for column in range(width):
            place = row * width + column
            if seen[row, column]:
                matrix[place, place], right[place] = 1.0, image[row, column]
                continue
            for down in (-1, 0, 1):
                for across in (-1, 0, 1):
                    r, c = row + down, column + across
                    if (down or across) and 0 <= r < height and 0 <= c < width:
                        weight = 1 / 12 if down and across else 1 / 6
                        matrix[place, place] += weight
                        matrix[place, r * width + c] -= weight
    return np.linalg.solve(matrix, right).reshape(image.shape)


def test_imputation_of_a_ramp_is_the_ramp():
    """A ramp is the mean of its neighbours inside; the noise has the size that was asked for."""
    ramp = np.repeat(np.linspace(0.2, 0.8, 64, dtype=np.float32)[None], 64, axis=0)
    seen = np.ones((64, 64), bool)
    seen[16:48, 16:48] = False
    assert np.abs(impute(ramp, seen, noise=0.0) - ramp).max() < 1e-3
    noisy = impute(ramp, seen, noise=0.02, seed=3) - ramp
    assert noisy[~seen].std() == pytest.approx(0.02, rel=0.1)
    np.testing.assert_array_equal(impute(ramp, seen, seed=3), impute(ramp, seen, seed=3))
    np.testing.assert_array_equal(impute(ramp, np.ones_like(seen)), ramp)


def test_imputation_refuses_what_has_no_answer():
    image = np.zeros((8, 8), np.float32)
    with pytest.raises(NotApplicableError, match=r"`seen` must be true somewhere"):
        impute(image, np.zeros((8, 8), bool))
    with pytest.raises(ValueError, match=r"image's shape \(8, 8\)\. Received: \(7, 8\)"):
        impute(image, np.ones((7, 8), bool))


# Covers


@pytest.mark.parametrize("cover", ["blur", "mean", "road"])
def test_covers_leave_the_rest_alone_and_stay_in_range(cover):
    image = np.random.default_rng(6).random((70, 63)).astype(np.float32)
    seen = np.ones(SHAPE, bool)
    seen[2, 3] = False
    before = image.copy()
    covered = cover_image(image, seen, cover=cover)
    inside = np.zeros((70, 63), bool)
    inside[20:30, 27:36] = True
    np.testing.assert_array_equal(covered[~inside], image[~inside])
    assert (covered[inside] != image[inside]).mean() > 0.9
    nothing = cover_image(image, np.zeros(SHAPE, bool), cover=cover)
    for result in (covered, nothing):
        assert result.dtype == np.float32
        assert 0 <= result.min() <= result.max() <= 1
    np.testing.assert_array_equal(image, before)
    flat = np.full((28, 28), 0.25, np.float32)
    np.testing.assert_allclose(cover_image(flat, np.eye(7) > 0, cover=cover), flat, atol=0.06)


def test_an_unknown_cover():
    with pytest.raises(ValueError, match=r"`cover` must be one of .*cover='black'"):
        cover_image(np.zeros((7, 7), np.float32), np.eye(7) > 0, cover="black")
