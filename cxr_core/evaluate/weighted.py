"""Every figure of a system on weighted films: many weightings at once, one sort a class.

With weight 1 for every film these are scikit-learn's figures; with how often each film was drawn
they are the figures of a resample. What is not defined (the recall of a class without films) is not
a number here and becomes `None` with a reason in `figure.py`.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from cxr_core.array import BoolArray, Float64Array, IntArray
from cxr_core.labels import CLASSES, N_CLASSES

LEAST_LIKELY: Final = float(np.finfo(np.float64).eps)
"""Probabilities of the true class below this count as this, as in `sklearn.metrics.log_loss`."""

OVERALL: Final = (
    "accuracy",
    "macro_auroc",
    "balanced_accuracy",
    "log_loss",
    "macro_auprc",
    "macro_f1",
    "brier",
)
"""Figures of all classes together; earlier evaluations call the third `macro_recall`."""

BY_CLASS: Final = ("recall", "specificity", "precision", "f1", "auroc", "auprc")
"""Figures of one class against the rest, stored as `<figure>_<CLASS>`."""

LESS_IS_BETTER: Final = frozenset({"log_loss", "brier"})


def figure_names() -> tuple[str, ...]:
    """Return the names of all figures, in the order of an evaluation."""
    return (*OVERALL, *(f"{name}_{label}" for name in BY_CLASS for label in CLASSES))


class WeightedFigures:
    """One system's probabilities, sorted once.

    Args:
        y_true: Class indices, shape (n,).
        probs: Shape (n, 3), in [0, 1].

    Raises:
        ValueError: If the shapes differ or a probability is not a number.
    """

    def __init__(self, y_true: IntArray, probs: Float64Array) -> None:
        probs = np.asarray(probs, np.float64)
        if probs.shape != (len(y_true), N_CLASSES) or not np.isfinite(probs).all():
            msg = (
                f"`probs` must be finite, of shape ({len(y_true)}, {N_CLASSES}). "
                f"Received: {probs.shape}, {int((~np.isfinite(probs)).sum())} not finite"
            )
            raise ValueError(msg)
        rows = np.arange(len(y_true))
        predicted = probs.argmax(axis=1) if len(probs) else np.zeros(0, np.int64)
        self._cells = np.zeros((len(y_true), N_CLASSES**2))
        self._cells[rows, y_true * N_CLASSES + predicted] = 1.0
        self._losses = np.stack([log_losses(y_true, probs), brier_scores(y_true, probs)], axis=1)
        self._ranked = [RankedScores(y_true == k, probs[:, k]) for k in range(N_CLASSES)]

    def measure(self, weights: Float64Array) -> dict[str, Float64Array]:
        """Return every figure for some weightings.

        Args:
            weights: Shape (m, n), each at least 0.

        Returns:
            Name of each of `figure_names` to shape (m,), not a number where it is not defined.
        """
        found = _count_figures((weights @ self._cells).reshape(-1, N_CLASSES, N_CLASSES))
        total = weights.sum(axis=1, keepdims=True)
        losses = divide(weights @ self._losses, total)
        found |= {"log_loss": losses[:, 0], "brier": losses[:, 1]}
        for label, ranked in zip(CLASSES, self._ranked, strict=True):
            found[f"auroc_{label}"], found[f"auprc_{label}"] = ranked.areas(weights)
        found["macro_auroc"] = _mean([found[f"auroc_{label}"] for label in CLASSES])
        found["macro_auprc"] = _mean([found[f"auprc_{label}"] for label in CLASSES])
        return {name: found[name] for name in figure_names()}


class RankedScores:
    """The scores of one class, sorted once, for the points of its curves under any weights.

    Args:
        is_positive: Shape (n,).
        scores: Shape (n,), higher for positives.
    """

    def __init__(self, is_positive: BoolArray, scores: Float64Array) -> None:
        self._order = np.argsort(-scores, kind="stable")
        ordered = scores[self._order]
        self._is_positive = is_positive[self._order].astype(np.float64)
        changes = np.flatnonzero(np.diff(ordered))
        self._ends = np.append(changes, len(ordered) - 1) if len(ordered) else changes
        self.thresholds: Float64Array = ordered[self._ends]
        """Each different score, falling; a film is called positive from its score on."""

    def counts(self, weights: Float64Array) -> tuple[Float64Array, Float64Array]:
        """Return how much is called positive from each threshold on.

        Args:
            weights: Shape (m, n).

        Returns:
            Weights of true and of false positives, each of shape (m, number of thresholds).
        """
        ordered = weights[:, self._order]
        called = ordered.cumsum(axis=1)[:, self._ends]
        hits = (ordered * self._is_positive).cumsum(axis=1)[:, self._ends]
        return hits, called - hits

    def areas(self, weights: Float64Array) -> tuple[Float64Array, Float64Array]:
        """Return the areas under both curves.

        Args:
            weights: Shape (m, n).

        Returns:
            AUROC (trapezoids, so ties count as half) and average precision (steps), each of shape
            (m,), not a number where positives or negatives have no weight.

        References:
            Hanley and McNeil 1982, doi:10.1148/radiology.143.1.7063747; Davis and Goadrich 2006,
            doi:10.1145/1143844.1143874 (no lines between points of precision and recall).
        """
        if not len(self._order):
            nothing = np.full(len(weights), np.nan)
            return nothing, nothing.copy()
        return areas_under(*self.counts(weights))


def areas_under(hits: Float64Array, misses: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Return the areas under both curves from their points; see `RankedScores.areas`.

    Args:
        hits: Weights of true positives from each threshold on, shape (m, t), t at least 1.
        misses: Weights of false positives, shape (m, t).

    Returns:
        AUROC and average precision, each of shape (m,).
    """
    steps = np.diff(hits, axis=1, prepend=0.0)
    widths = np.diff(misses, axis=1, prepend=0.0)
    n_positive, n_negative = hits[:, -1], misses[:, -1]
    auroc = divide((widths * (hits - steps / 2)).sum(axis=1), n_positive * n_negative)
    precision = divide(hits, hits + misses, otherwise=0.0)
    auprc = divide((steps * precision).sum(axis=1), n_positive)
    return auroc, np.where(n_negative > 0, auprc, np.nan)


