"""The five systems in Keras: three members on frozen backbones, the heads of all five.

Every model is flat (no model inside a model), so any layer can be reached by name. Layers of a head
carry the name of their system: `vgg16_dense_0`, `vgg16_predictions`.

References:
    The heads are those of the public write-up "Chest X-ray (Covid-19 & Pneumonia)", sections 5
    and 6; its trainable parameters (1,106,179, 1,474,819, 598,403, 30, 579) are tested.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from cxr_core import backbones
from cxr_core.array import Float32Array
from cxr_core.errors import ConfigError, SpecMismatchError
from cxr_core.heads import POOLINGS
from cxr_core.labels import ENSEMBLES, N_CLASSES

ENSEMBLE_PROBS, ENSEMBLE_DENSE = ENSEMBLES

MEMBER_HIDDEN: Final[Mapping[str, tuple[int, ...]]] = MappingProxyType(
    {"densenet201": (64,), "efficientnetb7": (64,), "vgg16": (128, 64)}
)
"""Member name to the widths of its dense layers before the last one."""

DEFAULT_HIDDEN: Final = (64,)


def build_member(
    name: str,
    *,
    backbone_weights: str | Path | None = None,
    input_shape: tuple[int, int, int] = (224, 224, 3),
    pooling: str = "average2_valid",
    hidden: Sequence[int] | None = None,
    dropout: float = 0.5,
    trainable_backbone: bool = False,
    backbone: Any = None,
) -> Any:
    """Build one member: a backbone, then the write-up's head.

    Args:
        name: Name of the member; of a backbone too unless `backbone` is given.
        backbone_weights: `weights` of `backbones.build`.
        input_shape: Height, width and 3.
        pooling: One of `POOLINGS`: `average2_valid` is the write-up's 2 by 2 mean, which drops the
            last row and column of a 7 by 7 map; `average2_same` sees all of it; `global` is one
            mean a channel.
        hidden: Widths of the dense layers; `None` for those of `MEMBER_HIDDEN`, 64 for new names.
        dropout: Share of units dropped after each dense layer while training, in [0, 1).
        trainable_backbone: False freezes every layer of the backbone, as the write-up does; True
            leaves them as they are.
        backbone: Name of another backbone, or a built model that ends in a feature map and becomes
            part of the result; weights and shape are then its own.

    Returns:
        A new `keras.Model` named `name`; output (n, 3) float32, probabilities in `CLASSES` order.

    Raises:
        ConfigError: If a name, the pooling, the dropout or a shape is not usable.
        ArtifactIntegrityError: If weights cannot be fetched or do not fit.
    """
    import keras

    base = backbone
    if backbone is None or isinstance(backbone, str):
        base = backbones.build(
            backbone or name,
            weights=backbone_weights,
            input_shape=input_shape,
        )
    if not trainable_backbone:
        for layer in base.layers:
            layer.trainable = False
    widths = MEMBER_HIDDEN.get(name, DEFAULT_HIDDEN) if hidden is None else hidden
    probs = _head(base.output, name, widths, pooling, dropout)
    return keras.Model(base.inputs[0], probs, name=name)


def build_head(
    feature_shape: tuple[int, int, int],
    hidden: Sequence[int] = DEFAULT_HIDDEN,
    *,
    name: str = "head",
    pooling: str = "average2_valid",
    dropout: float = 0.5,
) -> Any:
    """Build a member's head alone, on feature maps that were computed before.

    Args:
        feature_shape: Height, width and channels of the feature map.
        hidden: Widths of the dense layers.
        name: Name of the member; the layers are named as in `build_member`.
        pooling: One of `POOLINGS`.
        dropout: Share of units dropped after each dense layer while training, in [0, 1).

    Returns:
        A new `keras.Model`; input (n, h, w, c), output (n, 3) float32 probabilities.

    Raises:
        ConfigError: If the pooling, the dropout, a width or the shape is not usable.
    """
    import keras

    features = keras.Input(shape=feature_shape, name=f"{name}_features")
    probs = _head(features, name, hidden, pooling, dropout)
    return keras.Model(features, probs, name=name)


def build_ensemble_probs_head(n_members: int = 3) -> Any:
    """Build the ensemble on probabilities that were computed before.

    Args:
        n_members: Number of members, at least 1.

    Returns:
        A new `keras.Model`; input (n, 3 * `n_members`), output (n, 3) float32 probabilities.

    Raises:
        ConfigError: If `n_members` is below 1.
    """
    return _vector_head(ENSEMBLE_PROBS, (N_CLASSES,) * n_members)


def build_ensemble_dense_head(widths: Sequence[int] = (64, 64, 64)) -> Any:
    """Build the ensemble on dense layers that were computed before.

    Args:
        widths: Units of each member's last dense layer, in the order of concatenation.

    Returns:
        A new `keras.Model`; input (n, sum of `widths`), output (n, 3) float32 probabilities.

    Raises:
        ConfigError: If there is no width, or one is below 1.
    """
    return _vector_head(ENSEMBLE_DENSE, widths)


def extract_head(model: Any, system: str) -> dict[str, Float32Array]:
    """Copy the trained arrays of one system out of a Keras model.

    Args:
        model: Any model of this module that holds the layers of `system`: the member, its head
            alone, or an ensemble's.
        system: Name of the system, the prefix of its layers.

    Returns:
        New float32 arrays: `dense_0/kernel` (n_in, n_out) and `dense_0/bias` (n_out,), one pair for
        each dense layer, then `logits/kernel` (n_in, 3) and `logits/bias` (3,); the last pair alone
        for an ensemble.

    Raises:
        SpecMismatchError: If the model has no layers of that system.
    """
    layers = {layer.name: layer for layer in model.layers}
    last = layers.get(f"{system}_predictions")
    if last is None:
        msg = f"`model` must have the layer {system}_predictions. Received: model={model.name!r}"
        raise SpecMismatchError(msg)
    found = {f"dense_{i}": layers[name] for i, name in enumerate(_dense_names(layers, system))}
    arrays: dict[str, Float32Array] = {}
    for key, layer in {**found, "logits": last}.items():
        kernel, bias = layer.get_weights()
        arrays[f"{key}/kernel"] = np.array(kernel, np.float32)
        arrays[f"{key}/bias"] = np.array(bias, np.float32)
    return arrays


def _dense_names(layers: Mapping[str, Any], system: str) -> list[str]:
    """Names of a system's dense layers, first to last."""
    names: list[str] = []
    while (name := f"{system}_dense_{len(names)}") in layers:
        names.append(name)
    return names


