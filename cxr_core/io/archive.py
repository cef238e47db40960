"""Films in a zip archive: its table of contents, and one entry's bytes at a time, never to disk.

An archive from somebody else may be built to fill the memory, to write outside its folder or to
look small. What is asked of it is in `cxr_core.io.limit.ArchiveLimits`; an archive that breaks a
bound is refused as a whole, an entry that nobody should read is listed with its error.
"""

from __future__ import annotations

import io
import stat
import struct
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from cxr_core.errors import ArchiveError
from cxr_core.io.limit import ARCHIVE_LIMITS, LIMITS, ArchiveLimits, Limits

ZIP_STARTS: Final = (b"PK\x03\x04", b"PK\x05\x06")
"""First bytes of a zip archive with entries, and of one without."""

_DAMAGE: Final = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    OSError,
    EOFError,
    ValueError,
    RuntimeError,
    NotImplementedError,
    LookupError,
    OverflowError,
)
"""What `zipfile` may raise on archives that are damaged, or of a kind that it does not read."""

_READ_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_LOCAL_HEADER_BYTES: Final = 30  # APPNOTE 4.3.7, without name and extra field
_ENCRYPTED: Final = 0x1  # APPNOTE 4.4.4, bit 0
_HOST_UNIX: Final = 3


class BinaryFile(Protocol):
    """What is asked of an open file."""

    def read(self, n_bytes: int = -1, /) -> bytes:
        """Return up to `n_bytes`, or the rest."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Move to a place."""

    def tell(self) -> int:
        """Return the place."""

    def close(self) -> None:
        """Let go of the file."""


@dataclass(frozen=True)
class Entry:
    """One file of an archive.

    Attributes:
        name: Its path in the archive, with forward slashes; for display only, nothing is written.
        problem: Why it is not read, or `None`.
    """

    name: str
    problem: ArchiveError | None
    info: zipfile.ZipInfo = field(repr=False)


class Archive:
    """A zip archive whose bounds were checked, open for reading from several threads.

    Args:
        open_file: Opens the archive for reading bytes; called again after `close`.
        name: Its file name for messages, without folders.
        limits: What it may be.

    Raises:
        ArchiveError: If it is no archive, is damaged, or breaks a bound.
    """

    def __init__(
        self,
        open_file: Callable[[], BinaryFile],
        *,
        name: str,
        limits: ArchiveLimits = ARCHIVE_LIMITS,
    ) -> None:
        self.name = name
        self._open_file = open_file
        self._limits = limits
        self._lock = threading.Lock()
        self._zip: zipfile.ZipFile | None = None
        self._is_wanted = False
        self._n_readers = 0
        try:
            with self._opened() as opened:
                infos = opened.infolist()
            limits.check_entries(len(infos), name)
            limits.check_size(sum(info.file_size for info in infos), self._n_bytes, name)
            _check_overlap(infos, self._n_bytes, name)
        except ArchiveError:
            self.close()
            raise
        files = [info for info in infos if not info.is_dir()]
        self.entries = tuple(Entry(_shown(info), _problem(info), info) for info in files)

    @classmethod
    def from_path(cls, path: Path, *, limits: ArchiveLimits = ARCHIVE_LIMITS) -> Archive:
        """Open an archive on disk; as the constructor."""
        return cls(lambda: path.open("rb"), name=path.name, limits=limits)

    @classmethod
    def from_bytes(
        cls, data: bytes, *, name: str, limits: ArchiveLimits = ARCHIVE_LIMITS
    ) -> Archive:
        """Open an archive in memory; as the constructor."""
        return cls(lambda: io.BytesIO(data), name=name, limits=limits)

    def read(self, entry: Entry, *, limits: Limits = LIMITS) -> bytes:
        """Unpack one entry into memory.

        Args:
            entry: One of `entries`.
            limits: Largest file.

        Returns:
            Its bytes.

        Raises:
            ArchiveError: If the entry has a `problem`, is damaged, longer than it says, or an
                archive itself.
            ImageTooLargeError: If it is too long.
        """
        if entry.problem is not None:
            raise ArchiveError(str(entry.problem), hint=entry.problem.hint)
        limits.check_bytes(entry.info.file_size, _base(entry.name))
        try:
            with self._opened() as opened, opened.open(entry.info) as handle:
                data = handle.read(entry.info.file_size)
                handle.read(1)  # the end, where the checksum is asked
        except _DAMAGE as err:
            raise self._damaged(entry) from err
        if len(data) != entry.info.file_size:
            raise self._damaged(entry)
        if data.startswith(ZIP_STARTS):
            raise _refused(entry.name, "an archive inside an archive")
        return data

    def _damaged(self, entry: Entry) -> ArchiveError:
        """Say that an entry is not what the archive says it is."""
        return ArchiveError(
            "An entry of an archive must be whole and of a kind that is read. "
            f"Received: name={_base(entry.name)!r} in {self.name!r}, damaged"
        )

    def close(self) -> None:
        """Let go of the file, when nobody reads any more; `read` opens it again."""
        with self._lock:
            self._is_wanted = False
            self._let_go()

    @contextmanager
    def _opened(self) -> Iterator[zipfile.ZipFile]:
        """Give the open archive, and keep it open as long as it is used."""
        with self._lock:
            if self._zip is None:
                self._zip = self._open()
            self._is_wanted = True
            self._n_readers += 1
            opened = self._zip
        try:
            yield opened
        finally:
            with self._lock:
                self._n_readers -= 1
                self._let_go()

    def _let_go(self) -> None:
        """Close the file if nobody reads or wants it."""
        if self._zip is not None and not self._n_readers and not self._is_wanted:
            self._zip.close()
            self._file.close()
            self._zip = None

    def _open(self) -> zipfile.ZipFile:
        """Open the archive and read its table of contents."""
        most = self._limits.max_directory_bytes
        message = "An archive must be a whole zip file. Received: name={!r}, {}"
        try:
            self._file = self._open_file()
        except OSError as err:
            raise ArchiveError(message.format(self.name, "which cannot be opened")) from err
        try:
            self._n_bytes = self._file.seek(0, io.SEEK_END)
            guarded = _Guarded(self._file, most)
            opened = zipfile.ZipFile(guarded)
        except _TooMuchError as err:
            self._file.close()
            msg = (
                f"The table of contents of an archive must have at most {most:,} bytes. "
                f"Received: name={self.name!r} with more"
            )
            raise ArchiveError(msg) from err
        except _DAMAGE as err:
            self._file.close()
            raise ArchiveError(message.format(self.name, "damaged or another kind")) from err
        guarded.most = None
        return opened


