"""Temperature scaling against scikit-learn, by hand, and where it does not apply."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import log_loss

from cxr_core.errors import NotApplicableError, SpecMismatchError
from cxr_core.heads import softmax
from cxr_core.labels import CLASSES
from cxr_core.trust.calibration import BOUNDS, Temperature, fit_temperature


def films(n=400, *, temperature=2.0, seed=0):
    """Return logits and labels whose best temperature is about the given one."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2.5, (n, 3))
    probs = softmax(logits / temperature)
    y_true = (rng.random((n, 1)) > probs.cumsum(axis=1)).sum(axis=1)
    return logits, np.minimum(y_true, 2)


class Logits(ClassifierMixin, BaseEstimator):
    """A classifier whose inputs are its logits."""

    def fit(self, *_):
        self.classes_ = np.arange(3)
        self.n_features_in_ = 3
        return self

    def decision_function(self, x):
        return x

    def predict(self, x):
        return np.asarray(x).argmax(axis=1)


@pytest.mark.parametrize("true", [0.6, 1.6, 3.0])
def test_the_temperature_is_that_of_scikit_learn(true):
    logits, y_true = films(temperature=true)
    found = fit_temperature(logits, y_true)
    frozen = FrozenEstimator(Logits().fit(logits, y_true))
    oracle = CalibratedClassifierCV(frozen, method="temperature", ensemble=False)
    oracle.fit(logits, y_true)
    np.testing.assert_allclose(found.apply(logits), oracle.predict_proba(logits), atol=2e-4)
    assert found.value == pytest.approx(true, rel=0.25)
    assert not found.note


def test_losses_are_those_of_scikit_learn():
    logits, y_true = films()
    found = fit_temperature(logits, y_true)
    assert found.log_loss_before == pytest.approx(log_loss(y_true, softmax(logits)))
    assert found.log_loss_after == pytest.approx(log_loss(y_true, found.apply(logits)))
    assert found.log_loss_after < found.log_loss_held_out < found.log_loss_before
    assert (found.n, found.n_patients) == (400, 400)
    assert found.n_by_class == {name: int((y_true == k).sum()) for k, name in enumerate(CLASSES)}


def test_the_minimum_by_hand():
    """Three of four films right, logits of (a, 0, 0): the best score is 3/4 for a film's class."""
    logits = np.tile([4.0, 0.0, 0.0], (400, 1))
    y_true = np.repeat([0, 0, 0, 1], 100)
    found = fit_temperature(logits, y_true)
    assert found.apply([4.0, 0.0, 0.0])[0] == pytest.approx(0.75, abs=1e-6)
    assert found.fitted == pytest.approx(4 / np.log(0.75 / 0.125), rel=1e-6)


def test_the_named_class_never_changes():
    logits, y_true = films()
    found = fit_temperature(logits, y_true)
    calibrated = found.apply(logits)
    np.testing.assert_array_equal(calibrated.argmax(axis=1), logits.argmax(axis=1))
    np.testing.assert_allclose(calibrated.sum(axis=1), 1)
    order = np.argsort(logits, axis=1)
    np.testing.assert_array_equal(np.argsort(calibrated, axis=1), order)


def test_hotter_is_less_sure():
    sure = [Temperature(t, t, 0, 0).apply([3.0, 1.0, 0.0])[0] for t in (0.5, 1.0, 2.0, 10.0)]
    assert sure == sorted(sure, reverse=True)
    np.testing.assert_allclose(
        Temperature(1.0, 1.0, 0, 0).apply([3.0, 1, 0]), softmax(np.array([3.0, 1, 0]))
    )


def test_inputs_are_not_changed_and_runs_agree():
    logits, y_true = films()
    before = logits.copy()
    first = fit_temperature(logits, y_true, patients=np.arange(400) // 3)
    again = fit_temperature(logits, y_true, patients=np.arange(400) // 3)
    np.testing.assert_array_equal(logits, before)
    assert first == again
    assert first.n_patients == 134


def test_a_temperature_that_does_not_help_other_films_is_not_used():
    """Scores that fit already: what is left to fit is chance."""
    kept = [fit_temperature(*films(60, temperature=1.0, seed=seed)) for seed in range(12)]
    unused = [found for found in kept if found.value == 1.0]
    assert unused
    for found in unused:
        assert found.log_loss_held_out >= found.log_loss_before
        assert "does not help calibration films that it was not fitted to" in found.note
        assert found.fitted != 1.0
    for found in kept:
        assert (found.value == 1.0) == bool(found.note)


def test_films_that_are_all_right_tell_no_temperature():
    logits = np.eye(3)[np.arange(90) % 3] * 5
    found = fit_temperature(logits, np.arange(90) % 3)
    assert found.value == 1.0
    assert found.log_loss_after < 1e-9
    assert "tell no temperature" in found.note
    wrong = fit_temperature(-logits, np.arange(90) % 3)
    assert (wrong.value, wrong.fitted) == (1.0, pytest.approx(BOUNDS[1], rel=0.01))


def test_huge_logits_stay_finite():
    logits, y_true = films()
    found = fit_temperature(logits * 1e4, y_true)
    assert np.isfinite([found.log_loss_before, found.log_loss_held_out]).all()
    assert np.isfinite(found.apply(logits * 1e4)).all()


@pytest.mark.parametrize(
    ("logits", "y_true"),
    [
        (np.zeros((29, 3)), np.arange(29) % 3),
        (np.zeros((0, 3)), np.zeros(0, int)),
        (np.eye(3)[np.zeros(50, int)], np.zeros(50, int)),
    ],
)
def test_too_few_films_or_classes_are_refused(logits, y_true):
    with pytest.raises(NotApplicableError, match="at least 30 films of at least two classes"):
        fit_temperature(logits, y_true)


def test_logits_without_a_difference_are_refused():
    with pytest.raises(NotApplicableError, match="must differ between the classes"):
        fit_temperature(np.full((60, 3), 2.0), np.arange(60) % 3)


def test_wrong_arguments():
    logits, y_true = films(40)
    with pytest.raises(ValueError, match="must have shape"):
        fit_temperature(logits[:, :2], y_true)
    with pytest.raises(ValueError, match="must be finite"):
        fit_temperature(np.where(logits == logits[0, 0], np.nan, logits), y_true)
    with pytest.raises(ValueError, match="must be in"):
        fit_temperature(logits, y_true + 1)
    with pytest.raises(ValueError, match="must have 40 entries"):
        fit_temperature(logits, y_true, patients=[1, 2])
    with pytest.raises(ValueError, match="must be above 0"):
        Temperature(0.0, 1.0, 1, 1)


def test_a_temperature_survives_json():
    found = fit_temperature(*films())
    assert Temperature.from_dict(json.loads(json.dumps(found.to_dict()))) == found


@pytest.mark.parametrize("change", [{"value": "warm"}, {"value": -1}, {"n_by_class": None}])
def test_a_damaged_temperature_is_refused(change):
    content = {**fit_temperature(*films()).to_dict(), **change}
    with pytest.raises(SpecMismatchError, match="must have every field"):
        Temperature.from_dict(content)
    with pytest.raises(SpecMismatchError, match="must have every field"):
        Temperature.from_dict({})
