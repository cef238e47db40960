"""The coarse layout of a film: where it is dense and where not, in 36 numbers.

The networks' pooled features say what is in a film and hardly where; a chest that stands on its
head, or half of one, has the same textures. These few numbers say where.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np

from cxr_core.array import Float32Array, Float64Array, FloatArray
from cxr_core.io import read_path

CELLS: Final = 6
"""Rows and columns of the grid."""

N_LAYOUT: Final = CELLS * CELLS
_SAMPLED_PX: Final = 240
_BLACK: Final = 0.04
"""Rows and columns at the edge with a mean below this are no part of the film."""
_LEAST_SPREAD: Final = 0.02


def film_layout(image: FloatArray) -> Float32Array:
    """Return the means of a 6 by 6 grid over a film, without its brightness and contrast.

    Args:
        image: Shape (h, w), in [0, 1], bright = dense. Of large films only every second, third, ...
            row and column is looked at, at least 240 of each. Black bands at the edges are cut off.

    Returns:
        Shape (36,), float32, row by row, mean 0 and spread 1; nearly flat films keep a spread below
        1, and a flat one is all 0.
    """
    height, width = image.shape
    sampled = image[:: max(1, height // _SAMPLED_PX), :: max(1, width // _SAMPLED_PX)]
    shown = _without_margins(np.asarray(sampled, np.float64))
    grid = _means(_means(shown).T).T.ravel()
    grid -= grid.mean()
    return np.asarray(grid / max(float(grid.std()), _LEAST_SPREAD), np.float32)


def film_layouts(paths: Iterable[Path]) -> Float32Array:
    """Return the layout of films on disk.

    Args:
        paths: Films that can be read.

    Returns:
        Shape (n, 36), float32.

    Raises:
        CxrError: As `cxr_core.io.read_path`.
    """
    found = [film_layout(read_path(path).image) for path in paths]
    return np.stack(found) if found else np.empty((0, N_LAYOUT), np.float32)


def _without_margins(values: Float64Array) -> Float64Array:
    """Cut off black bands, which come from a screen or a page and not from the film."""
    for _ in range(2):
        lit = np.flatnonzero(values.mean(axis=1) > _BLACK)
        values = (values[lit[0] : lit[-1] + 1] if len(lit) else values).T
    return values


def _means(values: Float64Array) -> Float64Array:
    """Average the rows into `CELLS` blocks of equal height; fewer rows are repeated."""
    n_rows = len(values)
    edges = [number * n_rows // CELLS for number in range(CELLS + 1)]
    blocks = [values[min(a, n_rows - 1) : max(b, a + 1)] for a, b in pairwise(edges)]
    return np.stack([block.mean(axis=0) for block in blocks])
