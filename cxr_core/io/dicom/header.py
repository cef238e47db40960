"""The elements of a DICOM file that reading needs, with access that never raises on odd values.

Everything else of the file, the patient's data with it, never leaves the bytes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from cxr_core.io.quiet import quiet as quiet_modules
from cxr_core.io.raster import DECODE_ERRORS

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

MAX_SEQUENCE_BYTES: Final = 512 * 1024
"""Longest lookup-table sequence that is parsed; two tables of 65,536 entries fit."""

MAX_ITEMS: Final = 8
"""Items of a sequence, and values of a window, that are looked at."""

EXPLICIT_LITTLE: Final = "1.2.840.10008.1.2.1"
EXPLICIT_BIG: Final = "1.2.840.10008.1.2.2"
IMPLICIT_LITTLE: Final = "1.2.840.10008.1.2"

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


def uid_words(uid: str) -> str:
    """Return the registered name of a UID of the standard, or an empty text for any other."""
    from pydicom.config import IGNORE
    from pydicom.uid import UID

    words = UID(uid, validation_mode=IGNORE).name
    return "" if words == uid else words


@cache
def errors() -> tuple[type[Exception], ...]:
    """Return what pydicom and its codecs may raise on damaged files, and on odd values."""
    from pydicom.errors import BytesLengthException, InvalidDicomError

    return (*DECODE_ERRORS, BytesLengthException, InvalidDicomError)
