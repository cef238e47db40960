"""The arithmetic in which Keras builds networks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def precision(policy: str) -> Iterator[None]:
    """Build networks with one policy inside the block, and with the earlier one after it.

    Args:
        policy: A Keras dtype policy: `float32`, `mixed_bfloat16` or `mixed_float16`.

    Yields:
        Nothing.
    """
    import keras

    earlier = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(earlier)
