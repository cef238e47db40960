"""Resamples of whole patients, as how often each film is drawn: one table for all figures.

A resample of patients is a weight for every film, so a figure of a resample is a weighted figure of
the same films. Nothing is copied or sorted again, and two systems measured on one table are paired.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from cxr_core.array import Float64Array, IntArray

N_RESAMPLES: Final = 2000
CONFIDENCE: Final = 0.95
_CELLS_AT_ONCE: Final = 400_000
"""Resamples times films that are weighed at a time; what fits the processor's cache."""


@dataclass(frozen=True, eq=False)
class Resamples:
    """How often each patient is drawn in each resample.

    Attributes:
        patient: Number of each film's patient, from 0 in the order of first films, shape (n,).
        n_drawn: Times each patient is drawn, shape (n_resamples, n_patients), uint16.
    """

    patient: IntArray
    n_drawn: npt.NDArray[np.uint16]

    @classmethod
    def draw(
        cls, patients: Sequence[Hashable] | IntArray, *, n_resamples: int, seed: int = 0
    ) -> Resamples:
        """Draw whole patients with replacement, as many as there are.

        Args:
            patients: Patient of each film.
            n_resamples: Number of resamples; 0 is allowed.
            seed: The same films, number and seed give the same resamples.

        Returns:
            The resamples.

        Raises:
            ValueError: If `n_resamples` is negative.

        References:
            Field and Welsh 2007, doi:10.1111/j.1467-9868.2007.00593.x (cluster bootstrap).
        """
        if n_resamples < 0:
            msg = f"`n_resamples` must be 0 or more. Received: n_resamples={n_resamples}"
            raise ValueError(msg)
        numbers = numbered(patients)
        n_patients = int(numbers.max()) + 1 if len(numbers) else 0
        n_drawn = np.zeros((n_resamples, n_patients), np.uint16)
        if n_patients:
            rng = np.random.default_rng(seed)
            step = max(1, _CELLS_AT_ONCE // n_patients)
            for start in range(0, n_resamples, step):
                n_rows = min(step, n_resamples - start)
                chosen = rng.integers(n_patients, size=(n_rows, n_patients))
                chosen += n_patients * np.arange(n_rows)[:, np.newaxis]
                counts = np.bincount(chosen.ravel(), minlength=n_rows * n_patients)
                n_drawn[start : start + n_rows] = counts.reshape(n_rows, n_patients)
        return cls(numbers, n_drawn)

    def __len__(self) -> int:
        """Return the number of resamples."""
        return len(self.n_drawn)

    @property
    def n_patients(self) -> int:
        """Number of different patients."""
        return int(self.n_drawn.shape[1])

    def weights(self) -> Iterator[Float64Array]:
        """Yield the weight of each film, some resamples at a time.

        Yields:
            Shape (some resamples, n), float64, whole numbers; together all resamples in order.
        """
        step = max(1, _CELLS_AT_ONCE // max(1, len(self.patient)))
        for start in range(0, len(self), step):
            yield self.n_drawn[start : start + step, self.patient].astype(np.float64)

    def means(self, values: Float64Array) -> Float64Array:
        """Return the mean of one number a film in each resample.

        Args:
            values: Shape (n,), finite.

        Returns:
            Shape (n_resamples,).
        """
        totals = np.bincount(self.patient, weights=values, minlength=self.n_patients)
        n_films = np.bincount(self.patient, minlength=self.n_patients)
        return np.asarray((self.n_drawn @ totals) / (self.n_drawn @ n_films.astype(np.float64)))


def numbered(patients: Sequence[Hashable] | IntArray) -> IntArray:
    """Number the patients in the order of their first films.

    Args:
        patients: Patient of each film.

    Returns:
        One number a film, from 0, shape (n,).
    """
    listed = patients.tolist() if isinstance(patients, np.ndarray) else list(patients)
    names = {patient: i for i, patient in enumerate(dict.fromkeys(listed))}
    return np.array([names[patient] for patient in listed], np.int64)


def interval_ends(values: Float64Array) -> tuple[float | None, float | None]:
    """Return the ends of the percentile interval.

    Args:
        values: One figure a resample, not a number where it has no value.

    Returns:
        The 2.5 % and 97.5 % quantiles of the defined ones; `None` twice if fewer than half are
        defined.

    References:
        Efron and Tibshirani 1993, chapter 13 (percentile interval).
    """
    defined = values[~np.isnan(values)]
    if len(defined) * 2 < len(values) or not len(defined):
        return None, None
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(defined, [tail, 1 - tail])
    return float(low), float(high)
