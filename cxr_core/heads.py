"""The five systems above their frozen backbones, in numpy: feature maps in, logits out.

A member is pooling, flattening, one or two ReLU layers and a layer of logits. An ensemble is one
layer over the members' probabilities (30 parameters for three members) or over their last hidden
layers (579). Everything the closed-form maps need is a by-product of this forward pass.

Shapes: `a` is one feature map (h, w, c); `d` the width of a layer; `k` the number of classes.
Arithmetic keeps the dtype of the weights: float32 in serving, float64 in tests of exactness.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from cxr_core.errors import NotApplicableError, SpecMismatchError
from cxr_core.labels import MEMBERS

FloatArray = npt.NDArray[np.floating[Any]]

POOLINGS: Final = ("average2_valid", "average2_same", "global", "none")


def pool_matrix(pooling: str, height: int, width: int) -> npt.NDArray[np.float64]:
    """Return the linear map that pooling is: rows are pooled cells, columns are map cells.

    Args:
        pooling: `average2_valid`, means of whole 2 by 2 blocks, so that no pooled cell sees an odd
            last row or column; `average2_same`, which also averages the cut blocks at the edge,
            over the cells that they have; `global`, the mean over all cells; `none`, every cell.
        height: Rows of the feature map.
        width: Columns of the feature map.

    Returns:
        Shape (n_pooled, height * width), float64; each row sums to 1.

    Raises:
        ValueError: If the pooling is not known.

    References:
        `keras.layers.AveragePooling2D(2, padding="valid" | "same")` and `GlobalAveragePooling2D`.
    """
    if pooling not in POOLINGS:
        msg = f"`pooling` must be one of {POOLINGS}. Received: pooling={pooling!r}"
        raise ValueError(msg)
    if pooling == "none":
        return np.eye(height * width)
    if pooling == "global":
        return np.full((1, height * width), 1.0 / (height * width))
    keep_cut = pooling == "average2_same"
    row_blocks, column_blocks = (_blocks(size, keep_cut=keep_cut) for size in (height, width))
    matrix = np.zeros((len(row_blocks) * len(column_blocks), height, width))
    cells = ((rows, columns) for rows in row_blocks for columns in column_blocks)
    for pooled, (rows, columns) in enumerate(cells):
        n_averaged = (rows.stop - rows.start) * (columns.stop - columns.start)
        matrix[pooled, rows, columns] = 1.0 / n_averaged
    return matrix.reshape(len(matrix), height * width)


def _blocks(size: int, *, keep_cut: bool) -> list[slice]:
    """Return the pairs of neighbouring rows (or columns), the cut last one only if asked for."""
    stop = size if keep_cut else size - size % 2
    return [slice(start, min(start + 2, size)) for start in range(0, stop, 2)]


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

    def active_bias(self, state: MemberState, of_hidden: FloatArray) -> FloatArray:
        """Return the part of n scores that stems from hidden biases and not from the feature map.

        With the ReLU masks of the forward pass held, a score is linear in the features; this is its
        constant term, less the bias of the score itself.

        Args:
            state: The forward pass in question.
            of_hidden: Shape (d_last, n), derivative of n scores by the last hidden layer.

        Returns:
            Shape (n,).
        """
        constant = np.zeros_like(self.layers[0].bias)
        for index, (layer, pre_activation) in enumerate(
            zip(self.layers[:-1], state.pre_activations, strict=True)
        ):
            constant = layer.bias + (constant @ layer.kernel if index else 0)
            constant = constant * (pre_activation > 0)
        return np.asarray(constant @ of_hidden)


@dataclass(frozen=True, eq=False)
class HeadSetState:
    """One film's pass through all systems.

    Attributes:
        members: Member name to its state.
        logits: System name to shape (k,).
    """

    members: Mapping[str, MemberState]
    logits: Mapping[str, FloatArray]


@dataclass(frozen=True, eq=False)
class HeadSet:
    """The heads of a bundle's variant: any members, and ensembles over all of them.

    Attributes:
        members: Member name to head, in the order in which the ensembles concatenate them.
        ensembles: `ensemble_probs` and `ensemble_dense` to their layer, where present.
    """

    members: Mapping[str, MemberHead]
    ensembles: Mapping[str, Dense] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse an empty set, and ensembles whose width is not that of the members together."""
        if not self.members:
            msg = "`members` must name at least one member. Received: none"
            raise SpecMismatchError(msg)
        widths = {
            "ensemble_probs": sum(
                head.layers[-1].kernel.shape[1] for head in self.members.values()
            ),
            "ensemble_dense": sum(
                head.layers[-1].kernel.shape[0] for head in self.members.values()
            ),
        }
        for name, layer in self.ensembles.items():
            expected = widths.get(name)
            if layer.kernel.shape[0] != expected:
                msg = (
                    f"`{name}` must take {expected} values from {', '.join(self.members)}. "
                    f"Received: {layer.kernel.shape[0]}"
                )
                raise SpecMismatchError(msg)

    @property
    def systems(self) -> tuple[str, ...]:
        """Names of all systems: members, then ensembles."""
        return (*self.members, *self.ensembles)

    def forward(self, features: Mapping[str, FloatArray]) -> HeadSetState:
        """Run every system on one film.

        Args:
            features: Member name to feature map (h, w, c).

        Returns:
            States of the members and logits of all systems.
        """
        states = {name: head.forward(features[name]) for name, head in self.members.items()}
        logits = {name: state.logits for name, state in states.items()}
        for name in self.ensembles:
            logits[name] = self.ensemble_logits(name, states)
        return HeadSetState(states, logits)

    def ensemble_logits(self, system: str, states: Mapping[str, MemberState]) -> FloatArray:
        """Return an ensemble's logits; leading axes of the states broadcast.

        Args:
            system: `ensemble_probs` or `ensemble_dense`.
            states: Member name to state.

        Returns:
            Shape (..., k).
        """
        parts = [
            states[name].probs if system == "ensemble_probs" else states[name].hidden
            for name in self.members
        ]
        blocks = zip(parts, self._blocks(system), strict=True)
        total = self.ensembles[system].bias
        for part, block in blocks:
            total = total + part @ block
        return np.asarray(total)

    def hidden_gradients(self, state: HeadSetState, system: str) -> dict[str, FloatArray]:
        """Return the derivative of a system's logits by each member's last hidden layer.

        Args:
            state: The forward pass in question.
            system: One of `systems`.

        Returns:
            Member name to shape (d_last, k); members that the system does not use are left out.

        Raises:
            NotApplicableError: If the set has no such system.
        """
        if system in self.members:
            return {system: self.members[system].layers[-1].kernel}
        if system not in self.ensembles:
            msg = f"`system` must be one of {self.systems}. Received: system={system!r}"
            raise NotApplicableError(msg)
        blocks = dict(zip(self.members, self._blocks(system), strict=True))
        if system == "ensemble_dense":
            return blocks
        gradients: dict[str, FloatArray] = {}
        for name, block in blocks.items():
            probs = state.members[name].probs
            jacobian = np.diag(probs) - np.outer(probs, probs)
            gradients[name] = self.members[name].layers[-1].kernel @ (jacobian @ block)
        return gradients

    def _blocks(self, system: str) -> list[FloatArray]:
        """Return the rows of an ensemble's kernel that belong to each member, in order."""
        axis = 1 if system == "ensemble_probs" else 0
        widths = [head.layers[-1].kernel.shape[axis] for head in self.members.values()]
        return list(np.split(self.ensembles[system].kernel, np.cumsum(widths)[:-1]))


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
    _check_names(arrays, names)
    layers = tuple(Dense(arrays[f"{name}/kernel"], arrays[f"{name}/bias"]) for name in names)
    return MemberHead(layers, pooling, feature_shape)


def ensemble_from_arrays(arrays: Mapping[str, FloatArray]) -> Dense:
    """Build an ensemble's layer from stored arrays.

    Args:
        arrays: `logits/kernel` and `logits/bias`.

    Returns:
        The layer.

    Raises:
        SpecMismatchError: If an array is missing, unknown or does not fit.
    """
    _check_names(arrays, ["logits"])
    return Dense(arrays["logits/kernel"], arrays["logits/bias"])


def in_member_order(names: Sequence[str]) -> tuple[str, ...]:
    """Return member names in the order in which ensembles concatenate them.

    Args:
        names: Any names; those that are not of the five systems keep their order at the end.

    Returns:
        The same names.
    """
    known = [name for name in MEMBERS if name in names]
    return (*known, *(name for name in names if name not in MEMBERS))


def _check_names(arrays: Mapping[str, FloatArray], names: Sequence[str]) -> None:
    """Refuse missing and unknown arrays by name."""
    expected = {f"{name}/{part}" for name in names for part in ("kernel", "bias")}
    if set(arrays) != expected:
        msg = f"`arrays` must be {sorted(expected)}. Received: {sorted(arrays)}"
        raise SpecMismatchError(msg)
