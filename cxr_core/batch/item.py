"""Where films come from: files, folders, zip archives; each file one item, in a fixed order."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Protocol

from cxr_core.batch.storage import is_address, list_address, shown_address
from cxr_core.errors import ArchiveError, CxrError, UnreadableImageError
from cxr_core.io import ARCHIVE_LIMITS, ArchiveLimits, Limits, read_bytes
from cxr_core.io.archive import ZIP_STARTS, Archive
from cxr_core.io.film_file import is_left_out, printable
from cxr_core.io.place import is_folder

_ARCHIVE_SUFFIX: Final = ".zip"


class Item(Protocol):
    """One file that is to become one record."""

    @property
    def name(self) -> str:
        """What its record calls it."""

    @property
    def archive(self) -> Archive | None:
        """The archive that it lies in."""

    def read_bytes(self, limits: Limits) -> bytes:
        """Return the file's bytes.

        Args:
            limits: Largest file.

        Raises:
            CxrError: If they cannot be read or are too many.
        """


@dataclass(frozen=True)
class FileItem:
    """A file on disk."""

    name: str
    path: Path
    archive: Archive | None = None

    def read_bytes(self, limits: Limits) -> bytes:
        """Read the file; see `Item`."""
        return read_bytes(self.path, limits=limits)


@dataclass(frozen=True)
class EntryItem:
    """An entry of an archive, by its position in `Archive.entries`, and where the archive lies."""

    name: str
    archive: Archive = field(repr=False)
    position: int
    path: Path | None = None

    def read_bytes(self, limits: Limits) -> bytes:
        """Unpack the entry into memory; see `Item`."""
        return self.archive.read(self.archive.entries[self.position], limits=limits)


@dataclass(frozen=True)
class BytesItem:
    """A file that is in memory, for example an upload."""

    name: str
    data: bytes = field(repr=False)
    archive: Archive | None = None

    def read_bytes(self, limits: Limits) -> bytes:
        """Return the bytes; see `Item`."""
        limits.check_bytes(len(self.data), self.name)
        return self.data


@dataclass(frozen=True)
class BrokenItem:
    """An archive or folder that cannot be opened: one record with its error."""

    name: str
    error: CxrError
    archive: Archive | None = None

    def read_bytes(self, limits: Limits) -> bytes:  # noqa: ARG002 - the protocol's argument
        """Raise the error; see `Item`."""
        raise type(self.error)(str(self.error), hint=self.error.hint)


@dataclass(frozen=True)
class Listing:
    """What there is to read.

    Attributes:
        items: In order.
        n_left_out: Hidden files, tables and notes that were passed over.
    """

    items: tuple[Item, ...]
    n_left_out: int = 0


def list_items(sources: Sequence[str | Path], *, limits: ArchiveLimits = ARCHIVE_LIMITS) -> Listing:
    """List the films of files, folders and zip archives; nothing is decoded.

    Args:
        sources: Paths, or addresses such as `s3://bucket/folder`. A folder is searched at any
            depth, on a disk with the zip archives in it; links to folders are not followed. Hidden
            files, tables and notes in folders and archives are left out; a file that is named
            itself never is.
        limits: What an archive may be.

    Returns:
        Sorted by path within each source. Names are paths below the source where it is one folder
        or archive, else they begin with the source as it was given. An archive that is refused is
        one item with its error, as is a file that is not there.
    """
    items: list[Item] = []
    n_left_out = 0
    for source in sources:
        if is_address(source):
            address = str(source)
            prefix = "" if len(sources) == 1 else f"{printable(shown_address(address))}/"
            listed = _stored_items(address, prefix)
            items += listed.items
            n_left_out += listed.n_left_out
            continue
        path = Path(source)
        prefix = "" if len(sources) == 1 else f"{_text(path)}/"
        if is_folder(path):
            found = _walk(path, prefix)
        elif _is_archive(path):
            found = iter([(prefix, path)])
        else:
            items.append(FileItem(_text(path), path))
            continue
        for name, file in found:
            if file is None:
                n_left_out += 1
            elif isinstance(file, CxrError):
                items.append(BrokenItem(name, file))
            elif file is path or file.suffix.lower() == _ARCHIVE_SUFFIX:
                listed = archive_items(file, name if file is path else f"{name}/", limits=limits)
                items += listed.items
                n_left_out += listed.n_left_out
            else:
                items.append(FileItem(name, file))
    return Listing(tuple(items), n_left_out)


def archive_items(
    source: Path | bytes, prefix: str, *, name: str = "", limits: ArchiveLimits = ARCHIVE_LIMITS
) -> Listing:
    """List the films of one archive.

    Args:
        source: Its path, or its bytes.
        prefix: Written before the entries' paths.
        name: What an archive in memory is called.
        limits: What it may be.

    Returns:
        Sorted by path; one item with the error where the archive is refused.
    """
    path = source if isinstance(source, Path) else None
    name = name or ("archive" if path is None else path.name)
    try:
        if isinstance(source, Path):
            archive = Archive.from_path(source, limits=limits)
        else:
            archive = Archive.from_bytes(source, name=name, limits=limits)
    except ArchiveError as err:
        return Listing((BrokenItem(prefix.rstrip("/") or printable(name), err),))
    archive.close()  # opened again when its turn comes
    items = [
        EntryItem(printable(f"{prefix}{entry.name}"), archive, position, path)
        for position, entry in enumerate(archive.entries)
        if entry.problem is not None or not is_left_out(entry.name.split("/"))
    ]
    items.sort(key=lambda item: archive.entries[item.position].name.split("/"))
    return Listing(tuple(items), len(archive.entries) - len(items))


def _stored_items(address: str, prefix: str) -> Listing:
    """List the films behind an address; archives there are not opened."""
    try:
        found = list_address(address)
    except UnreadableImageError as err:
        return Listing((BrokenItem(prefix.rstrip("/") or "address", err),))
    items: list[Item] = []
    for item in found:
        name, own = item.name, printable(f"{prefix}{item.name}")
        if name.lower().endswith(_ARCHIVE_SUFFIX):
            msg = f"An archive must lie on a disk. Received: name={own!r} behind an address"
            items.append(BrokenItem(own, ArchiveError(msg)))
        elif shown_address(address).endswith(f"/{name}") or not is_left_out(name.split("/")):
            items.append(replace(item, name=own))
    return Listing(tuple(items), len(found) - len(items))


def _walk(folder: Path, prefix: str) -> Iterator[tuple[str, Path | CxrError | None]]:
    """Yield name and path of the files of a folder; no path for a file that is left out."""
    waiting: list[tuple[str, Path, bool]] = [(prefix, folder, True)]
    while waiting:
        name, path, is_parent = waiting.pop()
        if not is_parent:
            yield name, path
            continue
        try:
            with os.scandir(path) as scanned:
                entries = sorted(scanned, key=lambda entry: entry.name, reverse=True)
        except OSError as err:
            msg = f"`path` must be a folder that may be opened. Received: {type(err).__name__}"
            yield name.rstrip("/") or _text(path), UnreadableImageError(msg)
            continue
        for entry in entries:
            is_inner = entry.is_dir(follow_symlinks=False)
            if is_left_out([entry.name, ""] if is_inner else [entry.name]):
                yield "", None
                continue
            own = f"{name}{printable(entry.name)}"
            waiting.append((f"{own}/" if is_inner else own, Path(entry.path), is_inner))


def _is_archive(path: Path) -> bool:
    """Tell whether a file that was named is a zip archive, by name or by content."""
    try:
        if not path.is_file():
            return False
        if path.suffix.lower() == _ARCHIVE_SUFFIX:
            return True
        with path.open("rb") as file:
            return file.read(4) in ZIP_STARTS
    except (OSError, ValueError):
        return False


def _text(path: Path) -> str:
    """Write a path with forward slashes."""
    return printable(path.as_posix())
