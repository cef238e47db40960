"""The header of a DICOM film as rows for the page, identifiers masked; no Streamlit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cxr_core.io.dicom.listing import Listing, list_header

MASKING: Final = (
    "Names, numbers, dates, places and free text are masked, as is everything that the DICOM "
    "standard's basic confidentiality profile (PS3.15) lists. Shown are numbers that describe the "
    "picture, and terms of the standard. Masked values are not sent to the browser. Writing within "
    "the picture itself is not masked."
)
"""What the page says above the table."""


@dataclass(frozen=True)
class HeaderView:
    """What the page shows of a header.

    Attributes:
        rows: Tag, name, value representation and value of each public element.
        summary: How many elements there are and how many are masked, in one sentence.
    """

    rows: tuple[dict[str, str], ...]
    summary: str


def header_view(data: bytes) -> HeaderView:
    """List a header for the page.

    Args:
        data: The bytes of a DICOM file.

    Returns:
        The rows.

    Raises:
        CxrError: If the header cannot be read.
    """
    listing = list_header(data, name="film")
    rows = tuple(
        {"Tag": row.tag, "Name": row.name, "Type": row.vr, "Value": row.value}
        for row in listing.elements
    )
    return HeaderView(rows, _summary(listing))


def _summary(listing: Listing) -> str:
    """Count in words."""
    n_shown = len(listing.elements) - listing.n_masked
    private = (
        f" {listing.n_private:,} private elements are not listed." if listing.n_private else ""
    )
    return (
        f"{len(listing.elements):,} elements: {n_shown:,} shown, {listing.n_masked:,} masked."
        f"{private}"
    )
