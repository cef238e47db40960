"""Open a DICOM file: only the elements that reading needs, within bounds, and without a word.

Everything else of the file, the patient's data with it, never leaves the bytes. pydicom's messages
quote the values that it trips over, so none of them is passed on, logged or chained.
"""

from __future__ import annotations

import math
import sys
import zlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from cxr_core.errors import ImageTooLargeError, UnreadableImageError, UnsupportedDicomError
from cxr_core.io.limit import Limits
from cxr_core.io.quiet import quiet as quiet_modules
from cxr_core.io.raster import DECODE_ERRORS

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

MAX_READS: Final = 60_000
"""Reads that parsing one file may take; a film's header takes about a thousand."""

MAX_SEQUENCE_BYTES: Final = 512 * 1024
"""Longest lookup-table sequence that is parsed; two tables of 65,536 entries fit."""

MAX_ITEMS: Final = 8
"""Items of a sequence, and values of a window, that are looked at."""

EXPLICIT_LITTLE: Final = "1.2.840.10008.1.2.1"
EXPLICIT_BIG: Final = "1.2.840.10008.1.2.2"
IMPLICIT_LITTLE: Final = "1.2.840.10008.1.2"
DEFLATED: Final = "1.2.840.10008.1.2.1.99"

OVERLAY_GROUPS: Final = tuple(range(0x6000, 0x6020, 2))

KEYWORDS: Final = (
    *("SOPClassUID", "Modality", "ImageType", "PresentationIntentType", "ConversionType"),
    *("SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "NumberOfFrames"),
    *("Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"),
    *("PixelAspectRatio", "PixelPaddingValue", "PixelPaddingRangeLimit", "BurnedInAnnotation"),
    *("RescaleSlope", "RescaleIntercept", "ModalityLUTSequence", "VOILUTSequence"),
    *("WindowCenter", "WindowWidth", "WindowCenterWidthExplanation", "VOILUTFunction"),
    *("PresentationLUTShape", "LossyImageCompression", "LossyImageCompressionRatio"),
    *("ViewPosition", "ViewCodeSequence", "PatientOrientation", "BodyPartExamined"),
    *("SeriesDescription", "ProtocolName", "AcquisitionDeviceProcessingDescription"),
    *("RedPaletteColorLookupTableDescriptor", "RedPaletteColorLookupTableData"),
    *("GreenPaletteColorLookupTableDescriptor", "GreenPaletteColorLookupTableData"),
    *("BluePaletteColorLookupTableDescriptor", "BluePaletteColorLookupTableData"),
    *("SegmentedRedPaletteColorLookupTableData", "FloatPixelData", "DoubleFloatPixelData"),
    "PixelData",
)
"""All elements that reading looks at, beside the bit position of overlays."""


@dataclass(frozen=True, eq=False)
class Header:
    """Some elements of a DICOM file, with typed access that never raises on odd values.

    Attributes:
        dataset: The elements; read them inside `quiet` only.
        transfer_syntax: UID of the encoding of the pixels.
        is_little_endian: Byte order of the data set.
    """

    dataset: Dataset
    transfer_syntax: str
    is_little_endian: bool

    def __contains__(self, keyword: str) -> bool:
        """Tell whether the element is there, with or without a value."""
        return keyword in self.dataset

    def value(self, keyword: str) -> Any:
        """Return the converted value, or `None` where there is none or it makes no sense."""
        try:
            return self.dataset.get(keyword)
        except errors():
            return None

    def words(self, keyword: str) -> tuple[str, ...]:
        """Return all values as upper-case words."""
        value = self.value(keyword)
        if value is None:
            return ()
        values = [value] if isinstance(value, str) else value
        if not isinstance(values, Sequence):
            return ()
        return tuple(str(entry).strip(" \0").upper() for entry in values[:MAX_ITEMS])

    def word(self, keyword: str) -> str | None:
        """Return the first value as an upper-case word, or `None` where it is empty."""
        return next(iter(self.words(keyword)), None) or None

    def text(self, keyword: str) -> str:
        """Return the value as text, for comparison only; empty where there is none."""
        value = self.value(keyword)
        return "" if value is None else str(value).strip(" \0")

    def numbers(self, keyword: str) -> tuple[float, ...]:
        """Return the values that are finite numbers, a few at most."""
        value = self.value(keyword)
        values = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
        found = []
        for entry in values[:MAX_ITEMS]:
            try:
                found.append(float(entry))
            except (TypeError, ValueError, OverflowError):
                return ()
        return tuple(found) if all(map(math.isfinite, found)) else ()

    def integer(self, keyword: str, default: int | None = None) -> int | None:
        """Return the first value as a whole number, or `default`."""
        found = self.numbers(keyword)
        return int(found[0]) if found and found[0].is_integer() else default

    def data(self, keyword: str) -> bytes:
        """Return a value of bytes; empty where there is none."""
        value = self.value(keyword)
        return value if isinstance(value, bytes) else b""

    def items(self, keyword: str) -> Iterator[Header]:
        """Yield the items of a sequence, unless it is too long to be what it should be."""
        raw = self._raw(keyword)
        if raw is None or (isinstance(raw, bytes) and len(raw) > MAX_SEQUENCE_BYTES):
            return
        value = self.value(keyword)
        for item in () if value is None or isinstance(value, str | bytes) else value[:MAX_ITEMS]:
            yield Header(item, self.transfer_syntax, self.is_little_endian)

    def vr(self, keyword: str) -> str:
        """Return the value representation of an element that is there."""
        return str(self.dataset[keyword].VR)

    def _raw(self, keyword: str) -> Any:
        """Return a value before conversion."""
        return self.dataset.get_item(keyword).value if keyword in self.dataset else None


def quiet() -> AbstractContextManager[None]:
    """Silence pydicom, its codecs and their loggers: their warnings quote what the file holds."""
    return quiet_modules(r"pydicom", r"openjpeg", r"rle", r"jpeg_ls", r"PIL\.", logger="pydicom")


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


def uid_words(uid: str) -> str:
    """Return the registered name of a UID of the standard, or an empty text for any other."""
    from pydicom.config import IGNORE
    from pydicom.uid import UID

    words = UID(uid, validation_mode=IGNORE).name
    return "" if words == uid else words


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


@cache
def errors() -> tuple[type[Exception], ...]:
    """Return what pydicom and its codecs may raise on damaged files, and on odd values."""
    from pydicom.errors import BytesLengthException, InvalidDicomError

    return (*DECODE_ERRORS, BytesLengthException, InvalidDicomError)


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
