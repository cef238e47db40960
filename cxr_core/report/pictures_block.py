"""Film and map side by side in one grid, whatever the film's shape; the map with its own scale."""

from __future__ import annotations

import io
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

from cxr_core.explain.overlay import OPACITY, colour_table
from cxr_core.labels import CLASS_TITLES, system_title
from cxr_core.report.page_block import GAP_MM, NOTE, Block
from cxr_core.report.picture import OUTLINE_SHARE
from cxr_core.report.sentence import map_words
from cxr_core.report.sheet import CONTENT_MM, MARGIN_MM, Sheet

if TYPE_CHECKING:
    from cxr_core.report.content import FilmPage
    from cxr_core.report.picture import MapPicture

COLUMN_MM: Final = 81.0
GUTTER_MM: Final = 5.0
MAX_HEIGHT_MM: Final = 88.0
_SCALE_GAP_MM: Final = 1.6
_SCALE_MM: Final = 2.6
_CAPTION_GAP_MM: Final = 1.0
_LEAST_MM: Final = 4.0
_FILM_CAPTION: Final = "The film as the systems get it; bright is dense."
_SCALE_LABEL_MM: Final = 8.0
_WIDE: Final = 2.0
"""Films this many times as wide as high, and wider ones, stand below each other."""

Place = tuple[float, float, float, float]


def pictures_block(sheet: Sheet, page: FilmPage, room_mm: float) -> Block:
    """Return both pictures with their captions.

    Args:
        sheet: The document.
        page: The film.
        room_mm: Most height for all of it.

    Returns:
        The block; as high as the film's shape asks for and the room allows.
    """
    rows, columns = page.shape
    words = page.map_failure if page.map is None else map_words(page.map)
    is_stacked = columns >= _WIDE * rows
    beside_mm = _SCALE_GAP_MM + _SCALE_MM + _SCALE_LABEL_MM
    wide = CONTENT_MM - beside_mm if is_stacked else COLUMN_MM
    left = sheet.wrap(_FILM_CAPTION, wide, NOTE)
    right = sheet.wrap(words, CONTENT_MM if is_stacked else COLUMN_MM + beside_mm, NOTE)
    left_mm, right_mm = (_CAPTION_GAP_MM + len(lines) * NOTE.line_mm for lines in (left, right))
    if is_stacked:
        room = (room_mm - left_mm - right_mm - GAP_MM) / 2
        offset = (0.0, left_mm + GAP_MM)
    else:
        room = room_mm - max(left_mm, right_mm)
        offset = (COLUMN_MM + GUTTER_MM, 0.0)
    high = max(min(room, MAX_HEIGHT_MM, wide * rows / columns), _LEAST_MM)
    width = min(wide, high * columns / rows)
    size = width, width * rows / columns

    def draw(y: float) -> None:
        x, second_y = MARGIN_MM + offset[0], y + offset[1] + (high if is_stacked else 0.0)
        _film(sheet, page, (MARGIN_MM, y, *size))
        sheet.lines(MARGIN_MM, y + high + _CAPTION_GAP_MM, left, NOTE)
        if page.map is None:
            sheet.frame(x, second_y, *size, grey=190)
        else:
            _map(sheet, page.map, (x, second_y, *size))
        sheet.lines(x, second_y + high + _CAPTION_GAP_MM, right, NOTE)

    height = 2 * high + left_mm + GAP_MM + right_mm if is_stacked else high + max(left_mm, right_mm)
    return Block(height, draw)


def _film(sheet: Sheet, page: FilmPage, place: Place) -> None:
    """Draw the film."""
    sheet.picture(page.film_jpeg, place, _film_alternative(page))
    sheet.frame(*place, grey=120)


def _map(sheet: Sheet, found: MapPicture, place: Place) -> None:
    """Draw the map, lines around its strongest cells and the colour bar."""
    x, y, width, height = place
    sheet.picture(found.jpeg, place, _map_alternative(found))
    sheet.frame(*place, grey=120)
    for weight_mm, grey in ((0.75, 0), (0.35, 255)):
        for x0, y0, x1, y1 in found.outline:
            start = (x + x0 * width, y + y0 * height)
            end = (x + x1 * width, y + y1 * height)
            sheet.rule(start, end, weight_mm=weight_mm, grey=grey)
    scale_x = x + width + _SCALE_GAP_MM
    bar = (scale_x, y, _SCALE_MM, height)
    sheet.picture(_colour_bar(), bar, "Colour bar of the map, 0 at its lower end")
    sheet.frame(*bar, grey=120)
    labels = [(found.peak, 0.0), (found.peak * OUTLINE_SHARE, 0.5), (0.0, 1.0)]
    if height < 3 * NOTE.line_mm:
        labels = labels[::2] if height >= 2 * NOTE.line_mm else labels[:1]
    for value, share in labels:
        top = y + share * (height - NOTE.line_mm)
        sheet.text(scale_x + _SCALE_MM + 0.8, top, f"{value:.2g}", NOTE)


@cache
def _colour_bar() -> bytes:
    """Return the map's colours over mid grey, the highest on top, as PNG."""
    table = colour_table("inferno")[::-1].astype(np.float32)
    mixed = OPACITY * table + (1 - OPACITY) * 128.0
    buffer = io.BytesIO()
    Image.fromarray(mixed.round().astype(np.uint8)[:, None, :]).save(buffer, "PNG")
    return buffer.getvalue()


def _film_alternative(page: FilmPage) -> str:
    """Describe the film for readers who do not see it; nothing that nobody measured."""
    return f"The film, {page.shape[1]} by {page.shape[0]} pixels, in grey."


def _map_alternative(found: MapPicture) -> str:
    """Describe the map for readers who do not see it."""
    subject = "no class" if found.class_name is None else CLASS_TITLES[found.class_name]
    return (
        f"The film under the map of {system_title(found.system)} for {subject}; largest value "
        f"{found.peak:.2g}."
    )
