"""Limits, distances and layouts: ranks by counting, and what must not move a distance."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_core.trust.film_layout import N_LAYOUT, film_layout
from cxr_core.trust.gate import NOT_RUN, PASSED, REFUSED, GateScores
from cxr_core.trust.gate_limit import MIN_FILMS, tolerance_limit, tolerance_rank
from cxr_core.trust.space import FeatureSpace, fit_space, transform
from tests.strategies import pixels, seeds

tenths = st.sampled_from([0.03, 0.05, 0.1, 0.25])
limits = st.none() | st.floats(0.5, 3)


@given(st.integers(1, 60), tenths, st.sampled_from([0.8, 0.95]))
def test_a_rank_is_the_smallest_that_is_sure_enough(n, share, confidence):
    """The r-th of n is above the quantile unless r or more of n are below it: a binomial count."""
    below = 1 - Fraction(str(share))

    def sure(r):
        return sum(math.comb(n, i) * below**i * (1 - below) ** (n - i) for i in range(r))

    found = tolerance_rank(n, share, confidence)
    assert 1 <= found <= n + 1
    if found <= n:
        assert sure(found) >= Fraction(str(confidence)) - Fraction(1, 10**12)
    assert found == 1 or sure(found - 1) < confidence


@given(st.lists(st.floats(0.01, 50), min_size=1, max_size=40), tenths, st.sampled_from([0.5, 8.0]))
def test_a_limit_has_the_unit_of_its_scores_and_knows_no_order(scores, share, factor):
    found = tolerance_limit(np.array(scores), share)
    assert found.n == len(scores)
    if len(scores) < MIN_FILMS:
        assert found.value is None
        return
    assert found.value >= np.median(scores) * (1 - 1e-9)
    assert tolerance_limit(np.array(scores[::-1]), share).value == pytest.approx(found.value)
    scaled = tolerance_limit(factor * np.array(scores), share).value
    assert scaled == pytest.approx(factor * found.value, rel=1e-9)
    stricter = tolerance_limit(np.array(scores), share / 2).value
    assert stricter >= found.value * (1 - 1e-9)


@given(st.lists(st.tuples(st.floats(0.1, 5), limits), min_size=1, max_size=9))
def test_a_film_is_refused_exactly_above_its_limit(rows):
    score = np.array([row[0] for row in rows])
    limit = np.array([np.nan if row[1] is None else row[1] for row in rows])
    found = GateScores(score, limit, np.zeros(len(rows), np.int64))
    for i, (value, end) in enumerate(rows):
        verdict = NOT_RUN if end is None else REFUSED if value > end else PASSED
        judgement = found.judgement(i)
        assert (judgement.score, judgement.threshold, judgement.verdict) == (value, end, verdict)
        assert bool(found.is_refused[i]) == (verdict == REFUSED)
        assert found.verdicts[i] == verdict
        if end is not None:
            assert (found.ratio[i] > 1) == (verdict == REFUSED)


def test_a_film_at_its_limit_passes():
    at_limit = GateScores(np.array([2.0]), np.array([2.0]), np.zeros(1, np.int64))
    assert at_limit.verdicts == (PASSED,)
    assert not at_limit.is_refused[0]


@st.composite
def spaces(draw):
    """A space fitted to films of three classes, and films to measure."""
    rng = np.random.default_rng(draw(seeds))
    n, width = draw(st.integers(12, 30)), draw(st.integers(3, 8))
    y_true = np.arange(n) % draw(st.integers(1, 3))
    features = np.abs(rng.normal(size=(n, width)) + y_true[:, None])
    name = draw(st.sampled_from(["root", "none"]))
    space = fit_space(features, y_true, transform_name=name, n_axes=draw(st.integers(1, 8)))
    return space, np.abs(rng.normal(size=(5, width)))


def slow_distance(space, vector):
    """The nearest centre's Mahalanobis distance plus what the axes leave out, one film."""
    centred = transform(vector[None], space.transform)[0] - space.mean
    axes = space.axes.astype(float)
    place = [sum(c * a for c, a in zip(centred, axis, strict=True)) for axis in axes.T]
    rest = centred - sum(p * axis for p, axis in zip(place, axes.T, strict=True))
    white = [sum(p * w for p, w in zip(place, column, strict=True)) for column in space.whitening.T]
    nearest = min(
        sum((w - c) ** 2 for w, c in zip(white, centre, strict=True)) / len(white)
        for centre in space.centres
    )
    return nearest + float((rest**2).sum()) / max(space.leftover, 1e-12)


@given(spaces())
def test_a_distance_is_the_nearest_class_and_what_is_left_over(case):
    space, films = case
    found = space.distance(films)
    for vector, distance in zip(films, found, strict=True):
        assert distance == pytest.approx(slow_distance(space, vector), rel=1e-6)
        assert space.distance(vector[None])[0] == pytest.approx(distance, rel=1e-9)
    assert (found > 0).all()
    again = FeatureSpace.from_arrays(space.arrays(), space.to_dict())
    np.testing.assert_array_equal(again.distance(films), found)


@given(spaces(), st.sampled_from([0.25, 3.0, 1000.0]))
def test_the_strength_of_features_plays_no_part_after_the_root(case, factor):
    space, films = case
    lengths = np.linalg.norm(transform(films, "root"), axis=1)
    np.testing.assert_allclose(lengths, 1)
    if space.transform == "root":
        np.testing.assert_allclose(space.distance(factor * films), space.distance(films), rtol=1e-6)


@given(pixels(0, 255, np.uint8, st.tuples(st.integers(1, 60), st.integers(1, 60))))
def test_a_layout_is_finite_and_has_no_brightness(values):
    image = values.astype(np.float32) / 255
    found = film_layout(image)
    assert found.shape == (N_LAYOUT,)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    assert abs(float(found.mean())) < 1e-4
    assert float(found.std()) <= 1 + 1e-4


@given(seeds, st.integers(1, 4), st.integers(1, 4), st.integers(1, 12))
def test_a_layout_sees_the_cells_and_not_the_margin_or_the_contrast(seed, high, wide, margin):
    grid = 0.1 + 0.8 * np.random.default_rng(seed).random((6, 6))
    image = np.kron(grid, np.ones((high, wide)))
    expected = (grid - grid.mean()).ravel() / grid.std()
    np.testing.assert_allclose(film_layout(image), expected, atol=1e-5)
    np.testing.assert_allclose(film_layout(0.5 * image + 0.1), expected, atol=1e-5)
    framed = np.pad(image, margin)
    np.testing.assert_allclose(film_layout(framed), expected, atol=1e-5)
    mirrored = film_layout(image[:, ::-1]).reshape(6, 6)[:, ::-1]
    np.testing.assert_allclose(mirrored.ravel(), expected, atol=1e-5)
