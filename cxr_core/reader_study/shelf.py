"""Where the files of a study lie: a folder, or the memory of a session; both write as safely."""

from __future__ import annotations

import contextlib
import io
import os
import re
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final, Protocol

from cxr_core.errors import (
    ArchiveError,
    ImageTooLargeError,
    OutputError,
    StudyError,
    UnreadableImageError,
)
from cxr_core.io import LIMITS
from cxr_core.io.archive import Archive
from cxr_core.io.place import is_there
from cxr_core.whole_file import output_error, write_whole

_HINT: Final = "See that the study's folder is there, yours, and has room."

Change = Callable[[bytes], tuple[int, bytes]]
"""From a file's bytes to how many of them stay, and what is written after them."""

NAME: Final = re.compile(r"study\.json|readings\.json|answers-[a-z0-9][a-z0-9_-]{0,19}\.jsonl")
"""Names of the files of a study; nothing else is read or written."""

MAX_BYTES: Final = 256 << 20
"""Bytes that the files of a study in memory, or in an archive, may have together."""

MAX_FILES: Final = 500


class Shelf(Protocol):
    """The files of one study by name."""

    @property
    def place(self) -> str:
        """Words for where they lie."""

    def names(self) -> tuple[str, ...]:
        """Return the names that are there, sorted."""

    def read(self, name: str) -> bytes | None:
        """Return a file's bytes, or `None` where there is none."""

    def create(self, name: str, data: bytes) -> None:
        """Write a file that is not there yet, whole or not at all.

        Raises:
            StudyError: If it is there.
            OutputError: If it cannot be written.
        """

    def change(self, name: str, change: Change) -> None:
        """Append to a file while nobody else does, after dropping a torn end.

        Raises:
            OutputError: If it cannot be written; it is as before then.
        """


class MemoryShelf:
    """Files in memory; safe to use from several threads."""

    place = "memory"

    def __init__(self, files: Mapping[str, bytes] | None = None) -> None:
        self._files = dict(files or {})
        self._lock = threading.Lock()

    def names(self) -> tuple[str, ...]:
        """Return the names that are there, sorted."""
        return tuple(sorted(self._files))

    def read(self, name: str) -> bytes | None:
        """Return a file's bytes, or `None`."""
        return self._files.get(name)

    def create(self, name: str, data: bytes) -> None:
        """Keep a file; see `Shelf`."""
        with self._lock:
            if name in self._files:
                raise _taken(name)
            self._files[name] = data

    def change(self, name: str, change: Change) -> None:
        """Append to a file; see `Shelf`."""
        with self._lock:
            data = self._files.get(name, b"")
            n_kept, added = change(data)
            self._files[name] = data[:n_kept] + added


class FolderShelf:
    """Files in a folder that somebody named.

    Args:
        folder: An existing folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def place(self) -> str:
        """The folder's path."""
        return str(self.folder)

    def names(self) -> tuple[str, ...]:
        """Return the names that are there, sorted."""
        try:
            found = [path.name for path in self.folder.iterdir() if NAME.fullmatch(path.name)]
        except OSError as err:
            raise _unreadable(self.folder.name, err) from err
        return tuple(sorted(found))

    def read(self, name: str) -> bytes | None:
        """Return a file's bytes, or `None`."""
        try:
            return (self.folder / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as err:
            raise _unreadable(name, err) from err

    def create(self, name: str, data: bytes) -> None:
        """Write a file; see `Shelf`."""
        path = self.folder / name
        if is_there(path):
            raise _taken(name)
        try:
            write_whole(path, data, is_new=True, hint=_HINT)
        except OutputError as err:
            if isinstance(err.__cause__, FileExistsError):  # by somebody else, in this moment
                raise _taken(name) from err
            raise
        _sync_folder(self.folder)

    def change(self, name: str, change: Change) -> None:
        """Append under a lock and force it to the disk; see `Shelf`."""
        path = self.folder / name
        is_new = not is_there(path)
        try:
            with path.open("a+b", buffering=0) as file, _locked(file.fileno()):
                file.seek(0)
                data = file.readall()
                n_kept, added = change(data)
                if n_kept < len(data):
                    file.truncate(n_kept)
                _append(file, added, n_kept)
            if is_new:
                _sync_folder(self.folder)
        except OSError as err:
            raise _unwritable(name, err) from err


def pack(shelf: Shelf) -> bytes:
    """Return the files of a study as one zip archive, to take away and come back with.

    Args:
        shelf: The files.

    Returns:
        The archive; unpacked into a folder, it is the study's folder.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in shelf.names():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), shelf.read(name) or b"")
    return buffer.getvalue()


def unpack(data: bytes) -> MemoryShelf:
    """Return the files of an archive that `pack` made.

    Args:
        data: The archive.

    Returns:
        The files in memory.

    Raises:
        StudyError: If it is no such archive, or holds anything else or too much.
    """
    try:
        archive = Archive.from_bytes(data, name="study.zip")
        names = [entry.name for entry in archive.entries]
        is_known = all(NAME.fullmatch(name) for name in names) and len(set(names)) == len(names)
        if not is_known or len(names) > MAX_FILES:
            raise _no_archive()
        files = {}
        for entry in archive.entries:
            files[entry.name] = archive.read(entry, limits=LIMITS)
            if sum(map(len, files.values())) > MAX_BYTES:
                raise _no_archive()
    except (ArchiveError, ImageTooLargeError, UnreadableImageError) as err:
        raise _no_archive() from err
    return MemoryShelf(files)


def _no_archive() -> StudyError:
    """Say that an archive is not a study's."""
    msg = "`resume file` must be a file that this page saved. Received: another or damaged file"
    return StudyError(msg, hint="Choose the file study.zip that was saved last.")


def _append(file: io.FileIO, added: bytes, n_kept: int) -> None:
    """Write at the end, to the disk; where that fails, leave the file as it was."""
    rest = memoryview(added)
    try:
        while rest:
            rest = rest[file.write(rest) or 0 :]
        os.fsync(file.fileno())
    except OSError:
        with contextlib.suppress(OSError):
            file.truncate(n_kept)
        raise


@contextlib.contextmanager
def _locked(descriptor: int) -> Iterator[None]:
    """Wait until nobody else writes, and keep others waiting; closing the file lets go."""
    try:
        import fcntl
    except ImportError:  # no such lock on this system
        yield
        return
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    yield


def _sync_folder(folder: Path) -> None:
    """Force a folder's list of files to the disk, where the system can do that."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _taken(name: str) -> StudyError:
    """Say that a file would be written over."""
    msg = f"`folder` must hold no study yet. Received: {name} is there"
    return StudyError(msg, hint="Open the study that is there, or name another folder.")


def _unreadable(name: str, err: OSError) -> StudyError:
    """Say that a file cannot be read."""
    msg = f"`{name}` must be there and readable. Received: {err.strerror}"
    return StudyError(msg)


def _unwritable(name: str, err: OSError) -> OutputError:
    """Say that a file cannot be written."""
    return output_error(name, err, hint=_HINT)
