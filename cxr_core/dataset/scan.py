"""Read every film of a labelled folder once: patients, copies, leaks, sizes, brightness."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from cxr_core.dataset.film import SPLITS, Film, children, class_paths, find_split
from cxr_core.dataset.group import Fingerprint, fingerprint, join_groups
from cxr_core.dataset.leak import Leak, below, find_duplicates, find_leaks
from cxr_core.dataset.manifest import ManifestRow, read_manifest
from cxr_core.dataset.patient import first_teller, told_patient
from cxr_core.errors import CxrError, TrainingDataError
from cxr_core.io import read_path
from cxr_core.labels import CLASSES

_MAX_THREADS: Final = 8


@dataclass(frozen=True)
class Unreadable:
    """A file that could not be read.

    Attributes:
        file: Its path below the folder that was scanned.
        message: What is wrong.
    """

    file: str
    message: str


@dataclass(frozen=True)
class Dataset:
    """All readable films of a folder, and how they hang together.

    Attributes:
        folder: What the user named.
        films: In the order of split, class and file name.
        groups: Patient group of each film, from 0: the same patient, or a copy of a film of the
            group; films of unknown patients are groups of their own.
        sizes_px: Width and height of each film as stored.
        intensities: Mean of each film in [0, 1], 1 white.
        duplicates: Pairs of positions in `films`, same bytes or near-duplicates.
        leaks: What stands on both sides of a split.
        unreadable: Files that were skipped.
        ignored: Folders inside the splits that are named like no class, such as `train/masks`.
        patients_from: `manifest`, `DICOM headers`, `file names`, or `none` where no patient is
            known.
    """

    folder: Path
    films: tuple[Film, ...]
    groups: tuple[int, ...]
    sizes_px: tuple[tuple[int, int], ...]
    intensities: tuple[float, ...]
    duplicates: tuple[tuple[int, int], ...]
    leaks: tuple[Leak, ...]
    unreadable: tuple[Unreadable, ...]
    ignored: tuple[str, ...]
    patients_from: str

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that the folder holds, in the order of their use."""
        present = {film.split for film in self.films}
        return tuple(split for split in SPLITS if split in present)

    def file_name(self, position: int) -> str:
        """Return the path of a film below the folder, printable whatever bytes it holds."""
        return below(self.folder, self.films[position].path)


@dataclass(frozen=True, eq=False)
class _Look:
    """What one reading of a film tells."""

    sha256: str
    size_px: tuple[int, int]
    intensity: float
    print_: Fingerprint


def scan(folder: Path, *, on_film: Callable[[int, int], None] | None = None) -> Dataset:
    """Read every film of a folder and find patients, copies and leaks.

    Args:
        folder: Holds one or more of `train/`, `val/` and `test/`, with or without a `Data/` level,
            each with one folder a class; names in any letter case. A `manifest.csv` tells
            patients, sources and subtypes (see `read_manifest`).
        on_film: Called in this thread with the number of films done and their total.

    Returns:
        The data set. Films that cannot be read are listed and left out.

    Raises:
        TrainingDataError: If there is no split, a class of a split has no film that can be read,
            or the manifest cannot be used or gives a film another class than its folder.

    Notes:
        Reads with several threads; nothing is written.
    """
    listed = _list(folder)
    manifest = read_manifest(folder)
    looks = _look_at([path for _, _, path in listed], on_film)
    unreadable = tuple(
        Unreadable(below(folder, path), look)
        for (_, _, path), look in zip(listed, looks, strict=True)
        if isinstance(look, str)
    )
    found = [
        (Film(path, label, split, look.sha256), look)
        for (split, label, path), look in zip(listed, looks, strict=True)
        if isinstance(look, _Look)
    ]
    _check_classes(folder, [film for film, _ in found], {split for split, _, _ in listed})
    films, patients_from = _describe(folder, [film for film, _ in found], manifest)
    duplicates = find_duplicates(films, [look.print_ for _, look in found])
    keys = [("patient", f.patient) if f.patient else ("film", i) for i, f in enumerate(films)]
    return Dataset(
        folder=folder,
        films=films,
        groups=tuple(join_groups(keys, duplicates)),
        sizes_px=tuple(look.size_px for _, look in found),
        intensities=tuple(look.intensity for _, look in found),
        duplicates=duplicates,
        leaks=find_leaks(folder, films, duplicates),
        unreadable=unreadable,
        ignored=_ignored(folder, {split for split, _, _ in listed}),
        patients_from=patients_from,
    )


