"""What a compressed picture inside a DICOM file says of itself, before any codec sees it.

Codecs believe the codestream, not the DICOM header: a stream that claims 65,535 by 65,535 pixels
would be given the memory. And some of them return a cut stream in part, which is told by its end.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

_START_OF_FRAME: Final = frozenset({*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC})
_WITHOUT_LENGTH: Final = frozenset({0x01, *range(0xD0, 0xD9)})
_SCAN: Final = 0xDA
_END: Final = b"\xff\xd9"  # EOI of JPEG and JPEG-LS, EOC of JPEG 2000
_JP2_SIGNATURE: Final = b"\x00\x00\x00\x0cjP  "
_J2K_START: Final = b"\xff\x4f\xff\x51"


@dataclass(frozen=True)
class Codestream:
    """Size and depth as the codestream states them.

    Attributes:
        width_px: Columns.
        height_px: Rows.
        n_components: Channels.
        bits: Depth of the first channel.
        is_signed: Whether the first channel is signed (JPEG 2000 only).
        has_end: Whether the stream is complete.
    """

    width_px: int
    height_px: int
    n_components: int
    bits: int
    is_signed: bool
    has_end: bool


def inspect(frame: bytes) -> Codestream:
    """Read the header of a JPEG, JPEG-LS or JPEG 2000 stream.

    Args:
        frame: One frame's bytes, perhaps with padding at the end.

    Returns:
        What the stream says.

    Raises:
        ValueError: If it is none of the three, or damaged before its size.

    References:
        ISO/IEC 10918-1 B.2.2; ISO/IEC 14495-1 C.2.2; ISO/IEC 15444-1 A.5.1.
    """
    try:
        if frame[:2] == b"\xff\xd8":
            return _inspect_jpeg(frame)
        start = 0
        if frame.startswith(_JP2_SIGNATURE):
            start = frame.find(_J2K_START)
        if frame[start : start + 4] == _J2K_START:
            return _inspect_j2k(frame, start)
    except (IndexError, struct.error) as err:
        msg = "the codestream ends within its header"
        raise ValueError(msg) from err
    msg = "no JPEG, JPEG-LS or JPEG 2000 codestream"
    raise ValueError(msg)


def comments(frame: bytes) -> list[tuple[int, int]]:
    """Find the parts of a codestream's header that hold free text or an application's data.

    Args:
        frame: One frame's bytes, or its beginning.

    Returns:
        Start and end of each payload: COM and APP segments of JPEG and JPEG-LS but for those that
        say how colours are stored, and COM segments of JPEG 2000.
    """
    try:
        if frame[:2] == b"\xff\xd8":
            marks = [
                (marker, at, end)
                for marker, at, end in _segments(frame, 2)
                if marker == 0xFE or (0xE0 <= marker <= 0xEF and not _tells_colours(frame[at:end]))
            ]
        elif frame[:4] == _J2K_START:
            marks = [(m, at + 2, end) for m, at, end in _segments(frame, 2) if m == 0x64]
        else:
            return []
    except (IndexError, struct.error):
        return []
    return [(at, end) for _, at, end in marks if end > at]


def _tells_colours(payload: bytes) -> bool:
    """Know JFIF without a thumbnail, Adobe's segment, and HP's of JPEG-LS."""
    is_jfif = payload.startswith(b"JFIF\0") and len(payload) == 14
    is_adobe = payload.startswith(b"Adobe") and len(payload) == 12
    return is_jfif or is_adobe or (payload.startswith(b"mrfx") and len(payload) == 5)


def _segments(frame: bytes, start: int) -> list[tuple[int, int, int]]:
    """Return marker, start and end of the payload of each segment up to the first scan or tile."""
    found: list[tuple[int, int, int]] = []
    at = start
    while True:
        while frame[at] == 0xFF and frame[at + 1] == 0xFF:
            at += 1  # fill bytes
        if frame[at] != 0xFF:
            return found
        marker = frame[at + 1]
        if marker in _WITHOUT_LENGTH:
            at += 2
            continue
        (length,) = struct.unpack_from(">H", frame, at + 2)
        found.append((marker, at + 4, at + 2 + length))
        if marker in (_SCAN, 0x90, 0xD9) or length < 2:
            return found
        at += 2 + length


def _inspect_jpeg(frame: bytes) -> Codestream:
    """Find the frame header of JPEG (SOF0 to SOF15) or JPEG-LS (SOF55)."""
    for marker, at, _ in _segments(frame, 2):
        if marker in _START_OF_FRAME:
            bits, rows, columns, n_components = struct.unpack_from(">BHHB", frame, at)
            return Codestream(
                width_px=columns,
                height_px=rows,
                n_components=n_components,
                bits=bits,
                is_signed=False,
                has_end=_has_end(frame),
            )
    msg = "the codestream has no frame header"
    raise ValueError(msg)


def _inspect_j2k(frame: bytes, start: int) -> Codestream:
    """Read the SIZ segment, which comes first."""
    right, bottom, left, top = struct.unpack_from(">4I", frame, start + 8)
    (n_components,) = struct.unpack_from(">H", frame, start + 40)
    depth = frame[start + 42]
    return Codestream(
        width_px=right - left,
        height_px=bottom - top,
        n_components=n_components,
        bits=(depth & 0x7F) + 1,
        is_signed=bool(depth & 0x80),
        has_end=_has_end(frame),
    )


def _has_end(frame: bytes) -> bool:
    """Tell whether the end marker is there, before padding."""
    return frame[-64:].rstrip(b"\x00\xff").endswith(_END)
