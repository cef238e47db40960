"""Where an end-to-end training runs: on the device of the backend, or on all GPUs of a machine."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cache
from typing import Any

from cxr_core.errors import ConfigError


@dataclass(frozen=True, eq=False)
class Devices:
    """Where a training runs.

    Attributes:
        strategy: A `tf.distribute.MirroredStrategy`, or `None` for the backend's own device.
    """

    strategy: Any = None

    def scope(self) -> AbstractContextManager[Any]:
        """Return the context in which the network is built and trained."""
        return self.strategy.scope() if self.strategy else nullcontext()


def find_devices(strategy: str, batch_size: int) -> Devices:
    """Take the devices that a strategy names.

    Args:
        strategy: `none`, or `mirrored` for all GPUs of this machine (without a GPU, all CPU
            devices that TensorFlow shows), TensorFlow backend only.
        batch_size: Films a step, over all devices.

    Returns:
        The devices.

    Raises:
        ConfigError: If the backend cannot do it, or the films of a step do not share out evenly.
    """
    if strategy == "none":
        return Devices()
    import keras

    if keras.backend.backend() != "tensorflow":
        msg = (
            "`strategy` must be 'none' on this backend. Received: strategy='mirrored', backend="
            f"{keras.backend.backend()!r}"
        )
        raise ConfigError(msg, hint="Set KERAS_BACKEND=tensorflow, or use one device.")
    import tensorflow as tf

    kind = "GPU" if tf.config.list_logical_devices("GPU") else "CPU"
    names = [device.name for device in tf.config.list_logical_devices(kind)]
    if batch_size % len(names):
        msg = (
            f"`batch_size` must be a multiple of the {len(names)} devices. Received: "
            f"batch_size={batch_size}"
        )
        raise ConfigError(msg)
    return Devices(_mirrored(tuple(names)))


@cache
def _mirrored(names: tuple[str, ...]) -> Any:
    """Return the one strategy of these devices; a second one would reuse the first one's keys."""
    import tensorflow as tf

    return tf.distribute.MirroredStrategy(names)
