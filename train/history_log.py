"""The history of a fit as a CSV file: a row an epoch, whole whenever somebody reads it."""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

HISTORY_FIELDS = (
    "epoch",
    "loss",
    "accuracy",
    "val_loss",
    "val_accuracy",
    "learning_rate",
    "seconds",
)


def history_log(path: Path | None, seed: int) -> Any:
    """Return a callback that writes one CSV row an epoch and keeps the rows.

    It also starts the random numbers of dropout anew with each epoch, so that an epoch is the same
    after a kill.

    Args:
        path: CSV file, or `None` to write nothing.
        seed: Seed of the fit.

    Returns:
        A `keras.callbacks.Callback` with the rows so far as `rows`.
    """
    import keras

    class HistoryLog(keras.callbacks.Callback):  # type: ignore[misc] # Keras has no types
        """Losses, accuracies, learning rate and seconds of each epoch."""

        def __init__(self) -> None:
            super().__init__()
            self.rows: list[dict[str, float]] = []
            self._started = 0.0
            self._rate = 0.0

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
            _seed_dropout(self.model, seed, epoch)
            self._started = time.perf_counter()
            self._rate = float(self.model.optimizer.learning_rate)

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            measured = {key: float((logs or {}).get(key, math.nan)) for key in HISTORY_FIELDS[1:5]}
            self.rows.append(
                {
                    "epoch": epoch + 1,
                    **measured,
                    "learning_rate": self._rate,
                    "seconds": round(time.perf_counter() - self._started, 3),
                }
            )
            if path is not None:
                write_history(path, self.rows)

    return HistoryLog()


def _seed_dropout(model: Any, seed: int, epoch: int) -> None:
    """Start each dropout layer's random numbers anew, so that an epoch is the same after a kill."""
    import keras

    dropouts = [layer for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
    for index, layer in enumerate(dropouts):
        if layer.rate > 0:
            state = np.random.default_rng([seed, epoch, index]).integers(2**31, size=2)
            layer.seed_generator.state.assign(state.astype(np.uint32))


def write_history(path: Path, rows: Sequence[Mapping[str, float]]) -> None:
    """Write all epochs so far, as one step for whoever reads meanwhile.

    Args:
        path: CSV file; replaced.
        rows: Keys `HISTORY_FIELDS`; what is not a number is left empty.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".new")
    with temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, HISTORY_FIELDS, lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({k: "" if math.isnan(value) else value for k, value in row.items()})
    temporary.replace(path)
