"""Operating points, costs and decision curves against numbers worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from cxr_core.errors import NotApplicableError
from cxr_core.evaluate.display import COST_PRESETS, DecisionCosts, DecisionCurve, OperatingPoint
from cxr_core.evaluate.display.operating_point import choose_threshold
from cxr_core.evaluate.metrics import wilson
from cxr_core.evaluate.predictive import predictive_values
from tests.evaluate.material import random_labels, random_probs

SCORES = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2])
IS_CLASS = np.array([1, 1, 0, 1, 0, 1, 0, 0], bool)


def three_columns(scores):
    """Probabilities whose first column is given."""
    rest = (1 - scores) / 2
    return np.stack([scores, rest, rest], axis=1)


@pytest.mark.parametrize(
    ("target", "at", "threshold"),
    [
        ("sensitivity", 0.5, 0.8),
        ("sensitivity", 0.75, 0.6),
        ("sensitivity", 0.76, 0.4),
        ("sensitivity", 0.99, 0.4),
        ("specificity", 0.5, 0.4),
        ("specificity", 0.75, 0.6),
        ("specificity", 0.99, 0.8),
    ],
)
def test_thresholds_by_hand(target, at, threshold):
    assert choose_threshold(IS_CLASS, SCORES, target=target, at=at) == threshold


def test_where_nothing_reaches_the_target_nothing_is_called():
    threshold = choose_threshold(
        np.array([False, True]), np.array([0.8, 0.8]), target="specificity", at=0.9
    )
    assert threshold > 0.8
    assert threshold == pytest.approx(0.8)


def test_an_operating_point_by_hand():
    y_true = np.where(IS_CLASS, 0, 1)
    point = OperatingPoint.from_predictions(
        y_true, three_columns(SCORES), "COVID19", at=0.75, prevalence=0.1
    )
    assert point.threshold == pytest.approx(0.6)
    assert not point.is_chosen_elsewhere
    assert point.n_chosen == (4, 4)
    assert (point.sensitivity.n_hits, point.sensitivity.n) == (3, 4)
    assert (point.specificity.n_hits, point.specificity.n) == (3, 4)
    assert point.ppv["value"] == pytest.approx(0.75 * 0.1 / (0.75 * 0.1 + 0.25 * 0.9))
    assert point.npv["value"] == pytest.approx(0.75 * 0.9 / (0.75 * 0.9 + 0.25 * 0.1))
    first = point.frame().iloc[0]
    assert first["prevalence"] == 0.1
    assert first["ppv"] == point.ppv["value"]
    assert first["npv_high"] == point.npv["high"]
    assert len(point.plot().data) == 6  # two lines, each with the two edges of its band


def test_a_threshold_chosen_on_other_films_is_measured_on_these():
    rng = np.random.default_rng(0)
    other = random_labels(rng, 200)
    probs = random_probs(rng, other)
    y_true = np.where(IS_CLASS, 0, 1)
    point = OperatingPoint.from_predictions(
        y_true, three_columns(SCORES), "COVID19", target="specificity", chosen_on=(other, probs)
    )
    assert point.is_chosen_elsewhere
    assert point.n_chosen == (int((other == 0).sum()), int((other != 0).sum()))
    assert (probs[other != 0, 0] < point.threshold).mean() >= 0.95
    assert point.prevalence == 0.5  # of the films it is measured on
    assert point.specificity.n == 4


def test_predictive_values_have_mercaldos_intervals():
    """Mercaldo and others 2007, equations for logit(PPV) and logit(NPV), worked out here."""
    found, spared = wilson(90, 100), wilson(160, 200)
    ppv, npv = predictive_values(found, spared, (100, 200), 0.05)
    z = 1.959963984540054
    for value, odds, variance in (
        (ppv, 0.9 * 0.05 / (0.2 * 0.95), 0.1 / (100 * 0.9) + 0.8 / (200 * 0.2)),
        (npv, 0.8 * 0.95 / (0.1 * 0.05), 0.9 / (100 * 0.1) + 0.2 / (200 * 0.8)),
    ):
        assert value["value"] == pytest.approx(odds / (1 + odds))
        for end, sign in (("low", -1), ("high", 1)):
            logit = np.log(odds) + sign * z * np.sqrt(variance)
            assert value[end] == pytest.approx(1 / (1 + np.exp(-logit)))


def test_no_false_alarm_seen_is_not_certainty():
    ppv, npv = predictive_values(wilson(50, 50), wilson(100, 100), (50, 100), 0.01)
    assert ppv["value"] == npv["value"] == 1.0
    assert ppv["low"] < 0.6
    assert ppv["high"] == 1.0
    assert npv["low"] > 0.99


def test_intervals_of_predictive_values_hold_the_truth():
    """Sensitivity .9, specificity .97, prevalence .05: 95 % of 500 studies hold the PPV."""
    rng = np.random.default_rng(1)
    truth = 0.9 * 0.05 / (0.9 * 0.05 + 0.03 * 0.95)
    n_inside = 0
    for hits, spared in zip(rng.binomial(85, 0.9, 500), rng.binomial(200, 0.97, 500), strict=True):
        ppv, _ = predictive_values(wilson(int(hits), 85), wilson(int(spared), 200), (85, 200), 0.05)
        n_inside += ppv["low"] <= truth <= ppv["high"]
    assert n_inside / 500 == pytest.approx(0.95, abs=0.025)


def test_points_that_there_are_not():
    probs = three_columns(SCORES)
    with pytest.raises(NotApplicableError, match="`sensitivity` must be of at least one film"):
        OperatingPoint.from_predictions(np.ones(8, int), probs, "COVID19")
    other = (np.where(IS_CLASS, 0, 1), probs)
    point = OperatingPoint.from_predictions(
        np.ones(8, int), probs, "COVID19", chosen_on=other, prevalence=0.2
    )
    assert point.sensitivity.value is None
    assert point.ppv["reason"] == "films of the class and other films are needed"
    assert np.isnan(point.frame()["ppv"].astype(float)).all()
    assert not point.plot().data
    with pytest.raises(
        ValueError, match=r"`at` in \(0, 1\)\. Received: target='sensitivity', at=1"
    ):
        OperatingPoint.from_predictions([0, 1], probs[:2], "COVID19", at=1)
    with pytest.raises(ValueError, match=r"`prevalence` must be in \(0, 1\)\. Received: preval"):
        OperatingPoint.from_predictions([0, 1], probs[:2], "COVID19", prevalence=1.0)


def test_nobody_called_has_no_predictive_value():
    ppv, npv = predictive_values(wilson(0, 10), wilson(10, 10), (10, 10), 0.3)
    assert ppv["reason"] == "no film is called so"
    assert npv["value"] == pytest.approx(0.7)


COSTS = ((0, 10, 10), (1, 0, 1), (1, 1, 0))


def test_the_least_cost_by_hand():
    probs = np.array([[0.2, 0.7, 0.1], [0.05, 0.9, 0.05], [0.6, 0.3, 0.1], [0.08, 0.46, 0.46]])
    y_true = [0, 1, 0, 2]
    # Expected costs of the first film: .7 + .1 = .8, 2 + .1 = 2.1, 2 + .7 = 2.7: COVID-19.
    # Of the second: .95, .5 + .05 = .55, .5 + .9 = 1.4: normal. Of the last: .92, 1.26, 1.26.
    shown = DecisionCosts.from_predictions(y_true, probs, COSTS, n_resamples=50)
    assert shown.decided.tolist() == [0, 1, 0, 0]
    assert shown.likeliest.tolist() == [1, 1, 0, 1]
    assert shown.n_changed == 2
    assert shown.cost_decided["value"] == pytest.approx(1 / 4)  # the last film, a false alarm
    assert shown.cost_likeliest["value"] == pytest.approx((10 + 1) / 4)
    assert shown.difference["value"] == pytest.approx(-10 / 4)
    table = shown.frame()
    for way in ("least_cost", "likeliest"):
        total = (table["cost"] * table[f"films_{way}"]).sum()
        assert total / 4 == pytest.approx({"least_cost": 1 / 4, "likeliest": 11 / 4}[way])
    bars = shown.plot().data
    assert [bar.x[0] for bar in bars] == pytest.approx([0.25, 2.75])


def test_thresholds_between_two_classes():
    shown = DecisionCosts.from_predictions([0, 1, 2], np.eye(3), COSTS, n_resamples=5)
    found = shown.pair_thresholds()
    assert [pair[:2] for pair in found] == [
        ("COVID19", "NORMAL"),
        ("COVID19", "PNEUMONIA"),
        ("NORMAL", "PNEUMONIA"),
    ]
    assert [pair[2] for pair in found] == pytest.approx([1 / 11, 1 / 11, 1 / 2])
    for p, decided in ((1 / 11 + 1e-6, 0), (1 / 11 - 1e-6, 1)):
        one = DecisionCosts.from_predictions([0], [[p, 1 - p, 0]], COSTS, n_resamples=5)
        assert one.decided.tolist() == [decided]
    free = np.zeros((3, 3))
    assert not DecisionCosts.from_predictions([0], np.eye(3)[:1], free).pair_thresholds()


def test_equal_costs_call_the_likeliest_class():
    rng = np.random.default_rng(0)
    y_true = random_labels(rng)
    probs = random_probs(rng, y_true)
    same = COST_PRESETS["Every error costs the same"]
    shown = DecisionCosts.from_predictions(y_true, probs, same, n_resamples=50)
    assert shown.n_changed == 0
    wrong = 1 - metrics.accuracy_score(y_true, probs.argmax(axis=1))
    assert shown.cost_decided["value"] == pytest.approx(wrong)
    assert shown.difference == {"value": 0.0, "low": 0.0, "high": 0.0}


def test_with_true_probabilities_no_rule_costs_less():
    """Labels drawn from the probabilities: the rule costs less than the likeliest class."""
    rng = np.random.default_rng(0)
    probs = rng.dirichlet((1, 1, 2), 3000)
    y_true = (rng.random((3000, 1)) > probs.cumsum(axis=1)).sum(axis=1)
    shown = DecisionCosts.from_predictions(y_true, probs, COSTS, n_resamples=200)
    assert shown.difference["high"] < 0


def test_presets_are_allowed():
    for costs in COST_PRESETS.values():
        DecisionCosts.from_predictions([0, 1, 2], np.eye(3), costs, n_resamples=5)


@pytest.mark.parametrize(
    "costs", [((0, 1), (1, 0)), ((0, 1, 1), (1, 1, 1), (1, 1, 0)), np.full((3, 3), np.nan)]
)
def test_costs_that_are_none(costs):
    with pytest.raises(ValueError, match=r"`costs` must be \(3, 3\), finite, at least 0 and 0 on"):
        DecisionCosts.from_predictions([0], np.eye(3)[:1], costs)


def test_net_benefit_by_hand():
    y_true = np.where(IS_CLASS, 0, 1)
    curve = DecisionCurve.from_predictions(
        y_true, three_columns(SCORES), "COVID19", thresholds=(0.2, 0.55, 0.75), n_resamples=50
    )
    # At .55: three films of the class and one other are called; the odds are .55 / .45.
    by_hand = [
        (4 - 4 * 0.2 / 0.8) / 8,
        (3 - 1 * 0.55 / 0.45) / 8,
        2 / 8,
    ]
    np.testing.assert_allclose(curve.net_benefit, by_hand)
    np.testing.assert_allclose(
        curve.all_benefit, [0.5 - 0.5 * t / (1 - t) for t in (0.2, 0.55, 0.75)]
    )
    assert (curve.prevalence, curve.n_positive, curve.n) == (0.5, 4, 8)
    assert curve.net_benefit[0] == pytest.approx(curve.all_benefit[0])  # every film is called
    table = curve.frame()
    assert list(table["act_on_none"]) == [0, 0, 0]
    assert (table["low"] <= table["high"]).all()
    assert curve.plot().data[-1].y == pytest.approx(tuple(by_hand))


def test_net_benefit_at_another_prevalence():
    y_true = np.where(IS_CLASS, 0, 1)
    curve = DecisionCurve.from_predictions(
        y_true, three_columns(SCORES), "COVID19", thresholds=(0.55,), prevalence=0.1, n_resamples=9
    )
    odds = 0.55 / 0.45
    assert curve.net_benefit[0] == pytest.approx(0.75 * 0.1 - odds * 0.25 * 0.9)
    assert curve.all_benefit[0] == pytest.approx(0.1 - odds * 0.9)


def test_curves_that_there_are_not():
    probs = three_columns(SCORES)
    with pytest.raises(NotApplicableError, match="must hold films of COVID19 and others"):
        DecisionCurve.from_predictions(np.ones(8, int), probs, "COVID19")
    with pytest.raises(ValueError, match=r"`thresholds` must be in \(0, 1\)"):
        DecisionCurve.from_predictions(np.arange(8) % 2, probs, "COVID19", thresholds=(0.5, 1))
    with pytest.raises(ValueError, match=r"`prevalence` must be in \(0, 1\)"):
        DecisionCurve.from_predictions(np.arange(8) % 2, probs, "COVID19", prevalence=0)
    one = DecisionCurve.from_predictions(
        np.arange(8) % 2, probs, "COVID19", patients=["a"] * 8, n_resamples=9
    )
    assert one.low is None
    assert one.frame()["low"].isna().all()
    assert np.isfinite(one.plot().data[-1].y).all()
