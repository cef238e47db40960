"""Systems against each other: McNemar by hand and by scipy, Holm by hand, differences turned."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from cxr_core.evaluate.figure import Measured
from cxr_core.evaluate.paired import (
    against,
    best_system,
    differences,
    holm,
    is_told_apart,
    mcnemar,
)
from cxr_core.evaluate.resample import Resamples
from tests.evaluate.material import random_labels, random_probs


def test_mcnemar_counts_the_films_where_only_one_is_right():
    a = np.array([1, 1, 1, 1, 1, 1, 0, 0, 1], bool)
    b = np.array([1, 0, 0, 0, 0, 0, 1, 0, 1], bool)
    found = mcnemar(a, b)
    assert (found["n_only_a"], found["n_only_b"]) == (5, 1)
    assert found["p"] == pytest.approx(2 * (6 + 1) / 2**6)  # at most 1 of 6, both sides
    assert found["p"] == pytest.approx(binomtest(5, 6, 0.5).pvalue)
    assert mcnemar(b, a)["p"] == found["p"]


def test_systems_that_never_differ_are_not_told_apart():
    same = np.array([True, False])
    assert mcnemar(same, same) == {"n_only_a": 0, "n_only_b": 0, "p": 1.0}
    assert mcnemar(np.zeros(0, bool), np.zeros(0, bool))["p"] == 1.0


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.6, 0.9]) == pytest.approx([1.0, 1.0])
    assert holm([]) == []


def test_differences_are_paired():
    rng = np.random.default_rng(0)
    y_true = random_labels(rng, 80)
    probs = random_probs(rng, y_true)
    resamples = Resamples.draw(np.arange(80) // 2, n_resamples=200)
    first, same = Measured(y_true, probs, resamples), Measured(y_true, probs.copy(), resamples)
    assert differences(first, same, ["accuracy"])["accuracy"] == {
        "value": 0.0,
        "low": 0.0,
        "high": 0.0,
    }
    other = Measured(y_true, probs, Resamples.draw(range(80), n_resamples=200))
    with pytest.raises(ValueError, match="must be measured on one table of resamples"):
        differences(first, other, ["accuracy"])


def difference(value, low, high):
    return {"value": value, "low": low, "high": high}


PAIR = {
    "a": "x",
    "b": "y",
    "accuracy": difference(-0.1, -0.2, -0.05),
    "macro_auroc": difference(None, None, None),
    "log_loss": difference(0.0, -0.1, 0.1),
    "mcnemar": {"n_only_a": 3, "n_only_b": 9, "p": 0.146},
}


def test_a_comparison_can_be_turned():
    found = against({"pairs": [PAIR]}, "x")["y"]
    assert found["accuracy"] == difference(0.1, 0.05, 0.2)
    assert found["macro_auroc"] == difference(None, None, None)
    assert found["mcnemar"] == {"n_only_this": 9, "n_only_best": 3, "p": 0.146}
    straight = against({"pairs": [PAIR]}, "y")["x"]
    assert straight["accuracy"] == PAIR["accuracy"]
    assert straight["mcnemar"] == {"n_only_this": 3, "n_only_best": 9, "p": 0.146}
    assert against({"pairs": [PAIR]}, "z") == {}


def test_told_apart_means_that_the_interval_leaves_out_nought():
    assert is_told_apart(difference(0.1, 0.05, 0.2))
    assert is_told_apart(difference(-0.1, -0.2, -0.05))
    assert not is_told_apart(difference(0.1, 0.0, 0.2))
    assert not is_told_apart(difference(0.1, None, None))


def test_the_best_system_depends_on_the_figure():
    def system(accuracy, log_loss):
        return {"figures": {"accuracy": {"value": accuracy}, "log_loss": {"value": log_loss}}}

    evaluation = {"systems": {"x": system(0.9, 0.5), "y": system(0.8, 0.2), "z": system(0.9, 0.3)}}
    assert best_system(evaluation) == "x"
    assert best_system(evaluation, "log_loss") == "y"
    assert best_system({"systems": {"x": system(None, None)}}) is None
