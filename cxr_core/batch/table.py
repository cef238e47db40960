"""Records as a table: CSV, JSON Lines or Parquet, the same columns and the same rows."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Protocol

from cxr_core.labels import CLASSES, SYSTEMS

if TYPE_CHECKING:
    from cxr_core.batch.record import Record

LIST_SEPARATOR: Final = ";"
EMPTY_SET: Final = "none"
"""An empty prediction set in CSV; an empty cell stands for a set that was not calibrated."""

_LISTS: Final = ("warnings", "prediction_set")
_NUMBERS: Final = ("agreement", "ood_score")
_ROW_GROUP: Final = 1000


class Table(Protocol):
    """A table that is being written."""

    def write(self, values: Mapping[str, Any]) -> None:
        """Write one row, as `row` returns it."""

    def close(self) -> None:
        """Write what is left; the file stays open."""

    def drop(self) -> None:
        """Let go of the file; what is in it is no table."""


def table_systems(systems: Sequence[str]) -> tuple[str, ...]:
    """Return the systems that have columns: the five, and others that a variant has.

    Args:
        systems: Those of the variant.

    Returns:
        Names in column order; a system that the variant lacks has empty columns.
    """
    return tuple(dict.fromkeys((*SYSTEMS, *systems)))


def columns(systems: Sequence[str]) -> tuple[str, ...]:
    """Return the column names.

    Args:
        systems: From `table_systems`.

    Returns:
        In order.
    """
    return (
        "file",
        "sha256",
        "status",
        "error_type",
        "warnings",
        *(f"{system}_{name}" for system in systems for name in CLASSES),
        *(f"{system}_label" for system in systems),
        "agreement",
        "ood_score",
        "ood_verdict",
        "prediction_set",
    )


def row(record: Record, systems: Sequence[str]) -> dict[str, Any]:
    """Return one film's row.

    Args:
        record: The film.
        systems: From `table_systems`.

    Returns:
        Column to value: text, float, list of text, or `None` for what was not measured.
    """
    gate: Mapping[str, Any] = record.trust.get("out_of_distribution", {})
    nothing = (None,) * len(CLASSES)
    values: list[Any] = [record.file, record.sha256, record.status]
    values += [None if record.error is None else record.error["type"], list(record.warnings)]
    for system in systems:
        values += record.probs(system) or nothing
    values += [record.label(system) for system in systems]
    values += [record.trust.get("agreement"), gate.get("score"), gate.get("verdict")]
    values.append(record.trust.get("prediction_set"))
    return dict(zip(columns(systems), values, strict=True))


class CsvTable:
    """UTF-8, commas, line feeds; numbers in full, lists joined by semicolons.

    Args:
        file: Where it is written.
        systems: From `table_systems`.
    """

    def __init__(self, file: BinaryIO, systems: Sequence[str]) -> None:
        self._text = io.TextIOWrapper(file, "utf-8", newline="", write_through=True)
        self._writer = csv.writer(self._text, lineterminator="\n")
        self._writer.writerow(columns(systems))

    def write(self, values: Mapping[str, Any]) -> None:
        """Write one row."""
        if values["prediction_set"] == []:
            values = {**values, "prediction_set": EMPTY_SET}
        self._writer.writerow([_cell(value) for value in values.values()])

    def close(self) -> None:
        """Write what is left; the file stays open."""
        self._text.detach()

    def drop(self) -> None:
        """Let go of the file; what is in it is no table."""
        with suppress(OSError, ValueError):  # a full disk, or closed before
            self._text.detach()


class JsonLinesTable:
    """One JSON object a line.

    Args:
        file: Where it is written.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, values: Mapping[str, Any]) -> None:
        """Write one row."""
        self._file.write(json.dumps(dict(values)).encode() + b"\n")

    def close(self) -> None:
        """Write what is left; the file stays open."""

    def drop(self) -> None:
        """Let go of the file; what is in it is no table."""


class ParquetTable:
    """Parquet, in groups of 1,000 rows.

    Args:
        file: Where it is written.
        systems: From `table_systems`.
        about: Where the numbers come from; in the metadata of the file, key `cxr_score`, as JSON.
    """

    def __init__(self, file: BinaryIO, systems: Sequence[str], about: Mapping[str, Any]) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        kinds = {name: pa.list_(pa.string()) for name in _LISTS}
        numbers = {f"{system}_{name}" for system in systems for name in CLASSES}
        kinds |= {name: pa.float64() for name in (*_NUMBERS, *numbers)}
        fields = [(name, kinds.get(name, pa.string())) for name in columns(systems)]
        self._schema = pa.schema(fields, metadata={"cxr_score": json.dumps(dict(about))})
        self._writer = parquet.ParquetWriter(file, self._schema)
        self._rows: list[Mapping[str, Any]] = []

    def write(self, values: Mapping[str, Any]) -> None:
        """Write one row."""
        self._rows.append(values)
        if len(self._rows) == _ROW_GROUP:
            self._flush()

    def close(self) -> None:
        """Write what is left; the file stays open."""
        if self._rows:
            self._flush()
        self._writer.close()

    def drop(self) -> None:
        """Let go of the file; what is in it is no table."""
        self._writer.is_open = False  # else it would write once more when it is forgotten

    def _flush(self) -> None:
        """Write a group of rows."""
        import pyarrow as pa

        self._writer.write_table(pa.Table.from_pylist(self._rows, self._schema))
        self._rows = []


SUFFIXES: Final = (".csv", ".jsonl", ".parquet")
"""Suffixes of the files that a table can be."""


def open_table(
    suffix: str, file: BinaryIO, systems: Sequence[str], about: Mapping[str, Any]
) -> Table:
    """Begin a table.

    Args:
        suffix: One of `SUFFIXES`.
        file: Where it is written.
        systems: From `table_systems`.
        about: Where the numbers come from; Parquet alone has a place for it.

    Returns:
        The table, without rows.

    Raises:
        ValueError: If the suffix is unknown.
    """
    if suffix == ".parquet":
        return ParquetTable(file, systems, about)
    if suffix == ".jsonl":
        return JsonLinesTable(file)
    if suffix == ".csv":
        return CsvTable(file, systems)
    msg = f"`suffix` must be one of {SUFFIXES}. Received: suffix={suffix!r}"
    raise ValueError(msg)


def table_bytes(
    suffix: str, records: Iterable[Record], systems: Sequence[str], about: Mapping[str, Any]
) -> bytes:
    """Write a table in memory.

    Args:
        suffix: One of `SUFFIXES`.
        records: The rows.
        systems: From `table_systems`.
        about: Where the numbers come from.

    Returns:
        The bytes of the file.
    """
    buffer = io.BytesIO()
    table = open_table(suffix, buffer, systems, about)
    for record in records:
        table.write(row(record, systems))
    table.close()
    return buffer.getvalue()


def _cell(value: object) -> str:
    """Write one value as CSV; floats in full, so that they read back equal."""
    if value is None:
        return ""
    if isinstance(value, list):
        return LIST_SEPARATOR.join(value)
    return repr(value) if isinstance(value, float) else str(value)
