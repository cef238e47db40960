"""What a classifier that must not work is allowed to see: everything but the disease."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from cxr_core.array import Float32Array
from cxr_core.audit.cover import (
    BORDER_ONLY,
    LUNGS_ONLY,
    LUNGS_REMOVED,
    cover,
    lung_pixels,
    ring,
)
from cxr_core.lungs import LungMask
from cxr_core.radiograph import Radiograph

PICTURE_SIDE: Final = 32
"""Side of the reduced pictures; the border is three of its pixels wide."""

THUMBNAIL_SIDE: Final = 8
N_GREYS: Final = 32
_CORNER_SHARE: Final = 1 / 6
_CORNER_SIDE: Final = 8
_WORKING_SIDE: Final = 224
CONTAINERS: Final = ("JPEG", "PNG", "TIFF", "BMP", "WEBP", "GIF")
COLOUR_MODES: Final = ("L", "RGB", "RGBA", "P", "I;16", "I", "F", "1", "LA", "CMYK")

Vector = Float32Array


@dataclass(frozen=True, eq=False)
class CueFilm:
    """One film as the cues see it.

    Attributes:
        radiograph: The film.
        n_bytes: Length of its file.
        colour_mode: How its file stores colour, in Pillow's words; empty if unknown.
        compression: Mean of the JPEG file's first quantisation table; 0 for other files.
        lungs: Its lungs; `None` where nobody looked or none were plausible.
    """

    radiograph: Radiograph
    n_bytes: int
    colour_mode: str
    compression: float
    lungs: LungMask | None


@dataclass(frozen=True)
class Cue:
    """One thing to tell classes by that is not disease.

    Attributes:
        name: Key in files.
        title: Words on screen.
        explanation: One plain sentence for a radiologist.
        see: From a film to numbers; all films give as many.
        needs_lungs: True if films without plausible lungs are left out.
    """

    name: str
    title: str
    explanation: str
    see: Callable[[CueFilm], Vector]
    needs_lungs: bool = False


def _reduce(image: Float32Array, side: int) -> Vector:
    """Reduce a picture to a square by averaging."""
    import cv2

    plain = np.ascontiguousarray(image, np.float32)
    return np.asarray(cv2.resize(plain, (side, side), interpolation=cv2.INTER_AREA), np.float32)


def _file(film: CueFilm) -> Vector:
    """Size of the file, its format, how strongly it was compressed."""
    pixels = film.radiograph.height_px * film.radiograph.width_px
    code = [float(film.radiograph.source_format == name) for name in CONTAINERS]
    sizes = [np.log(max(film.n_bytes, 1)), film.n_bytes / pixels, film.compression]
    return np.array([*sizes, *code], np.float32)


def _dimensions(film: CueFilm) -> Vector:
    """Rows, columns, their ratio, depth, colour mode."""
    height, width = film.radiograph.height_px, film.radiograph.width_px
    code = [float(film.colour_mode == name) for name in COLOUR_MODES]
    depth = float(film.radiograph.pixels.dtype.itemsize)
    return np.array([height, width, width / height, depth, *code], np.float32)


def _histogram(film: CueFilm) -> Vector:
    """How much of the film is of each grey, wherever it lies."""
    counts = np.histogram(film.radiograph.image, bins=N_GREYS, range=(0.0, 1.0))[0]
    return np.asarray(counts / counts.sum(), np.float32)


def _thumbnail(film: CueFilm) -> Vector:
    """The film as 8 by 8 squares of grey."""
    return _reduce(film.radiograph.image, THUMBNAIL_SIDE).ravel()


def _border(film: CueFilm) -> Vector:
    """The ring of the reduced film, its centre left out."""
    reduced = _reduce(film.radiograph.image, PICTURE_SIDE)
    return np.asarray(reduced[ring(PICTURE_SIDE, PICTURE_SIDE)])


def _corners(film: CueFilm) -> Vector:
    """The four corners, where letters and marks are burnt in."""
    image = film.radiograph.image
    rows, columns = (max(1, round(_CORNER_SHARE * side)) for side in image.shape)
    corners = (
        image[:rows, :columns],
        image[:rows, -columns:],
        image[-rows:, :columns],
        image[-rows:, -columns:],
    )
    return np.concatenate([_reduce(corner, _CORNER_SIDE).ravel() for corner in corners])


def _covered(name: str) -> Callable[[CueFilm], Vector]:
    """Return what sees a covered film, reduced after it was covered."""

    def see(film: CueFilm) -> Vector:
        image = _reduce(film.radiograph.image, _WORKING_SIDE)
        return _reduce(cover(image, name, film.lungs), PICTURE_SIDE).ravel()

    return see


def _outline(film: CueFilm) -> Vector:
    """Where the lungs are, without a single grey value of the film."""
    if film.lungs is None:
        msg = "`film` must have lungs. Received: None"
        raise ValueError(msg)
    mask = lung_pixels(film.lungs, _WORKING_SIDE, _WORKING_SIDE)
    return _reduce(mask.astype(np.float32), PICTURE_SIDE).ravel()


CUES: Final = (
    Cue(
        "file",
        "File size and format",
        "How long the file is and how it was stored; no picture is opened.",
        _file,
    ),
    Cue(
        "dimensions",
        "Width, height and colour mode",
        "How many pixels the film has and whether its file could hold colour; no pixel is looked "
        "at.",
        _dimensions,
    ),
    Cue(
        "corners",
        "The four corners",
        "A sixth of each side at each corner: burnt-in letters, marks, collimation, arms; no lung.",
        _corners,
    ),
    Cue(
        BORDER_ONLY,
        "Border alone, centre black",
        "The outer tenth of each side; the lungs are painted over.",
        _border,
    ),
    Cue(
        "thumbnail",
        "Thumbnail of 8 by 8 squares",
        "The film blurred to 64 squares of grey: build and brightness, no pattern in the lungs.",
        _thumbnail,
    ),
    Cue(
        "histogram",
        "Shades of grey, place unknown",
        "How much of the film is dark, grey or bright, as if its pixels had been shuffled.",
        _histogram,
    ),
    Cue(
        LUNGS_REMOVED,
        "Lungs painted black",
        "The film at 32 by 32 without the lungs. Their outline is left, and disease can bend it.",
        _covered(LUNGS_REMOVED),
        needs_lungs=True,
    ),
    Cue(
        "lung_outline",
        "Outline of the lungs",
        "The shape of the lungs alone, without a single grey value: build and age.",
        _outline,
        needs_lungs=True,
    ),
    Cue(
        LUNGS_ONLY,
        "Lungs alone",
        "The lungs at 32 by 32, all else black: the one row that could see disease, and it sees "
        "the outline too.",
        _covered(LUNGS_ONLY),
        needs_lungs=True,
    ),
)
"""The cues, in display order."""
