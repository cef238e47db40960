"""Folders of films that a reader names: where they are, and which file holds which film."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cxr_core.errors import TrainingDataError, UnreadableImageError
from cxr_core.io.film_file import digest_of, film_files
from cxr_core.io.place import is_folder
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
    if not name.strip() or not is_folder(folder):
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
        folder: Searched at any depth; what is hidden, tables and notes are left out.
        on_file: Called with the number of files done and of all files.

    Returns:
        SHA-256 to path; of equal files the first. What cannot be read is left out.
    """
    paths = film_files(folder)
    found: dict[str, Path] = {}
    for n_done, path in enumerate(paths, start=1):
        try:
            digest = digest_of(path)
        except UnreadableImageError:
            continue
        found.setdefault(digest, path)
        if n_done % 50 == 0 or n_done == len(paths):
            on_file(n_done, len(paths))
    return found
