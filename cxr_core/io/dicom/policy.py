"""Which elements of a DICOM header name nobody: the one rule for what is shown and what is kept.

Nothing passes because it is not forbidden. An element passes if PS3.15's basic profile does not
list it *and* it is a number, a code of the standard, or a term from `terms`. Free text
never passes, whatever its name: people write names into series descriptions.

The profile's list comes from dicom-anonymizer. Its engine is not used: it looks at the top level
of a file only, keeps what the profile does not list, and remembers old UIDs for the whole process.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from cxr_core.errors import UnsupportedDicomError
from cxr_core.io.dicom.terms import MAKERS, TERMS

if TYPE_CHECKING:
    from pydicom.dataelem import DataElement

PROFILE: Final = "dicomfields_2026c"
"""Edition of PS3.15 table E.1-1 in dicom-anonymizer."""

NUMBERS: Final = ("AT", "DS", "FD", "FL", "IS", "SL", "SS", "SV", "UL", "US", "UV")
"""Value representations that hold numbers only."""

_DIRECTION: Final = re.compile(r"[APLRHF]{1,3}")
_NUMBER: Final = re.compile(r"[+-]?\d{0,10}\.?\d{0,16}(E[+-]?\d{1,3})?", re.IGNORECASE)
_REGISTERED: Final = "1.2.840.10008."


def passing_value(element: DataElement) -> str | None:
    """Return the text of an element that names nobody, or `None` for all others.

    Args:
        element: An element of a data set; call inside `header.quiet`.

    Returns:
        Values joined as DICOM writes them; for the manufacturer, a name from `MAKERS`.

    Raises:
        UnsupportedDicomError: If dicom-anonymizer is not installed.
    """
    tag, vr = element.tag, str(element.VR)
    if tag.is_private or is_in_profile(tag.group, tag.element) or not element.keyword:
        return None
    values = _texts(element.value)
    if vr in NUMBERS:
        is_text = vr in ("DS", "IS") and not all(map(_NUMBER.fullmatch, values))
        return None if is_text else "\\".join(values)
    if vr == "UI":
        return "\\".join(values) if all(v.startswith(_REGISTERED) for v in values) else None
    if vr == "CS":
        return "\\".join(values) if are_terms(element.keyword, values) else None
    if element.keyword == "Manufacturer":
        return maker(" ".join(values))
    return None


def is_in_profile(group: int, element: int) -> bool:
    """Tell whether PS3.15's basic profile removes or replaces an element.

    Args:
        group: Group number.
        element: Element number.

    Raises:
        UnsupportedDicomError: If dicom-anonymizer is not installed.
    """
    single, ranges = _profile()
    return (group, element) in single or any(
        group & group_mask == wanted_group & group_mask
        and element & element_mask == wanted_element & element_mask
        for wanted_group, wanted_element, group_mask, element_mask in ranges
    )


def maker(text: str) -> str | None:
    """Return the known manufacturer that a text begins with, by our name for it, or `None`."""
    words = re.findall(r"[A-Z]+", text.upper())
    return MAKERS.get(words[0]) if words else None


def are_terms(keyword: str, values: list[str]) -> bool:
    """Tell whether all values of a code string are terms of the standard that `terms` lists.

    Args:
        keyword: Keyword of the element.
        values: Its values.

    Returns:
        False for elements of which no terms are listed.
    """
    if keyword == "PatientOrientation":
        return all(_DIRECTION.fullmatch(value) for value in values)
    known = TERMS.get(keyword, frozenset())
    return bool(known) and all(value.upper() in known for value in values)


@cache
def _profile() -> tuple[frozenset[tuple[int, ...]], tuple[tuple[int, int, int, int], ...]]:
    """Load the profile's elements, single ones and repeating groups with their masks."""
    try:
        from dicomanonymizer.dicomfields_selector import (
            dicom_anonymization_database_selector,
        )
    except ImportError as err:
        msg = "a DICOM header can be shown or cleaned only where dicom-anonymizer is installed"
        hint = "Install it with: pip install -r requirements.txt"
        raise UnsupportedDicomError(msg, hint=hint) from err
    tags = dicom_anonymization_database_selector(PROFILE)["ALL_TAGS"]
    single = frozenset(tag for tag in tags if len(tag) == 2)
    return single, tuple(tag for tag in tags if len(tag) == 4)


def _texts(value: Any) -> list[str]:
    """Return one or many values as texts."""
    if value is None or value == "":
        return []
    many = isinstance(value, list | tuple) or hasattr(value, "append")
    return [str(entry).strip(" \0") for entry in value] if many else [str(value).strip(" \0")]