class _TooMuchError(Exception):
    """More bytes were asked for at once than an honest archive needs."""


class _Guarded:
    """An open file that gives no more than `most` bytes at once, while that is not `None`.

    `zipfile` reads the whole table of contents at once, as long as the archive says it is.
    """

    def __init__(self, file: BinaryFile, most: int) -> None:
        self._file = file
        self.most: int | None = most
        self.seek = file.seek
        self.tell = file.tell
        self.close = file.close

    def read(self, n_bytes: int = -1, /) -> bytes:
        """Return bytes, or refuse to."""
        if self.most is None:
            return self._file.read(n_bytes)
        data = self._file.read(min(n_bytes, self.most + 1) if n_bytes >= 0 else self.most + 1)
        if len(data) > self.most:
            raise _TooMuchError
        return data

    def seekable(self) -> bool:
        """Say that it is no pipe."""
        return True


def _problem(info: zipfile.ZipInfo) -> ArchiveError | None:
    """Return why an entry is not to be read, or `None`."""
    name = info.orig_filename.replace("\\", "/")
    parts = name.split("/")
    if name.startswith("/") or (len(name) > 1 and name[1] == ":"):
        return _refused(name, "a name that starts at the root of a disk")
    if ".." in parts:
        return _refused(name, "a name that leaves its folder")
    if not name.isprintable():
        return _refused(name, "a name with control characters")
    if info.create_system == _HOST_UNIX and stat.S_IFMT(info.external_attr >> 16) not in (
        0,
        stat.S_IFREG,
    ):
        return _refused(name, "a link or device, not a file")
    if info.flag_bits & _ENCRYPTED:
        return _refused(name, "encrypted")
    if info.compress_type not in _READ_METHODS:
        return _refused(name, "packed in another way than deflate")
    return None


def _refused(name: str, words: str) -> ArchiveError:
    """Say which entry is not read, by its own name without folders."""
    msg = (
        "An entry of an archive must be a plain, unencrypted file with a path inside it. "
        f"Received: name={_base(name)!r}, {words}"
    )
    return ArchiveError(msg)


def _check_overlap(infos: list[zipfile.ZipInfo], archive_bytes: int, name: str) -> None:
    """Refuse an archive whose entries share bytes: how a small one unpacks to a huge one."""
    end = 0
    for info in sorted(infos, key=lambda info: info.header_offset):
        if info.header_offset < end:
            msg = f"Entries of an archive must not overlap. Received: name={name!r}, they do"
            raise ArchiveError(msg)
        end = info.header_offset + _LOCAL_HEADER_BYTES + info.compress_size
    if end > archive_bytes:
        msg = f"An archive must hold all its entries. Received: name={name!r}, cut off"
        raise ArchiveError(msg)


def _shown(info: zipfile.ZipInfo) -> str:
    """Return an entry's name with forward slashes; control characters are escaped."""
    name = info.orig_filename.replace("\\", "/")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)


def _base(name: str) -> str:
    """Return a name without folders."""
    return ascii(name.rsplit("/", 1)[-1])[1:-1] or "unnamed"
