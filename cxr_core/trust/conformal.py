"""Prediction sets: the classes that cannot be ruled out at a stated level, class by class.

A class is in the set of a film if its score is at least that of most calibration films of the
class. The promise is made for each class on its own: of films of a class, at least the stated share
get a set with that class in it. It holds for films like the calibration films, and for no others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Any, Final

import numpy as np

from cxr_core.array import BoolArray, Float64Array, FloatArray, IntArray
from cxr_core.errors import SpecMismatchError
from cxr_core.labels import CLASSES, N_CLASSES

LEVELS: Final = (0.90, 0.95)


def rank(n_calibration: int, level: float) -> int:
    """Return how many of the calibration films of a class must reach its threshold.

    Args:
        n_calibration: Calibration films of the class.
        level: Share of films promised, in (0, 1).

    Returns:
        ceil((n + 1) * level), exact; more than `n_calibration` where there are too few films.

    Raises:
        ValueError: If `level` is out of range.
    """
    if not 0 < level < 1:
        msg = f"`level` must be in (0, 1). Received: level={level}"
        raise ValueError(msg)
    return ceil((n_calibration + 1) * Fraction(str(level)))


@dataclass(frozen=True)
class ConformalModel:
    """Thresholds of one system, one a class and level.

    Attributes:
        thresholds: Level to class name to the lowest score that keeps the class in the set; `None`
            where the class has too few calibration films: it is then always in the set.
        n_by_class: Class name to number of calibration films.
    """

    thresholds: Mapping[float, Mapping[str, float | None]]
    n_by_class: Mapping[str, int]

    @property
    def levels(self) -> tuple[float, ...]:
        """Levels that sets can be asked for."""
        return tuple(self.thresholds)

    def too_few(self, level: float) -> tuple[str, ...]:
        """Return the classes that are in every set because they have too few calibration films.

        Args:
            level: One of `levels`.

        Returns:
            Class names.

        Raises:
            ValueError: If the level was not fitted.
        """
        return tuple(name for name, value in self._of(level).items() if value is None)

    def sets(self, probs: FloatArray, level: float) -> BoolArray:
        """Return which classes are in the set of each film.

        Args:
            probs: Scores of the kind that the thresholds were fitted to, shape (..., 3).
            level: One of `levels`.

        Returns:
            Shape (..., 3). A row without any class is possible: no class reaches the score that
            most of its calibration films reach, so the film is too unlike them to be named at this
            level. It is left empty, because a class put there would look like an answer.

        Raises:
            ValueError: If the level was not fitted or the shape is wrong.

        References:
            Sadinle, Lei and Wasserman 2019, doi:10.1080/01621459.2017.1395341: theorem 1 (least
            ambiguous sets by class), section 4 (sets without a class, and ways to fill them).
        """
        scores = np.asarray(probs, np.float64)
        if scores.shape[-1:] != (N_CLASSES,):
            msg = f"`probs` must have shape (..., {N_CLASSES}). Received: {scores.shape}"
            raise ValueError(msg)
        chosen = self._of(level)
        limits = [-np.inf if chosen[name] is None else chosen[name] for name in CLASSES]
        return np.asarray(scores >= np.array(limits, np.float64))

    def _of(self, level: float) -> Mapping[str, float | None]:
        """Return the thresholds of one level."""
        if level not in self.thresholds:
            msg = f"`level` must be one of {self.levels}. Received: level={level}"
            raise ValueError(msg)
        return self.thresholds[level]

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {
            "thresholds": {str(level): dict(row) for level, row in self.thresholds.items()},
            "n_by_class": dict(self.n_by_class),
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> ConformalModel:
        """Build a model from `to_dict`'s values.

        Args:
            content: JSON object.

        Returns:
            The model.

        Raises:
            SpecMismatchError: If a field is missing or unusable.
        """
        try:
            thresholds = {
                float(level): {
                    name: None if row[name] is None else float(row[name]) for name in CLASSES
                }
                for level, row in content["thresholds"].items()
            }
            return cls(thresholds, {name: int(content["n_by_class"][name]) for name in CLASSES})
        except (KeyError, TypeError, ValueError, AttributeError) as err:
            msg = f"`conformal` must have every class and level. Received: {err!r}"
            raise SpecMismatchError(msg) from err


def fit_conformal(
    probs: Float64Array, y_true: IntArray, *, levels: tuple[float, ...] = LEVELS
) -> ConformalModel:
    """Fit the thresholds of one system to calibration films.

    Give scores that were not themselves fitted to these films: probabilities *before* temperature
    scaling, since the temperature was. Sets need no calibrated score.

    Args:
        probs: Shape (n, 3), of films that no model was fitted to; may be empty.
        y_true: Class indices, shape (n,).
        levels: Shares of films promised, each in (0, 1).

    Returns:
        The model. A class of fewer than ceil(1 / (1 - level)) - 1 films has no threshold.

    Raises:
        ValueError: If the shapes disagree, a score is not finite or a level is out of range.

    Notes:
        The threshold of a class is the ceil((n + 1) * level)-th largest score that its own n
        calibration films give it. Of new films of the class that are exchangeable with these, the
        share in whose set the class is follows, for scores without ties, a beta-binomial
        distribution with mean ceil((n + 1) * level) / (n + 1) >= level.

    References:
        Vovk, Gammerman and Shafer 2005 (Mondrian conformal prediction); Vovk 2012, "Conditional
        validity of inductive conformal predictors" (arXiv:1209.2673); Sadinle, Lei and Wasserman
        2019, doi:10.1080/01621459.2017.1395341; Angelopoulos and Bates 2023,
        doi:10.1561/2200000101, appendix C.
    """
    scores = np.asarray(probs, np.float64)
    if scores.shape != (len(y_true), N_CLASSES):
        msg = f"`probs` must have shape ({len(y_true)}, {N_CLASSES}). Received: {scores.shape}"
        raise ValueError(msg)
    if not np.isfinite(scores).all():
        msg = "`probs` must be finite. Received: a value that is not a number or infinite"
        raise ValueError(msg)
    own = {name: np.sort(scores[y_true == k, k])[::-1] for k, name in enumerate(CLASSES)}
    return ConformalModel(
        {
            level: {name: _threshold(values, level) for name, values in own.items()}
            for level in levels
        },
        {name: len(values) for name, values in own.items()},
    )


def _threshold(falling: Float64Array, level: float) -> float | None:
    """Return the threshold of one class from its films' scores, the largest first."""
    place = rank(len(falling), level)
    return float(falling[place - 1]) if place <= len(falling) else None
