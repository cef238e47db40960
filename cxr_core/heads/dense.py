"""Affine layers, how they are stored, and the softmax over logits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cxr_core.array import FloatArray
from cxr_core.errors import SpecMismatchError


def softmax(logits: FloatArray) -> FloatArray:
    """Return probabilities along the last axis, without overflow.

    Args:
        logits: Shape (..., k), finite.

    Returns:
        Shape (..., k), in [0, 1], each row summing to 1.
    """
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))


@dataclass(frozen=True, eq=False)
class Dense:
    """One affine layer.

    Attributes:
        kernel: Shape (n_in, n_out).
        bias: Shape (n_out,).
    """

    kernel: FloatArray
    bias: FloatArray

    def __post_init__(self) -> None:
        """Refuse arrays that do not fit each other."""
        if self.kernel.ndim != 2 or self.bias.shape != self.kernel.shape[1:]:
            msg = (
                "`kernel` and `bias` must have shapes (n_in, n_out) and (n_out,). "
                f"Received: {self.kernel.shape} and {self.bias.shape}"
            )
            raise SpecMismatchError(msg)

    def __call__(self, inputs: FloatArray) -> FloatArray:
        """Return `inputs @ kernel + bias`, shape (..., n_out)."""
        return np.asarray(inputs @ self.kernel + self.bias)

    @property
    def n_parameters(self) -> int:
        """Number of weights and biases."""
        return int(self.kernel.size + self.bias.size)


def layers_from_arrays(arrays: Mapping[str, FloatArray], names: Sequence[str]) -> tuple[Dense, ...]:
    """Build layers from stored arrays.

    Args:
        arrays: `NAME/kernel` and `NAME/bias` of each layer, and nothing else.
        names: Names of the layers, in order.

    Returns:
        The layers; they keep the arrays' dtype.

    Raises:
        SpecMismatchError: If an array is missing, unknown or does not fit.
    """
    expected = {f"{name}/{part}" for name in names for part in ("kernel", "bias")}
    if set(arrays) != expected:
        msg = f"`arrays` must be {sorted(expected)}. Received: {sorted(arrays)}"
        raise SpecMismatchError(msg)
    return tuple(Dense(arrays[f"{name}/kernel"], arrays[f"{name}/bias"]) for name in names)
