"""Every figure against scikit-learn, on films as they are and on weighted ones."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from cxr_core.evaluate.weighted import BY_CLASS, WeightedFigures, figure_names
from cxr_core.labels import CLASSES
from tests.evaluate.material import random_labels, random_probs


def sklearn_figures(y_true, probs, weight=None):
    """The same figures from scikit-learn; classes that it leaves out or warns of are skipped."""
    y_pred = probs.argmax(axis=1)
    given = {"sample_weight": weight}
    found = {
        "accuracy": metrics.accuracy_score(y_true, y_pred, **given),
        "log_loss": metrics.log_loss(y_true, probs, labels=[0, 1, 2], **given),
        "brier": metrics.brier_score_loss(y_true, probs, labels=[0, 1, 2], **given),
    }
    present = np.unique(y_true if weight is None else y_true[weight > 0])
    called = np.unique(y_pred if weight is None else y_pred[weight > 0])
    if set(called) <= set(present):
        found["balanced_accuracy"] = metrics.balanced_accuracy_score(y_true, y_pred, **given)
        found["macro_f1"] = metrics.f1_score(y_true, y_pred, average="macro", **given)
    columns = metrics.precision_recall_fscore_support(
        y_true, y_pred, labels=[0, 1, 2], zero_division=np.nan, **given
    )
    for k, label in enumerate(CLASSES):
        if k in called:
            found[f"precision_{label}"] = columns[0][k]
        if k not in present:
            continue
        found[f"recall_{label}"] = columns[1][k]
        found[f"f1_{label}"] = columns[2][k]
        if len(present) > 1:
            is_class, others = y_true == k, y_pred != k
            found[f"auroc_{label}"] = metrics.roc_auc_score(is_class, probs[:, k], **given)
            found[f"auprc_{label}"] = metrics.average_precision_score(
                is_class, probs[:, k], **given
            )
            found[f"specificity_{label}"] = metrics.recall_score(~is_class, others, **given)
    for name in ("auroc", "auprc"):
        areas = [found[f"{name}_{label}"] for label in CLASSES if f"{name}_{label}" in found]
        if areas:
            found[f"macro_{name}"] = np.mean(areas)
    return found


def ours(y_true, probs, weights=None):
    """Our figures, one dictionary a weighting."""
    weights = np.ones((1, len(y_true))) if weights is None else weights
    found = WeightedFigures(y_true, probs).measure(weights)
    return [{name: values[i] for name, values in found.items()} for i in range(len(weights))]


def assert_same(mine, theirs):
    for name, value in theirs.items():
        assert mine[name] == pytest.approx(value, abs=1e-12), name


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("digits", [None, 1])
def test_random_films(seed, digits):
    rng = np.random.default_rng(seed)
    y_true = random_labels(rng)
    probs = random_probs(rng, y_true)
    if digits is not None:  # many equal scores
        probs = np.round(probs, digits) + 1e-3
        probs /= probs.sum(axis=1, keepdims=True)
    (mine,) = ours(y_true, probs)
    theirs = sklearn_figures(y_true, probs)
    assert set(mine) == set(figure_names()) == set(theirs)
    assert_same(mine, theirs)
    multiclass = metrics.roc_auc_score(y_true, probs, multi_class="ovr", average="macro")
    assert mine["macro_auroc"] == pytest.approx(multiclass, abs=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_weighted_films_are_copied_films(seed):
    rng = np.random.default_rng(seed)
    y_true = random_labels(rng, 60)
    probs = np.round(random_probs(rng, y_true), 2) + 1e-3
    probs /= probs.sum(axis=1, keepdims=True)
    weights = rng.integers(0, 4, size=(5, 60)).astype(float)
    for mine, weight in zip(ours(y_true, probs, weights), weights, strict=True):
        rows = np.repeat(np.arange(60), weight.astype(int))
        (copied,) = ours(y_true[rows], probs[rows])
        assert_same(mine, {k: v for k, v in copied.items() if not np.isnan(v)})
        assert_same(mine, sklearn_figures(y_true[rows], probs[rows]))


@pytest.mark.parametrize(
    ("y_true", "probs"),
    [
        ([0, 1], np.full((2, 3), 1 / 3)),  # constant scores
        ([0, 1, 2], np.eye(3)),  # certain and right
        ([0, 1, 2, 1], np.eye(3)[[1, 2, 0, 0]]),  # certain and wrong
        ([1, 1, 2], np.eye(3)[[1, 2, 2]] * 0.7 + 0.1),  # a class without films
    ],
)
def test_degenerate_films(y_true, probs):
    y_true = np.array(y_true)
    (mine,) = ours(y_true, probs)
    assert_same(mine, sklearn_figures(y_true, probs))


def test_what_is_not_defined_is_not_a_number():
    (found,) = ours(np.array([1, 1]), np.array([[0.1, 0.8, 0.1], [0.2, 0.7, 0.1]]))
    assert found["recall_NORMAL"] == found["balanced_accuracy"] == 1.0
    undefined = {name for name, value in found.items() if np.isnan(value)}
    by_class = {f"{name}_{label}" for name in BY_CLASS for label in ("COVID19", "PNEUMONIA")}
    by_class -= {"specificity_COVID19", "specificity_PNEUMONIA"}
    assert undefined == by_class | {
        "specificity_NORMAL",
        "auroc_NORMAL",
        "auprc_NORMAL",
        "macro_auroc",
        "macro_auprc",
    }


def test_no_film_has_no_figure():
    (found,) = ours(np.zeros(0, np.int64), np.zeros((0, 3)))
    assert all(np.isnan(value) for value in found.values())


def test_probabilities_that_are_no_numbers_are_refused():
    with pytest.raises(ValueError, match=r"`probs` must be finite, of shape \(1, 3\)\. Received"):
        WeightedFigures(np.array([0]), np.array([[np.nan, 0.5, 0.5]]))
    with pytest.raises(ValueError, match=r"of shape \(2, 3\)\. Received: \(1, 3\)"):
        WeightedFigures(np.array([0, 1]), np.ones((1, 3)))


def test_nothing_given_is_changed():
    rng = np.random.default_rng(0)
    y_true = random_labels(rng, 20)
    probs, weights = random_probs(rng, y_true), np.ones((2, 20))
    before = y_true.copy(), probs.copy(), weights.copy()
    ours(y_true, probs, weights)
    for now, then in zip((y_true, probs, weights), before, strict=True):
        np.testing.assert_array_equal(now, then)
