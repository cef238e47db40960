"""From stored values to values with a meaning, and the windows and tables that show them.

The order is the standard's (PS3.4 N.2): padding is told from stored values, then the modality LUT
or rescale, then the VOI LUT or window, then polarity.

pydicom 3.0 has functions for these steps. They are not used: its `apply_voi` keeps positions in a
table in the dtype of the entries, so that an 8-bit table of more than 256 entries wraps around.
"""

from __future__ import annotations

from collections.abc import MutableSequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from cxr_core.array import BoolArray
from cxr_core.grey_window import LINEAR, SIGMOID, Window
from cxr_core.io import grey
from cxr_core.io.dicom.frame import Integers
from cxr_core.io.dicom.header import MAX_ITEMS, Header
from cxr_core.io.dicom.layout import Layout
from cxr_core.radiograph import Notice

HARMLESS: Final = frozenset(
    (
        *("normal", "harder", "softer", "hard", "soft", "standard", "default", "user", "auto"),
        *(
            "window",
            "level",
            "wl",
            "ww",
            "preset",
            "table",
            "curve",
            "linear",
            "sigmoid",
            "identity",
        ),
        *(
            "high",
            "low",
            "medium",
            "contrast",
            "algorithm",
            "algo",
            "opt",
            "film",
            "pa",
            "ap",
            "lat",
        ),
        *("chest", "thorax", "lung", "lungs", "bone", "bones", "ribs", "spine", "heart", "tissue"),
        *("mediastinum", "abdomen", "body", "1", "2", "3", "4"),
    )
)
"""Words that may label a window; any other explanation could name a person, and is not shown."""

_MAX_LABEL: Final = 24
_MAX_VALUE: Final = 1e9


@dataclass(frozen=True, eq=False)
class Tone:
    """What a film is, ready for `Radiograph`.

    Attributes:
        pixels: Values after the modality LUT; uint8, uint16, int16 or float32.
        black: Lowest value that the scale can hold.
        white: Highest value that the scale can hold.
        windows: Windows and tables of the file; the first one is how it is to be shown.
        notices: What was found or ignored on the way.
        is_rescaled: Whether a modality LUT or rescale changed the values.
    """

    pixels: npt.NDArray[Any]
    black: float
    white: float
    windows: tuple[Window, ...]
    notices: tuple[Notice, ...]
    is_rescaled: bool = False


def tone_of(
    header: Header, layout: Layout, stored: Integers, bits: int, *, is_inverted: bool
) -> Tone:
    """Bring the stored values of a grey film to its scale.

    Args:
        header: The opened file; call inside `header.quiet`.
        layout: Its layout.
        stored: Stored values, shape (h, w).
        bits: Bits that a value has.
        is_inverted: Whether low values are dense; padding takes the end that shows black.

    Returns:
        The film on its scale. Padding is black, whatever value the file gave it.
    """
    padding, notices = _padding(header, layout, stored, bits)
    low, high = _scale(layout, bits)
    film = stored[~padding] if padding is not None else stored
    low, high = min(low, int(film.min())), max(high, int(film.max()))
    values, (black, white), more = _modality(header, stored, low, high)
    notices += more
    is_rescaled = values is not stored
    shown = values[~padding] if padding is not None else values
    span = float(shown.min()), float(shown.max())
    windows, more = _windows(header, span)
    notices += more
    if not windows:
        black, white, more = _levels(shown, black, white)
        notices += more
    values = _compact(values, black, white)
    if padding is not None:
        values[padding] = white if is_inverted else black
    return Tone(values, black, white, windows, tuple(notices), is_rescaled)


def _scale(layout: Layout, bits: int) -> tuple[int, int]:
    """Return the lowest and the highest value that the stored bits can hold."""
    if layout.is_signed:
        return -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    return 0, (1 << bits) - 1


