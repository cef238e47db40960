"""What an epoch is told by: means of its steps, cross-entropy and recall of whole films."""

from __future__ import annotations

import json
import logging
import time
from typing import Any, Final

import numpy as np

from cxr_core.array import Float64Array, IntArray
from cxr_core.errors import ConfigError

LOG = logging.getLogger(__name__)
REPORT_EVERY_S: Final = 30.0


class Watch:
    """Means over an epoch, a line in the log now and then, and the stop on a loss that is gone.

    Args:
        title: What the log calls the epoch.
        n_films: Films of the whole epoch.
    """

    def __init__(self, title: str, n_films: int) -> None:
        self._title = title
        self._n_films = n_films
        self._n_done = 0
        self._sums = {"loss": 0.0, "accuracy": 0.0}
        self._started = self._reported = time.monotonic()

    def add(self, n_films: int, logs: dict[str, float]) -> None:
        """Count one step; Keras gives the means of that step alone.

        Args:
            n_films: Films of the step.
            logs: `loss` and `accuracy` of the step.

        Raises:
            ConfigError: If the loss is not finite.
        """
        if not np.isfinite(logs["loss"]):
            msg = f"the loss must stay finite. Received: {logs['loss']} in {self._title}"
            raise ConfigError(msg, hint="Use a lower learning rate or precision=float32.")
        self._n_done += n_films
        for key in self._sums:
            self._sums[key] += n_films * float(logs[key])
        now = time.monotonic()
        if now - self._reported > REPORT_EVERY_S:
            self._reported = now
            LOG.info(
                "%s: %d/%d films, loss %.4f, %.0f s",
                self._title, self._n_done, self._n_films, logs["loss"], now - self._started,
            )  # fmt: skip

    def means(self) -> dict[str, float]:
        """Return the means over the films so far."""
        return {key: value / self._n_done for key, value in self._sums.items()}


def measure(logits: Float64Array, y_true: IntArray) -> dict[str, float]:
    """Measure cross-entropy, accuracy and the mean recall of the classes that occur.

    Args:
        logits: Shape (n, k).
        y_true: Class indices, shape (n,).

    Returns:
        `val_loss`, `val_accuracy` and `val_macro_recall`, five decimals.
    """
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    predicted = shifted.argmax(axis=1)
    recalls = [float((predicted == k)[y_true == k].mean()) for k in np.unique(y_true)]
    return {
        "val_loss": round(float(-log_probs[np.arange(len(y_true)), y_true].mean()), 5),
        "val_accuracy": round(float((predicted == y_true).mean()), 5),
        "val_macro_recall": round(float(np.mean(recalls)), 5),
    }


def log_row(name: str, row: dict[str, Any]) -> None:
    """Write one row of the history to the log.

    Args:
        name: Backbone.
        row: JSON-ready values.
    """
    LOG.info("%s %s", name, json.dumps(row))
