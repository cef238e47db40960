"""Counts, shares and their intervals for one system on labelled films."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from cxr_core.array import BoolArray, IntArray
from cxr_core.labels import CLASSES


@dataclass(frozen=True)
class Proportion:
    """A share with its interval.

    Attributes:
        n_hits: Films counted.
        n: Films looked at.
        low: Lower end of the interval, in [0, 1]; `None` where n is 0.
        high: Upper end of the interval, in [0, 1]; `None` where n is 0.
    """

    n_hits: int
    n: int
    low: float | None
    high: float | None

    @property
    def value(self) -> float | None:
        """The share itself, or `None` where n is 0."""
        return self.n_hits / self.n if self.n else None

    def to_dict(self) -> dict[str, Any]:
        """Return value, interval and counts as JSON-ready values."""
        return {
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "n_hits": self.n_hits,
            "n": self.n,
        }

    def __str__(self) -> str:
        """Return for example `0.964 (0.951 to 0.974, n = 1078)`."""
        if self.value is None:
            return "not measured (n = 0)"
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f}, n = {self.n})"


def wilson(n_hits: int, n: int, *, confidence: float = 0.95) -> Proportion:
    """Return a share with Wilson's score interval.

    Args:
        n_hits: Films counted, in [0, n].
        n: Films looked at; 0 gives a proportion without value.
        confidence: Coverage of the interval, in (0, 1).

    Returns:
        The proportion. Films of one patient are counted as if independent.

    Raises:
        ValueError: If the counts or the confidence are out of range.

    References:
        Wilson 1927, doi:10.1080/01621459.1927.10502953.
    """
    if not 0 <= n_hits <= n:
        msg = f"`n_hits` must be in [0, n]. Received: n_hits={n_hits}, n={n}"
        raise ValueError(msg)
    if not 0 < confidence < 1:
        msg = f"`confidence` must be in (0, 1). Received: confidence={confidence}"
        raise ValueError(msg)
    if n == 0:
        return Proportion(0, 0, None, None)
    return Proportion(n_hits, n, *wilson_ends(n_hits / n, n, confidence=confidence))


def wilson_ends(share: float, n: float, *, confidence: float = 0.95) -> tuple[float, float]:
    """Return the ends of Wilson's interval of a share.

    Args:
        share: In [0, 1].
        n: How many independent films it is of, more than 0; need not be whole.
        confidence: Coverage of the interval, in (0, 1).

    Returns:
        Lower and upper end, in [0, 1].
    """
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    # at 0 and 1 rounding would leave an end a little inside
    low = 0.0 if share == 0 else max(0.0, centre - half)
    high = 1.0 if share == 1 else min(1.0, centre + half)
    return low, high


def patient_wilson(
    is_hit: BoolArray,
    patient: npt.NDArray[np.integer[Any]],
    *,
    confidence: float = 0.95,
) -> Proportion:
    """Return a share with Wilson's interval, films of one patient counted for what they are worth.

    The interval is that of as many independent films as would make the share as sure as it is
    (`n_independent`). Good for small groups and shares near 0 or 1, where resampling is not.

    Args:
        is_hit: Shape (n,).
        patient: Number of each film's patient, shape (n,).
        confidence: Coverage of the interval, in (0, 1).

    Returns:
        The proportion; counts are films.

    References:
        Korn and Graubard 1998, "Confidence intervals for proportions with small expected number of
        positive counts estimated from survey data" (effective number); Franco and others 2019,
        doi:10.1093/jssam/smy019 (Wilson's interval with it).
    """
    n, n_hits = len(is_hit), int(is_hit.sum())
    if n == 0:
        return Proportion(0, 0, None, None)
    worth = n_independent(is_hit, patient)
    return Proportion(n_hits, n, *wilson_ends(n_hits / n, worth, confidence=confidence))


def n_independent(is_hit: BoolArray, patient: npt.NDArray[np.integer[Any]]) -> float:
    """Return how many independent films tell as much of a share as these films do.

    Args:
        is_hit: Shape (n,), n >= 1.
        patient: Number of each film's patient, shape (n,).

    Returns:
        n over the design effect, in (0, n]; n where every patient has one film. Where all films
        agree nothing tells how alike films of a patient are, and it is the number of patients.
    """
    n, share = len(is_hit), float(is_hit.mean())
    _, cluster = np.unique(patient, return_inverse=True)
    n_patients = int(cluster.max()) + 1
    if share in (0.0, 1.0) or n_patients == 1:
        return float(n_patients)
    totals = np.bincount(cluster, weights=is_hit - share)
    variance = n_patients / (n_patients - 1) * float((totals**2).sum()) / n**2
    effect = variance / (share * (1 - share) / (n - 1))
    return n / max(1.0, effect)


def confusion_matrix(
    y_true: npt.NDArray[np.integer[Any]], y_pred: npt.NDArray[np.integer[Any]]
) -> IntArray:
    """Count films by true and predicted class.

    Args:
        y_true: Class indices, shape (n,).
        y_pred: Class indices, shape (n,).

    Returns:
        Shape (k, k), int64; rows are true classes, columns predicted ones.

    Raises:
        ValueError: If the shapes differ or an index is not a class.
    """
    n_classes = len(CLASSES)
    if y_true.shape != y_pred.shape or y_true.ndim != 1:
        msg = (
            "`y_true` and `y_pred` must have one shape (n,). "
            f"Received: {y_true.shape} and {y_pred.shape}"
        )
        raise ValueError(msg)
    both = np.concatenate([y_true, y_pred])
    if both.size and (both.min() < 0 or both.max() >= n_classes):
        msg = f"Class indices must be in [0, {n_classes}). Received: {both.min()} to {both.max()}"
        raise ValueError(msg)
    flat = np.bincount(y_true * n_classes + y_pred, minlength=n_classes**2)
    return flat.reshape(n_classes, n_classes).astype(np.int64)


def classification_summary(confusion: npt.NDArray[np.integer[Any]]) -> dict[str, Any]:
    """Summarise a confusion matrix as JSON-ready values.

    Args:
        confusion: Shape (k, k), rows are true classes.

    Returns:
        Accuracy, recall and precision by class, and the share of each true class that was called
        each class, all as proportions with Wilson intervals; classes without films have `None`.
    """
    rows, columns = confusion.sum(axis=1), confusion.sum(axis=0)
    diagonal = np.diag(confusion)
    return {
        "n": int(confusion.sum()),
        "accuracy": wilson(int(diagonal.sum()), int(confusion.sum())).to_dict(),
        "recall": {
            name: wilson(int(diagonal[i]), int(rows[i])).to_dict() for i, name in enumerate(CLASSES)
        },
        "precision": {
            name: wilson(int(diagonal[i]), int(columns[i])).to_dict()
            for i, name in enumerate(CLASSES)
        },
        "called": {
            name: wilson(int(columns[i]), int(confusion.sum())).to_dict()
            for i, name in enumerate(CLASSES)
        },
        "confusion": {
            true: {called: int(confusion[i, j]) for j, called in enumerate(CLASSES)}
            for i, true in enumerate(CLASSES)
        },
    }
