"""Parse a DICOM file within bounds: only the elements that are asked for, and without a word.

pydicom's messages quote the values that it trips over, so none of them is passed on or chained.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any, Final

from cxr_core.errors import ImageTooLargeError, UnreadableImageError, UnsupportedDicomError
from cxr_core.io.dicom.header import (
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    KEYWORDS,
    OVERLAY_GROUPS,
    Header,
    errors,
    quiet,
)
from cxr_core.io.limit import Limits

MAX_READS: Final = 30_000
"""Reads that parsing one file may take; a film's header takes about a thousand."""

DEFLATED: Final = "1.2.840.10008.1.2.1.99"


def load_pydicom() -> None:
    """Import pydicom where it has not been yet.

    Raises:
        UnsupportedDicomError: If it is not installed.
    """
    if "pydicom" in sys.modules:
        return
    with _no_folder_as_module("dl", "DLFCN"):
        try:
            import pydicom  # noqa: F401
        except ImportError as err:
            msg = "`data` is DICOM, and pydicom is not installed"
            hint = "Install it with: pip install -r requirements.txt"
            raise UnsupportedDicomError(msg, hint=hint) from err


def open_header(data: bytes, *, name: str, limits: Limits) -> Header:
    """Parse what reading needs of a DICOM file.

    Args:
        data: The whole file, with or without preamble and file meta information.
        name: File name for messages.
        limits: Bound on the pixels, which also bounds what a deflated file may grow to.

    Returns:
        The elements of `KEYWORDS` that the file has.

    Raises:
        UnreadableImageError: If it is damaged.
        ImageTooLargeError: If it holds far more elements than a film, or grows too large.
    """
    load_pydicom()
    from pydicom.tag import Tag

    tags = [Tag(keyword) for keyword in KEYWORDS]
    tags += [Tag(group, 0x0102) for group in OVERLAY_GROUPS]
    tags += [Tag(group, 0x3000) for group in OVERLAY_GROUPS]
    return parse(data, tags, name=name, limits=limits)


def parse(data: bytes, tags: list[Any] | None, *, name: str, limits: Limits) -> Header:
    """Parse some or, with `tags=None`, all elements; arguments and errors as `open_header`."""
    load_pydicom()
    try:
        with quiet():
            return _parse(data, tags, limits)
    except _TooMuchError as err:
        msg = (
            f"`data` must hold one film of at most {limits.max_pixels:,} pixels and a header of "
            f"ordinary size. Received: name={name!r} with {err}"
        )
        raise ImageTooLargeError(msg) from None
    except errors():
        raise damaged(data, name) from None


def damaged(data: bytes, name: str) -> UnreadableImageError:
    """Return the error for a file that cannot be parsed or decoded."""
    msg = (
        f"`data` must be a complete DICOM file. Received: name={name!r}, {len(data):,} bytes, "
        "damaged or cut short"
    )
    return UnreadableImageError(msg, hint="Fetch the file again from where it came.")


class _TooMuchError(Exception):
    """The file would take too long to parse, or too much memory."""


class _Metered(BytesIO):
    """Bytes that may be read only so many times: nested empty items cost pydicom 30 s a file."""

    n_reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """Read, and count it."""
        self.n_reads += 1
        if self.n_reads > MAX_READS:
            msg = "far more elements than a film has"
            raise _TooMuchError(msg)
        return super().read(size)


def _parse(data: bytes, tags: list[Any] | None, limits: Limits) -> Header:
    """Read the file meta information, then the data set in its encoding."""
    import pydicom
    from pydicom.filereader import read_dataset

    syntax, start = _deflated_from(data)
    if syntax != DEFLATED:
        dataset: Any = pydicom.dcmread(_Metered(data), force=True, specific_tags=tags)
        is_implicit, is_little = dataset.original_encoding
        guessed = IMPLICIT_LITTLE if is_implicit else EXPLICIT_LITTLE
        guessed = guessed if is_little else EXPLICIT_BIG
        named = str(dataset.file_meta.get("TransferSyntaxUID") or guessed)
        return Header(dataset, named, bool(is_little))
    inflated = _inflate(data[start:], limits)
    dataset = read_dataset(
        _Metered(inflated), is_implicit_VR=False, is_little_endian=True, specific_tags=tags
    )
    return Header(dataset, EXPLICIT_LITTLE, is_little_endian=True)


def _deflated_from(data: bytes) -> tuple[str, int]:
    """Return the transfer syntax, if it is the deflated one, and where its stream begins.

    pydicom would inflate without a bound: 64 MB can become 64 GB.
    """
    if DEFLATED.encode() not in data[:2048]:
        return "", 0
    from pydicom.filereader import _read_file_meta_info, read_preamble

    stream: Any = _Metered(data)
    read_preamble(stream, force=True)
    meta = _read_file_meta_info(stream)
    return str(meta.get("TransferSyntaxUID", "")), stream.tell()


def _inflate(packed: bytes, limits: Limits) -> bytes:
    """Inflate a data set (PS3.5 A.5), up to four times the longest file that is read."""
    most = 4 * limits.max_bytes
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    inflated = stream.decompress(packed, most)
    if stream.unconsumed_tail:
        msg = "a deflated data set that grows without end"
        raise _TooMuchError(msg)
    if not stream.eof:
        msg = "the deflated stream has no end"
        raise EOFError(msg)
    return inflated


@contextmanager
def _no_folder_as_module(*names: str) -> Iterator[None]:
    """Hide modules that do not exist: GDCM imports `dl` and would take a folder of that name."""
    hidden = [name for name in names if name not in sys.modules]
    modules: dict[str, Any] = sys.modules
    modules.update(dict.fromkeys(hidden))
    try:
        yield
    finally:
        for name in hidden:
            modules.pop(name, None)
