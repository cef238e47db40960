"""A film as the browser gets it: every grey value it was stored with, packed; no Streamlit.

Why not PNG: a browser's canvas gives back 8 bits. Why deflate over differences of rows: the
browser inflates it without a library, and it packs as small as PNG does.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from cxr_core.grey_window import Window

if TYPE_CHECKING:
    from cxr_core.radiograph import Radiograph

MAX_SIDE_PX: Final = 1024
"""Longest side of the film as the browser gets it."""

PRESET_PERCENTILES: Final[Mapping[str, tuple[float, float]]] = {
    "Lung": (10.0, 75.0),
    "Mediastinum": (25.0, 99.5),
    "Bone": (45.0, 99.9),
}
"""Window to its black and white end, in percent of the film's pixels from the least dense up.

Display presets of this dashboard, chosen by eye; a radiograph has no Hounsfield units.
"""

WINDOW_NOTE: Final = (
    "Display presets, no Hounsfield units: "
    + ", ".join(
        f"{name} from percentile {low:g} to {high:g}"
        for name, (low, high) in PRESET_PERCENTILES.items()
    )
    + " of the film's pixels, the least dense first."
)
"""What the page says of the presets."""

FILE_NOTE: Final = (
    "Windows and tables with a number come with the file; the first one is how the systems see "
    "the film. "
)
"""What the page says before that of a film that brings windows."""

FULL_RANGE: Final = "Full range"
_WIDE_LEVELS: Final = 65535
_SIGNED_SHIFT: Final = 32768
_BLOCK_ROWS: Final = 512  # keeps the float64 intermediate small on large films


@dataclass(frozen=True)
class FilmPixels:
    """One film, packed for the browser without loss of grey values.

    Attributes:
        packed: zlib stream; what `unpack` reads.
        bits: 8 or 16, the depth of a packed value.
        width_px: Columns as sent.
        height_px: Rows as sent.
        stored_width_px: Columns of the stored film.
        stored_height_px: Rows of the stored film.
        slope: Stored value = packed value * `slope` + `intercept`; 1 for integer films.
        intercept: See `slope`; 0 for integer films.
        is_inverted: True where low stored values are dense.
        windows: Those of the file, then our own; the first one is how the film is shown at first.
        n_file_windows: How many of them come with the file.
        value_name: What a value under the pointer is called.
        notes: What the browser does not get as it is stored, in sentences.
    """

    packed: bytes = field(repr=False)
    bits: int
    width_px: int
    height_px: int
    stored_width_px: int
    stored_height_px: int
    slope: float
    intercept: float
    is_inverted: bool
    windows: tuple[Window, ...]
    n_file_windows: int = 0
    value_name: str = "stored value"
    notes: tuple[str, ...] = ()

    @classmethod
    def from_radiograph(
        cls,
        film: Radiograph,
        *,
        max_side_px: int = MAX_SIDE_PX,
    ) -> FilmPixels:
        """Pack a film at its full depth.

        Args:
            film: The film; not changed.
            max_side_px: Longest side of the result; a larger film is reduced by area means that
                are rounded to stored values, a smaller one is not enlarged.

        Returns:
            The packed film. 8-bit films stay at 8 bits, 16-bit films at 16, signed or not; floats
            are rounded to 65,536 steps between their minimum and maximum.
        """
        codes, slope, intercept = _codes(film.pixels)
        sent = _reduced(codes, max_side_px)
        presets = _windows(film, sent, slope, intercept)
        return cls(
            packed=pack(sent),
            bits=8 * sent.dtype.itemsize,
            width_px=sent.shape[1],
            height_px=sent.shape[0],
            stored_width_px=film.width_px,
            stored_height_px=film.height_px,
            slope=slope,
            intercept=intercept,
            is_inverted=film.is_inverted,
            windows=(*film.windows, *presets),
            n_file_windows=len(film.windows),
            value_name=_value_name(film),
            notes=tuple(_notes(film, sent)),
        )

    def payload(self) -> dict[str, Any]:
        """Return what the browser gets, ready for JSON."""
        return {
            "packed": base64.b64encode(self.packed).decode("ascii"),
            "bits": self.bits,
            "width": self.width_px,
            "height": self.height_px,
            "stored_width": self.stored_width_px,
            "stored_height": self.stored_height_px,
            "slope": self.slope,
            "intercept": self.intercept,
            "is_inverted": self.is_inverted,
            "value_name": self.value_name,
            "windows": [_window_data(window) for window in self.windows],
            "window_note": FILE_NOTE * bool(self.n_file_windows) + WINDOW_NOTE,
            "notes": list(self.notes),
        }


def pack(pixels: npt.NDArray[Any]) -> bytes:
    """Pack grey values so that a browser can inflate them.

    Args:
        pixels: Shape (h, w), uint8 or uint16.

    Returns:
        A zlib stream of the differences from row to row. 8 bits: modulo 256. 16 bits: modulo
        65,536 as signed numbers in zigzag order, all high bytes before all low bytes.
    """
    rows = pixels.copy()
    rows[1:] -= pixels[:-1]
    if pixels.dtype == np.uint8:
        # Runs and Huffman codes only: smaller and faster on films, which do not repeat themselves.
        return _deflate(rows.tobytes(), zlib.Z_RLE)
    signed = rows.view(np.int16)
    zigzag = ((signed << 1) ^ (signed >> 15)).view(np.uint16)
    planes = (zigzag >> 8).astype(np.uint8).tobytes() + zigzag.astype(np.uint8).tobytes()
    return _deflate(planes, zlib.Z_DEFAULT_STRATEGY)


def _deflate(data: bytes, strategy: int) -> bytes:
    """Compress at the fastest level; higher ones save 2 % on films and take longer."""
    stream = zlib.compressobj(1, zlib.DEFLATED, zlib.MAX_WBITS, 9, strategy)
    return stream.compress(data) + stream.flush()


def _codes(pixels: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], float, float]:
    """Return unsigned integers with slope and intercept back to the film's values."""
    if pixels.dtype == np.int16:
        return (pixels.astype(np.int32) + _SIGNED_SHIFT).astype(np.uint16), 1.0, -_SIGNED_SHIFT
    if pixels.dtype != np.float32:
        return pixels, 1.0, 0.0
    low, high = float(pixels.min()), float(pixels.max())
    slope = (high - low) / _WIDE_LEVELS or 1.0
    codes = np.empty(pixels.shape, np.uint16)
    for top in range(0, len(pixels), _BLOCK_ROWS):
        rows = slice(top, top + _BLOCK_ROWS)
        codes[rows] = np.rint((pixels[rows].astype(np.float64) - low) / slope)
    return codes, slope, low


