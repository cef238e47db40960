"""The schema of an audit, and a look at one before it is shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from cxr_core.schema import check_object

SCHEMA: Final = "cxr-audit/1"
_FIELDS: Final[Mapping[str, type]] = {
    "data": dict,
    "majority": dict,
    "cues": dict,
    "leaks": dict,
    "variants": dict,
}


def check_audit(content: object) -> dict[str, Any]:
    """Return a parsed audit after a look at its fields.

    Args:
        content: What a JSON file held.

    Returns:
        The same object.

    Raises:
        SpecMismatchError: If the schema is another or a field is missing or of another kind.
    """
    return check_object(content, "audit.json", SCHEMA, _FIELDS)
