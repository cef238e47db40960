"""The two pictures of a report: the film, and a map on it; as JPEG, with no metadata."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

from cxr_core.array import Float32Array
from cxr_core.explain.overlay import mix

if TYPE_CHECKING:
    from cxr_core.explain.cam import Cam

MAX_SIDE_PX: Final = 1000
"""Longer side of a picture: 300 pixels an inch at the width that a report gives it."""

MIN_SIDE_PX: Final = 448
"""Films whose shorter side is below this are enlarged, so that the cells of a map stay sharp."""

OUTLINE_SHARE: Final = 0.5
"""Cells of at least this share of the map's largest value are outlined: legible without colour."""

_QUALITY: Final = 88

Segment = tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class MapPicture:
    """A map on a film, and what is drawn beside it.

    Attributes:
        jpeg: Film and map, RGB.
        system: System whose score is explained.
        class_name: Class of the score; `None` where the method knows none.
        method: Key of `cxr_core.explain.cam.METHODS`.
        score: The explained logit.
        peak: Largest value of the map, 0 where none is positive.
        outline: Lines around the cells of `OUTLINE_SHARE` and more: (x, y, x, y) as shares of the
            film from its upper left.
        notes: What a reader of this map should know.
    """

    jpeg: bytes = field(repr=False)
    system: str
    class_name: str | None
    method: str
    score: float
    peak: float
    outline: tuple[Segment, ...] = ()
    notes: tuple[str, ...] = ()


def grey_picture(image: Float32Array) -> Image.Image:
    """Return a film at the size of a report's picture.

    Args:
        image: Shape (h, w), float32 in [0, 1], bright = dense.

    Returns:
        8-bit grey picture of the same proportions.
    """
    film = Image.fromarray((image * 255).round().astype(np.uint8))
    longer, shorter = max(film.size), min(film.size)
    scale = min(MAX_SIDE_PX / longer, max(1.0, MIN_SIDE_PX / shorter))
    if scale == 1.0:
        return film
    size = [max(1, round(side * scale)) for side in film.size]
    resampling = Image.Resampling.BOX if scale < 0.5 else Image.Resampling.BICUBIC
    return film.resize((size[0], size[1]), resampling)


def map_picture(film: Image.Image, cam: Cam) -> MapPicture:
    """Draw a map on a film.

    Args:
        film: From `grey_picture`.
        cam: The map.

    Returns:
        The picture.

    Raises:
        ValueError: If a value of the map is not finite.
    """
    grid = np.asarray(cam.grid, np.float32)
    mixed = mix(np.asarray(film), grid)
    return MapPicture(
        jpeg=jpeg(Image.fromarray(mixed)),
        system=cam.system,
        class_name=cam.class_name,
        method=cam.method,
        score=float(cam.score),
        peak=max(float(grid.max()), 0.0),
        outline=outline(grid),
        notes=cam.notes,
    )


def jpeg(picture: Image.Image) -> bytes:
    """Return a picture as JPEG, colours at full resolution."""
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=_QUALITY, subsampling=0)
    return buffer.getvalue()


def outline(grid: Float32Array) -> tuple[Segment, ...]:
    """Return lines around the cells of at least `OUTLINE_SHARE` of the largest value.

    Args:
        grid: Raw map, shape (rows, columns).

    Returns:
        Lines as shares of the film, horizontal ones first; none where nothing is positive.
    """
    peak = float(grid.max())
    if peak <= 0:
        return ()
    inside = np.pad(grid >= OUTLINE_SHARE * peak, 1)
    rows, columns = grid.shape
    across = np.argwhere(inside[:-1, 1:-1] != inside[1:, 1:-1])
    down = np.argwhere(inside[1:-1, :-1] != inside[1:-1, 1:])
    lines = [(c / columns, r / rows, (c + 1) / columns, r / rows) for r, c in across.tolist()]
    lines += [(c / columns, r / rows, c / columns, (r + 1) / rows) for r, c in down.tolist()]
    return tuple(lines)
