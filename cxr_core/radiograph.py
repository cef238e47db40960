"""`Radiograph`, the one value object that a film is after reading: pixels, provenance, notices."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

PIXEL_DTYPES = (np.uint8, np.uint16, np.float32)


@dataclass(frozen=True)
class Notice:
    """Something a reader of the film should know, kept as data so that a page can show it.

    Attributes:
        code: Stable machine word, for example `colour_image`.
        message: One plain sentence.
    """

    code: str
    message: str


@dataclass(frozen=True, eq=False)
class Radiograph:
    """One film at full depth, in one channel, never changed after reading.

    Attributes:
        pixels: Stored values, shape (h, w), dtype uint8, uint16 or float32; read-only. A writeable
            array is copied, so that nobody can change the film afterwards.
        black: Stored value that displays as black (air) when `is_inverted` is false.
        white: Stored value that displays as white (dense) when `is_inverted` is false.
        is_inverted: True where low stored values are dense (DICOM MONOCHROME1).
        name: File name as given, without folders.
        sha256: Hex digest of the bytes that were read; the key of every cache.
        source_format: Container the pixels came from, for example `PNG`.
        notices: What was changed or looked unusual on reading.
    """

    pixels: npt.NDArray[np.generic]
    black: float
    white: float
    name: str
    sha256: str
    source_format: str
    is_inverted: bool = False
    notices: tuple[Notice, ...] = ()

    def __post_init__(self) -> None:
        """Refuse arrays that are not a film, and make the pixels read-only."""
        if self.pixels.ndim != 2 or 0 in self.pixels.shape:
            msg = f"`pixels` must have shape (h, w). Received: shape={self.pixels.shape}"
            raise ValueError(msg)
        if self.pixels.dtype.type not in PIXEL_DTYPES:
            msg = f"`pixels` must be uint8, uint16 or float32. Received: dtype={self.pixels.dtype}"
            raise TypeError(msg)
        if not self.white > self.black:
            msg = f"`white` must be above `black`. Received: black={self.black}, white={self.white}"
            raise ValueError(msg)
        pixels = self.pixels.copy() if self.pixels.flags.writeable else self.pixels
        pixels.flags.writeable = False
        object.__setattr__(self, "pixels", pixels)

    @property
    def height_px(self) -> int:
        """Rows of the stored film."""
        return int(self.pixels.shape[0])

    @property
    def width_px(self) -> int:
        """Columns of the stored film."""
        return int(self.pixels.shape[1])

    @cached_property
    def image(self) -> npt.NDArray[np.float32]:
        """The film as shape (h, w), float32 in [0, 1], bright = dense; read-only.

        Values outside [`black`, `white`] are clipped. Computed once per film.
        """
        # float64 where stored floats may span more, or less, than float32 arithmetic bears
        wide = np.float64 if self.pixels.dtype == np.float32 else np.float32
        levels: npt.NDArray[Any] = self.pixels.astype(wide)
        levels -= self.black
        levels *= 1.0 / (self.white - self.black)
        image: npt.NDArray[np.float32] = np.clip(levels, 0.0, 1.0).astype(np.float32, copy=False)
        if self.is_inverted:
            np.subtract(np.float32(1.0), image, out=image)
        image.flags.writeable = False
        return image
