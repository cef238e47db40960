"""Scores raw against calibrated: against scikit-learn, with intervals, and with nothing to do."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, log_loss

from cxr_core.errors import NotApplicableError
from cxr_core.evaluate.reads import FilmList, Reads
from cxr_core.trust.calibration import fit_temperature
from cxr_core.trust.measure import calibration_effect, mean_score
from tests.trust.test_calibration import films


def reads_of(n=500, *, seed=1):
    """Reads of one system that is too sure of itself."""
    logits, y_true = films(n, temperature=2.5, seed=seed)
    listed = FilmList(tuple(f"{i:064x}" for i in range(n)), y_true, np.arange(n) // 2, "file names")
    return Reads(listed, {"vgg16": logits})


def test_figures_are_those_of_scikit_learn():
    calibration, test = reads_of(seed=1), reads_of(seed=2)
    temperature = fit_temperature(calibration.logits["vgg16"], calibration.y_true)
    effect = calibration_effect(test, "vgg16", temperature, n_resamples=200)
    for probs, quality in (
        (test.probs("vgg16"), effect.raw),
        (temperature.apply(test.logits["vgg16"]), effect.calibrated),
    ):
        assert quality.log_loss["value"] == pytest.approx(log_loss(test.y_true, probs))
        assert quality.brier["value"] == pytest.approx(brier_score_loss(test.y_true, probs))
        assert quality.brier["low"] < quality.brier["value"] < quality.brier["high"]
    assert effect.calibrated.top_label.value < effect.raw.top_label.value
    change = effect.log_loss_change
    assert change["value"] == pytest.approx(
        effect.calibrated.log_loss["value"] - effect.raw.log_loss["value"]
    )
    assert change["low"] < change["value"] < change["high"] < 0
    assert effect.temperature == temperature.value


def test_without_a_temperature_nothing_changes():
    effect = calibration_effect(reads_of(), "vgg16", None, n_resamples=50)
    assert effect.raw == effect.calibrated
    assert effect.temperature == 1.0
    assert effect.log_loss_change["value"] == 0.0


def test_no_films_are_refused():
    empty = reads_of().take(np.zeros(500, bool))
    with pytest.raises(NotApplicableError, match="at least one film"):
        calibration_effect(empty, "vgg16", None)


def test_mean_score():
    reads = reads_of()
    found = mean_score(reads, "vgg16", None, "COVID19")
    assert found["value"] == pytest.approx(reads.probs("vgg16")[:, 0].mean())
    assert found["low"] < found["value"] < found["high"]
    assert found["n"] == 500
    temperature = fit_temperature(reads.logits["vgg16"], reads.y_true)
    warmer = mean_score(reads, "vgg16", temperature, "COVID19")
    assert warmer["value"] == pytest.approx(temperature.apply(reads.logits["vgg16"])[:, 0].mean())
