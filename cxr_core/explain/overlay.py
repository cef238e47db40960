"""Draw a map over a film: colour tables, scaling for display, colour bar."""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from cxr_core.array import ByteArray, Float32Array
from cxr_core.explain.cam import METHODS, Cam
from cxr_core.labels import CLASS_TITLES, system_title

COLOUR_MAPS: Final = ("inferno", "cividis", "viridis", "grey")
"""Perceptually uniform tables; cividis is the choice for colour-blind readers."""

OPACITY: Final = 0.45
"""Share of the map in the mixture of film and map, unless another is asked for."""

_BAR_WIDTH_PX = 14
_BAR_MARGIN_PX = 76
_CAPTION_PX = 34
_MIN_FILM_PX = 448


@cache
def colour_table(name: str) -> ByteArray:
    """Return a colour map as 256 colours.

    Args:
        name: One of `COLOUR_MAPS`.

    Returns:
        Shape (256, 3), uint8, RGB; read-only.

    Raises:
        ValueError: If the name is not known.
    """
    if name not in COLOUR_MAPS:
        msg = f"`name` must be one of {COLOUR_MAPS}. Received: name={name!r}"
        raise ValueError(msg)
    ramp = np.arange(256, dtype=np.uint8)[:, None]
    if name == "grey":
        table = np.repeat(ramp, 3, axis=1)
    else:
        import cv2

        code = getattr(cv2, f"COLORMAP_{name.upper()}")
        table = np.ascontiguousarray(cv2.applyColorMap(ramp, code)[:, 0, ::-1])
    table.flags.writeable = False
    return np.asarray(table, np.uint8)


def to_heatmap(grid: Float32Array) -> Float32Array:
    """Scale a raw map for display: the positive part divided by its largest value.

    Args:
        grid: Shape (h, w), float32, signed.

    Returns:
        A new array of shape (h, w), float32 in [0, 1]; zeros where nothing is positive.

    Raises:
        ValueError: If a value is not finite.
    """
    if not np.isfinite(grid).all():
        n_bad = int((~np.isfinite(grid)).sum())
        msg = f"`grid` must be finite. Received: {n_bad} values that are not"
        raise ValueError(msg)
    positive = np.maximum(grid, 0).astype(np.float32)
    peak = positive.max()
    return positive / peak if peak > 0 else positive


def render(
    image: Float32Array,
    cam: Cam,
    *,
    colour_map: str = "inferno",
    opacity: float = OPACITY,
) -> ByteArray:
    """Draw a film with a map on it, a colour bar in the score's own units and a caption.

    The map's cells are drawn as they are, without smoothing, so that its true resolution shows.

    Args:
        image: Shape (h, w), float32 in [0, 1], bright = dense.
        cam: The map.
        colour_map: One of `COLOUR_MAPS`.
        opacity: Share of the map in the mixture, in [0, 1].

    Returns:
        A new array of shape (h', w', 3), uint8 RGB. The film keeps its proportions; films under
        448 px are enlarged to that.

    Raises:
        ValueError: If the opacity is outside [0, 1] or the colour map is unknown.
    """
    table = colour_table(colour_map)
    film = Image.fromarray((image * 255).round().astype(np.uint8))
    enlarge = max(1.0, _MIN_FILM_PX / min(film.size))
    film = film.resize((round(film.width * enlarge), round(film.height * enlarge)))
    mixed = mix(np.asarray(film), cam.grid, colour_map=colour_map, opacity=opacity)
    canvas = Image.new("RGB", (film.width + _BAR_MARGIN_PX, film.height + _CAPTION_PX), "black")
    canvas.paste(Image.fromarray(mixed), (0, 0))
    _draw_bar(canvas, film.size, table, max(float(cam.grid.max()), 0.0))
    ImageDraw.Draw(canvas).text((6, film.height + 9), caption(cam), fill="white", font=_font())
    return np.asarray(canvas)


def mix(
    grey: ByteArray,
    grid: Float32Array,
    *,
    colour_map: str = "inferno",
    opacity: float = OPACITY,
) -> ByteArray:
    """Mix a film with the colours of a map; nothing is drawn beside them.

    Args:
        grey: Shape (h, w), uint8.
        grid: Raw map over the whole film, shape (rows, columns), float32; its cells stay sharp.
        colour_map: One of `COLOUR_MAPS`.
        opacity: Share of the map in the mixture, in [0, 1].

    Returns:
        A new array of shape (h, w, 3), uint8 RGB.

    Raises:
        ValueError: If the opacity is outside [0, 1] or the colour map is unknown.
    """
    if not 0 <= opacity <= 1:
        msg = f"`opacity` must be in [0, 1]. Received: opacity={opacity}"
        raise ValueError(msg)
    table = colour_table(colour_map)
    size = grey.shape[1], grey.shape[0]
    heatmap = Image.fromarray(to_heatmap(grid)).resize(size, Image.Resampling.NEAREST)
    colours = table[(np.asarray(heatmap) * 255).round().astype(np.uint8)]
    mixed = (1 - opacity) * grey.astype(np.float32)[:, :, None] + opacity * colours
    return np.asarray(mixed.round().astype(np.uint8))


def caption(cam: Cam) -> str:
    """Return one line that says what a map shows.

    Args:
        cam: The map.

    Returns:
        System, method and class in words.
    """
    subject = CLASS_TITLES[cam.class_name] if cam.class_name else "no class"
    method = METHODS[cam.method].title
    return f"{system_title(cam.system)} · {method} · {subject} · research use only"


def _draw_bar(
    canvas: Image.Image, film_size: tuple[int, int], table: ByteArray, peak: float
) -> None:
    """Draw the colour bar right of the film, from 0 to the map's largest value."""
    width, height = film_size
    left = width + 10
    bar = np.repeat(table[::-1][:, None, :], _BAR_WIDTH_PX, axis=1)
    canvas.paste(Image.fromarray(bar).resize((_BAR_WIDTH_PX, height - 20)), (left, 10))
    draw = ImageDraw.Draw(canvas)
    for value, y in ((peak, 6), (peak / 2, height // 2 - 6), (0.0, height - 20)):
        draw.text((left + _BAR_WIDTH_PX + 4, y), f"{value:.3g}", fill="white", font=_font())


@cache
def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return Pillow's own font, which is there on every machine."""
    return ImageFont.load_default(size=13)
