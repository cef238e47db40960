"""Records of runs as JSON: read within bounds, checked, no field taken on trust."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from cxr_core.errors import SpecMismatchError
from cxr_core.training_run.history import HINT, read_text

RUN_SCHEMA: Final = "cxr-run/1"
PRETRAINING_SCHEMA: Final = "cxr-pretraining/1"


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Args:
        path: The file.

    Returns:
        Its content.

    Raises:
        SpecMismatchError: If it cannot be read, is too large or is no JSON object.
    """
    try:
        content = json.loads(read_text(path))
    except (ValueError, RecursionError) as err:
        msg = f"`{path.name}` must be JSON. Received: text that is cut short or is something else"
        raise SpecMismatchError(msg, hint=HINT) from err
    if not isinstance(content, dict):
        msg = f"`{path.name}` must be a JSON object. Received: {type(content).__name__}"
        raise SpecMismatchError(msg, hint=HINT)
    return content


def check_schema(record: Mapping[str, Any], path: Path, schema: str) -> None:
    """Refuse a record of another schema; say so if only its version differs.

    Args:
        record: The record.
        path: Its file, for the message.
        schema: The schema that it must have.

    Raises:
        SpecMismatchError: If it has another.
    """
    found = record.get("schema")
    if found == schema:
        return
    family = schema.partition("/")[0]
    of_other_version = isinstance(found, str) and found.startswith(f"{family}/")
    note = " (written by another version of this software)" if of_other_version else ""
    msg = f"`schema` of {path.name} must be {schema!r}. Received: {found!r}{note}"
    raise SpecMismatchError(msg, hint=HINT)


def flat_settings(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return settings with nested ones under dotted names.

    Args:
        config: Settings, nested to any depth.
        prefix: What the names start with.

    Returns:
        Dotted name to value.
    """
    flat: dict[str, Any] = {}
    for name, value in config.items():
        if isinstance(value, Mapping):
            flat.update(flat_settings(value, f"{prefix}{name}."))
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def validation_split(config: Mapping[str, Any], record: Mapping[str, Any]) -> str:
    """Return the split that gave the validation figures, from settings or data record.

    Args:
        config: Settings of the run.
        record: Its record.

    Returns:
        For example `test`; empty where nothing tells it.
    """
    data = as_mapping(record.get("data"))
    return str(config.get("validation") or data.get("validation_split") or "")


def as_mapping(value: object) -> dict[str, Any]:
    """Return a mapping as it is, anything else as an empty one."""
    return dict(value) if isinstance(value, Mapping) else {}


def as_whole(value: object) -> int | None:
    """Return a whole number, or `None`."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def as_real(value: object) -> float | None:
    """Return a number, or `None`."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
