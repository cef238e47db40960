"""Figures of probabilities with intervals that know which films are of one patient."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from cxr_core.labels import CLASSES, N_CLASSES

N_RESAMPLES: Final = 1000
CONFIDENCE: Final = 0.95

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


def auroc(is_positive: npt.NDArray[np.bool_], scores: FloatArray) -> float:
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


def macro_auroc(y_true: IntArray, probs: FloatArray) -> float:
    """Return the mean over the classes present of one-against-rest AUROC.

    Args:
        y_true: Class indices, shape (n,).
        probs: Shape (n, k).

    Returns:
        In [0, 1], or not a number where fewer than two classes are present.
    """
    areas = [auroc(y_true == k, probs[:, k]) for k in np.unique(y_true)]
    return float(np.mean(areas)) if len(areas) > 1 else float("nan")


def macro_recall(y_true: IntArray, probs: FloatArray) -> float:
    """Return the mean recall over the classes present (balanced accuracy).

    Args:
        y_true: Class indices, shape (n,).
        probs: Shape (n, k).

    Returns:
        In [0, 1].
    """
    predicted = probs.argmax(axis=1)
    return float(np.mean([(predicted == k)[y_true == k].mean() for k in np.unique(y_true)]))


def log_loss(y_true: IntArray, probs: FloatArray) -> float:
    """Return the mean negative log-likelihood of the true class.

    Args:
        y_true: Class indices, shape (n,).
        probs: Shape (n, k); values below 1e-12 count as 1e-12.

    Returns:
        At least 0, in nats.
    """
    likely = probs[np.arange(len(y_true)), y_true]
    return float(-np.log(np.maximum(likely, 1e-12)).mean())


def figures(
    y_true: IntArray,
    probs: FloatArray,
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
        JSON-ready values: `accuracy`, `macro_auroc`, `macro_recall`, `log_loss` and
        `recall_<CLASS>` for classes present, each {value, low, high}; `n`, `n_patients`.
        Ends are `None` where a figure is not defined in most resamples.

    References:
        Efron and Tibshirani 1993, chapter 13 (percentile interval); Field and Welsh 2007,
        doi:10.1111/j.1467-9868.2007.00593.x (cluster bootstrap).
    """
    cluster = _numbered(patients)
    order = np.argsort(cluster, kind="stable")
    films_of = np.split(order, np.cumsum(np.bincount(cluster))[:-1])
    measured = _measure(y_true, probs)
    rng = np.random.default_rng(seed)
    drawn: dict[str, list[float]] = {name: [] for name in measured}
    for _ in range(n_resamples):
        chosen = rng.integers(len(films_of), size=len(films_of))
        rows = np.concatenate([films_of[i] for i in chosen])
        sample = _measure(y_true[rows], probs[rows])
        for name, values in drawn.items():
            values.append(sample.get(name, float("nan")))
    result: dict[str, Any] = {"n": len(y_true), "n_patients": len(films_of)}
    for name, value in measured.items():
        low, high = _ends(drawn[name])
        result[name] = {
            "value": None if np.isnan(value) else value,
            "low": low,
            "high": high,
        }
    return result


def mean_interval(
    values: FloatArray,
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
    kept = ~np.isnan(values)
    if not kept.any():
        return {"value": None, "low": None, "high": None, "n": 0}
    cluster = _numbered(
        [patient for patient, is_kept in zip(patients, kept, strict=True) if is_kept]
    )
    totals = np.bincount(cluster, weights=values[kept])
    n_films = np.bincount(cluster)
    low = high = None
    if len(n_films) > 1:
        rng = np.random.default_rng(seed)
        chosen = rng.integers(len(n_films), size=(n_resamples, len(n_films)))
        low, high = _ends(list(totals[chosen].sum(axis=1) / n_films[chosen].sum(axis=1)))
    return {"value": float(values[kept].mean()), "low": low, "high": high, "n": int(kept.sum())}


def _numbered(patients: Sequence[Hashable]) -> IntArray:
    """Number the patients in the order of their first films; one number a film."""
    names = {patient: i for i, patient in enumerate(dict.fromkeys(patients))}
    return np.array([names[patient] for patient in patients], np.int64)


def _measure(y_true: IntArray, probs: FloatArray) -> dict[str, float]:
    """Return every figure of one set of films."""
    predicted = probs.argmax(axis=1)
    values = {
        "accuracy": float((predicted == y_true).mean()),
        "macro_auroc": macro_auroc(y_true, probs),
        "macro_recall": macro_recall(y_true, probs),
        "log_loss": log_loss(y_true, probs),
    }
    for k in range(N_CLASSES):
        of_class = y_true == k
        if of_class.any():
            values[f"recall_{CLASSES[k]}"] = float((predicted == k)[of_class].mean())
    return values


def _ends(values: list[float]) -> tuple[float | None, float | None]:
    """Return the ends of the percentile interval, or nothing if most resamples have no value."""
    defined = np.array(values)[~np.isnan(values)]
    if len(defined) * 2 < len(values) or not len(defined):
        return None, None
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(defined, [tail, 1 - tail])
    return float(low), float(high)


def difference(
    y_true: IntArray,
    probs: FloatArray,
    other: FloatArray,
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
    rows = np.arange(len(y_true))
    gained = {
        "accuracy": (probs.argmax(axis=1) == y_true).astype(float)
        - (other.argmax(axis=1) == y_true),
        "log_loss": np.log(np.maximum(other[rows, y_true], 1e-12))
        - np.log(np.maximum(probs[rows, y_true], 1e-12)),
    }
    cluster = _numbered(patients)
    n_films = np.bincount(cluster)
    rng = np.random.default_rng(seed)
    chosen = rng.integers(len(n_films), size=(n_resamples, len(n_films)))
    result = {}
    for name, values in gained.items():
        totals = np.bincount(cluster, weights=values)
        low, high = _ends(list(totals[chosen].sum(axis=1) / n_films[chosen].sum(axis=1)))
        result[name] = {"value": float(values.mean()), "low": low, "high": high}
    return result


def mean_figure(
    values: Sequence[float],
    patients: Sequence[Hashable],
    *,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
) -> dict[str, Any]:
    """Return the mean of one number a film, with a patient-bootstrap interval.

    Args:
        values: One number a film, at least one.
        patients: Patient of each film.
        n_resamples: Number of resamples.
        seed: Seed of the resamples.

    Returns:
        As `mean_interval`, and n_patients.
    """
    figure = mean_interval(
        np.asarray(values, np.float64), patients, n_resamples=n_resamples, seed=seed
    )
    return {**figure, "n_patients": len(set(patients))}
