"""How much of a heatmap lies in the lungs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cxr_core.array import BoolArray, Float64Array
from cxr_core.evaluate.figure_text import percent
from cxr_core.lungs.mask import LungMask
from cxr_core.radiograph import Notice


@dataclass(frozen=True)
class LungShare:
    """How much of a map lies in the lungs. Not a localisation, see the caution of `cxr_core.lungs`.

    Attributes:
        share: Share of the positive map mass in the lungs; `None` where there is none of either.
        area_share: Share of the film that the lungs cover.
        enrichment: `share` over `area_share`: 1 for a map that knows nothing of lungs.
        notes: What a reader of these numbers should know.
    """

    share: float | None
    area_share: float
    enrichment: float | None
    notes: tuple[Notice, ...] = ()


def lung_share(cam_grid: npt.NDArray[Any], lung_mask: LungMask) -> LungShare:
    """Return the share of a map's positive mass that lies in the lungs.

    A cell counts with the exact share of its area that the mask covers, whatever the sizes of map
    and mask. What speaks against the class (negative cells) takes no part.

    Args:
        cam_grid: Raw map over the whole film, shape (h, w).
        lung_mask: The film's lungs.

    Returns:
        The share beside the lungs' share of the area. A map without positive mass, one that is not
        finite, and a film without lungs give `None` with a note; a map that lies in the lungs less
        than their share of the area gets a note too.

    Raises:
        ValueError: If the map is not two-dimensional or empty.
    """
    grid = np.asarray(cam_grid, np.float64)
    if grid.ndim != 2 or not grid.size:
        msg = f"`cam_grid` must have shape (h, w). Received: shape={grid.shape}"
        raise ValueError(msg)
    area_share = lung_mask.area_share
    if not np.isfinite(grid).all():
        note = Notice("not_finite", "The map has cells that are not numbers.")
        return LungShare(None, area_share, None, (note,))
    if not lung_mask.mask.any():
        note = Notice("no_lungs", "No lungs were found, so no share of the map lies in them.")
        return LungShare(None, area_share, None, (note,))
    positive = np.maximum(grid, 0.0)
    largest = positive.max()
    if largest == 0.0:
        note = Notice("no_positive_mass", "No cell of the map speaks for this class.")
        return LungShare(None, area_share, None, (note,))
    positive = positive / largest  # so that no sum overflows
    share = float((positive * _covered(lung_mask.mask, grid.shape)).sum() / positive.sum())
    enrichment = share / area_share
    notes = lung_mask.notes
    if enrichment < 1.0:
        text = (
            f"{percent(share)} of the positive map lies in the lungs, which cover "
            f"{percent(area_share)} of the film: less than of a map that is the same everywhere."
        )
        notes = (Notice("outside_lungs", text), *notes)
    return LungShare(share, area_share, enrichment, notes)


def _covered(mask: BoolArray, shape: tuple[int, ...]) -> Float64Array:
    """Return which share of each grid cell's area the mask covers, shape (h, w)."""
    rows, columns = (_overlap(n, size) for n, size in zip(shape, mask.shape, strict=True))
    return rows @ mask.astype(np.float64) @ columns.T


def _overlap(n_cells: int, n_pixels: int) -> Float64Array:
    """Return the share of each cell of a line that each pixel fills, shape (cells, pixels)."""
    cells = np.arange(n_cells + 1) / n_cells
    pixels = np.arange(n_pixels + 1) / n_pixels
    low = np.maximum(cells[:-1, None], pixels[None, :-1])
    high = np.minimum(cells[1:, None], pixels[None, 1:])
    return np.asarray(np.maximum(high - low, 0.0) * n_cells)
