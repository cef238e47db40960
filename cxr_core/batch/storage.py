"""Films and tables behind an address such as `s3://bucket/folder`, by Arrow's file systems.

An address is used where somebody names one, and nowhere else. Credentials are those that Arrow
finds in the environment; none is read, kept or written here.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cxr_core.errors import CxrError, OutputError, UnreadableImageError
from cxr_core.whole_file import output_error, write_whole

if TYPE_CHECKING:
    from cxr_core.io import Limits
    from cxr_core.io.archive import Archive

_WHOLE_OBJECTS: Final = frozenset({"s3", "gcs", "abfs"})
"""File systems where an object is seen when it is whole and not before."""


def is_address(source: object) -> bool:
    """Tell whether a source is an address and no path.

    Args:
        source: As somebody named it.

    Returns:
        True for text with `://`, for example `s3://bucket/folder` or `file:///folder`.
    """
    return isinstance(source, str) and "://" in source


@dataclass(frozen=True)
class StoredItem:
    """A file behind an address, by its store and its path there; an `Item`."""

    name: str
    store: str
    path: str
    archive: Archive | None = None

    def read_bytes(self, limits: Limits) -> bytes:
        """Read the file.

        Args:
            limits: Largest file.

        Returns:
            Its bytes.

        Raises:
            CxrError: If it cannot be read or is too long.
        """
        short = self.name.rsplit("/", 1)[-1]
        try:
            files, path = _opened(self.store, self.path)
            with files.open_input_stream(path) as stream:
                data: bytes = stream.read(limits.max_bytes + 1)
        except (OSError, ValueError) as err:
            msg = f"`data` must be a file that may be read. Received: name={short!r}, {_kind(err)}"
            raise UnreadableImageError(msg) from err
        limits.check_bytes(len(data), short)
        return data


def shown_address(address: str) -> str:
    """Return an address without what follows `?`, for names.

    Args:
        address: As somebody named it.

    Returns:
        The rest.
    """
    return address.partition("?")[0].rstrip("/")


def list_address(address: str) -> list[StoredItem]:
    """List the files behind an address, at any depth.

    Args:
        address: Of a folder or a file, for example `s3://bucket/folder`; taken as it is written,
            `%20` is no space. What follows `?` is for the file system, see Arrow's documentation.

    Returns:
        Its files in the order of their paths, each named by its path below the address; a single
        file by its own name.

    Raises:
        UnreadableImageError: If there is nothing, it may not be listed, or it holds a password.
    """
    try:
        store, path = _split(address)
        from pyarrow import fs

        files, root = _opened(store, path)
        found = files.get_file_info(root)
        if found.type == fs.FileType.File:
            return [StoredItem(found.base_name, store, path)]
        entries = files.get_file_info(fs.FileSelector(root, recursive=True))
    except (OSError, ValueError) as err:
        msg = f"`address` must be a folder that may be opened. Received: {_kind(err)}"
        hint = "Check the address, and the credentials in the environment."
        raise UnreadableImageError(msg, hint=hint) from err
    start = f"{root.rstrip('/')}/"
    below = [entry.path.removeprefix(start) for entry in entries if entry.is_file]
    below.sort(key=lambda name: name.split("/"))
    return [StoredItem(name, store, f"{path}/{name}".lstrip("/")) for name in below]


class Folder:
    """A folder on a disk or behind an address, whose files are whole or not there.

    Args:
        place: Path or address; made where it is missing.

    Raises:
        OutputError: If it cannot be made.
    """

    def __init__(self, place: str | Path) -> None:
        self._local: Path | None = None if is_address(place) else Path(place).absolute()
        self.place = str(place if self._local is None else self._local)
        try:
            if self._local is not None:
                self._local.mkdir(parents=True, exist_ok=True)
            else:
                files, root = self._opened()
                files.create_dir(root, recursive=True)
        except (OSError, ValueError) as err:
            raise _unwritable(err) from err

    @property
    def local(self) -> Path | None:
        """Its path, or `None` where it lies behind an address."""
        return self._local

    def names(self) -> tuple[str, ...]:
        """Return the names of its files, sorted, without hidden ones.

        Returns:
            File names.

        Raises:
            OutputError: If it cannot be listed.
        """
        try:
            if self._local is not None:
                found = [entry.name for entry in os.scandir(self._local) if entry.is_file()]
            else:
                from pyarrow import fs

                files, root = self._opened()
                entries = files.get_file_info(fs.FileSelector(root))
                found = [entry.base_name for entry in entries if entry.is_file]
        except OSError as err:
            raise _unwritable(err) from err
        return tuple(sorted(name for name in found if not name.startswith(".")))

    def read(self, name: str) -> bytes:
        """Return the bytes of a file.

        Args:
            name: Its name.

        Returns:
            Its bytes.

        Raises:
            OSError: If it cannot be read.
        """
        if self._local is not None:
            return (self._local / name).read_bytes()
        files, root = self._opened()
        with files.open_input_stream(f"{root}/{name}") as stream:
            return bytes(stream.read())

    def write(self, name: str, data: bytes) -> None:
        """Write a file; whoever looks meanwhile sees the whole file or none.

        Args:
            name: Its name.
            data: Its bytes.

        Raises:
            OutputError: If it cannot be written.
        """
        if self._local is not None:
            write_whole(self._local / name, data)
            return
        hidden = f".{name}.{os.getpid()}"
        try:
            files, root = self._opened()
            is_whole = files.type_name in _WHOLE_OBJECTS
            with files.open_output_stream(f"{root}/{name if is_whole else hidden}") as stream:
                stream.write(data)
            if not is_whole:
                files.move(f"{root}/{hidden}", f"{root}/{name}")
        except OSError as err:
            raise _unwritable(err) from err

    def remove(self, name: str) -> None:
        """Remove a file; none is no error.

        Args:
            name: Its name.
        """
        with suppress(OSError):
            if self._local is not None:
                (self._local / name).unlink()
            else:
                files, root = self._opened()
                files.delete_file(f"{root}/{name}")

    def _opened(self) -> tuple[Any, str]:
        """Return the file system and the path in it."""
        return _opened(*_split(self.place))


def _split(address: str) -> tuple[str, str]:
    """Split an address into its store (bucket or host, and what follows `?`) and the path there."""
    scheme, _, rest = address.partition("://")
    rest, mark, options = rest.partition("?")
    host, _, path = rest.partition("/")
    if "@" in host:
        msg = "An address must hold no key or password"
        raise ValueError(msg)
    return f"{scheme}://{host}/{mark}{options}", path.strip("/")


def _opened(store: str, path: str) -> tuple[Any, str]:
    """Return the file system and the path in it."""
    files, root = _connected(store)
    return files, f"{root.rstrip('/')}/{path}".rstrip("/") or "/"


@lru_cache(maxsize=8)
def _connected(store: str) -> tuple[Any, str]:
    """Return the file system of a bucket or host, and the path of its root."""
    from pyarrow import fs

    files, root = fs.FileSystem.from_uri(store)
    return files, root


def _kind(err: Exception) -> str:
    """Say what kind of error it is; its words may hold an address."""
    return getattr(err, "strerror", None) or type(err).__name__


def _unwritable(err: Exception) -> CxrError:
    """Say that a folder cannot be used."""
    if isinstance(err, OSError) and err.errno == errno.ENOSPC:
        return output_error("parts", err)
    msg = f"The folder of parts must be one that can be written. Received: {_kind(err)}"
    return OutputError(msg)
