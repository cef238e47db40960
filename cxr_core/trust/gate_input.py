"""What the refusal gate looks at: features and layout of films, by key, as checked rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from cxr_core.array import Float64Array
from cxr_core.errors import SpecMismatchError

LAYOUT: Final = "layout"

Arrays = Mapping[str, npt.NDArray[Any]]


def by_key(
    pooled: Arrays, hidden: Arrays, layout: npt.NDArray[Any] | None
) -> dict[str, npt.NDArray[Any]]:
    """Put everything a space may be fitted to under its key.

    Args:
        pooled: Member name to the means of its feature maps.
        hidden: Member name to its last hidden layers.
        layout: The films' layout, or `None`.

    Returns:
        `pooled/MEMBER`, `hidden/MEMBER` and `layout` to the same arrays.
    """
    found = {f"pooled/{name}": array for name, array in pooled.items()}
    found |= {f"hidden/{name}": array for name, array in hidden.items()}
    return found if layout is None else {**found, LAYOUT: layout}


def as_rows(arrays: Arrays, key: str, width: int | None = None) -> npt.NDArray[Any]:
    """Return one array as rows.

    Args:
        arrays: Key to array, shape (n, c) or (c,).
        key: Which one.
        width: The c that it must have; any if `None`.

    Returns:
        Shape (n, c).

    Raises:
        SpecMismatchError: If it is missing or of another shape.
    """
    if key not in arrays:
        msg = f"The gate needs {key}. Received: {', '.join(arrays) or 'nothing'}"
        raise SpecMismatchError(msg)
    rows = np.atleast_2d(np.asarray(arrays[key]))
    if rows.ndim != 2 or (width is not None and rows.shape[1] != width):
        msg = f"{key} must have shape (n, {width or 'c'}). Received: {np.shape(arrays[key])}"
        raise SpecMismatchError(msg)
    return rows


def stack_equal(
    distances: Sequence[Float64Array],
) -> Float64Array:
    """Stack distances of the same films.

    Args:
        distances: One array of shape (n,) for each space.

    Returns:
        Shape (spaces, n).

    Raises:
        SpecMismatchError: If they are of different numbers of films.
    """
    lengths = {len(found) for found in distances}
    if len(lengths) != 1:
        msg = f"All features must be of the same films. Received: {sorted(lengths)} rows"
        raise SpecMismatchError(msg)
    return np.stack(distances)
