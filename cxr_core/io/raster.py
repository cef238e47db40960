"""A picture of any container to one upright grey channel at full depth."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image, ImageFile

from cxr_core.errors import ImageTooLargeError, UnreadableImageError
from cxr_core.io import channel, codec, grey
from cxr_core.io.limit import Limits
from cxr_core.radiograph import Notice

DECODE_ERRORS: Final = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    EOFError,
    ArithmeticError,
    AttributeError,
    AssertionError,
    RuntimeError,
    struct.error,
    zlib.error,
)
"""What Pillow's decoders may raise on damaged files.

Mutated files gave OSError, SyntaxError, ValueError, IndexError and struct.error; the others can
come from asserts, divisions and missing attributes in its plugins.
"""

_ORIENTATION: Final = 274  # EXIF and TIFF tag
_PHOTOMETRIC: Final = 262
_BITS_PER_SAMPLE: Final = 258
_SAMPLES_PER_PIXEL: Final = 277
_PLANAR_CONFIGURATION: Final = 284


@dataclass(frozen=True, eq=False)
class Raster:
    """One grey channel as stored, upright.

    Attributes:
        pixels: Shape (h, w), uint8, uint16 or float32.
        is_inverted: True where low values are dense (TIFF MinIsWhite at 16 bits or float).
        notices: What was changed on the way.
    """

    pixels: grey.Pixels
    is_inverted: bool
    notices: tuple[Notice, ...]


def decode(data: bytes, container: str, *, name: str, limits: Limits) -> Raster:
    """Decode the first frame of a picture.

    Args:
        data: The bytes of the file.
        container: One of `cxr_core.io.sniff.RASTERS`.
        name: File name for messages, without folders.
        limits: Bound on the pixels that the header may declare.

    Returns:
        The grey pixels; a damaged file never comes back in part.

    Raises:
        ImageTooLargeError: If the header declares too many pixels, or memory does not suffice.
        UnreadableImageError: If the file is damaged or of a kind that Pillow does not read, or
            holds values that are not finite.
    """
    try:
        opened = codec.open_header(data, container)
        limits.check_pixels(*opened.size, name)
        return _to_raster(opened, data, container, name)
    except (Image.DecompressionBombError, MemoryError) as err:
        msg = (
            f"`data` must hold at most {limits.max_pixels:,} pixels and fit into memory. "
            f"Received: name={name!r}"
        )
        raise ImageTooLargeError(msg) from err
    except DECODE_ERRORS as err:
        msg = (
            f"`data` must be a complete {container} picture of a kind that is read. "
            f"Received: name={name!r}, {len(data):,} bytes, damaged or unsupported"
        )
        raise UnreadableImageError(msg) from err


def _to_raster(opened: ImageFile.ImageFile, data: bytes, container: str, name: str) -> Raster:
    """Decode the pixels and bring them upright."""
    notices = _frame_notices(opened)
    is_inverted = False
    if container == "TIFF":
        _check_tags(data)
        is_inverted, more = _check_tiff(opened)
        notices += more
    if container == "PNG":
        codec.open_header(data, container).verify()  # decoding alone checks no checksums
    pixels, more = _to_grey(opened, data, container, name)
    notices += more
    if container != "TIFF":  # Pillow turns TIFF by itself
        orientation, more = _orientation(opened)
        pixels = _turn(pixels, orientation)
        notices += more
    return Raster(np.ascontiguousarray(pixels), is_inverted, tuple(notices))


def _frame_notices(opened: ImageFile.ImageFile) -> list[Notice]:
    """Tell that frames or pages are left out; counting them all could take long."""
    if not getattr(opened, "is_animated", False):
        return []
    return [Notice("multi_frame", "The file holds several frames; only the first was read.")]


def _check_tags(data: bytes) -> None:
    """Refuse a list of tags that is cut short; Pillow takes those it finds.

    One lost tag can change what the values mean: without SampleFormat, fractions are whole numbers.
    TIFF 6.0, section 2, "Image File Directory"; BigTIFF has the same in wider numbers.
    """
    order = "<" if data[:2] == b"II" else ">"
    is_big = data[2:4] in (b"+\0", b"\0+")
    place, number, counter, tag_bytes = (8, "Q", "Q", 20) if is_big else (4, "I", "H", 12)
    (start,) = struct.unpack_from(order + number, data, place)
    (n_tags,) = struct.unpack_from(order + counter, data, start)
    if start + struct.calcsize(order + counter) + n_tags * tag_bytes > len(data):
        msg = "a list of tags that is cut short"
        raise ValueError(msg)


def _check_tiff(opened: ImageFile.ImageFile) -> tuple[bool, list[Notice]]:
    """Refuse what Pillow would misread; tell whether zero is white in the decoded values."""
    photometric = codec.tiff_tag(opened, _PHOTOMETRIC, None)
    if photometric is None:
        msg = "TIFF without PhotometricInterpretation, so of unknown polarity"
        raise ValueError(msg)
    is_planar = codec.tiff_tag(opened, _PLANAR_CONFIGURATION, 1) == 2
    is_colour = codec.tiff_tag(opened, _SAMPLES_PER_PIXEL, 1) > 1
    if is_planar and is_colour and codec.tiff_tag(opened, _BITS_PER_SAMPLE, 1) > 8:
        msg = "16-bit TIFF with separate planes, of which Pillow takes each byte for a pixel"
        raise ValueError(msg)
    notices = _turn_notices(codec.tiff_tag(opened, _ORIENTATION, 1))
    if photometric != 0:
        return False, notices
    message = "The file stores white as zero (MinIsWhite); its polarity was respected."
    notices.append(Notice("min_is_white", message))
    return opened.mode.startswith(("I", "F")), notices  # Pillow itself inverts up to 8 bits


def _orientation(opened: ImageFile.ImageFile) -> tuple[int, list[Notice]]:
    """Return the EXIF orientation; damaged EXIF does not make a film unreadable."""
    try:
        with codec.quiet():
            orientation = int(opened.getexif().get(_ORIENTATION, 1))
    except DECODE_ERRORS:
        message = "The EXIF block is damaged; the film is shown as stored and may lie on its side."
        return 1, [Notice("exif_damaged", message)]
    return orientation, _turn_notices(orientation)


def _turn_notices(orientation: int) -> list[Notice]:
    """Tell that a film was turned or mirrored."""
    if orientation not in range(2, 9):
        return []
    message = f"The film was turned upright as the file asks (EXIF orientation {orientation})."
    return [Notice("exif_orientation", message)]


def _turn(pixels: grey.Pixels, orientation: int) -> grey.Pixels:
    """Undo an EXIF orientation (EXIF 2.32, tag 274: where row 0 and column 0 of the film are)."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.T
    flips = {2: (1, -1), 3: (-1, -1), 4: (-1, 1), 6: (1, -1), 7: (-1, -1), 8: (-1, 1)}
    rows, columns = flips.get(orientation, (1, 1))
    return pixels[::rows, ::columns]


def _to_grey(
    opened: ImageFile.ImageFile, data: bytes, container: str, name: str
) -> tuple[grey.Pixels, list[Notice]]:
    """Decode, then merge the channels."""
    planes, alpha, notices = channel.planes_of(opened, data, container)
    if len(planes) == 3:
        merged, more = grey.merge(planes)
        notices += more
    else:
        merged = planes[0]
    if alpha is not None:
        merged, more = grey.composite(merged, alpha)
        notices += more
    if merged.dtype == np.float32:
        _check_finite(merged, name)
    return merged, notices


def _check_finite(pixels: grey.Pixels, name: str) -> None:
    """Refuse values that have no brightness."""
    n_bad = pixels.size - int(np.count_nonzero(np.isfinite(pixels)))
    if n_bad:
        msg = (
            "`data` must hold finite values only. "
            f"Received: name={name!r} with {n_bad:,} NaN or infinite of {pixels.size:,} values"
        )
        hint = "Replace the empty pixels by the background value, then export the film again."
        raise UnreadableImageError(msg, hint=hint)
