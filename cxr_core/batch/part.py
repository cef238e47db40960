"""Readings of many machines on disk: a folder of Parquet files, each whole or not there.

Every part holds some films' rows, in the very columns of `score`, and says in its metadata which
models read them. The films of parts by the same models need not be read again, by the SHA-256 of
their bytes; so parts are to a cluster what the journal is to one machine.
"""

from __future__ import annotations

import io
import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import parquet

from cxr_core.batch.journal import locked
from cxr_core.batch.storage import Folder, is_address
from cxr_core.batch.table import ParquetTable
from cxr_core.errors import OutputError

_PREFIX: Final = "part-"
_SUFFIX: Final = ".parquet"
_ENDED: Final = "ended.json"
_ABOUT: Final = b"cxr_score"
_DIGEST_BYTES: Final = 32


@dataclass(frozen=True, eq=False)
class Digests:
    """Which films are known: 32 bytes each, shared by all processes of a machine.

    Attributes:
        keys: Shape (n,), sorted, 32 bytes each.
    """

    keys: npt.NDArray[np.bytes_]

    @classmethod
    def from_hex(cls, digests: Sequence[str]) -> Digests:
        """Build it from SHA-256 digests in hex, in any order."""
        return cls(np.unique(_keys(digests)))

    def __len__(self) -> int:
        return len(self.keys)

    def __contains__(self, sha256: str) -> bool:
        (key,) = _keys([sha256])
        place = int(np.searchsorted(self.keys, key))
        return place < len(self.keys) and bool(self.keys[place] == key)


def _keys(digests: Sequence[str]) -> npt.NDArray[np.bytes_]:
    """Return digests in hex as bytes; shape (n,)."""
    data = bytes.fromhex("".join(digests))
    return np.frombuffer(data, f"S{_DIGEST_BYTES}")


@dataclass(frozen=True)
class Parts:
    """A folder of parts, and whose readings go into it now.

    Attributes:
        place: Path or address.
        about: Where the numbers come from, of `about_models`; as JSON.
        systems: Of `table_systems`.
        run: Names the run in the names of its parts.
    """

    place: str
    about: str
    systems: tuple[str, ...]
    run: str

    @classmethod
    def begin(cls, place: str, about: Mapping[str, Any], systems: Sequence[str]) -> Parts:
        """Name a run that is to write parts; nothing is written."""
        place = place if is_address(place) else str(Path(place).absolute())
        return cls(place, json.dumps(dict(about)), tuple(systems), secrets.token_hex(4))

    def write(self, position: int, rows: Sequence[Mapping[str, Any]]) -> str:
        """Write a part.

        Args:
            position: Of its first film in the listing; a second part with the same one takes the
                place of the first.
            rows: As `cxr_core.batch.table.row` returns them.

        Returns:
            Its file name.

        Raises:
            OutputError: If it cannot be written.
        """
        name = f"{_PREFIX}{self.run}-{position:09}{_SUFFIX}"
        buffer = io.BytesIO()
        table = ParquetTable(buffer, self.systems, json.loads(self.about))
        for values in rows:
            table.write(values)
        table.close()
        Folder(self.place).write(name, buffer.getvalue())
        return name

    @contextmanager
    def opened(self, *, resume: bool) -> Iterator[PartReadings]:
        """Keep other runs out, and look for parts of the same models.

        Args:
            resume: Whether they count. If not they are kept as long as the run that wrote them did
                not end, and removed if it did.

        Yields:
            What is known.

        Raises:
            OutputError: If the folder cannot be used, or another run writes into it.
        """
        folder = Folder(self.place)
        with locked(None if folder.local is None else folder.local / ".lock"):
            names = folder.names()
            if _ENDED in names and not resume:
                for name in names:
                    if name.startswith(_PREFIX) and name.endswith(_SUFFIX):
                        folder.remove(name)
            known = self._same_models(folder, names) if resume else ()
            folder.remove(_ENDED)
            yield PartReadings(folder, known)

    def _same_models(self, folder: Folder, names: Sequence[str]) -> tuple[pa.Table, ...]:
        """Read the parts that the same models wrote; one that is damaged is passed over."""
        tables = []
        for name in names:
            if not (name.startswith(_PREFIX) and name.endswith(_SUFFIX)):
                continue
            table = _read(folder, name)
            if table is not None and (table.schema.metadata or {}).get(_ABOUT) == self._key:
                tables.append(table)
        return tuple(tables)

    @property
    def _key(self) -> bytes:
        """What the metadata of its parts says."""
        return json.dumps(json.loads(self.about)).encode()


def _read(folder: Folder, name: str) -> pa.Table | None:
    """Return a part, or `None` where it is damaged or gone."""
    try:
        return parquet.read_table(pa.BufferReader(folder.read(name)))
    except (OSError, pa.ArrowInvalid):
        return None


class PartReadings:
    """Readings of parts by the digest of the film; about 500 bytes of memory a film.

    Args:
        folder: Where the parts lie.
        tables: Those that are known already.
    """

    def __init__(self, folder: Folder, tables: Sequence[pa.Table]) -> None:
        self._folder = folder
        self._tables = list(tables)
        self._names: set[str] = set()
        self.known = Digests.from_hex(_digests(self._tables))

    def add(self, name: str) -> None:
        """Note that a part was written; it is read when rows are asked for."""
        self._names.add(name)

    def rows(self, digests: Sequence[str]) -> Iterator[list[dict[str, Any]]]:
        """Return the rows of some films, some at a time.

        Args:
            digests: SHA-256 in hex; all in the parts.

        Yields:
            Rows as `cxr_core.batch.table.row` returns them, under the names that they were read by.

        Raises:
            OutputError: If a part is gone or damaged.
        """
        for name in sorted(self._names):
            table = _read(self._folder, name)
            if table is None:
                msg = f"A part must stay as it was written. Received: {name}, gone or damaged"
                raise OutputError(msg, hint="Go on with --resume: its films are read again.")
            self._tables.append(table)
        self._names.clear()
        if not digests:
            return
        whole = pa.concat_tables(self._tables)
        keys, first = np.unique(_keys(_digests(self._tables)), return_index=True)
        wanted = first[np.searchsorted(keys, _keys(digests))]
        for start in range(0, len(wanted), _ROWS):
            yield whole.take(pa.array(wanted[start : start + _ROWS])).to_pylist()

    def end(self) -> None:
        """Say that the run ended: without `resume`, the next one begins anew."""
        self._folder.write(_ENDED, b"{}\n")


_ROWS: Final = 1000


def _digests(tables: Sequence[pa.Table]) -> list[str]:
    """Return the digests of some parts, in their order."""
    return [digest for table in tables for digest in table.column("sha256").to_pylist()]


def default_place(out: Path) -> str:
    """Return where the parts of a table go unless somebody names a place."""
    return str(out.with_name(f"{out.name}.parts").absolute())
