"""`manifest.csv`: what is known of each film besides its folder."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from cxr_core.dataset.film import children
from cxr_core.errors import TrainingDataError

MANIFEST: Final = "manifest.csv"
_HINT: Final = (
    "Give manifest.csv a heading with sha256 or path, and any of label, patient, source and "
    "subtype; save it as UTF-8 with commas."
)


@dataclass(frozen=True)
class ManifestRow:
    """One line of a manifest; what it does not tell is empty.

    Attributes:
        sha256: Hex digest of the film's bytes, in lower case.
        path: Path of the film below the folder, with `/`.
        label: Its class, as written.
        patient: Who was imaged.
        source: Collection that the film comes from.
        subtype: Finer class, for example `virus`.
        view: Projection, for example `AP Supine`.
        age: Age in years, as written.
        license: What may be done with the film, as its source words it.
    """

    sha256: str = ""
    path: str = ""
    label: str = ""
    patient: str = ""
    source: str = ""
    subtype: str = ""
    view: str = ""
    age: str = ""
    license: str = ""


def read_manifest(folder: Path) -> Mapping[str, ManifestRow] | None:
    """Read the manifest of a folder of films.

    Args:
        folder: What the user named; the manifest lies in it, in its `Data/`, or beside it where
            the folder is `Data/` itself.

    Returns:
        SHA-256 to row, or path to row for rows that give no digest, read-only; `None` where there
        is no manifest. Columns that are not known are left out.

    Raises:
        TrainingDataError: If the file is no table, has neither `sha256` nor `path`, or gives one
            film two classes or two patients.
    """
    beside = [folder.parent] if folder.name.lower() == "data" else []
    places = [folder, *children(folder, "data"), *beside]
    path = next((p / MANIFEST for p in places if (p / MANIFEST).is_file()), None)
    return None if path is None else MappingProxyType(_read(path))


def _read(path: Path) -> dict[str, ManifestRow]:
    """Parse a manifest."""
    rows: dict[str, ManifestRow] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            columns = {name.strip().lower(): name for name in reader.fieldnames or ()}
            if not columns.keys() & {"sha256", "path"}:
                msg = f"`{MANIFEST}` must have a column sha256 or path. Received: {list(columns)}"
                raise TrainingDataError(msg, hint=_HINT)
            for line in reader:
                row = _row(line, columns)
                if row != ManifestRow():
                    _add(rows, row, reader.line_num)
    except (OSError, UnicodeDecodeError, csv.Error) as err:
        msg = f"`{MANIFEST}` must be a table that can be read. Received: {err}"
        raise TrainingDataError(msg, hint=_HINT) from err
    return rows


def _row(line: Mapping[str, str | None], columns: Mapping[str, str]) -> ManifestRow:
    """Pick the known columns of a line; a short line leaves the last ones empty."""
    values = {
        name: (line.get(columns[name]) or "").strip()
        for name in ManifestRow.__dataclass_fields__
        if name in columns
    }
    values["sha256"] = values.get("sha256", "").lower()
    values["path"] = values.get("path", "").replace("\\", "/").removeprefix("./")
    return ManifestRow(**values)


def _add(rows: dict[str, ManifestRow], row: ManifestRow, line: int) -> None:
    """Add a row; the same film may be listed twice only if both rows agree."""
    key = row.sha256 or row.path
    if not key:
        msg = f"`{MANIFEST}` must give every film a sha256 or a path. Received: none in line {line}"
        raise TrainingDataError(msg, hint=_HINT)
    known = rows.setdefault(key, row)
    for name in ("label", "patient"):
        if getattr(known, name) != getattr(row, name):
            msg = (
                f"`{MANIFEST}` must give each film one {name}. "
                f"Received: another {name} in line {line} for {row.path or key}"
            )
            raise TrainingDataError(msg, hint="Correct the manifest; equal bytes are one film.")
