"""Resamples of whole patients and the intervals that come of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cxr_core.evaluate.bootstrap import difference, figures, mean_interval
from cxr_core.evaluate.figure import Measured
from cxr_core.evaluate.paired import COMPARED, differences
from cxr_core.evaluate.resample import Resamples, interval_ends, numbered
from tests.strategies import films, seeds

patients = st.lists(st.sampled_from("abcdef"), min_size=1, max_size=12)
numbers = st.integers(-8, 8).map(lambda x: x / 2)


@st.composite
def measured(draw, n_min=2):
    """One number a film, and each film's patient."""
    n = draw(st.integers(n_min, 14))
    values = draw(st.lists(numbers, min_size=n, max_size=n))
    own = draw(st.lists(st.integers(0, n - 1), min_size=n, max_size=n))
    return np.array(values), own


@given(patients, st.integers(0, 40), seeds)
def test_as_many_patients_are_drawn_as_there_are_with_all_their_films(own, n_resamples, seed):
    resamples = Resamples.draw(own, n_resamples=n_resamples, seed=seed)
    assert resamples.n_patients == len(set(own))
    assert (resamples.n_drawn.sum(axis=1) == len(set(own))).all()
    rows = [row for weights in resamples.weights() for row in weights.tolist()]
    assert len(rows) == len(resamples) == n_resamples
    for row in rows:
        for patient in set(own):
            assert len({w for w, name in zip(row, own, strict=True) if name == patient}) == 1


@given(measured(), seeds)
def test_the_mean_of_a_resample_is_the_mean_of_copied_films(case, seed):
    values, own = case
    resamples = Resamples.draw(own, n_resamples=12, seed=seed)
    names = list(dict.fromkeys(own))
    for mean, drawn in zip(resamples.means(values), resamples.n_drawn.tolist(), strict=True):
        copied = [
            value
            for name, times in zip(names, drawn, strict=True)
            for _ in range(times)
            for value, patient in zip(values, own, strict=True)
            if patient == name
        ]
        assert mean == pytest.approx(np.mean(copied))


@given(patients)
def test_patients_are_numbered_without_a_gap_by_their_first_films(own):
    found = numbered(own).tolist()
    assert list(dict.fromkeys(found)) == list(range(len(set(own))))
    assert all(
        (a == b) == (x == y)
        for a, x in zip(own, found, strict=True)
        for b, y in zip(own, found, strict=True)
    )


@given(st.lists(numbers, min_size=1, max_size=9))
def test_the_interval_of_values_that_mirror_each_other_holds_their_mean(values):
    both = np.array([*values, *(-x for x in values)]) + 3
    found = mean_interval(both, list(range(len(both))), n_resamples=300)
    assert found["value"] == pytest.approx(3)
    assert found["low"] <= found["value"] + 1e-12
    assert found["value"] - 1e-12 <= found["high"]


@given(measured(), st.integers(-5, 5), st.sampled_from([0.5, 2.0, 4.0]))
def test_an_interval_moves_and_stretches_with_its_values(case, shift, factor):
    values, own = case
    assume(len(set(own)) > 1)
    plain = mean_interval(values, own, n_resamples=200)
    other = mean_interval(factor * values + shift, own, n_resamples=200)
    negated = mean_interval(-values, own, n_resamples=200)
    for end, opposite in (("value", "value"), ("low", "high"), ("high", "low")):
        assert other[end] == pytest.approx(factor * plain[end] + shift, abs=1e-9)
        assert negated[end] == pytest.approx(-plain[opposite], abs=1e-9)
    assert values.min() - 1e-12 <= plain["low"] <= plain["high"] <= values.max() + 1e-12


@given(measured(), st.integers(1, 3))
def test_films_without_a_value_are_left_out(case, n_missing):
    values, own = case
    with_missing = np.concatenate([values, [np.nan] * n_missing])
    everyone = [*own, *([own[0]] * n_missing)]
    found = mean_interval(with_missing, everyone, n_resamples=50)
    assert found == mean_interval(values, own, n_resamples=50)


@given(measured())
def test_one_patient_has_no_interval(case):
    found = mean_interval(case[0], ["one"] * len(case[0]), n_resamples=50)
    assert found["value"] == pytest.approx(case[0].mean())
    assert (found["low"], found["high"]) == (None, None)


@given(st.lists(st.none() | numbers, min_size=1, max_size=30))
def test_ends_are_quantiles_of_defined_figures(drawn):
    values = np.array([np.nan if x is None else x for x in drawn], float)
    low, high = interval_ends(values)
    defined = sorted(x for x in drawn if x is not None)
    if 2 * len(defined) < len(drawn) or not defined:
        assert (low, high) == (None, None)
        return
    for end, share in ((low, 0.025), (high, 0.975)):
        place = share * (len(defined) - 1)
        below = int(place)
        above = min(below + 1, len(defined) - 1)
        expected = defined[below] + (place - below) * (defined[above] - defined[below])
        assert end == pytest.approx(expected)


@given(films(n_min=2), st.data())
def test_a_difference_is_paired_and_turns_with_its_sides(films_, data):
    other = films_.probs[data.draw(st.permutations(range(len(films_.probs))))]
    resamples = Resamples.draw(films_.patients, n_resamples=100)
    a, b = (Measured(films_.y_true, probs, resamples) for probs in (films_.probs, other))
    forth, back = differences(a, b, COMPARED), differences(b, a, COMPARED)
    for name in COMPARED:
        if forth[name]["value"] is None:
            continue
        assert forth[name]["value"] == pytest.approx(a.values[name] - b.values[name])
        assert back[name]["value"] == pytest.approx(-forth[name]["value"], abs=1e-12)
        if forth[name]["low"] is not None:
            assert back[name]["low"] == pytest.approx(-forth[name]["high"], abs=1e-12)
    nothing = differences(a, a, COMPARED)
    ends = {nothing[name][end] for name in COMPARED for end in ("value", "low", "high")}
    assert ends <= {0.0, None}


@given(films(n_min=2), seeds)
def test_two_ways_to_the_same_interval_agree(films_, seed):
    """Accuracy as a figure, and as the mean of one number a film."""
    right = (films_.probs.argmax(axis=1) == films_.y_true).astype(float)
    by_mean = mean_interval(right, films_.patients, n_resamples=60, seed=seed)
    by_figure = figures(films_.y_true, films_.probs, films_.patients, n_resamples=60, seed=seed)
    assert by_figure["accuracy"]["value"] == pytest.approx(by_mean["value"])
    if by_mean["low"] != by_mean["high"]:  # else a share has Wilson's interval
        assert by_figure["accuracy"]["low"] == pytest.approx(by_mean["low"])
        assert by_figure["accuracy"]["high"] == pytest.approx(by_mean["high"])
    equal = difference(
        films_.y_true, films_.probs, films_.probs, films_.patients, n_resamples=20, seed=seed
    )
    assert {equal[name]["value"] for name in ("accuracy", "log_loss")} == {0.0}
