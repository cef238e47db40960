"""The published record of the lung network: origin, figures, and a hash of each of its files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from cxr_core.errors import ArtifactIntegrityError, SpecMismatchError

SCHEMA: Final = "cxr-lungs/1"
RECORD: Final = "lungs.json"
NETWORK: Final = "lungs.xml"

RESTORE_HINT: Final = "Restore the folder from the repository; do not edit its files."


def read_record(folder: Path) -> dict[str, Any]:
    """Read a published network's record and compare every file with it.

    Args:
        folder: See `LungSegmenter.load`.

    Returns:
        The record.

    Raises:
        ArtifactIntegrityError: If a file is missing or changed; the message names it.
        SpecMismatchError: If the record is of another schema.
    """
    try:
        record = json.loads(_read(folder, RECORD))
    except ValueError as err:
        msg = f"{RECORD}: the file must be JSON. Received: {err}"
        raise ArtifactIntegrityError(msg, hint=RESTORE_HINT) from err
    schema = record.get("schema") if isinstance(record, dict) else None
    if schema != SCHEMA:
        msg = f"`schema` of {RECORD} must be {SCHEMA!r}. Received: {schema!r}"
        raise SpecMismatchError(msg, hint=RESTORE_HINT)
    if record.get("digest") != record_digest(record):
        msg = f"{RECORD}: the file must be the one that was published. Received: other content"
        raise ArtifactIntegrityError(msg, hint=RESTORE_HINT)
    for name, entry in record["files"].items():
        data = _read(folder, Path(name).name)
        if hashlib.sha256(data).hexdigest() != entry["sha256"]:
            msg = f"{name}: the file must be the one that was published. Received: other bytes"
            raise ArtifactIntegrityError(msg, hint=RESTORE_HINT)
    return dict(record)


def write_record(folder: Path, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Hash the network's two files and write the record that goes with them.

    Args:
        folder: Holds `lungs.xml` and `lungs.bin`.
        fields: JSON-ready values: all but `schema`, `files` and `digest`.

    Returns:
        The record, as `read_record` gives it.
    """
    files = {}
    for name in (NETWORK, str(Path(NETWORK).with_suffix(".bin"))):
        data = _read(folder, name)
        files[name] = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    record = {"schema": SCHEMA, **fields, "files": files}
    record["digest"] = record_digest(record)
    temporary = folder / f"{RECORD}.new"
    temporary.write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    temporary.replace(folder / RECORD)
    return read_record(folder)


def record_digest(record: Mapping[str, Any]) -> str:
    """Return the SHA-256 over a record's content without its own digest; it names the network.

    Args:
        record: JSON-ready values.

    Returns:
        64 hex digits.
    """
    content = {key: value for key, value in record.items() if key != "digest"}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _read(folder: Path, name: str) -> bytes:
    """Return a file's bytes, or say which file is missing."""
    try:
        return (folder / name).read_bytes()
    except OSError as err:
        msg = f"{name}: the lung network must have this file. Received: {err.strerror or err}"
        raise ArtifactIntegrityError(msg, hint=RESTORE_HINT) from err
