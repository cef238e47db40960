"""Figures of probabilities with intervals that know which films are of one patient."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, Final

import numpy as np
from scipy.stats import rankdata

from cxr_core.array import BoolArray, Float64Array, IntArray
from cxr_core.evaluate.figure import Measured, figure
from cxr_core.evaluate.resample import Resamples
from cxr_core.evaluate.weighted import log_losses

N_RESAMPLES: Final = 1000
"""Resamples where a caller names no number; an evaluation draws `resample.N_RESAMPLES`."""


def auroc(is_positive: BoolArray, scores: Float64Array) -> float:
    """Return the area under the ROC curve.

    Args:
        is_positive: Shape (n,).
        scores: Shape (n,), higher for positives.

    Returns:
        Share of (positive, negative) pairs in the right order, ties counted as half; not a number
        where one side is empty.

    References:
        Hanley and McNeil 1982, doi:10.1148/radiology.143.1.7063747 (the Mann-Whitney statistic).
    """
    n_positive = int(is_positive.sum())
    n_negative = len(is_positive) - n_positive
    if not (n_positive and n_negative):
        return float("nan")
    ranks = rankdata(scores)
    total = float(ranks[is_positive].sum()) - n_positive * (n_positive + 1) / 2
    return total / (n_positive * n_negative)


def log_loss(y_true: IntArray, probs: Float64Array) -> float:
    """Return the mean negative log-likelihood of the true class.

    Args:
        y_true: Class indices, shape (n,).
        probs: Shape (n, k); values below 2.2e-16 count as that, as in scikit-learn.

    Returns:
        At least 0, in nats.
    """
    return float(log_losses(y_true, probs).mean())


def figures(
    y_true: IntArray,
    probs: Float64Array,
    patients: Sequence[Hashable],
    *,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
) -> dict[str, Any]:
    """Measure probabilities, each figure with a patient-bootstrap interval.

    Whole patients are drawn with replacement, all their films together, so films of one patient do
    not count as independent. Interval ends are the 2.5 % and 97.5 % quantiles of the resamples.

    Args:
        y_true: Class indices, shape (n,), n >= 1.
        probs: Shape (n, k).
        patients: Patient of each film.
        n_resamples: Number of resamples.
        seed: Seed of the resamples; the same films give the same intervals.

    Returns:
        JSON-ready values: each of `weighted.figure_names` as {value, low, high}; `n`,
        `n_patients`. What is not defined is `None`, with the reason beside it.

    References:
        Efron and Tibshirani 1993, chapter 13 (percentile interval); Field and Welsh 2007,
        doi:10.1111/j.1467-9868.2007.00593.x (cluster bootstrap).
    """
    resamples = Resamples.draw(patients, n_resamples=n_resamples, seed=seed)
    return Measured(y_true, probs, resamples).to_dict()


def mean_interval(
    values: Float64Array | Sequence[float],
    patients: Sequence[Hashable],
    *,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
) -> dict[str, Any]:
    """Return the mean of one number a film with a patient-bootstrap interval.

    Args:
        values: Shape (n,); films without a value (not a number) are left out.
        patients: Patient of each film.
        n_resamples: Number of resamples.
        seed: Seed of the resamples.

    Returns:
        JSON-ready {value, low, high, n}; `None` for the first three where no film has a value.
        Where all films are of one patient, both ends are `None`: nothing can be resampled.
    """
    values = np.asarray(values, np.float64)
    kept = ~np.isnan(values)
    if not kept.any():
        return {"value": None, "low": None, "high": None, "n": 0}
    own = [patient for patient, is_kept in zip(patients, kept, strict=True) if is_kept]
    resamples = Resamples.draw(own, n_resamples=n_resamples, seed=seed)
    n_patients = resamples.n_patients
    found = figure(float(values[kept].mean()), resamples.means(values[kept]), n_patients)
    return {**{end: found[end] for end in ("value", "low", "high")}, "n": int(kept.sum())}


def difference(
    y_true: IntArray,
    probs: Float64Array,
    other: Float64Array,
    patients: Sequence[Hashable],
    *,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
) -> dict[str, Any]:
    """Compare two sets of probabilities of the same films, patient by patient.

    Args:
        y_true: Class indices, shape (n,).
        probs: Shape (n, k).
        other: Shape (n, k), what `probs` is compared with.
        patients: Patient of each film.
        n_resamples: Number of resamples.
        seed: Seed of the resamples.

    Returns:
        `accuracy` and `log_loss`, each {value, low, high}: the figure of `probs` less that of
        `other`, with a paired patient-bootstrap interval.
    """
    gained = {
        "accuracy": (probs.argmax(axis=1) == y_true).astype(float)
        - (other.argmax(axis=1) == y_true),
        "log_loss": log_losses(y_true, probs) - log_losses(y_true, other),
    }
    resamples = Resamples.draw(patients, n_resamples=n_resamples, seed=seed)
    return {
        name: figure(float(values.mean()), resamples.means(values), resamples.n_patients)
        for name, values in gained.items()
    }
