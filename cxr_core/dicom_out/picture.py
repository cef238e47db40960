"""A film with one map on it and the words that must travel with it, as one RGB picture."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from cxr_core.array import ByteArray, Float32Array
from cxr_core.explain.overlay import colour_table, mix

if TYPE_CHECKING:
    from cxr_core.explain.cam import Cam

LONG_SIDE_PX: Final = 1536
"""Longer side of the film in the picture; the stored film may be larger or smaller."""

_FONT_PX: Final = 24
_LINE_PX: Final = 34
_GAP_PX: Final = 16
_BAR_PX: Final = 28
_BAR_MARGIN_PX: Final = 132
_MIN_WIDTH_PX: Final = 640


def overlay_picture(
    image: Float32Array, cam: Cam, lines: Sequence[str], *, colour_map: str = "inferno"
) -> ByteArray:
    """Draw a film with a map on it, a colour bar in the score's own units, and lines below.

    The map's cells are drawn as they are, without smoothing, so that its true resolution shows. The
    text is large enough to be read where a viewer fits the picture to half a screen.

    Args:
        image: The whole film, shape (h, w), float32 in [0, 1], bright = dense.
        cam: The map.
        lines: What stands below the film; long ones are wrapped at words.
        colour_map: One of `cxr_core.explain.overlay.COLOUR_MAPS`.

    Returns:
        A new array of shape (h', w', 3), uint8 RGB. The film keeps its proportions and lies in the
        upper left corner.

    Raises:
        ValueError: If the colour map is unknown.
    """
    table = colour_table(colour_map)
    film = Image.fromarray((image * 255).round().astype(np.uint8))
    scale = LONG_SIDE_PX / max(film.size)
    size = (max(1, round(film.width * scale)), max(1, round(film.height * scale)))
    film = film.resize(size, Image.Resampling.BICUBIC)
    mixed = mix(np.asarray(film), cam.grid, colour_map=colour_map)

    width = max(film.width + _BAR_MARGIN_PX, _MIN_WIDTH_PX)
    wrapped = [part for line in lines for part in _wrapped(line, width - 2 * _GAP_PX)]
    height = film.height + 2 * _GAP_PX + _LINE_PX * len(wrapped)
    canvas = Image.new("RGB", (width, height), "black")
    canvas.paste(Image.fromarray(mixed), (0, 0))
    _draw_bar(canvas, size, table, max(float(cam.grid.max()), 0.0))
    draw = ImageDraw.Draw(canvas)
    for index, part in enumerate(wrapped):
        y = film.height + _GAP_PX + index * _LINE_PX
        draw.text((_GAP_PX, y), part, fill="white", font=_font())
    return np.asarray(canvas)


def _draw_bar(
    canvas: Image.Image, film_size: tuple[int, int], table: ByteArray, peak: float
) -> None:
    """Draw the colour bar right of the film, from 0 to the map's largest value."""
    width, height = film_size
    bar_height = height - 2 * _GAP_PX
    if bar_height < 4 * _LINE_PX:
        return  # a film as flat as a ribbon; the lines below still say what it is
    left = width + _GAP_PX
    bar = np.repeat(table[::-1][:, None, :], _BAR_PX, axis=1)
    canvas.paste(Image.fromarray(bar).resize((_BAR_PX, bar_height)), (left, _GAP_PX))
    draw = ImageDraw.Draw(canvas)
    for value, y in ((peak, _GAP_PX), (peak / 2, height // 2), (0.0, height - _GAP_PX)):
        top = min(max(y - _FONT_PX // 2, 0), height - _FONT_PX)
        draw.text((left + _BAR_PX + 8, top), f"{value:.3g}", fill="white", font=_font())


def _wrapped(line: str, width_px: int) -> list[str]:
    """Break a line at spaces so that each part fits; a word longer than that stays whole."""
    parts: list[str] = []
    for word in line.split(" "):
        longer = f"{parts[-1]} {word}" if parts else word
        if parts and _font().getlength(longer) <= width_px:
            parts[-1] = longer
        else:
            parts.append(word)
    return parts


@cache
def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return Pillow's own font, which is there on every machine."""
    return ImageFont.load_default(size=_FONT_PX)
