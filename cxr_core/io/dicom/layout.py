"""How the stored values of a film lie in its bytes, read from the header and checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cxr_core.errors import UnsupportedDicomError
from cxr_core.io.dicom.header import Header
from cxr_core.io.limit import Limits

GREY: Final = ("MONOCHROME1", "MONOCHROME2")
PALETTE: Final = "PALETTE COLOR"
COLOURS: Final = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")


@dataclass(frozen=True)
class Layout:
    """How the stored values of one frame lie in its bytes (PS3.3 C.7.6.3).

    Attributes:
        rows: Rows.
        columns: Columns.
        samples: Channels: 1 or 3.
        photometric: One of `GREY`, `PALETTE` or `COLOURS`.
        planar: 0 for colour by pixel, 1 for colour by plane.
        n_frames: Frames in the file.
        allocated: Bits of the container: 8, 16 or 32.
        stored: Bits that hold the value.
        high_bit: Place of the value's highest bit.
        is_signed: Two's complement.
    """

    rows: int
    columns: int
    samples: int
    photometric: str
    planar: int
    n_frames: int
    allocated: int
    stored: int
    high_bit: int
    is_signed: bool

    @classmethod
    def of(cls, header: Header, name: str, limits: Limits) -> Layout:
        """Read the layout, within the limits, or refuse it.

        Args:
            header: The opened file.
            name: File name for messages.
            limits: Bound on rows times columns.

        Raises:
            ImageTooLargeError: If the header declares too many pixels.
            UnsupportedDicomError: If values are stored in a way that is not read.
            ValueError: If the numbers contradict each other.
        """
        rows, columns = header.integer("Rows", 0) or 0, header.integer("Columns", 0) or 0
        if rows < 1 or columns < 1:
            msg = "no rows or no columns"
            raise ValueError(msg)
        limits.check_pixels(columns, rows, name)
        allocated = header.integer("BitsAllocated", 0) or 0
        stored = header.integer("BitsStored", allocated) or 0
        high_bit = header.integer("HighBit", stored - 1)
        layout = cls(
            rows=rows,
            columns=columns,
            samples=header.integer("SamplesPerPixel", 1) or 1,
            photometric=header.word("PhotometricInterpretation") or "",
            planar=header.integer("PlanarConfiguration", 0) or 0,
            n_frames=max(header.integer("NumberOfFrames", 1) or 1, 1),
            allocated=allocated,
            stored=stored,
            high_bit=stored - 1 if high_bit is None else high_bit,
            is_signed=header.integer("PixelRepresentation", 0) == 1,
        )
        layout._check(name)
        return layout

    @property
    def is_grey(self) -> bool:
        """Whether the values are brightness, not colours."""
        return self.photometric in GREY

    def _check(self, name: str) -> None:
        """Refuse what would be misread."""
        if not self.photometric:
            raise refusal("no PhotometricInterpretation, so of unknown polarity", name)
        if self.photometric not in (*GREY, PALETTE, *COLOURS):
            raise refusal("an unusual kind of colour (PhotometricInterpretation)", name)
        if self.samples != (3 if self.photometric in COLOURS else 1):
            msg = "channels that do not fit the photometric interpretation"
            raise ValueError(msg)
        if self.allocated not in (8, 16, 32):
            raise refusal(f"{self.allocated} bits allocated instead of 8, 16 or 32", name)
        if not self.is_grey and (self.allocated == 32 or self.is_signed):
            raise refusal("colours that are signed or of more than 16 bits", name)
        if not (1 <= self.stored <= self.high_bit + 1 <= self.allocated):
            msg = "bits stored, high bit and bits allocated that contradict each other"
            raise ValueError(msg)
        if self.stored > 24:
            raise refusal(f"{self.stored} bits stored; up to 24 are read", name)


def refusal(what: str, name: str) -> UnsupportedDicomError:
    """Return the error for pixels that are not read.

    Args:
        what: What the file has, for people.
        name: File name for the message.
    """
    msg = f"`data` must have pixels of a kind that is read. Received: name={name!r}, {what}"
    return UnsupportedDicomError(msg)
