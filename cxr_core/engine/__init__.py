"""Engines: from a batch of network inputs to the feature map that heads and maps read."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from cxr_core.array import Float32Array


class FeatureEngine(Protocol):
    """One frozen backbone, ready to run; safe to call from several threads."""

    @property
    def feature_shape(self) -> tuple[int, int, int]:
        """Shape (h, w, c) of one film's feature map."""

    def run(self, batch: Float32Array) -> Float32Array:
        """Run the backbone.

        Args:
            batch: Shape (n, height, width, 3), float32, in the range of the model's spec.

        Returns:
            A new array of shape (n, h, w, c), float32.

        Raises:
            ValueError: If the batch does not have the input's shape.
        """


def check_batch(batch: Float32Array, input_shape: tuple[int, int, int]) -> None:
    """Refuse a batch that a backbone cannot take.

    Args:
        batch: What was handed to an engine.
        input_shape: The backbone's (height, width, channels).

    Raises:
        ValueError: If shape or dtype differ.
    """
    if batch.ndim != 4 or batch.shape[1:] != input_shape or batch.dtype != np.float32:
        msg = (
            f"`batch` must be float32 of shape (n, {', '.join(map(str, input_shape))}). "
            f"Received: shape={batch.shape}, dtype={batch.dtype}"
        )
        raise ValueError(msg)
