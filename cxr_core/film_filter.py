"""Changes to a film that take cues of its source away; part of how a network's input is prepared.

All keep the film's geometry, so heatmaps stay where they belong. None is used unless a bundle says
so; what each did to the models is measured in BENCHMARKS.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import numpy as np
from PIL import Image

from cxr_core.array import Float32Array

BORDER_SHARE: Final = 0.08
CLAHE_CLIP: Final = 2.0
CLAHE_TILES: Final = 8
SOFT_SIDE: Final = 64


def equalise(image: Float32Array) -> Float32Array:
    """Replace each value by the share of the film that is darker: equal histograms for all films.

    Args:
        image: Shape (h, w), float32 in [0, 1].

    Returns:
        A new array of the same shape, float32 in [0, 1]; equal values stay equal, so a flat film
        stays flat.
    """
    _, inverse, counts = np.unique(image, return_inverse=True, return_counts=True)
    below = np.cumsum(counts) - counts
    middle = (below + counts / 2) / image.size
    return middle[inverse].reshape(image.shape).astype(np.float32)


def clahe(image: Float32Array) -> Float32Array:
    """Equalise the histogram in tiles, with limited contrast.

    Args:
        image: Shape (h, w), float32 in [0, 1].

    Returns:
        A new array of the same shape, float32 in [0, 1].

    References:
        Zuiderveld 1994, "Contrast limited adaptive histogram equalization", Graphics Gems IV;
        OpenCV's implementation on 16 bits, clip limit 2, 8 by 8 tiles.
    """
    import cv2

    deep = np.round(image * 65535.0).astype(np.uint16)
    tiles = (CLAHE_TILES, CLAHE_TILES)
    equalised = cv2.createCLAHE(clipLimit=CLAHE_CLIP, tileGridSize=tiles).apply(deep)
    return np.asarray(equalised, np.float32) / np.float32(65535.0)


def blank_border(image: Float32Array) -> Float32Array:
    """Fill the outer 8 % of each side with the mean of the rest: markers, frames, collimation.

    Args:
        image: Shape (h, w), float32 in [0, 1].

    Returns:
        A new array of the same shape, float32 in [0, 1].
    """
    rows, columns = (round(BORDER_SHARE * side) for side in image.shape)
    inner = image[rows : image.shape[0] - rows, columns : image.shape[1] - columns]
    blanked = np.full_like(image, inner.mean())
    blanked[rows : image.shape[0] - rows, columns : image.shape[1] - columns] = inner
    return blanked


def soften(image: Float32Array) -> Float32Array:
    """Reduce the film to 64 by 64 and back: grain, sharpening and compression go.

    Args:
        image: Shape (h, w), float32 in [0, 1].

    Returns:
        A new array of the same shape, float32 in [0, 1].
    """
    height, width = image.shape
    small = Image.fromarray(image).resize((SOFT_SIDE, SOFT_SIDE), Image.Resampling.BOX)
    back = small.resize((width, height), Image.Resampling.BILINEAR)
    return np.clip(np.asarray(back, np.float32), 0.0, 1.0)


def _unchanged(image: Float32Array) -> Float32Array:
    """Return the film as it is."""
    return image


FILTERS: Final[Mapping[str, Callable[[Float32Array], Float32Array]]] = MappingProxyType(
    {
        "none": _unchanged,
        "equalise": equalise,
        "clahe": clahe,
        "blank_border": blank_border,
        "soften": soften,
    }
)
"""Filter name to function; `PreprocessSpec.filter` is one of the names."""
