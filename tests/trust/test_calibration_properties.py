"""Temperatures, calibration errors and abstention on any films, against slow formulas."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cxr_core.comparison import entropy
from cxr_core.heads import softmax
from cxr_core.labels import CLASSES
from cxr_core.trust.abstention import AbstentionCurve
from cxr_core.trust.calibration import BOUNDS, Temperature, fit_temperature
from cxr_core.trust.calibration_error import (
    CLASSWISE,
    TOP_LABEL,
    bin_index,
    expected_calibration_error,
)
from cxr_core.trust.reliability import ReliabilityDiagram
from tests.strategies import bytes_of, films, logits, seeds

temperatures = st.floats(0.05, 20) | st.sampled_from([0.5, 1.0, 2.0])
questions = st.sampled_from([TOP_LABEL, CLASSWISE, *CLASSES])
bins = st.integers(1, 15)


def of(value):
    """A temperature in use."""
    return Temperature(value, value, 40, 40)


@given(logits(), temperatures)
def test_logits_are_divided_and_the_order_of_the_classes_stays(rows, value):
    probs = of(value).apply(rows)
    assert probs.dtype == np.float64
    for row, found in zip(rows.tolist(), probs.tolist(), strict=True):
        powers = [math.exp((x - max(row)) / value) for x in row]
        assert found == pytest.approx([power / sum(powers) for power in powers], abs=1e-12)
        assert max(found) == found[row.index(max(row))]
    np.testing.assert_array_equal(of(1.0).apply(rows), softmax(rows))


@given(logits(), temperatures, temperatures)
def test_hotter_is_never_surer(rows, one, other):
    cold, hot = sorted([one, other])
    for surer, less in zip(of(cold).apply(rows), of(hot).apply(rows), strict=True):
        assert surer.max() >= less.max() - 1e-12
        assert entropy(surer) <= entropy(less) + 1e-9


@st.composite
def calibration_films(draw):
    """Forty films that were scored with another sharpness than their labels have."""
    rng = np.random.default_rng(draw(seeds))
    scores = rng.normal(size=(40, 3)) * draw(st.sampled_from([1.0, 2.0]))
    labels = np.array([rng.choice(3, p=row) for row in softmax(scores)])
    assume(len(np.unique(labels)) > 1)
    return scores * draw(st.sampled_from([0.5, 1.0, 3.0])), labels


def loss(scores, labels, value):
    """Mean log loss at a temperature."""
    probs = of(value).apply(scores)[np.arange(len(labels)), labels]
    return float(-np.log(probs).mean())


@given(calibration_films(), temperatures)
def test_no_other_temperature_has_a_lower_loss_than_the_fitted_one(case, other):
    scores, labels = case
    before = bytes_of(*case)
    found = fit_temperature(scores, labels)
    assert bytes_of(*case) == before
    assert loss(scores, labels, found.fitted) <= loss(scores, labels, other) + 1e-9
    assert found.log_loss_after == pytest.approx(loss(scores, labels, found.fitted))
    assert found.log_loss_before == pytest.approx(loss(scores, labels, 1.0))
    assert found.value == (1.0 if found.note else found.fitted)
    if not found.note:
        assert found.log_loss_held_out < found.log_loss_before
    assert Temperature.from_dict(json.loads(json.dumps(found.to_dict()))) == found


@given(calibration_films(), st.sampled_from([0.5, 2.0, 3.0]), st.floats(-20, 20))
def test_logits_twice_as_large_have_a_temperature_twice_as_high(case, factor, shift):
    scores, labels = case
    plain = fit_temperature(scores, labels).fitted
    assume(all(BOUNDS[0] * 1.1 < value < BOUNDS[1] / 1.1 for value in (plain, factor * plain)))
    assert fit_temperature(factor * scores, labels).fitted == pytest.approx(
        factor * plain, rel=1e-3
    )
    assert fit_temperature(scores + shift, labels).fitted == pytest.approx(plain, rel=1e-3)


@given(st.integers(0, 600), bins)
def test_a_score_lies_in_the_bin_that_ends_at_or_above_it(step, n_bins):
    score = step / 600
    index = int(bin_index(np.array([score]), n_bins)[0])
    assert 0 <= index < n_bins
    assert index / n_bins <= score + 1e-12
    assert score <= (index + 1) / n_bins + 1e-12
    if step * n_bins % 600 and step:  # not on an edge
        assert index == step * n_bins // 600


def asked(films_, question):
    """Pairs of score and hit, one list a question."""
    y, probs = films_.y_true.tolist(), films_.probs.tolist()
    if question == TOP_LABEL:
        return [[(max(p), float(p.index(max(p)) == t)) for p, t in zip(probs, y, strict=True)]]
    wanted = range(3) if question == CLASSWISE else [CLASSES.index(question)]
    return [[(p[k], float(t == k)) for p, t in zip(probs, y, strict=True)] for k in wanted]


def slow_error(rows, n_bins):
    """Plug-in error of pairs of score and hit, film by film."""
    places = bin_index(np.array([score for score, _ in rows]), n_bins).tolist()
    total = 0.0
    for b in set(places):
        own = [row for row, place in zip(rows, places, strict=True) if place == b]
        gap = abs(sum(h for _, h in own) / len(own) - sum(s for s, _ in own) / len(own))
        total += len(own) / len(rows) * gap
    return total


@given(films(), questions, bins)
def test_the_plug_in_error_is_the_weighted_gap_of_the_bins(films_, question, n_bins):
    found = expected_calibration_error(
        films_.y_true, films_.probs, of=question, n_bins=n_bins, n_resamples=0
    )
    expected = np.mean([slow_error(rows, n_bins) for rows in asked(films_, question)])
    assert found.plug_in == pytest.approx(expected, abs=1e-12)
    assert 0 <= found.value <= found.plug_in + 1e-12
    assert found.plug_in <= 1 + 1e-12
    assert 0 <= found.root_mean_square <= 1 + 1e-12
    assert (found.low, found.high) == (None, None)


@given(films(n_min=2), questions)
def test_an_interval_holds_its_value_and_repeats(films_, question):
    def measure(order=slice(None), seed=3):
        return expected_calibration_error(
            films_.y_true[order],
            films_.probs[order],
            of=question,
            patients=np.array(films_.patients)[order],
            n_resamples=60,
            seed=seed,
        )

    found = measure()
    if len(set(films_.patients)) == 1:
        assert (found.low, found.high) == (None, None)
    else:
        assert 0 <= found.low <= found.value + 1e-12
        assert found.value - 1e-12 <= found.high <= 1
    assert measure() == found
    assert measure(slice(None, None, -1)).plug_in == pytest.approx(found.plug_in, abs=1e-12)


@given(films(), bins, st.integers(2, 4))
def test_finer_bins_never_hide_an_error(films_, n_bins, factor):
    rows = (films_.y_true, films_.probs)
    coarse, fine = (
        expected_calibration_error(*rows, n_bins=n, n_resamples=0).plug_in
        for n in (n_bins, n_bins * factor)
    )
    assert fine >= coarse - 1e-9
    overall = abs(
        (films_.probs.argmax(axis=1) == films_.y_true).mean() - films_.probs.max(1).mean()
    )
    assert coarse >= overall - 1e-9


@given(st.lists(st.integers(0, 2), min_size=1, max_size=9))
def test_certain_and_right_scores_have_no_error_and_certain_and_wrong_ones_all(labels):
    y_true = np.array(labels)
    right = expected_calibration_error(y_true, np.eye(3)[y_true], n_resamples=0)
    wrong = expected_calibration_error(y_true, np.eye(3)[(y_true + 1) % 3], n_resamples=0)
    assert (right.value, right.plug_in, wrong.value, wrong.plug_in) == (0, 0, 1, 1)


@given(films(), st.sampled_from([TOP_LABEL, *CLASSES]))
def test_the_diagram_holds_every_film_and_its_gaps_are_the_error(films_, question):
    diagram = ReliabilityDiagram.from_predictions(films_.y_true, films_.probs, of=question)
    n = len(films_.y_true)
    assert sum(b.n for b in diagram.bins) == n
    gaps = sum(b.n / n * abs(b.came_true.value - b.score) for b in diagram.filled)
    found = expected_calibration_error(films_.y_true, films_.probs, of=question, n_resamples=0)
    assert gaps == pytest.approx(found.plug_in, abs=1e-9)
    for b in diagram.filled:
        assert b.low - 1e-12 <= b.score <= b.high + 1e-12


@given(films())
def test_abstention_keeps_the_surest_films(films_):
    curve = AbstentionCurve.from_predictions(films_.y_true, films_.probs)
    top = films_.probs.max(axis=1)
    is_right = films_.probs.argmax(axis=1) == films_.y_true
    kept = [point.n_kept for point in curve.points]
    assert kept == sorted(set(kept))
    assert kept[-1] == len(top)
    for point in curve.points:
        stays = top >= point.threshold
        assert point.n_kept == stays.sum()
        assert point.accuracy.n_hits == is_right[stays].sum()
        assert point.threshold in top
