"""The two ensembles in Keras: on whole members, or on what members were asked before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from cxr_core.errors import ConfigError
from cxr_core.labels import ENSEMBLES, N_CLASSES
from train.keras_system.member import check_widths, dense_names

ENSEMBLE_PROBS, ENSEMBLE_DENSE = ENSEMBLES


def build_ensemble_probs(members: Sequence[Any]) -> Any:
    """Build the ensemble on the members' probabilities, and freeze the members.

    Args:
        members: Built members, in the order of concatenation. Their layers become part of the
            result and are frozen, as in the write-up.

    Returns:
        A new flat `keras.Model`; one input where the members share theirs, else one each; output
        (n, 3) float32 probabilities.

    Raises:
        ConfigError: If there is no member, or two of them have a layer name in common.
    """
    return _ensemble(members, ENSEMBLE_PROBS, [member.output for member in members])


def build_ensemble_dense(members: Sequence[Any]) -> Any:
    """Build the ensemble on the members' last dense layers (before dropout), and freeze them.

    Args:
        members: As for `build_ensemble_probs`.

    Returns:
        As for `build_ensemble_probs`.

    Raises:
        ConfigError: As for `build_ensemble_probs`, or if a member has no dense layer of its own.
    """
    return _ensemble(members, ENSEMBLE_DENSE, [_last_dense(member).output for member in members])


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


def _last_dense(member: Any) -> Any:
    """The dense layer before the predictions, without its dropout."""
    layers = {layer.name: layer for layer in member.layers}
    names = dense_names(layers, member.name)
    if not names:
        msg = f"`members` must each have a dense layer. Received: member={member.name!r}"
        raise ConfigError(msg, hint="Give the member at least one hidden width.")
    return layers[names[-1]]


def _ensemble(members: Sequence[Any], system: str, outputs: Sequence[Any]) -> Any:
    """Join member tensors under one softmax; inputs that are one tensor stay one input."""
    import keras

    if not members:
        msg = "`members` must hold at least one model. Received: an empty sequence"
        raise ConfigError(msg)
    inputs = list({id(tensor): tensor for member in members for tensor in member.inputs}.values())
    layers = {id(layer): layer for member in members for layer in member.layers}.values()
    clashes = [name for name, n in Counter(layer.name for layer in layers).items() if n > 1]
    if clashes:
        msg = f"`members` must have distinct layer names. Received: twice {sorted(clashes)[:5]}"
        raise ConfigError(msg, hint="Build the members with distinct names and prefix_backbone.")
    for layer in layers:
        layer.trainable = False
    probs = _join(outputs, system)
    return keras.Model(inputs[0] if len(inputs) == 1 else inputs, probs, name=system)


def _join(tensors: Sequence[Any], system: str) -> Any:
    """Concatenate vectors and put the softmax on them."""
    from keras import layers

    joined = tensors[0]
    if len(tensors) > 1:
        joined = layers.Concatenate(name=f"{system}_concat")(list(tensors))
    return layers.Dense(N_CLASSES, activation="softmax", name=f"{system}_predictions")(joined)


def _vector_head(system: str, widths: Sequence[int]) -> Any:
    """Put an ensemble's softmax on vectors that are already joined."""
    import keras

    check_widths("widths", widths)
    if not widths:
        msg = f"`widths` must hold at least one member. Received: widths={widths!r}"
        raise ConfigError(msg)
    vector = keras.Input(shape=(sum(widths),), name=f"{system}_input")
    return keras.Model(vector, _join([vector], system), name=system)
