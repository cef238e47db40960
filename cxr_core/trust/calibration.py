"""Temperature scaling: one number a system that makes its scores no surer than they are right.

The number is fitted to calibration films only. It never changes which class a system names, only
how sure the system says it is; and it is used only where it helps films that it was not fitted to.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from cxr_core.array import Float64Array, FloatArray, IntArray
from cxr_core.errors import NotApplicableError, SpecMismatchError
from cxr_core.evaluate.resample import numbered
from cxr_core.heads import softmax
from cxr_core.labels import CLASSES, N_CLASSES

MIN_FILMS: Final = 30
"""Fewer calibration films than this fit nothing worth believing."""

BOUNDS: Final = (0.05, 20.0)
"""Temperatures looked at; an optimum at an end means that the films do not tell one."""

N_FOLDS: Final = 10

_FLAT: Final = 1e-9


@dataclass(frozen=True)
class Temperature:
    """What the logits of one system are divided by before the softmax.

    Attributes:
        value: The temperature in use, above 0; 1 leaves the scores as they are, more makes them
            less sure, less makes them surer.
        fitted: The temperature with the lowest log loss on the calibration films; not in use where
            `value` is 1 and `note` says why.
        n: Number of calibration films.
        n_patients: Number of their patients, or of films where patients are not known.
        n_by_class: Class name to number of calibration films.
        log_loss_before: Mean log loss of the calibration films at temperature 1, in nats.
        log_loss_after: The same at `fitted`; optimistic, the films were fitted to.
        log_loss_held_out: The same where each film is scored at a temperature fitted without its
            patient's fold: what decides whether `fitted` is used.
        note: Why the fitted temperature is not used, in one sentence; empty where it is.
    """

    value: float
    fitted: float
    n: int
    n_patients: int
    n_by_class: Mapping[str, int] = field(default_factory=dict)
    log_loss_before: float = 0.0
    log_loss_after: float = 0.0
    log_loss_held_out: float = 0.0
    note: str = ""

    def __post_init__(self) -> None:
        if not (np.isfinite(self.value) and self.value > 0):
            msg = f"`value` must be above 0 and finite. Received: value={self.value}"
            raise ValueError(msg)

    def apply(self, logits: FloatArray) -> Float64Array:
        """Turn logits into calibrated probabilities.

        Args:
            logits: Shape (..., 3), finite.

        Returns:
            Shape (..., 3), float64, a new array, each row summing to 1; the order of the classes of
            a film is that of its logits.
        """
        return np.asarray(softmax(np.asarray(logits, np.float64) / self.value), np.float64)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {**vars(self), "n_by_class": dict(self.n_by_class)}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Temperature:
        """Build a temperature from `to_dict`'s values.

        Args:
            content: JSON object.

        Returns:
            The temperature.

        Raises:
            SpecMismatchError: If a field is missing or unusable.
        """
        try:
            return cls(
                value=float(content["value"]),
                fitted=float(content["fitted"]),
                n=int(content["n"]),
                n_patients=int(content["n_patients"]),
                n_by_class={str(k): int(v) for k, v in content["n_by_class"].items()},
                log_loss_before=float(content["log_loss_before"]),
                log_loss_after=float(content["log_loss_after"]),
                log_loss_held_out=float(content["log_loss_held_out"]),
                note=str(content["note"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as err:
            msg = f"`temperature` must have every field. Received: {err!r}"
            raise SpecMismatchError(msg) from err


def fit_temperature(
    logits: FloatArray,
    y_true: IntArray,
    *,
    patients: Sequence[Hashable] | npt.NDArray[Any] | None = None,
) -> Temperature:
    """Fit the temperature of one system to calibration films.

    The log loss is minimised over the temperature; it has one minimum, being convex in 1 / T. The
    minimum is used only if temperatures that were fitted without a tenth of the patients lower the
    log loss of that tenth, over all ten; else the scores stay as they are. Nothing but calibration
    films decides that.

    Args:
        logits: Shape (n, 3), finite, from models that were not fitted to these films.
        y_true: Class indices, shape (n,).
        patients: Patient of each film, so that films of one patient are in one fold; `None` counts
            every film as a patient of its own.

    Returns:
        The temperature.

    Raises:
        ValueError: If shapes disagree, a label is no class or a logit is not finite.
        NotApplicableError: If there are fewer than `MIN_FILMS` films, films of one class only, or
            logits on which no temperature has any effect.

    References:
        Guo, Pleiss, Sun and Weinberger 2017, "On calibration of modern neural networks", section
        4.2 (arXiv:1706.04599); Stone 1974 (choice by cross-validation),
        doi:10.1111/j.2517-6161.1974.tb00994.x.

    Caution:
        Calibrated on films of the same sources only. On films of other sources the scores may be
        as wrong as before, and sure of it.
    """
    rows = np.asarray(logits, np.float64)
    labels = np.asarray(y_true, np.int64)
    _check(rows, labels)
    units = np.arange(len(labels)) if patients is None else patients
    if len(units) != len(labels):
        msg = f"`patients` must have {len(labels)} entries. Received: {len(units)}"
        raise ValueError(msg)
    groups = numbered(units)
    loss_of = _loss(rows, labels)
    before, fitted = float(loss_of(1.0).mean()), _minimum(rows, labels)
    held_out = _held_out(rows, labels, groups)
    is_at_end = any(loss_of(end).mean() <= loss_of(fitted).mean() + _FLAT for end in BOUNDS)
    note = _reason_against(fitted, before, held_out, is_at_end=is_at_end)
    return Temperature(
        value=1.0 if note else fitted,
        fitted=fitted,
        n=len(labels),
        n_patients=len(np.unique(groups)),
        n_by_class={name: int((labels == k).sum()) for k, name in enumerate(CLASSES)},
        log_loss_before=before,
        log_loss_after=float(loss_of(fitted).mean()),
        log_loss_held_out=held_out,
        note=note,
    )


def _check(logits: Float64Array, y_true: IntArray) -> None:
    """Refuse films that tell no temperature."""
    if logits.shape != (len(y_true), N_CLASSES):
        msg = f"`logits` must have shape ({len(y_true)}, {N_CLASSES}). Received: {logits.shape}"
        raise ValueError(msg)
    if not np.isfinite(logits).all():
        msg = "`logits` must be finite. Received: a value that is not a number or infinite"
        raise ValueError(msg)
    if len(y_true) and not 0 <= y_true.min() <= y_true.max() < N_CLASSES:
        msg = f"`y_true` must be in [0, {N_CLASSES}). Received: {np.unique(y_true)}"
        raise ValueError(msg)
    hint = "Calibrate on more films, of at least two classes, that no model was fitted to."
    if len(y_true) < MIN_FILMS or len(np.unique(y_true)) < 2:
        msg = (
            f"Calibration needs at least {MIN_FILMS} films of at least two classes. "
            f"Received: {len(y_true)} films of {len(np.unique(y_true))} classes"
        )
        raise NotApplicableError(msg, hint=hint)
    if np.ptp(logits, axis=1).max() < _FLAT:
        msg = "`logits` must differ between the classes. Received: the same for every class"
        raise NotApplicableError(msg, hint=hint)


def _loss(logits: Float64Array, y_true: IntArray) -> Callable[[float], Float64Array]:
    """Return temperature to log loss of each film, exact where a score is next to 0 or 1."""
    against = logits - logits[np.arange(len(y_true)), y_true][:, None]

    def loss(temperature: float) -> Float64Array:
        scaled = against / temperature
        top = scaled.max(axis=1)
        total = top + np.log(np.exp(scaled - top[:, None]).sum(axis=1))
        return np.asarray(total, np.float64)

    return loss


def _minimum(logits: Float64Array, y_true: IntArray) -> float:
    """Return the temperature with the lowest mean log loss."""
    from scipy.optimize import minimize_scalar

    loss_of = _loss(logits, y_true)
    found = minimize_scalar(
        lambda log_t: float(loss_of(float(np.exp(log_t))).mean()),
        bounds=tuple(np.log(BOUNDS)),
        method="bounded",
        options={"xatol": 1e-9},
    )
    return float(np.exp(found.x))


def _held_out(logits: Float64Array, y_true: IntArray, groups: IntArray) -> float:
    """Return the mean log loss of films at temperatures fitted without their fold."""
    fold = groups % min(N_FOLDS, int(groups.max()) + 1)
    losses = np.empty(len(y_true))
    for i in np.unique(fold):
        left_out = fold == i
        kept = ~left_out
        temperature = _minimum(logits[kept], y_true[kept]) if kept.any() else 1.0
        losses[left_out] = _loss(logits[left_out], y_true[left_out])(temperature)
    return float(losses.mean())


def _reason_against(fitted: float, before: float, held_out: float, *, is_at_end: bool) -> str:
    """Say why a fitted temperature is not used; empty where it is."""
    if is_at_end:
        return (
            "The calibration films tell no temperature: being surer, or less sure, helps them "
            "without end. The scores are left as they are."
        )
    if held_out >= before:
        return (
            f"The fitted temperature, {fitted:.2f}, does not help calibration films that it was "
            "not fitted to. The scores are left as they are."
        )
    return ""
