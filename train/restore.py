"""From a published network back to a Keras network, so that training can go on where it ended."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from cxr_core.array import Float32Array
from cxr_core.engine.openvino import OpenVinoEngine, import_openvino
from cxr_core.errors import SpecMismatchError

_Stored = deque[tuple[str, Float32Array]]
TOLERANCE: Final = 1e-3
"""Largest difference of features, as a share of the largest feature."""
_KINDS: Final = frozenset({"Constant", "Convert", "Multiply", "Transpose", "Reshape"})


def restore_weights(model: Any, xml_path: Path) -> None:
    """Give a Keras backbone the weights of a published network.

    The published network keeps 8-bit weights, with each BatchNorm that follows a convolution merged
    into it and every other one as a factor and an offset. So the Keras network gets BatchNorms of
    mean 0 and variance 1, right for inference only. Afterwards both networks read one film.

    Args:
        model: Keras model whose layers come in the order of the network's; inputs of any size.
        xml_path: The published network.

    Raises:
        SpecMismatchError: If the two networks are not built alike or give different features.
    """
    import keras

    network = import_openvino().Core().read_model(xml_path)
    stored = deque(_arrays(network))
    try:
        for layer in model.layers:
            if not layer.weights:
                continue
            if isinstance(layer, keras.layers.BatchNormalization):
                _set_norm(layer, stored)
            else:
                _set_convolution(layer, stored)
    except ValueError as error:
        raise _unlike(model, xml_path) from error
    if stored:
        raise _unlike(model, xml_path)
    _compare(model, xml_path)


def _arrays(network: Any) -> Iterator[tuple[str, Float32Array]]:
    """Yield kernels, factors and offsets in the order in which a film meets them."""
    for op in network.get_ordered_ops():
        kind = op.get_type_name()
        if kind in {"Convolution", "GroupConvolution"}:
            kernel = _constant(op.input_value(1).get_node())
            if kernel is None:
                msg = f"`network` must have constant kernels. Received: {op.get_friendly_name()}"
                raise ValueError(msg)
            yield kind, kernel
        elif kind in {"Multiply", "Add"}:
            values = [_constant(value.get_node()) for value in op.input_values()]
            constants = [value for value in values if value is not None]
            if len(constants) == 1:
                yield kind, constants[0].ravel()


def _constant(node: Any) -> Float32Array | None:
    """Evaluate a small graph of constants: 8-bit weights, their conversion and their scale."""
    kind = node.get_type_name()
    if kind not in _KINDS:
        return None
    if kind == "Constant":
        return np.asarray(node.get_data()).astype(np.float32)
    inputs = [_constant(value.get_node()) for value in node.input_values()]
    if any(value is None for value in inputs):
        return None
    first, *rest = (value for value in inputs if value is not None)
    if kind == "Multiply":
        return np.asarray(first * rest[0], np.float32)
    if kind == "Transpose":
        return first.transpose(rest[0].astype(int))
    if kind == "Reshape":
        return first.reshape(rest[0].astype(int))
    return first


def _take(stored: _Stored, kind: str) -> Float32Array | None:
    """Return the next array if it is of a kind; factors of 1 and offsets of 0 are not stored."""
    return stored.popleft()[1] if stored and stored[0][0] == kind else None


def _set_convolution(layer: Any, stored: _Stored) -> None:
    """Set a kernel, and a bias if the layer has one."""
    is_depthwise = "Depthwise" in type(layer).__name__
    kernel = _take(stored, "GroupConvolution" if is_depthwise else "Convolution")
    if kernel is None:
        msg = f"`stored` must go on with a kernel for {layer.name}. Received: none"
        raise ValueError(msg)
    if is_depthwise:  # (channels, 1, 1, height, width)
        values = [kernel[:, 0, 0].transpose(1, 2, 0)[..., np.newaxis]]
    else:
        values = [kernel.transpose(2, 3, 1, 0)]
    if layer.use_bias:
        bias = _take(stored, "Add")
        values.append(np.zeros(layer.bias.shape, np.float32) if bias is None else bias)
    layer.set_weights(values)


def _set_norm(layer: Any, stored: _Stored) -> None:
    """Set a BatchNorm to the factor and offset that are left of it."""
    import keras

    before = layer.input._keras_history.operation
    merged = isinstance(before, (keras.layers.Conv2D, keras.layers.DepthwiseConv2D))
    ones = np.ones(layer.moving_mean.shape[0], np.float32)
    factor = None if merged else _take(stored, "Multiply")
    offset = _take(stored, "Add")
    scale = np.float32(np.sqrt(1 + layer.epsilon))
    gamma = (ones if factor is None else factor) * scale
    layer.set_weights([gamma, 0 * ones if offset is None else offset, 0 * ones, ones])


def _compare(model: Any, xml_path: Path) -> None:
    """Read noise by both networks."""
    import keras

    engine = OpenVinoEngine(xml_path)
    noise = np.random.default_rng(0).random((1, *engine.input_shape), np.float32)
    wanted = engine.run(noise)
    features = keras.ops.convert_to_numpy(model(noise, training=False))
    difference = float(np.abs(features - wanted).max() / np.abs(wanted).max())
    if not difference <= TOLERANCE:
        msg = f"`model` must give the features of {xml_path.name}. Received: {difference:.1e} apart"
        raise SpecMismatchError(msg)


def _unlike(model: Any, xml_path: Path) -> SpecMismatchError:
    """Return the error for a network that is built in another way."""
    msg = f"`model` must be built as {xml_path.name} is. Received: {model.name}"
    return SpecMismatchError(msg)
