"""The figures of an audit: few, each with n and an interval, ready for JSON."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from cxr_core.array import BoolArray, Float64Array
from cxr_core.evaluate.figure import Measured
from cxr_core.evaluate.metrics import patient_wilson
from cxr_core.evaluate.reads import FilmList
from cxr_core.evaluate.resample import N_RESAMPLES, Resamples
from cxr_core.labels import CLASSES

FIGURES: Final = ("accuracy", "balanced_accuracy", "macro_auroc")
"""Keys of the three figures of a classifier."""

MIN_FILMS: Final = 20
"""Fewer films than this are said to be too few."""


def classifier_figures(
    films: FilmList, probs: Float64Array, *, n_resamples: int = N_RESAMPLES
) -> dict[str, Any]:
    """Measure what a classifier says of labelled films.

    Args:
        films: The films.
        probs: Shape (n, 3).
        n_resamples: Resamples of patients.

    Returns:
        `n`, `n_patients`, each of `FIGURES` and `recall_<CLASS>` as {value, low, high}, with
        a `reason` where one is `None`, and `called` as `called_shares` gives it.
    """
    resamples = Resamples.draw(films.patient, n_resamples=n_resamples)
    found = Measured(films.y_true, probs, resamples).to_dict()
    kept = ("n", "n_patients", *FIGURES, *(f"recall_{label}" for label in CLASSES))
    return {**{name: found[name] for name in kept}, "called": called_shares(films, probs)}


def called_shares(films: FilmList, probs: Float64Array) -> dict[str, Any]:
    """Return how many films are called each class.

    Args:
        films: The films.
        probs: Shape (n, 3).

    Returns:
        Class to {value, low, high, n_hits, n}; Wilson's intervals with films of one patient
        counted for what they are worth.
    """
    labels = probs.argmax(axis=1) if len(probs) else np.empty(0, np.int64)
    return {
        name: patient_wilson(labels == k, films.patient).to_dict() for k, name in enumerate(CLASSES)
    }


def share(is_hit: BoolArray, films: FilmList) -> dict[str, Any]:
    """Return the share of films that something holds for.

    Args:
        is_hit: Shape (n,).
        films: The films.

    Returns:
        {value, low, high, n_hits, n}, Wilson's interval by patients.
    """
    return patient_wilson(is_hit, films.patient).to_dict()


def left_out(films: FilmList, is_in: BoolArray) -> dict[str, int]:
    """Count the films of each class that take no part.

    Args:
        films: All films.
        is_in: Which take part, shape (n,).

    Returns:
        Class to number of films.
    """
    return films.take(~is_in).n_by_class
