"""Thresholds, curves, costs and net benefit: what must rise, what must fall, and slow counts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cxr_core.evaluate.display.cost import DecisionCosts
from cxr_core.evaluate.display.decision_curve import DecisionCurve
from cxr_core.evaluate.display.operating_point import OperatingPoint, choose_threshold
from cxr_core.evaluate.weighted import RankedScores
from cxr_core.labels import CLASSES
from tests.strategies import classes, films

scored = st.lists(
    st.tuples(st.booleans(), st.integers(0, 8).map(lambda x: x / 8)), min_size=1, max_size=14
)
targets = st.floats(0.05, 0.95) | st.sampled_from([0.25, 0.5, 0.75])
costs = st.lists(st.integers(0, 12).map(float), min_size=6, max_size=6)


def shares(is_class, scores, threshold):
    """Sensitivity and specificity of calling every score from a threshold on."""
    called = scores >= threshold
    return called[is_class].mean(), (~called)[~is_class].mean()


@given(scored)
def test_sensitivity_falls_and_specificity_rises_with_the_threshold(rows):
    is_class, scores = (np.array(column) for column in zip(*rows, strict=True))
    assume(is_class.any() and not is_class.all())
    ranked = RankedScores(is_class, scores)
    assert ranked.thresholds.tolist() == sorted(set(scores.tolist()), reverse=True)
    hits, misses = (c[0] for c in ranked.counts(np.ones((1, len(scores)))))
    assert (np.diff(hits) >= 0).all()
    assert (np.diff(misses) >= 0).all()
    for threshold, hit, miss in zip(ranked.thresholds, hits, misses, strict=True):
        sensitivity, specificity = shares(is_class, scores, threshold)
        assert hit / is_class.sum() == pytest.approx(sensitivity)
        assert 1 - miss / (~is_class).sum() == pytest.approx(specificity)


@given(scored, targets)
def test_a_threshold_reaches_its_target_and_the_next_one_does_not(rows, at):
    is_class, scores = (np.array(column) for column in zip(*rows, strict=True))
    assume(is_class.any() and not is_class.all())
    levels = sorted(set(scores.tolist()))
    for target, index in (("sensitivity", 0), ("specificity", 1)):
        threshold = choose_threshold(is_class, scores, target=target, at=at)
        reaching = [
            level for level in levels if shares(is_class, scores, level)[index] >= at - 1e-12
        ]
        if index == 0:
            assert threshold == max(reaching)
        elif reaching:
            assert threshold == min(reaching)
        else:
            assert threshold > max(levels)


@given(films(n_min=4, n_classes_min=2), classes, targets)
def test_a_point_chosen_on_its_own_films_reaches_its_target(films_, label, at):
    k = CLASSES.index(label)
    assume((films_.y_true == k).any() and not (films_.y_true == k).all())
    for target in ("sensitivity", "specificity"):
        point = OperatingPoint.from_predictions(
            films_.y_true, films_.probs, label, target=target, at=at
        )
        share = getattr(point, target)
        assert share.value >= at - 1e-9
        called = films_.probs[:, k] >= point.threshold
        right = int((called & (films_.y_true == k)).sum())
        assert point.sensitivity.n_hits == right
        if called.any():  # at the prevalence of the films, Bayes is counting
            assert point.ppv["value"] == pytest.approx(right / called.sum())


@given(films(n_min=4, n_classes_min=2), classes)
def test_net_benefit_is_hits_less_alarms_at_the_odds_of_the_threshold(films_, label):
    k = CLASSES.index(label)
    is_class = films_.y_true == k
    assume(is_class.any() and not is_class.all())
    curve = DecisionCurve.from_predictions(
        films_.y_true, films_.probs, label, thresholds=(0.1, 0.35, 0.5, 0.8), n_resamples=0
    )
    n = len(is_class)
    for i, at in enumerate(curve.thresholds):
        called = films_.probs[:, k] >= at
        odds = at / (1 - at)
        expected = ((called & is_class).sum() - odds * (called & ~is_class).sum()) / n
        assert curve.net_benefit[i] == pytest.approx(expected)
        everyone = (is_class.sum() - odds * (~is_class).sum()) / n
        assert curve.all_benefit[i] == pytest.approx(everyone)
    same = DecisionCurve.from_predictions(
        films_.y_true,
        films_.probs,
        label,
        thresholds=(0.1, 0.35, 0.5, 0.8),
        prevalence=float(is_class.mean()),
        n_resamples=0,
    )
    np.testing.assert_allclose(same.net_benefit, curve.net_benefit, atol=1e-12)


def matrix_of(six):
    """Costs with nothing on the diagonal."""
    matrix = np.zeros((3, 3))
    matrix[~np.eye(3, dtype=bool)] = six
    return matrix


@given(films(n_min=2), costs)
def test_no_call_is_expected_to_cost_less_than_the_one_decided(films_, six):
    matrix = matrix_of(six)
    found = DecisionCosts.from_predictions(films_.y_true, films_.probs, matrix, n_resamples=20)
    for probs, decided in zip(films_.probs.tolist(), found.decided.tolist(), strict=True):
        expected = [sum(probs[true] * matrix[true, call] for true in range(3)) for call in range(3)]
        assert expected[decided] <= min(expected) + 1e-12
    paid = [matrix[t, d] for t, d in zip(films_.y_true, found.decided, strict=True)]
    assert found.cost_decided["value"] == pytest.approx(np.mean(paid))
    assert found.difference["value"] == pytest.approx(
        found.cost_decided["value"] - found.cost_likeliest["value"]
    )


@given(films(n_min=2), st.integers(1, 9))
def test_equal_costs_call_a_likeliest_class(films_, cost):
    matrix = matrix_of([float(cost)] * 6)
    found = DecisionCosts.from_predictions(films_.y_true, films_.probs, matrix, n_resamples=2)
    rows = np.arange(len(films_.y_true))
    np.testing.assert_allclose(films_.probs[rows, found.decided], films_.probs.max(axis=1))
