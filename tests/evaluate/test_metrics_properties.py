"""Figures of any labelled films, absent classes and ties included, against slow counts."""

from __future__ import annotations

import math
import warnings
from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as reference

from cxr_core.evaluate.baseline import learning_free_probs
from cxr_core.evaluate.bootstrap import auroc, log_loss
from cxr_core.evaluate.figure import Measured, reason_undefined
from cxr_core.evaluate.metrics import (
    classification_summary,
    confusion_matrix,
    n_independent,
    patient_wilson,
    wilson,
)
from cxr_core.evaluate.paired import holm, mcnemar
from cxr_core.evaluate.predictive import predictive_values
from cxr_core.evaluate.resample import Resamples
from cxr_core.evaluate.weighted import BY_CLASS, WeightedFigures, figure_names
from cxr_core.labels import CLASSES
from tests.strategies import bytes_of, films

hits = st.lists(st.booleans(), min_size=1, max_size=20).map(np.array)
counts = st.integers(0, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def slow_figures(y_true, probs, weights):
    """Every figure by counting films one by one; what is not defined is left out."""
    rows = list(zip(y_true.tolist(), probs.tolist(), weights.tolist(), strict=True))
    called = [max(range(3), key=lambda k: (scores[k], -k)) for _, scores, _ in rows]

    def total(keep):
        return sum(row[2] for row, call in zip(rows, called, strict=True) if keep(row[0], call))

    def ratio(name, over, under):
        if under > 0:
            found[name] = over / under

    found: dict[str, float] = {}
    n = total(lambda *_: True)
    ratio("accuracy", total(lambda true, call: true == call), n)
    ratio("log_loss", sum(-w * math.log(max(p[t], 2**-52)) for t, p, w in rows), n)
    ratio("brier", sum(w * sum((p[k] - (k == t)) ** 2 for k in range(3)) for t, p, w in rows), n)
    for k, label in enumerate(CLASSES):
        right = total(lambda true, call, k=k: true == call == k)
        of_class = total(lambda true, _, k=k: true == k)
        named = total(lambda _, call, k=k: call == k)
        others_right = total(lambda true, call, k=k: k not in (true, call))
        ratio(f"recall_{label}", right, of_class)
        ratio(f"precision_{label}", right, named)
        ratio(f"f1_{label}", 2 * right, of_class + named)
        ratio(f"specificity_{label}", others_right, n - of_class)
        positives = [(p[k], w) for t, p, w in rows if t == k and w]
        negatives = [(p[k], w) for t, p, w in rows if t != k and w]
        won = sum(
            w * v * ((a > b) + (a == b) / 2) for (a, w), (b, v) in product(positives, negatives)
        )
        ratio(f"auroc_{label}", won, sum(w for _, w in positives) * sum(v for _, v in negatives))
        if positives and negatives:
            found[f"auprc_{label}"] = sum(
                w
                * sum(v for b, v in positives if b >= a)
                / sum(v for b, v in positives + negatives if b >= a)
                for a, w in positives
            ) / sum(w for _, w in positives)
    for macro, kind in (
        ("balanced_accuracy", "recall"),
        ("macro_f1", "f1"),
        ("macro_auroc", "auroc"),
        ("macro_auprc", "auprc"),
    ):
        known = [found[f"{kind}_{label}"] for label in CLASSES if f"{kind}_{label}" in found]
        ratio(macro, sum(known), len(known))
    return found


@given(films(), st.data())
def test_every_figure_is_what_counting_gives(films_, data):
    n = len(films_.y_true)
    drawn = data.draw(st.lists(st.integers(0, 3), min_size=n, max_size=n))
    weights = np.array([[1.0] * n, drawn], np.float64)
    found = WeightedFigures(films_.y_true, films_.probs).measure(weights)
    assert tuple(found) == figure_names()
    for row, weighting in enumerate(weights):
        expected = slow_figures(films_.y_true, films_.probs, weighting)
        for name, values in found.items():
            if name in expected:
                assert values[row] == pytest.approx(expected[name], abs=1e-9), name
            else:
                assert np.isnan(values[row]), name


@given(films(n_min=3, n_classes_min=3))
def test_films_of_all_classes_have_scikit_learns_figures(films_):
    y, probs = films_.y_true, films_.probs
    found = WeightedFigures(y, probs).measure(np.ones((1, len(y))))
    called = probs.argmax(axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of classes that nothing is called
        expected = {
            "accuracy": reference.accuracy_score(y, called),
            "balanced_accuracy": reference.balanced_accuracy_score(y, called),
            "log_loss": reference.log_loss(y, probs, labels=[0, 1, 2]),
            "macro_auroc": reference.roc_auc_score(y, probs, multi_class="ovr"),
            "macro_f1": reference.f1_score(y, called, average="macro", labels=[0, 1, 2]),
        }
    for name, value in expected.items():
        assert found[name][0] == pytest.approx(value, abs=1e-9), name
    assert log_loss(y, probs) == pytest.approx(expected["log_loss"], abs=1e-9)


@given(films())
def test_a_figure_is_undefined_exactly_where_a_reason_is_given(films_):
    measured = Measured(
        films_.y_true, films_.probs, Resamples.draw(films_.patients, n_resamples=20)
    )
    table = measured.to_dict()
    confusion = confusion_matrix(films_.y_true, films_.probs.argmax(axis=1))
    for name in figure_names():
        assert (table[name]["value"] is None) == (reason_undefined(name, confusion) is not None)
        assert ("reason" in table[name]) == (table[name]["low"] is None)
        low, high = table[name]["low"], table[name]["high"]
        assert low is None or low <= high


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), max_size=12))
def test_auroc_is_the_share_of_pairs_in_order(rows):
    is_positive = np.array([row[0] for row in rows], bool)
    scores = np.array([row[1] for row in rows], float)
    pairs = list(product(scores[is_positive], scores[~is_positive]))
    found = auroc(is_positive, scores)
    if not pairs:
        assert math.isnan(found)
        return
    expected = sum((a > b) + 0.5 * (a == b) for a, b in pairs) / len(pairs)
    assert found == pytest.approx(expected)
    assert auroc(~is_positive, scores) == pytest.approx(1 - expected)
    assert auroc(is_positive, np.exp(scores)) == pytest.approx(expected)


