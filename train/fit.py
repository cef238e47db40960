"""Fit the head of one member on cached features, as a recipe says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cxr_core.array import Float32Array, IntArray
from cxr_core.dataset import class_weights_inverse, class_weights_max
from cxr_core.labels import CLASSES
from train.auxiliary import (
    SOURCE_ADVERSARY,
    auxiliary_loss,
    with_auxiliary,
)
from train.config import TrainConfig
from train.fit_loop import FitData, fit_model
from train.keras_system import DEFAULT_HIDDEN, MEMBER_HIDDEN, build_head, extract_head
from train.losses import build_loss

_SIGNIFICANT = 256


@dataclass(frozen=True, eq=False)
class Fitted:
    """A trained head or ensemble.

    Attributes:
        arrays: As `cxr_core.heads.head_from_arrays` takes them.
        history: One row an epoch, keys `HISTORY_FIELDS`; not a number where nothing steered.
        is_best_kept: True if the arrays are those of the best epoch, not of the last.
    """

    arrays: dict[str, Float32Array]
    history: list[dict[str, float]]
    is_best_kept: bool

    @property
    def best_epoch(self) -> int:
        """Epoch of the lowest validation loss, from 1; the last one where nothing steered."""
        losses = [row["val_loss"] for row in self.history]
        return len(losses) if np.isnan(losses).all() else int(np.nanargmin(losses)) + 1

    @property
    def chosen_epoch(self) -> int:
        """Epoch whose weights were kept."""
        return self.best_epoch if self.is_best_kept else len(self.history)


def class_weights(kind: str, y_true: IntArray, power: float = 1.0) -> tuple[float, ...] | None:
    """Return one weight a class.

    Args:
        kind: `none`; `max`, largest count over own count; `inverse`, mean count over own count.
        y_true: Class indices, shape (n,), every class present.
        power: Exponent of the weights.

    Returns:
        Weights in class order, or `None` for none.
    """
    if kind == "none":
        return None
    counts = {name: int((y_true == index).sum()) for index, name in enumerate(CLASSES)}
    weights = class_weights_max(counts) if kind == "max" else class_weights_inverse(counts)
    return tuple(weights[name] ** power for name in CLASSES)


def fit_head(
    name: str,
    config: TrainConfig,
    data: FitData,
    history_path: Path | None = None,
    *,
    tensorboard: Path | None = None,
) -> Fitted:
    """Train a member's head as the preset says.

    Args:
        name: Member, which decides the widths of its layers.
        config: The recipe.
        data: Pooled features, each of shape (n, n_pooled, c), and labels.
        history_path: CSV file that gets a row after every epoch; the state of a killed fit is kept
            beside it. `None` writes nothing.
        tensorboard: Folder for TensorBoard's event files, or `None` for none.

    Returns:
        The arrays of the last epoch, or of the best one with `restore_best`; kernels as
        `rounded` gives them.
    """
    import keras

    keras.utils.set_random_seed(config.seed)
    n_pooled, channels = next(iter(data.passes.values())).shape[1:]
    head = build_head(
        (n_pooled, 1, channels),
        MEMBER_HIDDEN.get(name, DEFAULT_HIDDEN),
        name=name,
        pooling="none",
        dropout=config.dropout,
    )
    loss = build_loss(
        config.loss,
        label_smoothing=config.label_smoothing,
        class_weights=class_weights(config.class_weights, data.y_true, config.class_weight_power),
        focal_gamma=config.focal_gamma,
        focal_alpha=config.focal_alpha or None,
        cost_matrix=config.cost_matrix or None,
    )
    shaped = replace(
        data,
        passes={number: inputs[:, :, None, :] for number, inputs in data.passes.items()},
        val_inputs=None if data.val_inputs is None else data.val_inputs[:, :, None, :],
    )
    model = head
    if data.answers is not None:
        is_reversed = config.auxiliary == SOURCE_ADVERSARY
        model = with_auxiliary(head, name, data.n_answers, is_reversed=is_reversed)
        loss = auxiliary_loss(loss, config.auxiliary_weight)
    rows, is_best_kept = fit_model(
        model, loss, shaped, config, history_path, recipe=config.to_dict(), tensorboard=tensorboard
    )
    arrays = {
        key: rounded(array) if key.endswith("kernel") else array
        for key, array in extract_head(head, name).items()
    }
    return Fitted(arrays, rows, is_best_kept)


def rounded(kernel: Float32Array) -> Float32Array:
    """Round weights to eight significant bits, within the range of half precision.

    The backbones' weights have eight bits as well. A bundle stores such a kernel as float16, and
    version control packs it to less than that, since the other bits are 0.

    Args:
        kernel: Any shape, float32.

    Returns:
        New float32 array; each value moves by 0.4 % at most, below 6e-5 by 3e-8.
    """
    mantissa, exponent = np.frexp(kernel)
    short = np.ldexp(np.rint(mantissa * _SIGNIFICANT) / _SIGNIFICANT, exponent)
    return np.asarray(short.astype(np.float16), np.float32)