def _head(features: Any, name: str, hidden: Sequence[int], pooling: str, dropout: float) -> Any:
    """Put pooling, dense layers and the softmax on a feature map."""
    from keras import layers

    if not 0.0 <= dropout < 1.0:
        msg = f"`dropout` must lie in [0, 1). Received: dropout={dropout!r}"
        raise ConfigError(msg)
    _check_widths("hidden", hidden)
    x = _pool(features, name, pooling)
    for i, width in enumerate(hidden):
        x = layers.Dense(width, activation="relu", name=f"{name}_dense_{i}")(x)
        x = layers.Dropout(dropout, name=f"{name}_dropout_{i}")(x)
    return layers.Dense(N_CLASSES, activation="softmax", name=f"{name}_predictions")(x)


def _pool(features: Any, name: str, pooling: str) -> Any:
    """Reduce a feature map to a vector."""
    from keras import layers

    if pooling not in POOLINGS:
        msg = f"`pooling` must be one of {POOLINGS}. Received: pooling={pooling!r}"
        raise ConfigError(msg)
    if pooling == "global":
        return layers.GlobalAveragePooling2D(name=f"{name}_pool")(features)
    if pooling == "none":
        return layers.Flatten(name=f"{name}_flatten")(features)
    padding = pooling.removeprefix("average2_")
    if padding == "valid" and min(features.shape[1:3]) < 2:
        shape = tuple(features.shape[1:])
        msg = f"`pooling` 'average2_valid' must have a 2 by 2 map at least. Received: shape={shape}"
        raise ConfigError(msg, hint="Use a larger input, or another pooling.")
    x = layers.AveragePooling2D(2, padding=padding, name=f"{name}_pool")(features)
    return layers.Flatten(name=f"{name}_flatten")(x)


def _vector_head(system: str, widths: Sequence[int]) -> Any:
    """Put an ensemble's softmax on vectors that are already joined."""
    import keras

    _check_widths("widths", widths)
    if not widths:
        msg = f"`widths` must hold at least one member. Received: widths={widths!r}"
        raise ConfigError(msg)
    vector = keras.Input(shape=(sum(widths),), name=f"{system}_input")
    last = keras.layers.Dense(N_CLASSES, activation="softmax", name=f"{system}_predictions")
    return keras.Model(vector, last(vector), name=system)


def _check_widths(name: str, widths: Sequence[int]) -> None:
    """Refuse layers without units."""
    if any(not isinstance(width, int) or width < 1 for width in widths):
        msg = f"`{name}` must be whole numbers above 0. Received: {name}={tuple(widths)!r}"
        raise ConfigError(msg)
