"""Prediction sets by hand, against MAPIE, with too few films, and through JSON."""

from __future__ import annotations

import json

import numpy as np
import pytest
from mapie.classification import SplitConformalClassifier
from sklearn.base import BaseEstimator, ClassifierMixin

from cxr_core.errors import SpecMismatchError
from cxr_core.heads import softmax
from cxr_core.labels import CLASSES
from cxr_core.trust.conformal import ConformalModel, fit_conformal, rank


def films(n=300, *, seed=0):
    """Return scores and labels that follow them."""
    rng = np.random.default_rng(seed)
    probs = softmax(rng.normal(0, 2, (n, 3)))
    y_true = np.minimum((rng.random((n, 1)) > probs.cumsum(axis=1)).sum(axis=1), 2)
    return probs, y_true


class Scores(ClassifierMixin, BaseEstimator):
    """A fitted classifier whose inputs are its probabilities."""

    classes_ = np.arange(3)
    n_features_in_ = 3

    def __sklearn_is_fitted__(self):
        return True

    def fit(self, *_):
        return self

    def predict_proba(self, x):
        return np.asarray(x)

    def predict(self, x):
        return np.asarray(x).argmax(axis=1)


@pytest.mark.filterwarnings("ignore:WARNING. your conformalization dataset has less labels")
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_sets_are_those_of_mapie_class_by_class(seed, level):
    """MAPIE calibrated on the films of one class decides whether that class is in the set."""
    probs, y_true = films(seed=seed)
    new, _ = films(200, seed=seed + 100)
    sets = fit_conformal(probs, y_true).sets(new, level)
    for k in range(3):
        oracle = SplitConformalClassifier(
            Scores(), confidence_level=level, conformity_score="lac", prefit=True
        )
        oracle.conformalize(probs[y_true == k], y_true[y_true == k])
        _, expected = oracle.predict_set(new)
        np.testing.assert_array_equal(sets[:, k], expected[:, k, 0])


def test_the_threshold_by_hand():
    """Nine films: at 90 % all nine must reach it; at 50 % five must."""
    scores = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1])
    probs = np.stack([scores, 1 - scores, np.zeros(9)], axis=1)
    model = fit_conformal(probs, np.zeros(9, int), levels=(0.9, 0.5))
    assert model.thresholds[0.9]["COVID19"] == 0.1
    assert model.thresholds[0.5]["COVID19"] == 0.5
    np.testing.assert_array_equal(
        model.sets(np.array([[0.5, 0.5, 0], [0.49, 0.5, 0]]), 0.5)[:, 0], [True, False]
    )


@pytest.mark.parametrize(
    ("n", "level", "expected"),
    [(9, 0.9, 9), (8, 0.9, 9), (19, 0.95, 19), (18, 0.95, 19), (99, 0.9, 90), (16, 0.9, 16)],
)
def test_the_rank_is_exact(n, level, expected):
    """(n + 1) * level in floating point lies above the whole number for some n."""
    assert rank(n, level) == expected


def test_no_rank_is_off_by_rounding():
    for n in range(400):
        for percent in (90, 95):
            assert rank(n, percent / 100) == -(-(n + 1) * percent // 100)


def test_too_few_films_keep_the_class_in_every_set_and_are_said():
    probs, y_true = films()
    kept = np.r_[np.flatnonzero(y_true == 0)[:16], np.flatnonzero(y_true != 0)]
    model = fit_conformal(probs[kept], y_true[kept])
    assert model.n_by_class["COVID19"] == 16
    assert model.too_few(0.9) == ()
    assert model.too_few(0.95) == ("COVID19",)
    assert model.thresholds[0.95]["COVID19"] is None
    assert model.sets(np.array([[0.0, 0.5, 0.5]]), 0.95)[0, 0]


def test_without_films_every_class_is_in_every_set():
    model = fit_conformal(np.zeros((0, 3)), np.zeros(0, int))
    assert model.too_few(0.9) == CLASSES
    assert model.sets(np.array([1.0, 0.0, 0.0]), 0.9).tolist() == [True, True, True]


def test_an_empty_set_is_possible_and_stays_empty():
    probs = np.eye(3)[np.arange(60) % 3] * 0.97 + 0.01
    model = fit_conformal(probs, np.arange(60) % 3)
    assert not model.sets(np.array([[0.4, 0.3, 0.3]]), 0.9).any()


def test_a_higher_level_never_takes_a_class_out():
    probs, y_true = films()
    model = fit_conformal(probs, y_true)
    assert (model.sets(probs, 0.9) <= model.sets(probs, 0.95)).all()


def test_a_model_survives_json():
    probs, y_true = films(40)
    model = fit_conformal(probs, y_true)
    again = ConformalModel.from_dict(json.loads(json.dumps(model.to_dict())))
    assert again == model
    assert again.levels == (0.9, 0.95)


@pytest.mark.parametrize("content", [{}, {"thresholds": {"0.9": {}}, "n_by_class": {}}])
def test_a_damaged_model_is_refused(content):
    with pytest.raises(SpecMismatchError, match="must have every class and level"):
        ConformalModel.from_dict(content)


def test_wrong_arguments():
    probs, y_true = films(40)
    model = fit_conformal(probs, y_true)
    with pytest.raises(ValueError, match="must be one of"):
        model.sets(probs, 0.8)
    with pytest.raises(ValueError, match="must have shape"):
        model.sets(probs[:, :2], 0.9)
    with pytest.raises(ValueError, match="must have shape"):
        fit_conformal(probs[:3], y_true)
    with pytest.raises(ValueError, match="must be finite"):
        fit_conformal(np.full((40, 3), np.nan), y_true)
    with pytest.raises(ValueError, match=r"must be in \(0, 1\)"):
        fit_conformal(probs, y_true, levels=(1.0,))