def _reduced(codes: npt.NDArray[Any], max_side_px: int) -> npt.NDArray[Any]:
    """Return area means whose longest side is at most that; the array itself if it fits."""
    height, width = codes.shape
    longest = max(height, width)
    if longest <= max_side_px:
        return codes
    import cv2

    size = [max(1, round(side * max_side_px / longest)) for side in (width, height)]
    reduced = cv2.resize(codes, size, interpolation=cv2.INTER_AREA)
    return np.asarray(reduced, codes.dtype).reshape(size[1], size[0])


def _windows(
    film: Radiograph, sent: npt.NDArray[Any], slope: float, intercept: float
) -> list[Window]:
    """Return the full range and the presets from the percentiles of what is sent."""
    counts = np.cumsum(np.bincount(sent.ravel()))
    windows = [Window(FULL_RANGE, float(film.black), float(film.white))]
    for name, ends in PRESET_PERCENTILES.items():
        shares = sorted(100.0 - end for end in ends) if film.is_inverted else ends
        low, high = (
            float(np.searchsorted(counts, share / 100.0 * counts[-1])) * slope + intercept
            for share in shares
        )
        narrowest = max(slope, 1e-6 * abs(low))  # so that it is above `low` for any float
        windows.append(Window(name, low, high if high > low else low + narrowest))
    return windows


def _window_data(window: Window) -> dict[str, Any]:
    """Return a window as the browser gets it, a table as greys of 8 bits."""
    greys = np.frombuffer(window.table, np.uint16) / 257.0
    return {
        "name": window.name,
        "low": window.low,
        "high": window.high,
        "function": window.function,
        "table": base64.b64encode(np.rint(greys).astype(np.uint8).tobytes()).decode("ascii"),
    }


def _value_name(film: Radiograph) -> str:
    """Say what the values are: as stored, or what a DICOM file says they stand for."""
    is_rescaled = film.dicom is not None and film.dicom.is_rescaled
    return "value after rescale" if is_rescaled else "stored value"


def _notes(film: Radiograph, sent: npt.NDArray[Any]) -> list[str]:
    """Say what was reduced or rounded on the way to the browser."""
    notes = []
    height, width = sent.shape
    if sent.shape != film.pixels.shape:
        notes.append(
            f"Shown at {width:,} by {height:,} pixels, reduced from {film.width_px:,} by "
            f"{film.height_px:,}: values under the pointer are means of the stored pixels there, "
            "at full depth. The systems read the whole film."
        )
    if film.pixels.dtype == np.float32:
        notes.append("Values under the pointer are rounded to 65,536 steps of the film's range.")
    return notes
