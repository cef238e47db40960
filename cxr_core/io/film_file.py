"""Files of a folder that may be films: which they are, their digests, names that can be shown."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cxr_core.errors import UnreadableImageError

SKIPPED_SUFFIXES: Final = frozenset(
    {".csv", ".txt", ".json", ".jsonl", ".md", ".parquet", ".part", ".ini", ".db"}
)
"""Tables and notes that lie beside films, and what `score` itself writes."""

SKIPPED_NAMES: Final = frozenset({"dicomdir", "__macosx"})
"""Files and folders that hold no film, whatever their content; in lower case."""


def is_left_out(parts: Sequence[str]) -> bool:
    """Tell whether a file that nobody named is passed over where films are looked for.

    Args:
        parts: Its folders below the one that was named, then its own name; an empty name where the
            question is of the folders alone.

    Returns:
        True for what is hidden, lies in a hidden folder or holds no film, and for tables and notes,
        which are told by their suffix.
    """
    return (
        any(part.startswith(".") or part.lower() in SKIPPED_NAMES for part in parts)
        or Path(parts[-1]).suffix.lower() in SKIPPED_SUFFIXES
    )


def film_files(folder: Path) -> list[Path]:
    """List the files below a folder that may be films; nothing is read.

    Args:
        folder: Searched at any depth; links to folders are not followed.

    Returns:
        Paths of `files_below` without what `is_left_out`.
    """
    return [path for path in files_below(folder) if not is_left_out(path.relative_to(folder).parts)]


def files_below(folder: Path) -> list[Path]:
    """List the files below a folder.

    Args:
        folder: Searched at any depth; links to folders are not followed.

    Returns:
        Paths, sorted. A folder that may not be opened, and a file that the system says nothing of,
        are among them, so that whoever reads them says so.
    """
    closed: list[Path] = []
    found: list[Path] = []
    for parent, _, names in os.walk(folder, onerror=lambda err: closed.append(Path(err.filename))):
        found += [path for name in names if _may_be_file(path := Path(parent, name))]
    return sorted(found + closed)


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes as hex; the file is never whole in memory.

    Args:
        path: The file; its folders appear in no message.

    Returns:
        64 letters, in lower case.

    Raises:
        UnreadableImageError: If it cannot be read, or is no longer there.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as err:
        msg = f"`{printable(path.name)}` must be a file that can be read. Received: {_reason(err)}"
        hint = "Check that you may read the files of the folder, and that none is being moved."
        raise UnreadableImageError(msg, hint=hint) from err


def printable(name: str) -> str:
    """Escape bytes of a file name that are not UTF-8, so that every table and stream can hold it.

    Args:
        name: A name or path, as Python reads it from a disk.

    Returns:
        The same text where nothing is wrong with it.
    """
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def _may_be_file(path: Path) -> bool:
    """Tell whether a path is a file, or the system does not say."""
    try:
        return path.is_file()
    except OSError:
        return True


def _reason(err: OSError) -> str:
    """Return the system's own words, without the path."""
    return err.strerror or type(err).__name__
