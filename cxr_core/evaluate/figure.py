"""Figures with intervals as JSON-ready values; what is not defined is `None` with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from cxr_core.array import BoolArray, Float64Array, IntArray
from cxr_core.evaluate.metrics import confusion_matrix, wilson_ends
from cxr_core.evaluate.resample import Resamples, interval_ends
from cxr_core.evaluate.weighted import OVERALL, WeightedFigures, figure_names
from cxr_core.labels import CLASS_TITLES, CLASSES

NO_FILM: Final = "there is no film"
TWO_CLASSES: Final = "films of at least two classes are needed"
ONE_PATIENT: Final = "all films are of one patient, so nothing can be resampled"
NOT_RESAMPLED: Final = "no resamples were drawn"
RARELY_DEFINED: Final = "not defined in most resamples"
NO_SPREAD: Final = "the same in every resample, so resampling tells nothing"


class Measured:
    """One system's figures on a set of films and on every resample of its patients.

    Args:
        y_true: Class indices, shape (n,).
        probs: Shape (n, 3).
        resamples: Of the patients of the same films.
    """

    def __init__(self, y_true: IntArray, probs: Float64Array, resamples: Resamples) -> None:
        weighted = WeightedFigures(y_true, probs)
        whole = weighted.measure(np.ones((1, len(y_true))))
        chunks = [weighted.measure(weights) for weights in resamples.weights()]
        self.resamples = resamples
        self.values = {name: float(value[0]) for name, value in whole.items()}
        """Name to the figure of the films as they are; not a number where it is not defined."""
        self.drawn: dict[str, Float64Array] = {
            name: np.concatenate([np.empty(0), *(chunk[name] for chunk in chunks)])
            for name in whole
        }
        """Name to the figure of each resample, shape (n_resamples,)."""
        self._y_true = y_true
        self._called = np.asarray(probs).argmax(axis=1) if len(y_true) else y_true
        self._confusion = confusion_matrix(self._y_true, self._called)

    def to_dict(self) -> dict[str, Any]:
        """Return every figure as {value, low, high}, and n and n_patients.

        What is not defined is `None`, with one sentence under `reason`. Where every resample gives
        the same value, resampling tells nothing: a share then has Wilson's interval with as many
        films as there are patients, another figure has none.
        """
        found: dict[str, Any] = {
            "n": len(self._y_true),
            "n_patients": self.resamples.n_patients,
        }
        for name in figure_names():
            entry = figure(
                self.values[name],
                self.drawn[name],
                self.resamples.n_patients,
                reason=self.reason(name),
                needs_spread=True,
            )
            found[name] = self._share_without_spread(name) or entry
        return found

    def reason(self, name: str) -> str | None:
        """Say why a figure has no value; `None` where it has one."""
        return reason_undefined(name, self._confusion)

    def _share_without_spread(self, name: str) -> dict[str, Any] | None:
        """Return a share of 0 or 1 with Wilson's interval; `None` for every other figure."""
        rows, value = self._counted(name), self.values[name]
        if rows is None or value not in (0.0, 1.0) or self.resamples.n_patients < 2:
            return None
        low, high = wilson_ends(value, len(np.unique(self.resamples.patient[rows])))
        return {"value": value, "low": low, "high": high}

    def _counted(self, name: str) -> BoolArray | None:
        """Return the films that a share is of; `None` for a figure that is no share."""
        if name == "accuracy":
            return np.ones(len(self._y_true), bool)
        kind, _, label = name.partition("_")
        if label not in CLASSES or kind not in ("recall", "specificity", "precision"):
            return None
        k = CLASSES.index(label)
        if kind == "precision":
            return np.asarray(self._called == k)
        return np.asarray((self._y_true == k) == (kind == "recall"))


def figure(
    value: float,
    drawn: Float64Array,
    n_patients: int,
    *,
    reason: str | None = None,
    needs_spread: bool = False,
) -> dict[str, Any]:
    """Return one figure with its interval.

    Args:
        value: The figure; not a number where it is not defined.
        drawn: The same of each resample, shape (n_resamples,).
        n_patients: Number of different patients; one patient has no interval.
        reason: Why the figure is not defined.
        needs_spread: Give no interval where every resample has the same value, as that of an area
            of 1 has. A difference of 0 between equal systems is as it should be.

    Returns:
        {value, low, high}, and `reason` where one of them is `None`.
    """
    if np.isnan(value):
        return {"value": None, "low": None, "high": None, "reason": reason or TWO_CLASSES}
    if n_patients < 2:
        return {"value": value, "low": None, "high": None, "reason": ONE_PATIENT}
    low, high = interval_ends(drawn)
    if low is None:
        why = RARELY_DEFINED if len(drawn) else NOT_RESAMPLED
        return {"value": value, "low": None, "high": None, "reason": why}
    if needs_spread and low == high:
        return {"value": value, "low": None, "high": None, "reason": NO_SPREAD}
    return {"value": value, "low": low, "high": high}


def reason_undefined(name: str, confusion: npt.NDArray[np.integer[Any]]) -> str | None:
    """Say why a figure has no value.

    Args:
        name: One of `figure_names`.
        confusion: Counts, shape (3, 3), rows are true classes.

    Returns:
        A sentence without capital and full stop; `None` where the figure is defined.
    """
    of_class, called = confusion.sum(axis=1), confusion.sum(axis=0)
    n = int(of_class.sum())
    if not n:
        return NO_FILM
    if name in OVERALL:
        needs_two = name in ("macro_auroc", "macro_auprc") and (of_class > 0).sum() < 2
        return TWO_CLASSES if needs_two else None
    kind, label = name.split("_", maxsplit=1)
    k, title = CLASSES.index(label), CLASS_TITLES[label]
    is_there, is_called = bool(of_class[k]), bool(called[k])
    has_others = n > of_class[k]
    missing = f"no film is of {title}"
    reasons: Mapping[str, str | None] = {
        "recall": None if is_there else missing,
        "precision": None if is_called else f"no film is called {title}",
        "f1": None if is_there or is_called else f"no film is of {title} or called it",
        "specificity": None if has_others else f"every film is of {title}",
    }
    if kind in reasons:
        return reasons[kind]
    if not is_there:
        return missing
    return None if has_others else f"every film is of {title}"
