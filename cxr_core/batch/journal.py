"""Readings on disk while a run goes on, so that a run that was killed is not read again.

A journal is JSON Lines and only ever appended to. A line of models says by which the following
films were read; each film is one line, by the SHA-256 of its bytes; a last line says that the run
ended. It names no file. Half a line, as a kill leaves it, is dropped when the journal is opened.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self

from cxr_core.errors import OutputError

SCHEMA: Final = "cxr-score-journal/1"
_HEADER: Final = b'{"journal":'
_FILM: Final = b'{"sha256":"'
_DIGEST: Final = slice(len(_FILM), len(_FILM) + 64)
_END: Final = b'{"end":true}\n'
_SYNC_LINES: Final = 64
_SYNC_S: Final = 2.0


class Journal:
    """The readings of one run and, where asked, of the runs before it; a `Store`.

    Args:
        path: The file; made where it is missing.
        models: What, besides a film's bytes, decides its reading: JSON-ready words.
        resume: Whether readings of the same models in the file count. If not they are kept as long
            as the run that wrote them did not end, and dropped if it did.

    Raises:
        OutputError: If the file cannot be written, or another run writes it now.

    Notes:
        Each film's line is written at once, so a killed process loses none; it is forced to the
        disk every 64 lines or 2 seconds, so a machine without power loses at most those.
    """

    def __init__(self, path: Path, models: Mapping[str, str], *, resume: bool) -> None:
        self._path = path
        self._places: dict[bytes, int] = {}
        self._n_unsynced = 0
        self._synced_s = time.monotonic()
        header = _line({"journal": SCHEMA, "models": dict(models)})
        try:
            self._file = path.open("a+b", buffering=0)
        except OSError as err:
            raise _unwritable(path, err) from err
        try:
            _lock(self._file.fileno(), path)
            n_whole, is_ended = self._scan(header, resume=resume)
            if is_ended and not resume:
                n_whole = 0
            self._file.truncate(n_whole)
            self._n_bytes = n_whole
            self._append(header)
        except OSError as err:
            self._file.close()
            raise _unwritable(path, err) from err
        except OutputError:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __contains__(self, sha256: str) -> bool:
        return _key(sha256) in self._places

    def __len__(self) -> int:
        return len(self._places)

    def get(self, sha256: str) -> Mapping[str, Any] | None:
        """Return the content of a film's record, or `None` where it is unknown or damaged."""
        place = self._places.get(_key(sha256))
        if place is None:
            return None
        self._file.seek(place)
        try:
            entry = json.loads(self._read_line())
        except ValueError:
            return None
        content: Mapping[str, Any] | None = entry.get("content")
        return content if entry.get("sha256") == sha256 and isinstance(content, dict) else None

    def put(self, sha256: str, content: Mapping[str, Any]) -> None:
        """Write the content of a film's record.

        Args:
            sha256: Hex digest of the film's bytes.
            content: JSON-ready.

        Raises:
            OutputError: If the disk is full or gone.
        """
        place = self._n_bytes
        try:
            self._append(_line({"sha256": sha256, "content": dict(content)}))
            self._places[_key(sha256)] = place
            self._n_unsynced += 1
            now = time.monotonic()
            if self._n_unsynced >= _SYNC_LINES or now - self._synced_s >= _SYNC_S:
                self._sync()
        except OSError as err:
            raise _unwritable(self._path, err) from err

    def end(self) -> None:
        """Say that the run ended: without `resume`, the next one begins anew."""
        try:
            self._append(_END)
            self._sync()
        except OSError as err:
            raise _unwritable(self._path, err) from err

    def close(self) -> None:
        """Let go of the file and its lock."""
        self._file.close()

    def _append(self, line: bytes) -> None:
        """Write one line at the end, whole."""
        rest = memoryview(line)
        while rest:
            rest = rest[self._file.write(rest) or 0 :]
        self._n_bytes += len(line)

    def _sync(self) -> None:
        """Force what was written to the disk."""
        os.fsync(self._file.fileno())
        self._n_unsynced, self._synced_s = 0, time.monotonic()

    def _read_line(self) -> bytes:
        """Return the line that begins here."""
        parts = []
        while True:
            part = self._file.read(1 << 14) or b""
            head, newline, _ = part.partition(b"\n")
            parts.append(head)
            if newline or not part:
                return b"".join(parts)

    def _scan(self, header: bytes, *, resume: bool) -> tuple[int, bool]:
        """Note where films of the same models stand; return the whole lines' bytes and the end."""
        n_whole, is_same, is_ended = 0, False, False
        with self._path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break
                if line.startswith(_FILM):
                    if is_same and resume:
                        self._places[_key(line[_DIGEST].decode("latin-1"))] = n_whole
                elif line.startswith(_HEADER):
                    is_same = line == header
                is_ended = line == _END
                n_whole += len(line)
        return n_whole, is_ended


def _line(entry: Mapping[str, Any]) -> bytes:
    """Write one object as one line; keys keep their order."""
    return json.dumps(entry, separators=(",", ":")).encode() + b"\n"


def _key(sha256: str) -> bytes:
    """Return a digest in half the space; text that is no digest is its own key."""
    try:
        return bytes.fromhex(sha256)
    except ValueError:
        return sha256.encode()


@contextmanager
def locked(path: Path | None) -> Iterator[None]:
    """Keep other runs out of a folder; a killed process lets go of it.

    Args:
        path: A file in it for the lock, made and kept; `None` for a folder that has no locks.

    Yields:
        Nothing.

    Raises:
        OutputError: If it cannot be written, or another run holds it.
    """
    if path is None:
        yield
        return
    try:
        file = path.open("ab")
    except OSError as err:
        raise _unwritable(path, err) from err
    with file:
        _lock(file.fileno(), path.parent)
        yield


def _lock(descriptor: int, path: Path) -> None:
    """Keep other runs out until the file is closed; a killed process lets go of it."""
    try:
        import fcntl
    except ImportError:  # no such lock on this system
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as err:
        msg = f"`{path.name}` must be written by one run at a time. Received: another writes it"
        hint = "Wait for the other run, or name another --out."
        raise OutputError(msg, hint=hint) from err


def _unwritable(path: Path, err: OSError) -> OutputError:
    """Say that a file cannot be written."""
    msg = f"`{path.name}` must be a file that can be written. Received: {err.strerror}"
    return OutputError(msg)