@given(films())
def test_a_confusion_matrix_counts_every_film_once(films_):
    called = films_.probs.argmax(axis=1)
    found = confusion_matrix(films_.y_true, called)
    np.testing.assert_array_equal(
        found, reference.confusion_matrix(films_.y_true, called, labels=[0, 1, 2])
    )
    summary = classification_summary(found)
    for i, label in enumerate(CLASSES):
        of_class = int((films_.y_true == i).sum())
        assert summary["recall"][label]["n"] == of_class
        assert sum(summary["confusion"][label].values()) == of_class
        assert summary["precision"][label]["n"] == summary["called"][label]["n_hits"]
    assert summary["accuracy"]["n_hits"] == int((films_.y_true == called).sum())


@given(counts, st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_wilson_is_scipys_and_holds_the_share(count, confidence):
    found = wilson(*count, confidence=confidence)
    if not count[1]:
        assert (found.value, found.low, found.high) == (None, None, None)
        return
    expected = stats.binomtest(*count).proportion_ci(confidence, method="wilson")
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert 0 <= found.low <= found.value + 1e-12
    assert found.value - 1e-12 <= found.high <= 1
    turned = wilson(count[1] - count[0], count[1], confidence=confidence)
    assert (1 - turned.high, 1 - turned.low) == pytest.approx((found.low, found.high), abs=1e-9)


@given(hits, st.data())
def test_films_of_a_patient_are_worth_at_most_as_many_films(is_hit, data):
    n = len(is_hit)
    patient = np.array(data.draw(st.lists(st.integers(0, n), min_size=n, max_size=n)))
    assert 0 < n_independent(is_hit, patient) <= n
    alone, shared = patient_wilson(is_hit, np.arange(n)), patient_wilson(is_hit, patient)
    assert alone.value == shared.value
    assert shared.low <= alone.low + 1e-12
    assert shared.high >= alone.high - 1e-12
    plain = wilson(int(is_hit.sum()), n)
    if 0 < plain.n_hits < n:  # else the number of patients is all that is known
        assert (alone.low, alone.high) == pytest.approx((plain.low, plain.high))


@given(hits, st.integers(2, 4))
def test_copied_films_tell_nothing_new(is_hit, copies):
    """The same film several times over, said to be of one patient, is one film."""
    assume(0 < is_hit.sum() < len(is_hit))
    patient = np.tile(np.arange(len(is_hit)), copies)
    worth = n_independent(np.tile(is_hit, copies), patient)
    n = len(is_hit)
    assert worth == pytest.approx(n * copies * (n - 1) / (n * copies - 1))
    assert worth <= n


@given(hits, hits)
def test_mcnemar_looks_only_at_films_on_which_they_differ(a, b):
    n = min(len(a), len(b))
    a, b = a[:n], b[:n]
    found, turned = mcnemar(a, b), mcnemar(b, a)
    assert found["n_only_a"] - found["n_only_b"] == int(a.sum()) - int(b.sum())
    assert (turned["n_only_a"], turned["p"]) == (found["n_only_b"], found["p"])
    n_differ = found["n_only_a"] + found["n_only_b"]
    fewer = min(found["n_only_a"], found["n_only_b"])
    tail = sum(math.comb(n_differ, i) for i in range(fewer + 1)) / 2**n_differ
    assert found["p"] == pytest.approx(min(1.0, 2 * tail))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_rejects_what_the_stepwise_procedure_rejects(p_values):
    adjusted = holm(p_values)
    assert all(new >= old for new, old in zip(adjusted, p_values, strict=True))
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    for level in (0.01, 0.05, 0.3):
        rejected = set()
        for rank, index in enumerate(order):
            if p_values[index] * (len(p_values) - rank) > level:
                break
            rejected.add(index)
        assert {i for i, p in enumerate(adjusted) if p <= level} == rejected


@given(counts, counts, st.floats(0.01, 0.99))
def test_predictive_values_are_counts_of_a_population(ill, well, prevalence):
    assume(ill[1] and well[1])
    shares = (wilson(*ill), wilson(*well))
    ppv, npv = predictive_values(*shares, (ill[1], well[1]), prevalence)
    found, cleared = ill[0] / ill[1], well[0] / well[1]
    called = found * prevalence + (1 - cleared) * (1 - prevalence)
    for value, right, among in (
        (ppv, found * prevalence, called),
        (npv, cleared * (1 - prevalence), 1 - called),
    ):
        if value["value"] is None:
            assert among < 1e-12
            continue
        assert value["value"] == pytest.approx(right / among, abs=1e-9)
        assert 0 <= value["low"] <= value["value"] <= value["high"] <= 1


@given(st.lists(st.integers(0, 40), min_size=3, max_size=3), st.integers(0, 4))
def test_baselines_know_nothing_but_counts(by_class, n):
    found = learning_free_probs(n, dict(zip(CLASSES, by_class, strict=True)))
    for probs in found.values():
        assert probs.shape == (n, 3)
        np.testing.assert_allclose(probs.sum(axis=1), 1)
    if n and sum(by_class):
        np.testing.assert_allclose(found["prior"][0], np.array(by_class) / sum(by_class))
        assert by_class[int(found["majority"][0].argmax())] == max(by_class)


@given(films())
def test_measuring_changes_nothing_and_knows_no_order_of_films(films_):
    weights = np.ones((1, len(films_.y_true)))
    before = bytes_of(films_.y_true, films_.probs)
    found = WeightedFigures(films_.y_true, films_.probs).measure(weights)
    assert bytes_of(films_.y_true, films_.probs) == before
    turned = WeightedFigures(films_.y_true[::-1], films_.probs[::-1]).measure(weights)
    for name in figure_names():
        np.testing.assert_allclose(turned[name], found[name], atol=1e-9)
    assert {name.split("_")[0] for name in figure_names()} >= set(BY_CLASS)
