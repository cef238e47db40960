"""Folders of films that a reader names: where they are, and which file holds which film."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from cxr_core.errors import TrainingDataError, UnreadableImageError
from cxr_core.evaluate.folder_reads import SKIPPED_SUFFIXES
from ui.folder_policy import named_path


def folder_named(name: str) -> Path:
    """Return the folder that a reader typed.

    Args:
        name: A path; `~` is the home folder, and what is relative counts from the repository.

    Returns:
        The folder.

    Raises:
        ForbiddenFolderError: If it may not be named.
        UnreadableImageError: If there is no such folder.
    """
    folder = named_path(name)
    try:
        is_there = folder.is_dir()
    except (OSError, ValueError):  # too long, or with characters that no path has
        is_there = False
    if not name.strip() or not is_there:
        msg = f"`folder` must be a folder on the computer that runs this page. Received: {name!r}"
        raise UnreadableImageError(msg, hint="Check the path, and that you may read it.")
    return folder


def training_part(folder: Path) -> Path:
    """Return the training films below a folder, or the folder where it has no such part.

    Args:
        folder: May hold `train/`, also below `Data/`.

    Returns:
        A folder with one folder a class, if there is one.
    """
    from cxr_core.dataset.film import find_split

    try:
        return find_split(folder, "train")
    except TrainingDataError:
        return folder


def films_below(folder: Path, *, on_file: Callable[[int, int], None]) -> dict[str, Path]:
    """Find the films below a folder by their bytes.

    Args:
        folder: Searched at any depth; hidden files and tables are left out.
        on_file: Called with the number of files done and of all files.

    Returns:
        SHA-256 to path; of equal files the first.
    """
    paths = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() not in SKIPPED_SUFFIXES
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
    )
    found: dict[str, Path] = {}
    for n_done, path in enumerate(paths, start=1):
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError:
            continue
        found.setdefault(digest, path)
        if n_done % 50 == 0 or n_done == len(paths):
            on_file(n_done, len(paths))
    return found
