"""JSON objects whose form more than one package knows: the names of their schemas, and a look."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from cxr_core.errors import SpecMismatchError

EXPLAIN_CHECK: Final = "cxr-explain-check/1"
"""What `explain-check` finds of a folder's maps."""

GATE_TABLE: Final = "cxr-gate/1"
"""What `benchmarks.gate` finds of a bundle's gates: what they pass and refuse."""


def check_object(
    content: object, file: str, schema: str, fields: Mapping[str, type]
) -> dict[str, Any]:
    """Return a parsed object after a look at its fields.

    Args:
        content: What a JSON file held.
        file: Name of the file, for the message.
        schema: Name of its schema.
        fields: Field to the kind of its value.

    Returns:
        The same object.

    Raises:
        SpecMismatchError: If the schema is another or a field is missing or of another kind.
    """
    if not isinstance(content, dict) or content.get("schema") != schema:
        found = content.get("schema") if isinstance(content, dict) else type(content).__name__
        msg = f"`schema` must be {schema}. Received: {found!r}"
        raise SpecMismatchError(msg)
    wrong = [name for name, kind in fields.items() if not isinstance(content.get(name), kind)]
    if wrong:
        msg = f"`{file}` must have every field of {schema}. Received: no usable {wrong}"
        raise SpecMismatchError(msg)
    return content