def _padding(
    header: Header, layout: Layout, stored: Integers, bits: int
) -> tuple[BoolArray | None, list[Notice]]:
    """Find the pixels that are no part of the film (PS3.3 C.7.5.1.1.2)."""
    ends = [header.integer(f"PixelPadding{word}") for word in ("Value", "RangeLimit")]
    limits = [_as_stored(end, layout, bits) for end in ends if end is not None]
    if ends[0] is None or None in limits:
        return None, []
    known = [limit for limit in limits if limit is not None]
    mask = np.asarray((stored >= min(known)) & (stored <= max(known)))
    share = float(mask.mean())
    if share in (0.0, 1.0):
        return None, []
    message = f"{100 * share:.1f}% of the film is padding around it, which is shown black."
    return mask, [Notice("padding", message)]


def _as_stored(value: int, layout: Layout, bits: int) -> int | None:
    """Return a padding value as the stored values have it, or `None` where it cannot occur."""
    low, high = _scale(layout, bits)
    if low <= value <= high:
        return value
    folded = value & ((1 << layout.allocated) - 1)  # written as signed or as unsigned by mistake
    if layout.is_signed and folded >> (layout.allocated - 1):
        folded -= 1 << layout.allocated
    return folded if low <= folded <= high else None


def _modality(
    header: Header, stored: Integers, low: int, high: int
) -> tuple[npt.NDArray[Any], tuple[float, float], list[Notice]]:
    """Apply the modality LUT or the rescale (PS3.3 C.11.1); return values and their scale."""
    for item in header.items("ModalityLUTSequence"):
        table = read_table(item, is_signed=low < 0)
        if table is not None:
            entries, first, white = table
            place = np.clip(stored.astype(np.int64) - first, 0, len(entries) - 1)
            return entries[place].astype(np.int32), (0.0, float(white)), []
    slopes, intercepts = header.numbers("RescaleSlope"), header.numbers("RescaleIntercept")
    slope = slopes[0] if slopes else 1.0
    intercept = intercepts[0] if intercepts else 0.0
    if not slope or max(abs(slope), abs(intercept)) > _MAX_VALUE:
        message = "The file's rescale makes no sense; it was ignored."
        return stored, (float(low), float(high)), [Notice("rescale_ignored", message)]
    if (slope, intercept) == (1.0, 0.0):
        return stored, (float(low), float(high)), []
    ends = sorted((low * slope + intercept, high * slope + intercept))
    if slope.is_integer() and intercept.is_integer() and max(map(abs, ends)) < 1 << 31:
        values: npt.NDArray[Any] = stored.astype(np.int64) * int(slope) + int(intercept)
    else:
        values = stored.astype(np.float64) * slope + intercept
    return values, (ends[0], ends[1]), []


def read_table(item: Header, *, is_signed: bool) -> tuple[npt.NDArray[Any], int, int] | None:
    """Read a lookup table.

    Args:
        item: An item of the modality or VOI LUT sequence.
        is_signed: Whether the values that it maps can be negative, and so its first one.

    Returns:
        Entries, value of the first, and the entry that is white; `None` where it makes no sense.

    References:
        PS3.3 C.11.1.1 and C.11.2.1.1: 0 entries stand for 65,536; entries of 8 bits may be packed
        in pairs or lie in words of 16.
    """
    descriptor = [int(number) for number in item.numbers("LUTDescriptor")]
    if len(descriptor) != 3:
        return None
    n_entries, first, bits = descriptor[0] & 0xFFFF or 65536, descriptor[1], descriptor[2]
    if is_signed and first >= 1 << 15:
        first -= 1 << 16
    words = _words(item)
    if 2 * len(words) in (n_entries, n_entries + 1):  # PS3.5 8.1: first entry in the low byte
        words = words.astype("<u2").view(np.uint8)
    entries = words[:n_entries].astype(np.int64)
    if len(entries) < max(n_entries - 1, 2) or not 8 <= bits <= 16:
        return None
    most = int(entries.max())
    if not 1 << (bits - 2) <= most < 1 << bits:  # some writers name the depth of the container
        bits = next(depth for depth in grey.DEPTHS if most < 1 << depth)
    return entries, first, (1 << bits) - 1


