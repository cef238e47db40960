"""Prediction sets keep their promise on every deal of films, counted and not sampled."""

from __future__ import annotations

import json
from fractions import Fraction
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_core.labels import CLASSES
from cxr_core.trust.conformal import ConformalModel, fit_conformal, rank
from cxr_core.trust.coverage import coverage, coverage_band, resplit_coverage
from tests.strategies import bytes_of, classes, films, seeds

levels = st.sampled_from([0.5, 0.6, 0.75, 0.8, 0.9, 0.95])
scores = st.lists(st.integers(0, 40).map(lambda x: x / 40), min_size=1, max_size=11)


def of_class(values, label):
    """Films of one class with given scores for it."""
    k = CLASSES.index(label)
    probs = np.zeros((len(values), 3))
    probs[:, k] = values
    probs[:, (k + 1) % 3] = 1 - probs[:, k]
    return probs, np.full(len(values), k)


@given(scores, levels, classes)
def test_the_promise_holds_over_every_choice_of_the_new_film(values, level, label):
    """Of n + 1 exchangeable films each is as likely to be the new one; count those covered."""
    probs, y_true = of_class(values, label)
    n_covered = 0
    for new in range(len(values)):
        rest = np.arange(len(values)) != new
        model = fit_conformal(probs[rest], y_true[rest], levels=(level,))
        n_covered += bool(model.sets(probs[new], level)[CLASSES.index(label)])
    promised = Fraction(str(level)) * len(values)
    assert n_covered >= promised
    if len(set(values)) == len(values) and rank(len(values) - 1, level) <= len(values) - 1:
        assert n_covered == rank(len(values) - 1, level)  # no more than needed, without ties


@given(st.integers(3, 8), st.integers(1, 5), levels)
def test_the_band_holds_the_share_it_says_of_all_deals(n, n_test, level):
    """Every deal of n + n_test films without ties, each equally likely: an exact count."""
    k = rank(n, level)
    low, high = coverage_band(n, n_test, level, confidence=0.8)
    shares = []
    for calibration in combinations(range(n + n_test), n):
        test = [i for i in range(n + n_test) if i not in calibration]
        limit = sorted(calibration, reverse=True)[k - 1] if k <= n else -1
        shares.append(sum(i >= limit for i in test) / n_test)
    inside = sum(low - 1e-12 <= share <= high + 1e-12 for share in shares)
    assert Fraction(inside, len(shares)) >= Fraction(8, 10)
    below, above = (
        sum(share < low - 1e-12 for share in shares),
        sum(share > high + 1e-12 for share in shares),
    )
    assert max(below, above) / len(shares) <= 0.1 + 1e-12
    if k <= n:
        assert np.mean(shares) == pytest.approx(k / (n + 1))


@given(films(), levels)
def test_a_class_is_in_the_set_of_a_film_that_is_not_among_the_lowest(films_, level):
    before = bytes_of(films_.y_true, films_.probs)
    model = fit_conformal(films_.probs, films_.y_true, levels=(level,))
    found = model.sets(films_.probs, level)
    assert bytes_of(films_.y_true, films_.probs) == before
    for k, label in enumerate(CLASSES):
        own = films_.probs[films_.y_true == k, k].tolist()
        assert model.n_by_class[label] == len(own)
        n_above = [sum(x > score for x in own) for score in films_.probs[:, k]]
        expected = [n < rank(len(own), level) for n in n_above]
        is_few = rank(len(own), level) > len(own)
        assert found[:, k].tolist() == [bool(is_few or x) for x in expected]
        assert (label in model.too_few(level)) == is_few


@given(films(), films())
def test_a_higher_level_only_adds_classes(calibration, other):
    model = fit_conformal(calibration.probs, calibration.y_true, levels=(0.5, 0.8, 0.95))
    sets = [model.sets(other.probs, level) for level in model.levels]
    for lower, higher in pairwise(sets):
        assert (lower <= higher).all()


@given(films(), levels)
def test_only_the_order_of_scores_matters(films_, level):
    plain = fit_conformal(films_.probs, films_.y_true, levels=(level,))
    bent = np.unique(films_.probs, return_inverse=True)[1].reshape(films_.probs.shape) * 1.0
    other = fit_conformal(bent, films_.y_true, levels=(level,))
    np.testing.assert_array_equal(other.sets(bent, level), plain.sets(films_.probs, level))


@given(films())
def test_a_model_survives_json(films_):
    model = fit_conformal(films_.probs, films_.y_true)
    assert ConformalModel.from_dict(json.loads(json.dumps(model.to_dict()))) == model


@given(st.integers(0, 400), st.sampled_from(["0.5", "0.8", "0.9", "0.95", "0.99"]))
def test_the_rank_is_the_smallest_that_keeps_the_promise(n, level):
    found, promised = rank(n, float(level)), Fraction(level)
    assert Fraction(found, n + 1) >= promised
    assert Fraction(found - 1, n + 1) < promised


@given(films(), films(), levels)
def test_coverage_counts_every_film_once(calibration, test, level):
    model = fit_conformal(calibration.probs, calibration.y_true, levels=(level,))
    found = coverage(model, test.probs, test.y_true, level)
    sets = model.sets(test.probs, level).tolist()
    covered = [row[t] for row, t in zip(sets, test.y_true.tolist(), strict=True)]
    assert found.overall.n_hits == sum(covered)
    assert sum(share.n for share in found.by_class.values()) == len(sets)
    assert sum(share.n_hits for share in found.by_class.values()) == sum(covered)
    assert found.n_by_size == tuple(sum(sum(row) == size for row in sets) for size in range(4))
    assert found.n_single_right == sum(
        c and sum(row) == 1 for row, c in zip(sets, covered, strict=True)
    )


@given(st.integers(4, 9), st.integers(1, 4), seeds)
def test_films_dealt_anew_are_covered_as_theory_says(n, n_test, seed):
    rng = np.random.default_rng(seed)
    probs, y_true = of_class(rng.permutation(n + n_test) / (n + n_test), "NORMAL")
    is_calibration = np.arange(n + n_test) < n
    (found,) = resplit_coverage(probs, y_true, is_calibration, 0.75, n_resplits=150).values()
    k = rank(n, 0.75)
    assert found.expected == pytest.approx(k / (n + 1) if k <= n else 1.0)
    assert found.mean == pytest.approx(found.expected, abs=0.12)
    assert (found.n_calibration, found.n_test) == (n, n_test)
