"""Fit one member's head on cached features; every epoch draws one cached variant of each film."""

from __future__ import annotations

import csv
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cxr_core.labels import N_CLASSES
from cxr_core.systems import DEFAULT_HIDDEN, MEMBER_HIDDEN, build_head, extract_head
from train.config import TrainConfig

HISTORY_FIELDS = (
    "epoch",
    "loss",
    "accuracy",
    "val_loss",
    "val_accuracy",
    "learning_rate",
    "seconds",
)


@dataclass(frozen=True, eq=False)
class FitData:
    """Pooled features of the training variants and of the split that steers.

    Attributes:
        passes: Augmentation pass to features, each of shape (n, n_pooled, c), float32.
        y_true: Class indices of the training films, shape (n,).
        val_features: Shape (m, n_pooled, c), float32.
        val_y_true: Shape (m,).
    """

    passes: Mapping[int, npt.NDArray[np.float32]]
    y_true: npt.NDArray[np.int64]
    val_features: npt.NDArray[np.float32]
    val_y_true: npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Fitted:
    """A trained head.

    Attributes:
        arrays: As `cxr_core.heads.head_from_arrays` takes them.
        history: One row an epoch, keys `HISTORY_FIELDS`.
    """

    arrays: dict[str, npt.NDArray[np.float32]]
    history: list[dict[str, float]]

    @property
    def best_epoch(self) -> int:
        """Epoch of the lowest validation loss, from 1."""
        losses = [row["val_loss"] for row in self.history]
        return int(np.argmin(losses)) + 1


def fit_head(name: str, config: TrainConfig, data: FitData, history_path: Path) -> Fitted:
    """Train a head as the preset says.

    Args:
        name: Member, which decides the widths of its layers.
        config: The recipe.
        data: Pooled features and labels.
        history_path: CSV file that gets a row after every epoch.

    Returns:
        The arrays of the last epoch, or of the best one with `restore_best`.
    """
    import keras

    keras.utils.set_random_seed(config.seed)
    n_pooled, channels = data.val_features.shape[1:]
    head = build_head(
        (n_pooled, 1, channels),
        MEMBER_HIDDEN.get(name, DEFAULT_HIDDEN),
        name=name,
        pooling="none",
        dropout=config.dropout,
    )
    head.compile(
        optimizer=keras.optimizers.Adam(config.learning_rate),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=config.label_smoothing),
        metrics=["accuracy"],
    )
    batches = _batches(config, data)
    log = _history_log(history_path, batches)
    head.fit(
        batches,
        epochs=config.epochs,
        validation_data=(data.val_features[:, :, None, :], _one_hot(data.val_y_true)),
        validation_batch_size=256,
        callbacks=[
            keras.callbacks.ReduceLROnPlateau(
                monitor="val_loss",
                factor=config.reduce_factor,
                patience=config.reduce_patience,
                min_delta=config.reduce_min_delta,
            ),
            log,
            keras.callbacks.TerminateOnNaN(),
            keras.callbacks.EarlyStopping(
                monitor="val_loss",
                patience=config.stop_patience,
                restore_best_weights=config.restore_best,
            ),
        ],
        verbose=0,
    )
    return Fitted(extract_head(head, name), log.rows)


def _batches(config: TrainConfig, data: FitData) -> Any:
    """Return the training batches; each epoch shuffles and draws a variant of each film."""
    import keras

    variants = [data.passes[number] for number in sorted(data.passes)]

    class Batches(keras.utils.PyDataset):  # type: ignore[misc] # Keras has no types
        """Batches of pooled features, repeatable for a seed."""

        def __init__(self) -> None:
            super().__init__()
            self.start_epoch(0)

        def start_epoch(self, epoch: int) -> None:
            """Shuffle for an epoch; Keras peeks at batches, so it cannot count them for us."""
            rng = np.random.default_rng([config.seed, epoch])
            self.order = rng.permutation(len(data.y_true))
            self.choice = rng.integers(len(variants), size=len(data.y_true))

        def __len__(self) -> int:
            return -(-len(data.y_true) // config.batch_size)

        def __getitem__(self, index: int) -> tuple[Any, Any]:
            start = index * config.batch_size
            rows = self.order[start : start + config.batch_size]
            features = np.stack([variants[self.choice[row]][row] for row in rows])
            return features[:, :, None, :], _one_hot(data.y_true[rows])

    return Batches()


def _history_log(path: Path, batches: Any) -> Any:
    """Return a callback that writes one CSV row an epoch and keeps the rows."""
    import keras

    class HistoryLog(keras.callbacks.Callback):  # type: ignore[misc] # Keras has no types
        """Losses, accuracies, learning rate and seconds of each epoch."""

        def __init__(self) -> None:
            super().__init__()
            self.rows: list[dict[str, float]] = []
            self._started = 0.0
            self._rate = 0.0

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
            batches.start_epoch(epoch)
            self._started = time.perf_counter()
            self._rate = float(self.model.optimizer.learning_rate)

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            measured = {key: float((logs or {})[key]) for key in HISTORY_FIELDS[1:5]}
            self.rows.append(
                {
                    "epoch": epoch + 1,
                    **measured,
                    "learning_rate": self._rate,
                    "seconds": round(time.perf_counter() - self._started, 3),
                }
            )
            _write_history(path, self.rows)

    return HistoryLog()


def _write_history(path: Path, rows: Sequence[Mapping[str, float]]) -> None:
    """Write all epochs so far."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, HISTORY_FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _one_hot(y_true: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """Return class indices as rows with a single one."""
    return np.eye(N_CLASSES, dtype=np.float32)[y_true]
