"""Colours of the viewer: the core's tables, the conventional one, and one for signed maps."""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np

from cxr_core.array import ByteArray
from cxr_core.explain.overlay import COLOUR_MAPS, colour_table

CONVENTIONAL: Final = "jet"
"""Offered because papers use it, last and labelled: its lightness rises and falls."""

AGAINST_RGB: Final = (90, 180, 172)
FOR_RGB: Final = (216, 179, 101)
"""Ends of ColorBrewer's BrBG with three classes, which it lists as safe for colour-blind readers.

References:
    Harrower and Brewer, ColorBrewer.org, The Cartographic Journal 40 (2003), 27-37.
"""


def colour_tables() -> dict[str, ByteArray]:
    """Return every table that a viewer offers, the default first.

    Returns:
        Name to shape (256, 3), uint8 RGB, read-only.
    """
    return {**{name: colour_table(name) for name in COLOUR_MAPS}, CONVENTIONAL: _jet()}


def table_title(name: str) -> str:
    """Return what the page calls a table.

    Args:
        name: Key of `colour_tables`.

    Returns:
        The name, with a warning word for the conventional one.
    """
    return f"{name} (conventional)" if name == CONVENTIONAL else name


@cache
def diverging_table() -> ByteArray:
    """Return the colours of a signed map: against, nothing, for.

    Returns:
        Shape (256, 3), uint8 RGB, read-only; darkest in the middle, as light at one end as at the
        other.
    """
    share = np.linspace(-1.0, 1.0, 256)[:, None]
    ends = np.where(share < 0, np.array(AGAINST_RGB), np.array(FOR_RGB))
    table = np.rint(ends * (0.15 + 0.85 * np.abs(share))).astype(np.uint8)
    table.flags.writeable = False
    return table


@cache
def _jet() -> ByteArray:
    """Return OpenCV's jet."""
    import cv2

    ramp = np.arange(256, dtype=np.uint8)[:, None]
    table = np.asarray(cv2.applyColorMap(ramp, cv2.COLORMAP_JET)[:, 0, ::-1], np.uint8)
    table.flags.writeable = False
    return table
