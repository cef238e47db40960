"""The layout of a labelled folder: `train/`, `val/` and `test/`, one folder a class in each."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cxr_core.errors import TrainingDataError
from cxr_core.io.sniff import DICOM, sniff
from cxr_core.labels import CLASSES

SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp"})
"""File names that count as films whatever is in them, in lower case; DICOM goes by its bytes."""

SPLITS: Final = ("train", "val", "test")
"""Splits that a folder may hold, in the order of their use."""

_HEAD_BYTES: Final = 4096


@dataclass(frozen=True)
class Film:
    """One labelled film on disk.

    Attributes:
        path: The file.
        label: Its class, one of `CLASSES`.
        split: `train`, `val` or `test`, or the name of another set.
        sha256: Hex digest of its bytes.
        patient: Who was imaged, as a manifest or the file name tells; empty if unknown.
        source: Collection that the film comes from; empty if unknown.
        subtype: Finer class, for example `virus`; empty if unknown.
        view: Projection, for example `PA`; empty if unknown.
        license: What may be done with the film, as its source words it; empty if unknown.
    """

    path: Path
    label: str
    split: str
    sha256: str
    patient: str = ""
    source: str = ""
    subtype: str = ""
    view: str = ""
    license: str = ""


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
    for parent in (folder, *children(folder, "data")):
        for child in children(parent, split):
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
        TrainingDataError: If the split or a class is missing or empty, or a file cannot be read.
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
        TrainingDataError: If a required class has no folder or no film, or a file cannot be read.
    """
    return [
        Film(path, label, split, _digest(path))
        for label, path in class_paths(folder, required=required)
    ]


def is_film(path: Path) -> bool:
    """Tell whether a path should be read as a film.

    Args:
        path: Anything in a folder of films.

    Returns:
        True for files named like pictures, and for DICOM whatever its name; never for hidden files
        and for a DICOMDIR, which holds no film.
    """
    name = path.name
    if name.startswith(".") or name.upper() == "DICOMDIR" or not path.is_file():
        return False
    return path.suffix.lower() in SUFFIXES or _is_dicom(path)


def _is_dicom(path: Path) -> bool:
    """Tell by the first bytes; a file that cannot be opened is none."""
    try:
        with path.open("rb") as file:
            return sniff(file.read(_HEAD_BYTES)) == DICOM
    except OSError:
        return False


def class_paths(folder: Path, *, required: Sequence[str] = CLASSES) -> list[tuple[str, Path]]:
    """List the files below one folder a class; nothing is read.

    Args:
        folder: Holds one folder a class, in any letter case.
        required: Classes that must have at least one film.

    Returns:
        Class and path, in the order of class and file name. Hidden files are left out.

    Raises:
        TrainingDataError: If a required class has no folder or no film.
    """
    found = []
    for label in CLASSES:
        paths = sorted(
            path for child in children(folder, label) for path in child.rglob("*") if is_film(path)
        )
        if not paths and label in required:
            names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
            msg = (
                f"`{folder}` must hold films in {', '.join(required)}, and {label} has none. "
                f"Received: {names}"
            )
            raise TrainingDataError(msg)
        found += [(label, path) for path in paths]
    return found


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


def children(folder: Path, name: str) -> list[Path]:
    """Return the sub-folders of that name in any letter case.

    Args:
        folder: Any path.
        name: Name to look for.

    Returns:
        The folders in order; none where `folder` is no folder.
    """
    if not folder.is_dir():
        return []
    return sorted(p for p in folder.iterdir() if p.is_dir() and p.name.lower() == name.lower())


def _digest(path: Path) -> str:
    """Return the SHA-256 of a file's bytes as hex."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as err:
        msg = f"`{path.name}` must be a file that can be read. Received: {err.strerror}"
        hint = "Check that you may read the files of the folder, and that none is being moved."
        raise TrainingDataError(msg, hint=hint) from err