def log_losses(y_true: IntArray, probs: Float64Array) -> Float64Array:
    """Return the negative log-likelihood of each film's true class, in nats, shape (n,).

    Args:
        y_true: Class indices, shape (n,).
        probs: Shape (n, k); values below `LEAST_LIKELY` count as that.
    """
    likely = np.asarray(probs, np.float64)[np.arange(len(y_true)), y_true]
    return np.asarray(-np.log(np.maximum(likely, LEAST_LIKELY)))


def brier_scores(y_true: IntArray, probs: Float64Array) -> Float64Array:
    """Return each film's Brier score: squared errors summed over the classes, in [0, 2].

    Args:
        y_true: Class indices, shape (n,).
        probs: Shape (n, k).

    References:
        Brier 1950, doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2.
    """
    truth = np.eye(N_CLASSES)[y_true]
    return np.asarray(((np.asarray(probs, np.float64) - truth) ** 2).sum(axis=1))


def divide(over: Float64Array, under: Float64Array, *, otherwise: float = np.nan) -> Float64Array:
    """Divide, without a warning, where that is defined.

    Args:
        over: Any shape.
        under: A shape that fits.
        otherwise: What stands where `under` is 0.

    Returns:
        A new array.
    """
    out = np.full(np.broadcast_shapes(over.shape, under.shape), otherwise)
    np.divide(over, under, out=out, where=under > 0)
    return out


def _count_figures(confusion: Float64Array) -> dict[str, Float64Array]:
    """Return the figures of confusion matrices, shape (m, 3, 3), rows are true classes."""
    hits = np.diagonal(confusion, axis1=1, axis2=2)
    of_class, called = confusion.sum(axis=2), confusion.sum(axis=1)
    total = confusion.sum(axis=(1, 2))
    recall = divide(hits, of_class)
    others = total[:, np.newaxis] - of_class
    columns = {
        "recall": recall,
        "specificity": divide(others - (called - hits), others),
        "precision": divide(hits, called),
        "f1": divide(2 * hits, of_class + called),
    }
    found = {
        f"{name}_{label}": values[:, k]
        for name, values in columns.items()
        for k, label in enumerate(CLASSES)
    }
    return found | {
        "accuracy": divide(hits.sum(axis=1), total),
        "balanced_accuracy": _mean(list(recall.T)),
        "macro_f1": _mean(list(columns["f1"].T)),
    }


def _mean(columns: list[Float64Array]) -> Float64Array:
    """Return the mean over the classes for which a figure is defined."""
    stacked = np.stack(columns)
    is_defined = ~np.isnan(stacked)
    return divide(np.where(is_defined, stacked, 0.0).sum(axis=0), is_defined.sum(axis=0) * 1.0)
