"""Files of a bundle into values: what does not fit this version is a typed error that names it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from cxr_core.errors import SpecMismatchError

_MISFITS: Final = (
    KeyError,
    IndexError,
    TypeError,
    ValueError,
    AttributeError,
    OverflowError,
    RecursionError,
)
"""What reading a value of another kind than was written may raise."""


@contextmanager
def fitting(path: str) -> Iterator[None]:
    """Turn what the content of a file raises into an error that names the file.

    Args:
        path: The file, below the bundle's folder.

    Yields:
        Nothing.

    Raises:
        SpecMismatchError: If the content does not fit.
    """
    try:
        yield
    except _MISFITS as err:
        msg = f"{path}: the content must fit this version. Received: {type(err).__name__}: {err}"
        raise SpecMismatchError(msg[:500]) from err


def parse_object(data: bytes, path: str) -> dict[str, Any]:
    """Parse a JSON object.

    Args:
        data: The file.
        path: Its path below the bundle's folder.

    Returns:
        The object.

    Raises:
        SpecMismatchError: If it is something else.
    """
    with fitting(path):
        content = json.loads(data)
    if not isinstance(content, dict):
        msg = f"{path}: the content must be a JSON object. Received: {type(content).__name__}"
        raise SpecMismatchError(msg)
    return content


def parse_arrays(data: bytes, path: str) -> dict[str, npt.NDArray[Any]]:
    """Parse a file of arrays; those stored in half precision become float32.

    Args:
        data: The file, safetensors.
        path: Its path below the bundle's folder.

    Returns:
        Name to array.

    Raises:
        SpecMismatchError: If it is something else.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        with fitting(path):
            arrays = load(data)
    except SafetensorError as err:
        msg = f"{path}: the file must be of safetensors' format. Received: {err}"
        raise SpecMismatchError(msg[:500]) from err
    return {
        name: array.astype(np.float32) if array.dtype == np.float16 else array
        for name, array in arrays.items()
    }
