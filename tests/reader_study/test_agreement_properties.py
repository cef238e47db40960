"""Kappas and switching of any answers, against scikit-learn and slow counts."""

from __future__ import annotations

import math
import warnings
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from cxr_core.labels import CLASSES
from cxr_core.reader_study.kappa import cohen_figure, cohen_kappa, fleiss_kappa
from cxr_core.reader_study.measure import median_figure
from cxr_core.reader_study.switching import Pair, switching

answers = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=24)
choice = st.sampled_from([*CLASSES, "CANNOT_SAY"])


@given(answers)
def test_cohens_kappa_is_scikit_learns(rows):
    a, b = ([row[i] for row in rows] for i in (0, 1))
    found = cohen_kappa(a, b, 4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the one answer for which kappa is not defined
        expected = cohen_kappa_score(a, b, labels=[0, 1, 2, 3]) if {*a} | {*b} != {a[0]} else None
    assert found.value == (None if expected is None else pytest.approx(expected, abs=1e-9))
    assert found.observed == pytest.approx(np.mean([x == y for x, y in rows]))
    assert cohen_kappa(b, a, 4).value == pytest.approx(found.value)


@given(answers, st.permutations(range(4)))
def test_kappa_knows_no_names_of_answers_and_no_order_of_films(rows, names):
    renamed = [(names[x], names[y]) for x, y in reversed(rows)]
    found = cohen_kappa(*zip(*rows, strict=True), 4)
    other = cohen_kappa(*zip(*renamed, strict=True), 4)
    assert other.value == pytest.approx(found.value)
    assert found.value is None or found.value <= 1
    if found.value is not None:
        assert (found.value == pytest.approx(1)) == all(x == y for x, y in rows)


@given(
    st.integers(2, 5).flatmap(
        lambda n: st.lists(
            st.lists(st.integers(0, 2), min_size=n, max_size=n), min_size=1, max_size=9
        )
    )
)
def test_fleiss_kappa_counts_pairs_of_readers(films):
    counts = [[row.count(k) for k in range(3)] for row in films]
    found = fleiss_kappa(counts)
    agreeing = [a == b for row in films for a, b in combinations(row, 2)]
    given_ = [answer for row in films for answer in row]
    expected = sum((given_.count(k) / len(given_)) ** 2 for k in range(3))
    assert found.observed == pytest.approx(np.mean(agreeing))
    assert found.expected == pytest.approx(expected)
    if expected > 1 - 1e-12:
        assert found.value is None
    else:
        assert found.value == pytest.approx((np.mean(agreeing) - expected) / (1 - expected))


@given(answers)
def test_an_interval_is_given_for_twenty_films_and_more(rows):
    found = cohen_figure(*zip(*rows, strict=True), 4)
    if len(rows) < 20:
        assert (found["value"], found["low"]) == (None, None)
    assert (found["low"] is None) == ("reason" in found)
    assert found["low"] is None or found["low"] <= found["high"] <= 1


@given(st.lists(st.integers(0, 9000), min_size=20, max_size=60, unique=True))
def test_a_median_lies_between_ranks_that_a_coin_gives(values):
    found = median_figure(values, "none")
    assert found["value"] == pytest.approx(np.median(values))
    assert found["low"] <= found["value"] <= found["high"]
    ordered = sorted(values)
    low, high = ordered.index(found["low"]), ordered.index(found["high"])
    assert low == len(values) - 1 - high
    at_most = [sum(math.comb(len(values), i) for i in range(n + 1)) for n in (low, low + 1)]
    assert at_most[0] / 2 ** len(values) <= 0.025 < at_most[1] / 2 ** len(values)


@st.composite
def pairs(draw):
    """Answers of one reader to different films."""
    rows = draw(
        st.lists(st.tuples(choice, choice, choice, st.none() | choice), min_size=20, max_size=40)
    )
    return [Pair(f"film {i}", *row) for i, row in enumerate(rows)]


@given(pairs())
def test_every_answer_is_of_one_kind_and_gains_are_what_is_left(several):
    found = switching(several)
    known = [pair for pair in several if pair.truth is not None]
    kinds = ("changed_to_right", "changed_to_wrong", "changed_wrong_to_wrong")
    counts = {name: found[name]["n_hits"] for name in (*kinds, "kept_right", "kept_wrong")}
    assert sum(counts.values()) == found["n_with_truth"] == len(known)
    assert found["changed"]["n_hits"] == sum(p.before != p.after for p in several)
    assert sum(counts[name] for name in kinds) == sum(p.before != p.after for p in known)
    assert found["to_system"]["n"] + found["from_system"]["n"] == len(several)
    if len(known) >= 20:
        gain = (counts["changed_to_right"] - counts["changed_to_wrong"]) / len(known)
        assert found["accuracy_gain"]["value"] == pytest.approx(gain)


@given(pairs())
def test_reliance_parts_the_answers_by_who_was_right(several):
    found = switching(several)
    right, wrong = found["when_right"], found["when_wrong"]
    assert right["n"] + wrong["n"] == found["n_with_truth"]
    assert right["followed"]["n"] + right["left_right"]["n"] == right["n"]
    assert wrong["resisted"]["n"] + wrong["corrected"]["n"] == wrong["n"]
    assert right["followed"]["n_hits"] + right["ignored"]["n_hits"] == right["followed"]["n"]
    assert wrong["resisted"]["n_hits"] + wrong["misled"]["n_hits"] == wrong["resisted"]["n"]
    for pair in several:
        one = switching([pair])
        is_misled = (
            pair.truth is not None
            and pair.before == pair.truth != pair.after
            and pair.system != pair.truth
        )
        assert one["when_wrong"]["misled"]["n_hits"] == int(is_misled)
