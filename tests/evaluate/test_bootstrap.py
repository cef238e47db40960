"""Figures of probabilities against hand counts, and intervals that know patients."""

from __future__ import annotations

import numpy as np
import pytest

from cxr_core.evaluate.bootstrap import auroc, difference, figures, log_loss

Y = np.array([0, 0, 1, 1, 1, 2])
PROBS = np.array(
    [
        [0.7, 0.2, 0.1],
        [0.3, 0.6, 0.1],
        [0.1, 0.8, 0.1],
        [0.2, 0.5, 0.3],
        [0.5, 0.4, 0.1],
        [0.1, 0.1, 0.8],
    ]
)


def brute_auroc(is_positive, scores):
    pairs = [
        1.0 if p > n else 0.5 if p == n else 0.0
        for p in scores[is_positive]
        for n in scores[~is_positive]
    ]
    return sum(pairs) / len(pairs)


@pytest.mark.parametrize("seed", range(5))
def test_auroc_counts_pairs(seed):
    rng = np.random.default_rng(seed)
    is_positive = rng.random(40) < 0.3
    scores = rng.integers(0, 6, 40) / 6  # with ties
    assert auroc(is_positive, scores) == pytest.approx(brute_auroc(is_positive, scores))


def test_auroc_of_one_class_is_not_defined():
    assert np.isnan(auroc(np.array([True, True]), np.array([0.1, 0.2])))


def test_figures_by_hand():
    found = figures(Y, PROBS, list("abcdef"), n_resamples=50)
    assert found["n"] == found["n_patients"] == 6
    assert found["accuracy"]["value"] == pytest.approx(4 / 6)
    assert found["recall_COVID19"]["value"] == pytest.approx(1 / 2)
    assert found["recall_NORMAL"]["value"] == pytest.approx(2 / 3)
    balanced = found["balanced_accuracy"]["value"]
    assert balanced == pytest.approx((1 / 2 + 2 / 3 + 1) / 3)
    assert log_loss(Y, PROBS) == pytest.approx(-np.log([0.7, 0.3, 0.8, 0.5, 0.4, 0.8]).mean())
    for figure in ("accuracy", "macro_auroc", "log_loss"):
        assert found[figure]["low"] <= found[figure]["value"] <= found[figure]["high"]


def test_a_class_without_films_has_no_recall():
    found = figures(Y[2:], PROBS[2:], list("cdef"), n_resamples=10)
    nothing = {"value": None, "low": None, "high": None}
    assert found["recall_COVID19"] == {**nothing, "reason": "no film is of COVID-19"}
    only_one = figures(np.array([1, 1]), PROBS[2:4], ["c", "d"], n_resamples=10)
    reason = "films of at least two classes are needed"
    assert only_one["macro_auroc"] == {**nothing, "reason": reason}


def test_films_of_one_patient_widen_the_interval():
    rng = np.random.default_rng(0)
    y_true = np.repeat(rng.integers(0, 3, 20), 10)
    right = np.repeat(rng.random(20) < 0.6, 10)
    probs = np.full((200, 3), 0.1)
    probs[np.arange(200), np.where(right, y_true, (y_true + 1) % 3)] = 0.8
    alone = figures(y_true, probs, list(range(200)), n_resamples=300)["accuracy"]
    together = figures(y_true, probs, [i // 10 for i in range(200)], n_resamples=300)["accuracy"]
    assert together["value"] == alone["value"]
    assert together["high"] - together["low"] > 2 * (alone["high"] - alone["low"])


def test_the_same_films_give_the_same_interval():
    first, second = (figures(Y, PROBS, list("aabbcc"), n_resamples=40) for _ in range(2))
    assert first == second


def test_a_difference_is_paired():
    same = difference(Y, PROBS, PROBS, list("abcdef"), n_resamples=20)
    assert same == {
        "accuracy": {"value": 0.0, "low": 0.0, "high": 0.0},
        "log_loss": {"value": 0.0, "low": 0.0, "high": 0.0},
    }
    better = np.eye(3)[Y] * 0.9 + 0.1 / 3
    gain = difference(Y, better, PROBS, list("abcdef"), n_resamples=200)
    assert gain["accuracy"]["value"] == pytest.approx(2 / 6)
    assert gain["log_loss"]["value"] == pytest.approx(log_loss(Y, better) - log_loss(Y, PROBS))


def test_the_mean_of_one_number_a_film():
    from cxr_core.evaluate.bootstrap import mean_interval

    rng = np.random.default_rng(3)
    values = rng.normal(size=200)
    found = mean_interval(values, range(200), seed=1)
    assert found["value"] == pytest.approx(values.mean())
    assert found["n"] == 200
    half = 1.96 * values.std() / np.sqrt(200)
    assert found["low"] == pytest.approx(values.mean() - half, abs=0.03)
    assert found["high"] == pytest.approx(values.mean() + half, abs=0.03)
    twice = mean_interval(np.repeat(values, 2), np.repeat(np.arange(200), 2).tolist(), seed=1)
    assert (twice["low"], twice["high"]) == pytest.approx((found["low"], found["high"]))
    holed = mean_interval(np.append(values, np.nan), range(201), seed=1)
    assert holed == found
    none = {"value": None, "low": None, "high": None, "n": 0}
    assert mean_interval(np.array([np.nan]), ["a"]) == none
    one = mean_interval(np.array([1.0, 3.0]), ["a", "a"])
    assert one == {"value": 2.0, "low": None, "high": None, "n": 2}
