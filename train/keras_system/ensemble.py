"""The two ensembles in Keras, on what members were asked before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cxr_core.errors import ConfigError
from cxr_core.labels import ENSEMBLES, N_CLASSES
from train.keras_system.member import check_widths

ENSEMBLE_PROBS, ENSEMBLE_DENSE = ENSEMBLES


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


def _vector_head(system: str, widths: Sequence[int]) -> Any:
    """Put an ensemble's softmax on vectors that are already joined."""
    import keras

    check_widths("widths", widths)
    if not widths:
        msg = f"`widths` must hold at least one member. Received: widths={widths!r}"
        raise ConfigError(msg)
    vector = keras.Input(shape=(sum(widths),), name=f"{system}_input")
    last = keras.layers.Dense(N_CLASSES, activation="softmax", name=f"{system}_predictions")
    return keras.Model(vector, last(vector), name=system)
