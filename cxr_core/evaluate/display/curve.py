"""Curves of one class against the rest, and bands from resamples of whole patients."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self

import numpy as np

from cxr_core.array import BoolArray, Float64Array, IntArray
from cxr_core.errors import NotApplicableError
from cxr_core.evaluate.figure import figure
from cxr_core.evaluate.resample import CONFIDENCE, Resamples
from cxr_core.evaluate.weighted import RankedScores, areas_under
from cxr_core.labels import CLASS_TITLES, CLASSES, N_CLASSES

N_BAND_RESAMPLES: Final = 500
"""Resamples behind a band; its ends are quantiles at every point and need fewer than a figure."""

GRID: Final = np.linspace(0.0, 1.0, 101)

BandOf = Callable[[Float64Array, Float64Array], Float64Array]
"""As `CurveDisplay.heights`."""


@dataclass(frozen=True, eq=False)
class ClassCurve:
    """One class's curve.

    Attributes:
        label: The class.
        n_positive: Films of the class.
        n_negative: Other films.
        thresholds: Score from which on a film is called the class, falling, shape (t,).
        n_hits: Films of the class called it from each threshold on, shape (t,).
        n_misses: Other films called it from each threshold on, shape (t,).
        area: Area under the curve as {value, low, high}.
        low: Lower edge of the band over `GRID`, shape (101,); `None` where there is none.
        high: Upper edge.
    """

    label: str
    n_positive: int
    n_negative: int
    thresholds: Float64Array
    n_hits: Float64Array
    n_misses: Float64Array
    area: dict[str, Any]
    low: Float64Array | None
    high: Float64Array | None

    @property
    def n(self) -> int:
        """Number of films."""
        return self.n_positive + self.n_negative


def checked(y_true: Any, y_prob: Any) -> tuple[IntArray, Float64Array]:
    """Check labels and probabilities of a display.

    Args:
        y_true: Class indices, shape (n,).
        y_prob: Probabilities, shape (n, 3), finite.

    Returns:
        Both as arrays, int64 and float64.

    Raises:
        ValueError: If shapes or values do not fit.
        NotApplicableError: If there is no film.
    """
    truth, probs = np.asarray(y_true, np.int64), np.asarray(y_prob, np.float64)
    if truth.ndim != 1 or probs.shape != (len(truth), N_CLASSES):
        msg = (
            f"`y_prob` must have shape (n, {N_CLASSES}) for `y_true` of shape (n,). "
            f"Received: {probs.shape} and {truth.shape}"
        )
        raise ValueError(msg)
    if not len(truth):
        msg = "`y_true` must hold at least one film. Received: no film"
        raise NotApplicableError(msg, hint="Choose a set that holds films.")
    if truth.min() < 0 or truth.max() >= N_CLASSES or not np.isfinite(probs).all():
        msg = f"`y_true` must be in [0, {N_CLASSES}) and `y_prob` finite. Received: other values"
        raise ValueError(msg)
    return truth, probs


def patients_or_films(patients: Sequence[Hashable] | IntArray | None, n: int) -> Any:
    """Return the patient of each film; a film whose patient nobody told is one of its own."""
    return np.arange(n) if patients is None else patients


@dataclass(frozen=True, eq=False)
class CurveDisplay:
    """One curve a class that has films, with bands; what kind of curve, a subclass says.

    Attributes:
        curves: Class to curve.
        reasons: Class to the reason why it has no curve.
        n_patients: Number of different patients.
        n_resamples: Resamples behind bands and areas.
    """

    AREA: ClassVar[int]
    """0 for AUROC, 1 for average precision."""

    curves: Mapping[str, ClassCurve]
    reasons: Mapping[str, str]
    n_patients: int
    n_resamples: int

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_prob: Any,
        *,
        patients: Sequence[Hashable] | IntArray | None = None,
        n_resamples: int = N_BAND_RESAMPLES,
        seed: int = 0,
    ) -> Self:
        """Draw up the curves.

        Args:
            y_true: Class indices, shape (n,).
            y_prob: Probabilities, shape (n, 3).
            patients: Patient of each film; every film is a patient of its own if `None`.
            n_resamples: Resamples of patients behind bands and areas.
            seed: Seed of the resamples.

        Returns:
            The display.

        Raises:
            ValueError: If shapes or values do not fit.
            NotApplicableError: If there is no film.
        """
        truth, probs = checked(y_true, y_prob)
        resamples = Resamples.draw(
            patients_or_films(patients, len(truth)), n_resamples=n_resamples, seed=seed
        )
        curves, reasons = _class_curves(truth, probs, resamples, (cls.AREA, cls.heights))
        return cls(curves, reasons, resamples.n_patients, n_resamples)

    @staticmethod
    def heights(hits: Float64Array, misses: Float64Array) -> Float64Array:
        """Return the heights over `GRID` that each resample reaches.

        Args:
            hits: Weights of true positives from each threshold on, shape (m, t).
            misses: Weights of false positives, shape (m, t).

        Returns:
            Shape (m, 101); not a number where a resample has no curve.
        """
        raise NotImplementedError


def _class_curves(
    y_true: IntArray, y_prob: Float64Array, resamples: Resamples, kind: tuple[int, BandOf]
) -> tuple[dict[str, ClassCurve], dict[str, str]]:
    """Return the curve of each class that has one, and why the others have none."""
    curves, reasons = {}, {}
    for k, label in enumerate(CLASSES):
        is_positive = y_true == k
        if not is_positive.any():
            reasons[label] = f"no film is of {CLASS_TITLES[label]}"
        elif is_positive.all():
            reasons[label] = f"every film is of {CLASS_TITLES[label]}"
        else:
            ranked = RankedScores(is_positive, y_prob[:, k])
            curves[label] = _curve(label, is_positive, ranked, resamples, kind)
    return curves, reasons


def _curve(
    label: str,
    is_positive: BoolArray,
    ranked: RankedScores,
    resamples: Resamples,
    kind: tuple[int, BandOf],
) -> ClassCurve:
    """Return one curve with its area and band."""
    area, band_of = kind
    plain = np.ones((1, len(is_positive)))
    hits, misses = ranked.counts(plain)
    areas, heights = [np.empty(0)], [np.empty((0, len(GRID)))]
    for weights in resamples.weights():
        points = ranked.counts(weights)
        areas.append(areas_under(*points)[area])
        heights.append(band_of(*points))
    found = figure(
        float(areas_under(hits, misses)[area][0]),
        np.concatenate(areas),
        resamples.n_patients,
        needs_spread=True,
    )
    low = high = None
    if resamples.n_patients > 1 and len(resamples):
        low, high = _edges(np.concatenate(heights))
    return ClassCurve(
        label=label,
        n_positive=int(is_positive.sum()),
        n_negative=int((~is_positive).sum()),
        thresholds=ranked.thresholds,
        n_hits=hits[0],
        n_misses=misses[0],
        area=found,
        low=low,
        high=high,
    )


def _edges(heights: Float64Array) -> tuple[Float64Array | None, Float64Array | None]:
    """Return the quantiles at every point of the grid, of resamples that have the curve."""
    defined = heights[~np.isnan(heights).any(axis=1)]
    if len(defined) * 2 < len(heights):
        return None, None
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(defined, [tail, 1 - tail], axis=0)
    return low, high
