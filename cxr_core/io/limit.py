"""How large a file and a film may be; both are checked before anything is decoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cxr_core.errors import ImageTooLargeError


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
        for name in ("max_bytes", "max_pixels"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                msg = f"`{name}` must be a positive int. Received: {name}={value!r}"
                raise ValueError(msg)

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


LIMITS: Final = Limits()
"""The bounds that every caller gets unless it names others."""
