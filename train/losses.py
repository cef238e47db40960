"""What a network is trained to make small: cross-entropy, focal loss, or expected cost.

All of them are `keras.losses.Loss`, run on every Keras backend, and weigh a film by its class where
weights are given. `y_true` are rows with a single one, or any rows that sum to 1.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any, Final

import keras
import numpy as np
from keras import ops

from cxr_core.array import Float32Array
from cxr_core.errors import ConfigError
from cxr_core.labels import N_CLASSES

KINDS: Final = ("cross_entropy", "focal", "cost")
EPSILON: Final = 1e-7
"""Probabilities stay this far from 0 and 1, so that logarithms and their gradients are finite."""


@keras.saving.register_keras_serializable(package="cxr")
class WeightedLoss(keras.losses.Loss):  # type: ignore[misc] # Keras has no types
    """Cross-entropy with class weights; the base of the other two.

    Args:
        label_smoothing: Share s of the target spread over all classes: t' = (1 - s) t + s / k.
        class_weights: Factor on the loss of each film of a class, shape (k,); `None` for 1. The
            sum over a batch is divided by the number of films, not by the sum of the weights, as
            with Keras's `class_weight`.
        from_logits: True where the network's last layer has no softmax.
        name: Name of the loss.
        **kwargs: As `keras.losses.Loss` takes them, for example `reduction`.
    """

    def __init__(
        self,
        *,
        label_smoothing: float = 0.0,
        class_weights: Sequence[float] | None = None,
        from_logits: bool = False,
        name: str = "cross_entropy",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.label_smoothing = _share("label_smoothing", label_smoothing)
        self.class_weights = _vector("class_weights", class_weights)
        self.from_logits = bool(from_logits)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return one loss a film.

        Args:
            y_true: Shape (n, k), rows that sum to 1.
            y_pred: Shape (n, k), probabilities, or logits with `from_logits`.

        Returns:
            Shape (n,), float32.
        """
        y_true = ops.cast(y_true, y_pred.dtype)
        loss = self.of_films(y_true, y_pred)
        if self.class_weights is None:
            return loss
        return loss * ops.matmul(y_true, ops.cast(self.class_weights, y_pred.dtype)[:, None])[:, 0]

    def of_films(self, y_true: Any, y_pred: Any) -> Any:
        """Return the loss of each film before it is weighed; what a subclass changes."""
        smooth = self.smoothed(y_true)
        return ops.categorical_crossentropy(smooth, y_pred, from_logits=self.from_logits)

    def smoothed(self, y_true: Any) -> Any:
        """Return the targets with `label_smoothing` applied."""
        if not self.label_smoothing:
            return y_true
        return y_true * (1.0 - self.label_smoothing) + self.label_smoothing / N_CLASSES

    def probabilities(self, y_pred: Any) -> Any:
        """Return the network's output as probabilities, at least `EPSILON` away from 0 and 1."""
        if self.from_logits:
            probs = ops.softmax(y_pred, axis=-1)
        else:
            probs = y_pred / ops.sum(y_pred, axis=-1, keepdims=True)
        return ops.clip(probs, EPSILON, 1.0 - EPSILON)

    def get_config(self) -> dict[str, Any]:
        """Return what the loss is built from."""
        return {
            **super().get_config(),
            "label_smoothing": self.label_smoothing,
            "class_weights": _listed(self.class_weights),
            "from_logits": self.from_logits,
        }


