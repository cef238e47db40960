"""The head of one member: pooling, hidden ReLU layers, logits, and what maps need of its pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from cxr_core.array import FloatArray
from cxr_core.errors import SpecMismatchError
from cxr_core.heads.dense import Dense, layers_from_arrays, softmax
from cxr_core.heads.pooling import pool_matrix


@dataclass(frozen=True, eq=False)
class MemberState:
    """What one forward pass of a member leaves behind.

    Attributes:
        pre_activations: One array (d,) per hidden layer, before its ReLU.
        hidden: Last hidden layer after ReLU, shape (d,).
        logits: Shape (k,).
        probs: Shape (k,).
    """

    pre_activations: tuple[FloatArray, ...]
    hidden: FloatArray
    logits: FloatArray
    probs: FloatArray


@dataclass(frozen=True, eq=False)
class MemberHead:
    """Pooling, hidden ReLU layers and logits of one member.

    Attributes:
        layers: Hidden layers in order, then the layer of logits.
        pooling: One of `POOLINGS`.
        feature_shape: Shape (h, w, c) of the feature map it takes.
    """

    layers: tuple[Dense, ...]
    pooling: str
    feature_shape: tuple[int, int, int]
    pool: FloatArray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Check that the layers fit the map and each other; derive the pooling matrix."""
        height, width, channels = self.feature_shape
        pool = pool_matrix(self.pooling, height, width)
        widths = [len(pool) * channels, *(layer.kernel.shape[1] for layer in self.layers)]
        if len(self.layers) < 2 or any(
            layer.kernel.shape[0] != n_in for layer, n_in in zip(self.layers, widths, strict=False)
        ):
            shapes = [layer.kernel.shape for layer in self.layers]
            msg = (
                f"`layers` must be two or more that fit a map of {self.feature_shape} pooled by "
                f"{self.pooling}. Received: kernels {shapes}"
            )
            raise SpecMismatchError(msg)
        object.__setattr__(self, "pool", pool.astype(self.layers[0].kernel.dtype))

    @property
    def n_parameters(self) -> int:
        """Number of trained weights and biases."""
        return sum(layer.n_parameters for layer in self.layers)

    def forward(self, features: FloatArray) -> MemberState:
        """Run the head on one feature map.

        Args:
            features: Shape `feature_shape`.

        Returns:
            Logits, probabilities and what the maps need.

        Raises:
            SpecMismatchError: If the map has another shape.
        """
        if features.shape != self.feature_shape:
            msg = f"`features` must have shape {self.feature_shape}. Received: {features.shape}"
            raise SpecMismatchError(msg)
        cells = features.reshape(-1, self.feature_shape[2])
        return self.forward_from(self.layers[0]((self.pool @ cells).ravel()))

    def forward_from(self, first_pre_activation: FloatArray) -> MemberState:
        """Run the head from the first hidden layer's pre-activation; leading axes are kept.

        Args:
            first_pre_activation: Shape (..., d).

        Returns:
            State whose arrays carry the same leading axes.
        """
        pre_activations = [first_pre_activation]
        for layer in self.layers[1:-1]:
            pre_activations.append(layer(np.maximum(pre_activations[-1], 0)))
        hidden = np.maximum(pre_activations[-1], 0)
        logits = self.layers[-1](hidden)
        return MemberState(tuple(pre_activations), hidden, logits, softmax(logits))

    def direction(self, state: MemberState, of_hidden: FloatArray) -> FloatArray:
        """Carry derivatives with respect to the last hidden layer back to the first pre-activation.

        Args:
            state: The forward pass in question.
            of_hidden: Shape (d_last, n), derivative of n scores by the last hidden layer.

        Returns:
            Shape (d_first, n).
        """
        direction = of_hidden * (state.pre_activations[-1] > 0)[:, None]
        inner = zip(self.layers[-2:0:-1], state.pre_activations[-2::-1], strict=True)
        for layer, pre_activation in inner:
            direction = (layer.kernel @ direction) * (pre_activation > 0)[:, None]
        return direction


def head_from_arrays(
    arrays: Mapping[str, FloatArray],
    *,
    pooling: str,
    feature_shape: tuple[int, int, int],
) -> MemberHead:
    """Build a member's head from stored arrays.

    Args:
        arrays: `dense_<i>/kernel`, `dense_<i>/bias` for each hidden layer, then `logits/kernel`,
            `logits/bias`.
        pooling: One of `POOLINGS`.
        feature_shape: Shape (h, w, c) of the feature map.

    Returns:
        The head; it keeps the arrays' dtype.

    Raises:
        SpecMismatchError: If an array is missing, unknown or does not fit.
    """
    n_hidden = sum(key.startswith("dense_") and key.endswith("/kernel") for key in arrays)
    names = [*(f"dense_{index}" for index in range(n_hidden)), "logits"]
    return MemberHead(layers_from_arrays(arrays, names), pooling, feature_shape)