def _words(item: Header) -> npt.NDArray[Any]:
    """Return the 16-bit words of a table, whichever value representation it has."""
    value = item.value("LUTData")
    if isinstance(value, bytes):
        order = "<" if item.is_little_endian else ">"
        return np.frombuffer(value[: len(value) // 2 * 2], f"{order}u2")
    if not isinstance(value, MutableSequence):
        return np.zeros(0, np.uint16)
    return (np.asarray(list(value), np.int64) & 0xFFFF).astype(np.uint16)


def _windows(header: Header, span: tuple[float, float]) -> tuple[tuple[Window, ...], list[Notice]]:
    """Collect the tables, then the windows, that show something of the film."""
    found: list[Window] = []
    n_offered = 0
    for number, item in enumerate(header.items("VOILUTSequence"), 1):
        n_offered += 1
        table = read_table(item, is_signed=span[0] < 0)
        if table is not None:
            entries, first, white = table
            label = _label(f"Table {number}", item.text("LUTExplanation"))
            found.append(Window.from_table(entries, first, white, label))
    pairs = list(zip(header.numbers("WindowCenter"), header.numbers("WindowWidth"), strict=False))
    texts = header.words("WindowCenterWidthExplanation")
    function = header.word("VOILUTFunction") or LINEAR
    for number, (center, width) in enumerate(pairs, 1):
        n_offered += 1
        label = _label(f"Window {number}", texts[number - 1] if number <= len(texts) else "")
        known = function if function in (SIGMOID, "LINEAR_EXACT") else LINEAR
        if max(abs(center), abs(width)) <= _MAX_VALUE and width >= (known == LINEAR) and width:
            found.append(Window.from_dicom(center, width, label, function=known))
    useful = [window for window in found if _shows(window, span)]
    if len(useful) == n_offered:
        return tuple(useful[:MAX_ITEMS]), []
    message = "The file offers windows that show nothing of this film; they were left out."
    return tuple(useful[:MAX_ITEMS]), [Notice("window_ignored", message)]


def _shows(window: Window, span: tuple[float, float]) -> bool:
    """Tell whether a window shows differences between the values of a film."""
    if span[0] == span[1]:
        return True
    greys = window.brightness(np.linspace(*span, 257))
    return float(np.ptp(greys)) > 1.0 / 255.0


def _label(name: str, explanation: str) -> str:
    """Name a window by its number, with the file's words where all of them are harmless."""
    words = explanation.replace("_", " ").replace("-", " ").lower().split()
    if not words or len(explanation) > _MAX_LABEL or not HARMLESS.issuperset(words):
        return name
    return f"{name}: {' '.join(words)}"


def _levels(
    values: npt.NDArray[Any], black: float, white: float
) -> tuple[float, float, list[Notice]]:
    """Find the ends of a film without a window, as for a picture of the same values.

    A PNG of the stored values would have no bits stored, and be taken for as deep as its largest
    value asks; so is the film, within the bits that it has.
    """
    message = "The file names no window; the film is shown over its full range."
    notices = [Notice("no_window", message)]
    if black != 0.0 or values.dtype.kind == "f":
        return black, white, notices
    high = int(values.max())
    fitting = [(1 << bits) - 1 for bits in grey.DEPTHS if high < 1 << bits]
    if not high or not fitting or fitting[0] >= white:
        return black, white, notices
    message = (
        f"The file names no window, and its largest value is {high:,}; the film was read as "
        f"{fitting[0].bit_length()} bits deep."
    )
    return black, float(fitting[0]), [Notice("low_bits", message)]


def _compact(values: npt.NDArray[Any], black: float, white: float) -> npt.NDArray[Any]:
    """Return a copy in the smallest dtype of a film that holds the values and both ends."""
    if values.dtype.kind in "iu" and black.is_integer() and white.is_integer():
        low, high = min(black, int(values.min())), max(white, int(values.max()))
        for dtype in (np.uint8, np.uint16, np.int16):
            info = np.iinfo(dtype)
            if info.min <= low and high <= info.max:
                return values.astype(dtype)
    return values.astype(np.float32)
