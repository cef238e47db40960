"""`Radiograph`, the one value object that a film is after reading: pixels, provenance, notices."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from cxr_core.array import Float32Array
from cxr_core.grey_window import Window

PIXEL_DTYPES = (np.uint8, np.uint16, np.int16, np.float32)


@dataclass(frozen=True)
class Notice:
    """Something a reader of the film should know, kept as data so that a page can show it.

    Attributes:
        code: Stable machine word, for example `colour_image`.
        message: One plain sentence.
    """

    code: str
    message: str


SERIOUS_NOTICES: Final = (
    *("lateral_view", "other_body_part", "polarity_conflict"),
    *("burned_in", "border_text"),
)
"""Codes of notices that must be read first: the film's scores mean nothing, or it may name the
patient."""


@dataclass(frozen=True)
class DicomFacts:
    """What a DICOM file says of a film and may be shown: nothing of the patient, place or time.

    Attributes:
        modality: Modality (0008,0060), for example `DX`; `None` where the file names none.
        view: ViewPosition (0018,5101), for example `PA`, where it is a term of the standard.
        bits_stored: BitsStored (0028,0101).
        transfer_syntax: How the pixels are encoded, in words.
        photometric: PhotometricInterpretation (0028,0004).
        is_rescaled: Whether the pixels are not the stored values, but what they stand for.
    """

    modality: str | None
    view: str | None
    bits_stored: int
    transfer_syntax: str
    photometric: str
    is_rescaled: bool = False

    def words(self) -> list[str]:
        """Return what a reader wants to know of the film, in a few words each."""
        view = f"{self.view} view" if self.view else None
        facts = (self.modality, view, f"{self.bits_stored} bits stored", self.transfer_syntax)
        return [fact for fact in facts if fact]


@dataclass(frozen=True, eq=False)
class Radiograph:
    """One film at full depth, in one channel, never changed after reading.

    Attributes:
        pixels: Stored values, for DICOM after the modality LUT; shape (h, w), dtype uint8, uint16,
            int16 or float32; read-only. A writeable array is copied, so that nobody can change the
            film afterwards.
        black: Lowest value of the film's scale; black (air) when `is_inverted` is false.
        white: Highest value of the film's scale; white (dense) when `is_inverted` is false.
        is_inverted: True where low values are dense (DICOM MONOCHROME1).
        windows: Windows and tables that the file brings. The first one makes `image`; without any,
            `image` is linear from `black` to `white`.
        name: File name as given, without folders.
        sha256: Hex digest of the bytes that were read; the key of every cache.
        source_format: Container the pixels came from, for example `PNG`.
        notices: What was changed or looked unusual on reading.
        dicom: What a DICOM file says of the film; `None` for pictures.
    """

    pixels: npt.NDArray[np.generic]
    black: float
    white: float
    name: str
    sha256: str
    source_format: str
    is_inverted: bool = False
    notices: tuple[Notice, ...] = ()
    windows: tuple[Window, ...] = ()
    dicom: DicomFacts | None = None

    def __post_init__(self) -> None:
        """Refuse arrays that are not a film, and make the pixels read-only."""
        if self.pixels.ndim != 2 or 0 in self.pixels.shape:
            msg = f"`pixels` must have shape (h, w). Received: shape={self.pixels.shape}"
            raise ValueError(msg)
        if self.pixels.dtype.type not in PIXEL_DTYPES:
            msg = (
                "`pixels` must be uint8, uint16, int16 or float32. "
                f"Received: dtype={self.pixels.dtype}"
            )
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
    def image(self) -> Float32Array:
        """The film as shape (h, w), float32 in [0, 1], bright = dense; read-only.

        This is what the networks and the statistics see: the film through the first of `windows`,
        as a viewer would show it. Values beyond its ends are clipped. Computed once per film.
        """
        image = self._through(self.windows[0]) if self.windows else self._full_range()
        if self.is_inverted:
            np.subtract(np.float32(1.0), image, out=image)
        image.flags.writeable = False
        return image

    def _full_range(self) -> Float32Array:
        """Return the film from `black` to `white` as a new array, before inversion."""
        # float64 where stored floats may span more, or less, than float32 arithmetic bears
        wide = np.float64 if self.pixels.dtype == np.float32 else np.float32
        levels: npt.NDArray[Any] = self.pixels.astype(wide)
        levels -= self.black
        levels *= 1.0 / (self.white - self.black)
        image: Float32Array = np.clip(levels, 0.0, 1.0).astype(np.float32, copy=False)
        return image

    def _through(self, window: Window) -> Float32Array:
        """Return the film through a window as a new array, before inversion."""
        if self.pixels.dtype == np.float32:
            return window.brightness(self.pixels).astype(np.float32)
        low, high = int(self.pixels.min()), int(self.pixels.max())
        greys = window.brightness(np.arange(low, high + 1)).astype(np.float32)
        return greys[self.pixels.astype(np.int32) - low]
