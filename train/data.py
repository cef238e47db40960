"""Read the layout of a training folder: `train/` and `test/`, one folder a class."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cxr_core.errors import TrainingDataError
from cxr_core.labels import CLASSES

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp"})


@dataclass(frozen=True)
class Film:
    """One labelled film on disk.

    Attributes:
        path: The file.
        label: Its class, one of `CLASSES`.
        split: `train`, `test` or `val`.
        sha256: Hex digest of its bytes.
    """

    path: Path
    label: str
    split: str
    sha256: str


def find_split(folder: Path, split: str) -> Path:
    """Return the folder of a split, with or without a `Data/` level, in any letter case.

    Args:
        folder: What the user named.
        split: `train`, `test` or `val`.

    Returns:
        An existing folder.

    Raises:
        TrainingDataError: If there is none.
    """
    for parent in (folder, *_children(folder, "data")):
        for child in _children(parent, split):
            return child
    found = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else "no such folder"
    msg = f"`{folder}` must hold a folder named {split}. Received: {found}"
    raise TrainingDataError(msg)


def scan_split(folder: Path, split: str) -> list[Film]:
    """List the films of one split, in the order of class and file name.

    Args:
        folder: What the user named.
        split: `train`, `test` or `val`.

    Returns:
        At least one film of every class.

    Raises:
        TrainingDataError: If the split or a class is missing or empty.
    """
    return scan_classes(find_split(folder, split), split=split)


def scan_classes(folder: Path, *, split: str, required: Sequence[str] = CLASSES) -> list[Film]:
    """List the films below one folder a class.

    Args:
        folder: Holds one folder a class, in any letter case.
        split: Stored with each film.
        required: Classes that must have at least one film.

    Returns:
        The films in the order of class and file name.

    Raises:
        TrainingDataError: If a required class has no folder or no film.
    """
    films = []
    for label in CLASSES:
        paths = sorted(
            path
            for child in _children(folder, label)
            for path in child.rglob("*")
            if path.suffix.lower() in SUFFIXES
        )
        if not paths and label in required:
            found = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
            msg = f"`{folder}` must hold films in {', '.join(required)}. Received: {found}"
            raise TrainingDataError(msg)
        films += [Film(path, label, split, _digest(path)) for path in paths]
    return films


def class_counts(films: Sequence[Film]) -> dict[str, int]:
    """Count the films of each class.

    Args:
        films: Any films.

    Returns:
        Every class with its count, in class order.
    """
    counts = Counter(film.label for film in films)
    return {label: counts[label] for label in CLASSES}


def data_digest(films: Sequence[Film]) -> str:
    """Return one digest of a set of labelled films, whatever their order or folder.

    Args:
        films: Any films.

    Returns:
        SHA-256 as hex over the sorted (digest, label, split) of each film.
    """
    lines = sorted(f"{film.sha256} {film.label} {film.split}\n" for film in films)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _children(folder: Path, name: str) -> list[Path]:
    """Return the sub-folders of that name in any letter case."""
    if not folder.is_dir():
        return []
    return sorted(p for p in folder.iterdir() if p.is_dir() and p.name.lower() == name.lower())


def _digest(path: Path) -> str:
    """Return the SHA-256 of a file's bytes as hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
