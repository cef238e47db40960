"""Join members: the two trained ensembles, and the means they have to beat."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from cxr_core.array import Float32Array, Float64Array, IntArray
from cxr_core.evaluate.bootstrap import log_loss
from cxr_core.heads import Dense, MemberHead, softmax
from cxr_core.labels import N_CLASSES
from train.config import TrainConfig
from train.fit import Fitted
from train.fit_loop import FitData, fit_model
from train.keras_system import (
    ENSEMBLE_PROBS,
    build_ensemble_dense_head,
    build_ensemble_probs_head,
    extract_head,
)
from train.losses import build_loss

MEAN: Final = "mean"
WEIGHTED_MEAN: Final = "weighted_mean"
BASELINES: Final = (MEAN, WEIGHTED_MEAN)
SHARPNESS: Final = 4.0
"""Scale of the averaged probabilities as logits where `ensemble_probs` starts as the mean."""
_WEIGHT_STEPS: Final = 20


@dataclass(frozen=True, eq=False)
class MemberOutput:
    """What one member says of some films.

    Attributes:
        probs: Shape (n, 3), float32.
        hidden: Last hidden layer after ReLU, shape (n, d), float32.
    """

    probs: Float32Array
    hidden: Float32Array


def member_output(head: MemberHead, pooled: Float32Array) -> MemberOutput:
    """Run a head on pooled features, as serving does.

    Args:
        head: A member's head.
        pooled: Shape (n, n_pooled, c).

    Returns:
        New arrays.
    """
    first = head.layers[0](pooled.reshape(len(pooled), -1))
    state = head.forward_from(first)
    return MemberOutput(np.asarray(state.probs, np.float32), np.asarray(state.hidden, np.float32))


def joined(system: str, outputs: Sequence[MemberOutput]) -> Float32Array:
    """Concatenate what an ensemble reads.

    Args:
        system: `ensemble_probs` or `ensemble_dense`.
        outputs: One a member, in ensemble order.

    Returns:
        Shape (n, 3 * members) or (n, sum of hidden widths), float32.
    """
    parts = [out.probs if system == ENSEMBLE_PROBS else out.hidden for out in outputs]
    return np.concatenate(parts, axis=1)


def fit_ensemble(
    system: str,
    config: TrainConfig,
    heads: Mapping[str, MemberHead],
    fitted_to: tuple[Float32Array, IntArray],
    steering: tuple[Float32Array, IntArray] | None,
    history_path: Path | None = None,
    *,
    weights: Float32Array | None = None,
) -> Fitted:
    """Train one ensemble as the preset says.

    Args:
        system: `ensemble_probs` or `ensemble_dense`.
        config: The recipe.
        heads: The members' heads, in ensemble order.
        fitted_to: Inputs as `joined` returns them, and class indices.
        steering: The same of the split that steers; `None` where nothing steers and the fit runs
            for all its epochs.
        history_path: As for `train.fit.fit_head`.
        weights: Weight of each film of `fitted_to`, shape (n,); `None` for 1.

    Returns:
        Its arrays, `logits/kernel` and `logits/bias`.

    Raises:
        ConfigError: If the ensemble is not known.
    """
    import keras

    keras.utils.set_random_seed(config.seed)
    if system == ENSEMBLE_PROBS:
        model, rate = build_ensemble_probs_head(len(heads)), config.ensemble_probs_rate
    else:
        widths = [head.layers[-1].kernel.shape[0] for head in heads.values()]
        model, rate = build_ensemble_dense_head(widths), config.ensemble_dense_rate
    if config.ensemble_start == MEAN:
        layer = mean_layer(system, heads)
        model.layers[-1].set_weights([layer.kernel, layer.bias])
    loss = build_loss(
        "cross_entropy",
        label_smoothing=0.0,
        class_weights=None,
        focal_gamma=0.0,
        focal_alpha=None,
        cost_matrix=None,
    )
    inputs, y_true = fitted_to
    val_inputs, val_y_true = steering or (None, None)
    data = FitData({0: inputs}, y_true, val_inputs, val_y_true, weights)
    own = replace(config, epochs=config.ensemble_epochs, learning_rate=rate)
    rows, is_best_kept = fit_model(
        model, loss, data, own, history_path, recipe={**config.to_dict(), "system": system}
    )
    return Fitted(extract_head(model, system), rows, is_best_kept)


def mean_layer(system: str, heads: Mapping[str, MemberHead]) -> Dense:
    """Return the layer that makes an ensemble the plain mean of its members.

    Args:
        system: `ensemble_probs`: the softmax of `SHARPNESS` times the mean probability, which
            orders classes as the mean does; `ensemble_dense`: the mean of the members' logits.
        heads: The members' heads, in ensemble order.

    Returns:
        The layer, float32.
    """
    if system == ENSEMBLE_PROBS:
        block = np.eye(N_CLASSES, dtype=np.float32) * np.float32(SHARPNESS / len(heads))
        return Dense(np.concatenate([block] * len(heads)), np.zeros(N_CLASSES, np.float32))
    last = [head.layers[-1] for head in heads.values()]
    kernel = np.concatenate([layer.kernel for layer in last]) / np.float32(len(last))
    bias = np.mean([layer.bias for layer in last], axis=0)
    return Dense(kernel.astype(np.float32), bias.astype(np.float32))


def ensemble_probs_of(layer: Dense, system: str, outputs: Sequence[MemberOutput]) -> Float64Array:
    """Return an ensemble's probabilities.

    Args:
        layer: Its trained layer.
        system: `ensemble_probs` or `ensemble_dense`.
        outputs: One a member, in ensemble order.

    Returns:
        Shape (n, 3), float64.
    """
    return np.asarray(softmax(layer(joined(system, outputs)).astype(np.float64)), np.float64)


def mean_weights(outputs: Sequence[MemberOutput], y_true: IntArray) -> tuple[float, ...]:
    """Choose the weighted mean of least log loss among all weights in steps of a twentieth.

    Args:
        outputs: One a member.
        y_true: Class indices, shape (n,).

    Returns:
        One weight a member, at least 0, summing to 1.
    """
    stacked = np.stack([out.probs for out in outputs]).astype(np.float64)
    grid = (
        np.array(steps) / _WEIGHT_STEPS
        for steps in itertools.product(range(_WEIGHT_STEPS + 1), repeat=len(outputs))
        if sum(steps) == _WEIGHT_STEPS
    )
    best = min(grid, key=lambda w: log_loss(y_true, np.tensordot(w, stacked, axes=1)))
    return tuple(float(weight) for weight in best)


def weighted_mean(
    outputs: Sequence[MemberOutput], weights: Sequence[float] | None = None
) -> Float64Array:
    """Return the mean of the members' probabilities.

    Args:
        outputs: One a member.
        weights: One a member, summing to 1; equal ones if `None`.

    Returns:
        Shape (n, 3), float64.
    """
    stacked = np.stack([out.probs for out in outputs]).astype(np.float64)
    used = np.full(len(outputs), 1 / len(outputs)) if weights is None else np.asarray(weights)
    return np.asarray(np.tensordot(used, stacked, axes=1))