def _list(folder: Path) -> list[tuple[str, str, Path]]:
    """Return split, class and path of every file that should be a film."""
    try:
        return _walk(folder)
    except (OSError, ValueError) as err:
        reason = getattr(err, "strerror", None) or type(err).__name__
        msg = f"`folder` must be a folder that can be listed. Received: {reason}"
        raise TrainingDataError(msg, hint="Check the path, and that you may read it.") from err


def _walk(folder: Path) -> list[tuple[str, str, Path]]:
    """List the films of every split."""
    parents = (folder, *children(folder, "data"))
    present = [split for split in SPLITS if any(children(parent, split) for parent in parents)]
    if not present:
        names = sorted(p.name for p in folder.iterdir()) if folder.is_dir() else "no such folder"
        msg = f"`{folder}` must hold a folder named train, val or test. Received: {names}"
        raise TrainingDataError(msg)
    return [
        (split, label, path)
        for split in present
        for label, path in class_paths(find_split(folder, split))
    ]


def _look_at(
    paths: Sequence[Path], on_film: Callable[[int, int], None] | None
) -> list[_Look | str]:
    """Read films with several threads; a film that cannot be read becomes its message."""
    looks = []
    with ThreadPoolExecutor(min(_MAX_THREADS, os.cpu_count() or 1)) as pool:
        try:
            for look in pool.map(_look, paths):
                looks.append(look)
                if on_film is not None:
                    on_film(len(looks), len(paths))
        except BaseException:  # a callback that stops the scan need not wait for all films
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return looks


def _look(path: Path) -> _Look | str:
    """Read one film."""
    try:
        film = read_path(path)
    except CxrError as err:
        return str(err)
    size_px = (film.width_px, film.height_px)
    return _Look(film.sha256, size_px, float(film.image.mean()), fingerprint(film.image))


def _check_classes(folder: Path, films: Sequence[Film], splits: set[str]) -> None:
    """Refuse a split in which all films of a class are unreadable."""
    readable = {(film.split, film.label) for film in films}
    empty = [f"{s}/{c}" for s in SPLITS if s in splits for c in CLASSES if (s, c) not in readable]
    if empty:
        msg = f"`{folder}` must hold readable films of every class. Received: none in {empty}"
        raise TrainingDataError(msg, hint="Replace the damaged files, or leave the split out.")


def _describe(
    folder: Path, films: Sequence[Film], manifest: Mapping[str, ManifestRow] | None
) -> tuple[tuple[Film, ...], str]:
    """Add what manifest and file names tell; say which of them told the patients."""
    by_path = {row.path: row for row in (manifest or {}).values() if row.path}
    wrong = []
    described = []
    told_by = set()
    for film in films:
        row = (manifest or {}).get(film.sha256) or _row_by_path(folder, film, by_path)
        if row.label and row.label.upper() != film.label:
            wrong.append((film, row.label))
        patient, teller = told_patient(film.path, row)
        told_by.add(teller)
        told = {name: getattr(row, name) for name in ("source", "subtype", "view", "license")}
        described.append(replace(film, patient=patient, **told))
    if wrong:
        film, label = wrong[0]
        count = f"; {len(wrong)} films in all" if len(wrong) > 1 else ""
        msg = (
            "`manifest.csv` must give each film the class of its folder. Received: "
            f"{below(folder, film.path)} is {label} in the manifest and {film.label} by its "
            f"folder{count}"
        )
        raise TrainingDataError(msg, hint="Move the films or correct the manifest; none is right.")
    return tuple(described), first_teller(told_by)


def _row_by_path(folder: Path, film: Film, by_path: Mapping[str, ManifestRow]) -> ManifestRow:
    """Find a film's row by its path below the folder, or below the folder of the splits."""
    split_parent = find_split(folder, film.split).parent
    for parent in (folder, split_parent, split_parent.parent):
        row = by_path.get(film.path.relative_to(parent).as_posix())
        if row is not None:
            return row
    return ManifestRow()


def _ignored(folder: Path, splits: set[str]) -> tuple[str, ...]:
    """Return the folders inside the splits that no class is named after."""
    return tuple(
        below(folder, child)
        for split in SPLITS
        if split in splits
        for child in sorted(find_split(folder, split).iterdir())
        if child.is_dir() and child.name.upper() not in CLASSES
    )
