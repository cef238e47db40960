"""From channels to one grey channel at full depth, and what to tell the reader about it.

Numpy only; nothing here knows about files.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from cxr_core.radiograph import Notice

GREY_TOLERANCE: Final = 8
"""Largest difference between the channels of a grey pixel, in units of 1/255 of full scale."""

SMALL_SIDE_PX: Final = 64
WIDE_RATIO: Final = 2.0
DEPTHS: Final = (8, 10, 12, 14, 16)

_LUMA: Final = (19595, 38470, 7471)  # 65536 * (0.299, 0.587, 0.114); they sum to 65536
_BLOCK_ROWS: Final = 256  # keeps the 32-bit intermediates small on large films

Pixels = npt.NDArray[Any]


def merge(planes: Sequence[Pixels]) -> tuple[Pixels, list[Notice]]:
    """Reduce red, green and blue to brightness.

    Args:
        planes: Three arrays of shape (h, w), all uint8 or all uint16.

    Returns:
        Array of shape (h, w) in the same dtype, and the notices. Equal channels come back as they
        are, without a notice.

    References:
        ITU-R BT.601 luma, in the 16-bit fixed point that Pillow uses for 8-bit pictures.
    """
    red, green, blue = planes
    if np.array_equal(red, green) and np.array_equal(green, blue):
        return red, []
    tolerance = np.iinfo(red.dtype).max // 255 * GREY_TOLERANCE
    grey = np.empty_like(red)
    n_coloured = 0
    for top in range(0, red.shape[0], _BLOCK_ROWS):
        rows = slice(top, top + _BLOCK_ROWS)
        block = np.stack([plane[rows] for plane in planes])
        n_coloured += int(np.count_nonzero(np.ptp(block, axis=0) > tolerance))
        luma = sum(
            weight * channel.astype(np.uint32) for weight, channel in zip(_LUMA, block, strict=True)
        )
        grey[rows] = (luma + np.uint32(1 << 15)) >> np.uint32(16)
    return grey, [_colour_notice(n_coloured / red.size)]


def _colour_notice(share: float) -> Notice:
    """Tell a film that was saved in colour from a colour picture."""
    if share == 0.0:
        return Notice(
            "colour_mode",
            "The film is stored in colour, but its channels are nearly alike; "
            "they were merged into one grey channel.",
        )
    amount = "less than 0.1%" if share < 0.001 else f"{100 * share:.1f}%"
    return Notice(
        "colour_image",
        f"This is a colour picture ({amount} of the pixels have a colour), and a radiograph has "
        "none; colours were reduced to brightness.",
    )


def composite(grey: Pixels, alpha: Pixels) -> tuple[Pixels, list[Notice]]:
    """Lay a film with transparent parts over black.

    Args:
        grey: Shape (h, w), uint8 or uint16.
        alpha: Shape (h, w), the same dtype; full scale is opaque.

    Returns:
        Array of shape (h, w) in the same dtype, and the notices; `grey` itself where all of it is
        opaque.
    """
    full = int(np.iinfo(grey.dtype).max)
    n_clear = int(np.count_nonzero(alpha != full))
    if n_clear == 0:
        return grey, []
    product = grey.astype(np.uint32) * alpha
    product += np.uint32(full // 2)
    product //= np.uint32(full)
    notice = Notice(
        "alpha",
        f"{100 * n_clear / grey.size:.1f}% of the film is transparent; it was laid over black.",
    )
    return product.astype(grey.dtype), [notice]


def from_integers(values: Pixels) -> Pixels:
    """Bring wide or signed integers to a dtype that a film may have.

    Args:
        values: Shape (h, w), any integer dtype.

    Returns:
        uint16 where all values fit, else float32 (exact up to 2**24).
    """
    fits = int(values.min()) >= 0 and int(values.max()) <= np.iinfo(np.uint16).max
    return values.astype(np.uint16 if fits else np.float32)


def levels(pixels: Pixels) -> tuple[float, float, list[Notice]]:
    """Find the stored values that display as black and as white.

    Args:
        pixels: Shape (h, w), uint8, uint16 or float32; finite.

    Returns:
        Black, white and the notices. 8 bits: full scale. 16 bits: the smallest of `DEPTHS` that
        holds the maximum. Float: minimum and maximum.
    """
    if pixels.dtype == np.uint8:
        return 0.0, 255.0, []
    high = pixels.max().item()
    if pixels.dtype == np.uint16:
        bits = next(bits for bits in DEPTHS if high < 1 << bits) if high else 16
        if bits == 16:
            return 0.0, 65535.0, []
        message = f"The largest stored value is {high:,}; the film was read as {bits} bits deep."
        return 0.0, float((1 << bits) - 1), [Notice("low_bits", message)]
    low = pixels.min().item()
    message = (
        f"The film has no fixed scale; its values from {low:g} to {high:g} were stretched "
        "from black to white."
    )
    white = high if high > low else low + max(1.0, abs(low))
    return low, white, [Notice("stretched_range", message)]


def look(pixels: Pixels) -> list[Notice]:
    """Collect what is unusual about the shape and the content of a film.

    Args:
        pixels: Shape (h, w), upright.

    Returns:
        Notices `flat_image`, `small_film` and `aspect_ratio`, those that apply.
    """
    height_px, width_px = pixels.shape
    notices = []
    if pixels.min() == pixels.max():
        notices.append(Notice("flat_image", "All pixels have the same value; nothing is shown."))
    if min(height_px, width_px) < SMALL_SIDE_PX:
        message = f"The film has only {width_px} by {height_px} pixels; too few to show a chest."
        notices.append(Notice("small_film", message))
    if max(height_px, width_px) > WIDE_RATIO * min(height_px, width_px):
        message = (
            f"The film of {width_px} by {height_px} pixels is more than twice as long as wide; "
            "it will be distorted when it is resized."
        )
        notices.append(Notice("aspect_ratio", message))
    return notices
