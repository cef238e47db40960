"""Pooling of a feature map as a matrix: what a head averages, and which cells it cannot see."""

from __future__ import annotations

from typing import Final

import numpy as np

from cxr_core.array import Float64Array

POOLINGS: Final = ("average2_valid", "average2_same", "global", "none")


def pool_matrix(pooling: str, height: int, width: int) -> Float64Array:
    """Return the linear map that pooling is: rows are pooled cells, columns are map cells.

    Args:
        pooling: `average2_valid`, means of whole 2 by 2 blocks, so that no pooled cell sees an odd
            last row or column; `average2_same`, which also averages the cut blocks at the edge,
            over the cells that they have; `global`, the mean over all cells; `none`, every cell.
        height: Rows of the feature map.
        width: Columns of the feature map.

    Returns:
        Shape (n_pooled, height * width), float64; each row sums to 1.

    Raises:
        ValueError: If the pooling is not known.

    References:
        `keras.layers.AveragePooling2D(2, padding="valid" | "same")` and `GlobalAveragePooling2D`.
    """
    if pooling not in POOLINGS:
        msg = f"`pooling` must be one of {POOLINGS}. Received: pooling={pooling!r}"
        raise ValueError(msg)
    if pooling == "none":
        return np.eye(height * width)
    if pooling == "global":
        return np.full((1, height * width), 1.0 / (height * width))
    keep_cut = pooling == "average2_same"
    row_blocks, column_blocks = (_blocks(size, keep_cut=keep_cut) for size in (height, width))
    matrix = np.zeros((len(row_blocks) * len(column_blocks), height, width))
    cells = ((rows, columns) for rows in row_blocks for columns in column_blocks)
    for pooled, (rows, columns) in enumerate(cells):
        n_averaged = (rows.stop - rows.start) * (columns.stop - columns.start)
        matrix[pooled, rows, columns] = 1.0 / n_averaged
    return matrix.reshape(len(matrix), -1)


def _blocks(size: int, *, keep_cut: bool) -> list[slice]:
    """Return the pairs of neighbouring rows (or columns), the cut last one only if asked for."""
    stop = size if keep_cut else size - size % 2
    return [slice(start, min(start + 2, size)) for start in range(0, stop, 2)]
