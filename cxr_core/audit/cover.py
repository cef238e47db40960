"""What a film is when most of it is painted black: its border alone, no lungs, nothing but lungs.

After Maguolo and Nanni 2021, who blackened the centre of chest films and found that classifiers of
COVID-19 did about as well. What is left is shown to a classifier that cannot know of disease from
it, and to the systems themselves.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from cxr_core.array import BoolArray, Float32Array
from cxr_core.lungs import LungMask

RING_SHARE: Final = 3 / 32
"""Width of the border that stays visible, as a share of each side of the film."""

BORDER_ONLY: Final = "border_only"
LUNGS_REMOVED: Final = "lungs_removed"
LUNGS_ONLY: Final = "lungs_only"
COVERS: Final = (BORDER_ONLY, LUNGS_REMOVED, LUNGS_ONLY)
"""Ways to cover a film."""

NEEDS_LUNGS: Final = frozenset({LUNGS_REMOVED, LUNGS_ONLY})


def ring(height: int, width: int) -> BoolArray:
    """Return the border of a film.

    Args:
        height: Rows of the film.
        width: Columns of the film.

    Returns:
        Shape (height, width), true in the outer `RING_SHARE` of each side, at least one pixel.
    """
    rows, columns = (max(1, round(RING_SHARE * side)) for side in (height, width))
    outside = np.ones((height, width), bool)
    outside[rows : height - rows, columns : width - columns] = False
    return outside


def lung_pixels(lungs: LungMask, height: int, width: int) -> BoolArray:
    """Return the lungs at the size of a film.

    Args:
        lungs: The lungs that were found on it.
        height: Rows of the film.
        width: Columns of the film.

    Returns:
        Shape (height, width).
    """
    rows, columns = (
        np.minimum((np.arange(size) + 0.5) * n / size, n - 1).astype(int)
        for size, n in zip((height, width), lungs.mask.shape, strict=True)
    )
    return np.asarray(lungs.mask[rows][:, columns])


def cover(image: Float32Array, name: str, lungs: LungMask | None = None) -> Float32Array:
    """Paint part of a film black.

    Args:
        image: Shape (h, w), float32 in [0, 1]; not changed.
        name: One of `COVERS`.
        lungs: The film's lungs, for the covers that need them.

    Returns:
        A new array of the same shape, float32 in [0, 1].

    Raises:
        ValueError: If the cover is not known, or needs lungs and there are none.

    References:
        Maguolo and Nanni 2021, doi:10.1016/j.inffus.2021.04.008 (centre blacked out); Arias-Londono
        et al. 2020, doi:10.1109/ACCESS.2020.3044858 (lungs alone).
    """
    if name not in COVERS:
        msg = f"`name` must be one of {COVERS}. Received: name={name!r}"
        raise ValueError(msg)
    if name == BORDER_ONLY:
        return np.where(ring(*image.shape), image, np.float32(0.0))
    if lungs is None:
        msg = f"`lungs` must be given for {name}. Received: None"
        raise ValueError(msg)
    inside = lung_pixels(lungs, *image.shape)
    return np.where(inside == (name == LUNGS_ONLY), image, np.float32(0.0))
