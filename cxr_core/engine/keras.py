"""The reference engine: a Keras model, also the way to a GPU."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from cxr_core.array import Float32Array
from cxr_core.engine import check_batch


class KerasEngine:
    """A backbone as built by `cxr_core.backbones.build`.

    Args:
        model: Keras model from (n, height, width, 3) to (n, h, w, c); never changed here.

    Notes:
        Keras declares neither `predict` nor the call thread-safe, so one lock guards the call.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._lock = threading.Lock()
        self._input_shape = _without_batch(model.input_shape)
        self._feature_shape = _without_batch(model.output_shape)

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Shape (height, width, 3) of one input."""
        return self._input_shape

    @property
    def feature_shape(self) -> tuple[int, int, int]:
        """Shape (h, w, c) of one film's feature map."""
        return self._feature_shape

    def run(self, batch: Float32Array) -> Float32Array:
        """Run the backbone on the whole batch at once; see `FeatureEngine.run`."""
        import keras

        check_batch(batch, self._input_shape)
        with self._lock:
            features = keras.ops.convert_to_numpy(self._model(batch, training=False))
        return np.array(features, np.float32)


def _without_batch(shape: tuple[int | None, ...]) -> tuple[int, int, int]:
    """Return a Keras shape without its batch axis."""
    height, width, channels = shape[1:]
    return int(height or 0), int(width or 0), int(channels or 0)
