"""How good the scores of a system are on labelled films, as trained and calibrated."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from cxr_core.array import Float64Array, IntArray
from cxr_core.evaluate.bootstrap import difference, mean_interval
from cxr_core.evaluate.reads import Reads
from cxr_core.evaluate.resample import N_RESAMPLES
from cxr_core.evaluate.weighted import brier_scores, log_losses
from cxr_core.labels import class_index
from cxr_core.trust.calibration import Temperature
from cxr_core.trust.calibration_error import (
    CLASSWISE,
    TOP_LABEL,
    CalibrationError,
    expected_calibration_error,
)

Patients = Sequence[Hashable] | npt.NDArray[Any]


@dataclass(frozen=True)
class ScoreQuality:
    """How good one set of scores is.

    Attributes:
        log_loss: Mean negative log score of the true class, in nats: {value, low, high, n}.
        brier: Mean squared distance of the three scores from what was true, in [0, 2]: the same.
        top_label: Calibration error of the class named.
        classwise: Calibration error of each class, mean over the classes.
    """

    log_loss: Mapping[str, Any]
    brier: Mapping[str, Any]
    top_label: CalibrationError
    classwise: CalibrationError


@dataclass(frozen=True)
class CalibrationEffect:
    """What a temperature does to the scores of one system.

    Attributes:
        temperature: What the logits were divided by.
        raw: Scores as trained.
        calibrated: Scores at the temperature.
        log_loss_change: Log loss calibrated less raw, with the interval of paired films: {value,
            low, high}; below 0 is better.
    """

    temperature: float
    raw: ScoreQuality
    calibrated: ScoreQuality
    log_loss_change: Mapping[str, Any]


def score_quality(
    y_true: IntArray, probs: Float64Array, patients: Patients, *, n_resamples: int = N_RESAMPLES
) -> ScoreQuality:
    """Measure one set of scores; all intervals draw whole patients.

    Args:
        y_true: Class indices, shape (n,), n >= 1.
        probs: Shape (n, 3), rows summing to 1.
        patients: Patient of each film.
        n_resamples: Number of resamples.

    Returns:
        The figures.

    Raises:
        ValueError: If shapes disagree.
        NotApplicableError: If there is no film.

    References:
        Brier 1950, doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2 (over all classes, so up to
        2); as scikit-learn's `log_loss` and `brier_score_loss`.
    """
    top_label, classwise = (
        expected_calibration_error(y_true, probs, of=of, patients=patients, n_resamples=n_resamples)
        for of in (TOP_LABEL, CLASSWISE)
    )
    names = list(patients)
    return ScoreQuality(
        log_loss=mean_interval(log_losses(y_true, probs), names, n_resamples=n_resamples),
        brier=mean_interval(brier_scores(y_true, probs), names, n_resamples=n_resamples),
        top_label=top_label,
        classwise=classwise,
    )


def calibration_effect(
    reads: Reads, system: str, temperature: Temperature | None, *, n_resamples: int = N_RESAMPLES
) -> CalibrationEffect:
    """Measure the scores of one system raw and calibrated.

    Args:
        reads: Films that no model and no temperature was fitted to.
        system: Name of the system.
        temperature: Its temperature; `None` where it could not be calibrated, which counts as 1.
        n_resamples: Number of resamples.

    Returns:
        The effect.

    Raises:
        NotApplicableError: If there is no film.
    """
    raw = reads.probs(system)
    value = 1.0 if temperature is None else temperature.value
    calibrated = raw if temperature is None else temperature.apply(reads.logits[system])
    before = score_quality(reads.y_true, raw, reads.patient, n_resamples=n_resamples)
    after = (
        before
        if value == 1.0
        else score_quality(reads.y_true, calibrated, reads.patient, n_resamples=n_resamples)
    )
    change = difference(
        reads.y_true, calibrated, raw, reads.patient.tolist(), n_resamples=n_resamples
    )
    return CalibrationEffect(value, before, after, change["log_loss"])


def mean_score(
    reads: Reads, system: str, temperature: Temperature | None, class_name: str
) -> dict[str, Any]:
    """Return the mean score of one class over a set of films.

    Args:
        reads: The films.
        system: Name of the system.
        temperature: Its temperature; `None` for scores as trained.
        class_name: One of the classes.

    Returns:
        {value, low, high, n}, the interval drawing whole patients.
    """
    probs = reads.probs(system) if temperature is None else temperature.apply(reads.logits[system])
    return mean_interval(
        probs[:, class_index(class_name)], reads.patient.tolist(), n_resamples=N_RESAMPLES
    )
