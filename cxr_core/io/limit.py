"""How large a file, a film and an archive may be; all are checked before anything is decoded."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

from cxr_core.errors import ArchiveError, ImageTooLargeError


@dataclass(frozen=True)
class Limits:
    """Upper bounds on what is decoded.

    Attributes:
        max_bytes: Largest file in bytes.
        max_pixels: Largest product of rows and columns that a header may declare.
    """

    max_bytes: int = 64 * 1024 * 1024
    max_pixels: int = 100_000_000

    def __post_init__(self) -> None:
        """Refuse bounds that would let nothing, or anything, through."""
        _check_positive(self)

    def check_bytes(self, n_bytes: int, name: str) -> None:
        """Refuse a file that is too long.

        Args:
            n_bytes: Length of the file.
            name: File name for the message, without folders.

        Raises:
            ImageTooLargeError: If `n_bytes` is above `max_bytes`.
        """
        if n_bytes > self.max_bytes:
            msg = (
                f"`data` must have at most {self.max_bytes:,} bytes. "
                f"Received: name={name!r} with {n_bytes:,} bytes"
            )
            raise ImageTooLargeError(msg)

    def check_pixels(self, width_px: int, height_px: int, name: str) -> None:
        """Refuse a film whose header declares too many pixels.

        Args:
            width_px: Columns that the header declares.
            height_px: Rows that the header declares.
            name: File name for the message, without folders.

        Raises:
            ImageTooLargeError: If the product is above `max_pixels`.
        """
        if width_px * height_px > self.max_pixels:
            msg = (
                f"`data` must have at most {self.max_pixels:,} pixels. "
                f"Received: name={name!r} with {width_px:,} by {height_px:,} pixels"
            )
            raise ImageTooLargeError(msg)


@dataclass(frozen=True)
class ArchiveLimits:
    """Upper bounds on a zip archive; nothing of it is unpacked before all of them hold.

    Attributes:
        max_entries: Largest number of entries, folders counted.
        max_directory_bytes: Largest table of contents; it is read into memory as a whole.
        max_total_bytes: Largest sum of the sizes that the entries declare to have unpacked.
        max_ratio: Largest quotient of that sum by the archive's own length, above `free_bytes`.
        free_bytes: Sum up to which the quotient is not asked: as much as one film may have.
    """

    max_entries: int = 20_000
    max_directory_bytes: int = 8 * 1024 * 1024
    max_total_bytes: int = 16 * 1024**3
    max_ratio: int = 100
    free_bytes: int = 64 * 1024 * 1024

    def __post_init__(self) -> None:
        """Refuse bounds that would let nothing, or anything, through."""
        _check_positive(self)

    def check_entries(self, n_entries: int, name: str) -> None:
        """Refuse an archive of too many entries.

        Args:
            n_entries: Their number.
            name: The archive's file name for the message, without folders.

        Raises:
            ArchiveError: If `n_entries` is above `max_entries`.
        """
        if n_entries > self.max_entries:
            msg = (
                f"An archive must have at most {self.max_entries:,} entries. "
                f"Received: name={name!r} with {n_entries:,}"
            )
            raise ArchiveError(msg)

    def check_size(self, total_bytes: int, archive_bytes: int, name: str) -> None:
        """Refuse an archive that grows too much when it is unpacked.

        Args:
            total_bytes: Sum of what its entries declare.
            archive_bytes: Its own length.
            name: The archive's file name for the message, without folders.

        Raises:
            ArchiveError: If the sum or its quotient is too large.
        """
        if total_bytes > self.max_total_bytes:
            msg = (
                f"An archive must unpack to at most {self.max_total_bytes:,} bytes. "
                f"Received: name={name!r} with {total_bytes:,} bytes"
            )
            raise ArchiveError(msg)
        if total_bytes > self.free_bytes and total_bytes > self.max_ratio * archive_bytes:
            msg = (
                f"An archive must unpack to at most {self.max_ratio} times its length. "
                f"Received: name={name!r}, {total_bytes:,} bytes from {archive_bytes:,}"
            )
            raise ArchiveError(msg, hint="Films do not shrink that much; check the archive.")


def _check_positive(limits: Limits | ArchiveLimits) -> None:
    """Refuse a bound that is no positive whole number."""
    for name in (entry.name for entry in fields(limits)):
        value = getattr(limits, name)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            msg = f"`{name}` must be a positive int. Received: {name}={value!r}"
            raise ValueError(msg)


LIMITS: Final = Limits()
"""The bounds that every caller gets unless it names others."""

ARCHIVE_LIMITS: Final = ArchiveLimits()
"""The bounds on archives that every caller gets unless it names others."""
