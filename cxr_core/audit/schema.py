"""The schema of an audit, and a look at one before it is shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from cxr_core.errors import SpecMismatchError

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
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        schema = content.get("schema") if isinstance(content, dict) else type(content).__name__
        msg = f"`schema` must be {SCHEMA}. Received: {schema!r}"
        raise SpecMismatchError(msg)
    wrong = [name for name, kind in _FIELDS.items() if not isinstance(content.get(name), kind)]
    if wrong:
        msg = f"`audit.json` must have every field of {SCHEMA}. Received: no usable {wrong}"
        raise SpecMismatchError(msg)
    return content
