"""A DICOM header as a table in which nothing names anybody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cxr_core.io.dicom import policy
from cxr_core.io.dicom.header import errors, quiet, uid_words
from cxr_core.io.dicom.opening import damaged, parse
from cxr_core.io.limit import LIMITS, Limits

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

MASKED: Final = "masked"
"""Stands for a value that is not shown."""

_LONGEST: Final = 80


@dataclass(frozen=True)
class Element:
    """One element of a header.

    Attributes:
        tag: Group and element, for example `0010,0010`.
        name: Name in the standard.
        vr: Value representation.
        value: What may be shown, `MASKED`, or empty where the file has no value.
    """

    tag: str
    name: str
    vr: str
    value: str


@dataclass(frozen=True)
class Listing:
    """The elements of a header and how many are not in it.

    Attributes:
        elements: Public elements in order; sequences without their items.
        n_private: Private elements, of which not even the tags are shown.
    """

    elements: tuple[Element, ...]
    n_private: int

    @property
    def n_masked(self) -> int:
        """Elements whose value is masked."""
        return sum(element.value == MASKED for element in self.elements)


def list_header(data: bytes, *, name: str, limits: Limits = LIMITS) -> Listing:
    """List the header of a DICOM file, identifiers masked.

    Args:
        data: The whole file.
        name: File name for messages.
        limits: As for reading.

    Returns:
        All public elements; which values pass is decided by `policy.passing_value`.

    Raises:
        UnreadableImageError: If the file is damaged.
        ImageTooLargeError: If it holds far more elements than a film.
        UnsupportedDicomError: If dicom-anonymizer is not installed.
    """
    header = parse(data, None, name=name, limits=limits)
    try:
        with quiet():
            meta = getattr(header.dataset, "file_meta", None)
            sets = ([] if meta is None else [meta]) + [header.dataset]
            tags = [(dataset, tag) for dataset in sets for tag in sorted(dataset.keys())]
            public = [(dataset, tag) for dataset, tag in tags if not tag.is_private]
            elements = tuple(_element(dataset, tag) for dataset, tag in public)
    except errors():
        raise damaged(data, name) from None
    return Listing(elements, len(tags) - len(public))


def _element(dataset: Dataset, tag: Any) -> Element:
    """Return one row; long values and sequences are not even converted."""
    from pydicom.datadict import dictionary_description, dictionary_has_tag, dictionary_VR

    is_known = dictionary_has_tag(tag)
    name = dictionary_description(tag) if is_known else "not in the standard"
    raw = dataset.get_item(tag)
    vr = str(raw.VR or (dictionary_VR(tag) if is_known else "UN"))
    return Element(f"{tag.group:04X},{tag.element:04X}", name, vr, _shown(dataset, tag, vr))


def _shown(dataset: Dataset, tag: Any, vr: str) -> str:
    """Return what a row shows of its value."""
    value = dataset.get_item(tag).value
    if not value or (isinstance(value, bytes) and vr not in policy.NUMBERS and not value.strip()):
        return ""
    if tag == 0x7FE00010:
        return f"{len(value):,} bytes"
    if vr == "SQ" or (isinstance(value, bytes) and len(value) > 1024):
        return MASKED
    try:
        shown = policy.passing_value(dataset[tag])
    except errors():
        return MASKED
    if shown is None:
        return MASKED
    if vr == "UI":
        return f"{uid_words(shown)} ({shown})"
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]} …"