@keras.saving.register_keras_serializable(package="cxr")
class FocalLoss(WeightedLoss):
    """Cross-entropy in which films that are right already count less.

    L = sum_k t'_k alpha_k (1 - p_k)^gamma (-log p_k), with gamma 0 and no alpha the cross-entropy.

    Args:
        gamma: How fast easy films lose weight, 0 or more.
        alpha: Factor of each class within the sum, shape (k,); `None` for 1.
        name: Name of the loss.
        **kwargs: As for `WeightedLoss`.

    References:
        T.-Y. Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017, eq. 5, for k classes.
    """

    def __init__(
        self,
        *,
        gamma: float = 2.0,
        alpha: Sequence[float] | None = None,
        name: str = "focal",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        if not (_is_number(gamma) and 0 <= gamma < np.inf):
            msg = f"`focal_gamma` must be a number of 0 or more. Received: focal_gamma={gamma!r}"
            raise ConfigError(msg, hint="The paper's own choice is 2.")
        self.gamma = float(gamma)
        self.alpha = _vector("focal_alpha", alpha)

    def of_films(self, y_true: Any, y_pred: Any) -> Any:
        """Return the focal loss of each film."""
        probs = self.probabilities(y_pred)
        log_probs = ops.log_softmax(y_pred, axis=-1) if self.from_logits else ops.log(probs)
        terms = -self.smoothed(y_true) * ops.power(1.0 - probs, self.gamma) * log_probs
        if self.alpha is not None:
            terms = terms * ops.cast(self.alpha, y_pred.dtype)
        return ops.sum(terms, axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Return what the loss is built from."""
        return {**super().get_config(), "gamma": self.gamma, "alpha": _listed(self.alpha)}


@keras.saving.register_keras_serializable(package="cxr")
class CostLoss(WeightedLoss):
    """Cross-entropy plus the cost that the network's probabilities lead one to expect.

    L = CE(t', p) + sum_y t_y sum_j C[y, j] p_j. The costs are in the unit of the cross-entropy;
    only CE sees the smoothed targets.

    Args:
        cost_matrix: C[y, j], the cost of calling a film of class y class j; shape (k, k), 0 or
            more, diagonal 0.
        name: Name of the loss.
        **kwargs: As for `WeightedLoss`.

    References:
        C. Elkan, "The Foundations of Cost-Sensitive Learning", IJCAI 2001, eq. 1: the expected cost
        of a decision (there C(i, j) has the decision first). A. Galdran et al., "Cost-Sensitive
        Regularization for Diabetic Retinopathy Grading from Eye Fundus Images", MICCAI 2020: the
        same term added to a base loss.

    Caution:
        The added term moves probabilities away from frequencies; calibrate afterwards.
    """

    def __init__(
        self,
        *,
        cost_matrix: Sequence[Sequence[float]],
        name: str = "cost",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.cost_matrix = _costs(cost_matrix)

    def of_films(self, y_true: Any, y_pred: Any) -> Any:
        """Return cross-entropy plus expected cost of each film."""
        costs = ops.matmul(y_true, ops.cast(self.cost_matrix, y_pred.dtype))
        expected = ops.sum(costs * self.probabilities(y_pred), axis=-1)
        return super().of_films(y_true, y_pred) + expected

    def get_config(self) -> dict[str, Any]:
        """Return what the loss is built from."""
        return {**super().get_config(), "cost_matrix": self.cost_matrix.tolist()}


def build_loss(
    kind: str,
    *,
    label_smoothing: float = 0.0,
    class_weights: Sequence[float] | None = None,
    focal_gamma: float = 2.0,
    focal_alpha: Sequence[float] | None = None,
    cost_matrix: Sequence[Sequence[float]] | None = None,
    from_logits: bool = False,
) -> WeightedLoss:
    """Build the loss that a preset names.

    Args:
        kind: `cross_entropy`, `focal` or `cost`.
        label_smoothing: Share of the target spread over all classes, in [0, 1).
        class_weights: Factor on each film's loss by its class, in class order; `None` for 1.
        focal_gamma: See `FocalLoss`; read with `focal` only.
        focal_alpha: See `FocalLoss`; read with `focal` only.
        cost_matrix: See `CostLoss`; needed with `cost`, not read otherwise.
        from_logits: True where the network's last layer has no softmax.

    Returns:
        A serialisable Keras loss, float32 whatever the network's precision.

    Raises:
        ConfigError: If the kind is unknown, or a value has the wrong shape or range.
    """
    common: dict[str, Any] = {
        "label_smoothing": label_smoothing,
        "class_weights": class_weights,
        "from_logits": from_logits,
        "dtype": "float32",
    }
    if kind == "cross_entropy":
        return WeightedLoss(**common)
    if kind == "focal":
        return FocalLoss(gamma=focal_gamma, alpha=focal_alpha, **common)
    if kind == "cost":
        if cost_matrix is None:
            msg = "`cost_matrix` must be given with the loss `cost`. Received: cost_matrix=None"
            raise ConfigError(msg, hint=_COST_HINT)
        return CostLoss(cost_matrix=cost_matrix, **common)
    close = difflib.get_close_matches(str(kind), KINDS, n=1)
    msg = f"`kind` must be one of {KINDS}. Received: kind={kind!r}"
    raise ConfigError(msg, hint=f"Did you mean {close[0]!r}?" if close else None)


_COST_HINT = (
    f"Give {N_CLASSES} rows of {N_CLASSES} costs, true class by called class, 0 on the diagonal."
)


def _is_number(value: Any) -> bool:
    """Say whether a value is a plain number; True and False are not."""
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def _share(name: str, value: Any) -> float:
    """Return a share in [0, 1)."""
    if not (_is_number(value) and 0 <= value < 1):
        msg = f"`{name}` must be a number in [0, 1). Received: {name}={value!r}"
        raise ConfigError(msg)
    return float(value)


def _vector(name: str, values: Sequence[float] | None) -> Float32Array | None:
    """Return one number above 0 for each class, or `None`."""
    if values is None:
        return None
    vector = _array(name, values)
    if vector.shape != (N_CLASSES,) or not (np.isfinite(vector) & (vector > 0)).all():
        msg = f"`{name}` must be {N_CLASSES} numbers above 0. Received: {name}={values!r}"
        raise ConfigError(msg, hint="Give one number a class, in class order.")
    return vector


def _costs(values: Sequence[Sequence[float]]) -> Float32Array:
    """Return a square matrix of costs, none of them for being right."""
    matrix = _array("cost_matrix", values)
    is_square = matrix.shape == (N_CLASSES, N_CLASSES)
    if not is_square or not (np.isfinite(matrix) & (matrix >= 0)).all() or matrix.trace() != 0:
        msg = (
            f"`cost_matrix` must be {N_CLASSES} by {N_CLASSES} numbers of 0 or more, 0 on the "
            f"diagonal. Received: cost_matrix={values!r}"
        )
        raise ConfigError(msg, hint=_COST_HINT)
    return matrix


def _array(name: str, values: Any) -> Float32Array:
    """Return numbers as an array; ragged rows and words are refused."""
    try:
        return np.array(values, np.float32)
    except (TypeError, ValueError) as err:
        msg = f"`{name}` must be numbers. Received: {name}={values!r}"
        raise ConfigError(msg) from err


def _listed(vector: Float32Array | None) -> list[float] | None:
    """Return JSON-ready numbers."""
    return None if vector is None else [float(value) for value in vector]
