"""Read a labelled folder through the serving path into `Reads`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from cxr_core.blas import one_blas_thread
from cxr_core.dataset.leak import below
from cxr_core.errors import CxrError, UnreadableImageError
from cxr_core.evaluate.patients import manifest_rows, patient_keys
from cxr_core.evaluate.reads import GROUPINGS, Collector, FilmList, Reads
from cxr_core.io import read_path
from cxr_core.io.film_file import digest_of, film_files
from cxr_core.io.place import is_folder
from cxr_core.labels import CLASSES, class_index

if TYPE_CHECKING:
    from cxr_core.predict import Predictor

AGE_BANDS: Final = ((0, 6), (6, 18), (18, 40), (40, 60), (60, 80), (80, 200))
"""Ages in whole years, from the first number up to but not including the second."""


def labelled_paths(folder: str | Path) -> Iterator[tuple[Path, str]]:
    """Yield the files of `FOLDER/<CLASS>/`, class by class.

    Args:
        folder: Holds at least one folder named like a class, in any letter case.

    Yields:
        Path and class name. What is hidden, tables and notes are left out.

    Raises:
        UnreadableImageError: If there is no such folder, it may not be opened, or no file is in it.
    """
    folder = Path(folder)
    cause: OSError | None = None
    children: list[Path] = []
    received: object = "no such folder"
    if is_folder(folder):
        try:
            children = sorted(folder.iterdir())
            received = [child.name for child in children]
        except OSError as err:
            cause, received = err, err.strerror or type(err).__name__
    found = False
    for name in CLASSES:
        parents = [p for p in children if p.name.upper() == name and is_folder(p)]
        for path in (p for parent in parents for p in film_files(parent)):
            found = True
            yield path, name
    if not found:
        msg = (
            f"`{folder}` must hold films in folders named {', '.join(CLASSES)}. "
            f"Received: {received}"
        )
        hint = "Name the folder that holds COVID19/, NORMAL/ and PNEUMONIA/ (any of them)."
        raise UnreadableImageError(msg, hint=hint) from cause


def drawn_paths(folder: str | Path, n_per_class: int | None = None) -> list[tuple[Path, str]]:
    """Return the files of a labelled folder, or some of each class.

    Args:
        folder: As for `labelled_paths`.
        n_per_class: Files to draw of each class, the same ones every time; all of them if `None`.

    Returns:
        Path and class name, in the order of `labelled_paths`.

    Raises:
        UnreadableImageError: If there is no such folder or no file in it.
    """
    found = list(labelled_paths(folder))
    if n_per_class is None:
        return found
    kept: set[int] = set()
    for name in CLASSES:
        own = [i for i, (_, label) in enumerate(found) if label == name]
        kept |= {own[i] for i in np.random.default_rng(0).permutation(len(own))[:n_per_class]}
    return [found[i] for i in sorted(kept)]


def read_folder(
    predictor: Predictor,
    folder: str | Path,
    *,
    n_per_class: int | None = None,
    on_film: Callable[[int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Reads:
    """Read every labelled film of a folder with every system.

    Args:
        predictor: The variant that reads.
        folder: Holds one folder a class; a `manifest.csv` is looked for in it and up to two levels
            above it.
        n_per_class: Files to draw of each class, the same ones every time; all of them if `None`.
        on_film: Called with the number of files done, after each file.
        should_stop: Asked before each file; what was read until then is returned.

    Returns:
        The reads. Files that could not be read are listed and take no part.

    Raises:
        UnreadableImageError: If there is nothing to read.
        TrainingDataError: If a manifest is there but cannot be used.
    """
    folder = Path(folder)
    paths: list[Path] = []
    labels: list[str] = []
    digests: list[str] = []
    collector = Collector(predictor.heads)
    unreadable: list[tuple[str, str]] = []
    for n_done, (path, label) in enumerate(drawn_paths(folder, n_per_class), start=1):
        if should_stop is not None and should_stop():
            break
        try:
            radiograph = read_path(path)
            features = predictor.features(radiograph)
        except CxrError as err:
            unreadable.append((below(folder, path), str(err)))
        else:
            with one_blas_thread():
                collector.add(features)
            paths.append(path)
            labels.append(label)
            digests.append(radiograph.sha256)
        if on_film is not None:
            on_film(n_done)
    return collector.reads(describe(folder, paths, labels, digests=digests, unreadable=unreadable))


def describe(
    folder: Path,
    paths: Sequence[Path],
    labels: Sequence[str],
    *,
    digests: Sequence[str] | None = None,
    unreadable: Sequence[tuple[str, str]] = (),
) -> FilmList:
    """Return what is known of some films of a labelled folder.

    Args:
        folder: A `manifest.csv` is looked for in it and up to two levels above it.
        paths: Films below it.
        labels: Class name of each.
        digests: SHA-256 of each film's bytes, in hex; the films are read for it if `None`.
        unreadable: Path below the folder and reason of each file that could not be read.

    Returns:
        The films; one whose patient nothing tells is a patient of its own.

    Raises:
        TrainingDataError: If a manifest is there but cannot be used.
        UnreadableImageError: If a film has to be read for its digest and cannot be.
    """
    if digests is None:
        digests = [digest_of(path) for path in paths]
    rows = manifest_rows(folder, paths, digests)
    keys, told = patient_keys(folder, paths, digests=digests)
    numbers = {key: i for i, key in enumerate(dict.fromkeys(keys))}
    words = {
        "source": tuple(row.source for row in rows),
        "view": tuple(row.view for row in rows),
        "subtype": tuple(row.subtype for row in rows),
        "age_band": tuple(age_band(row.age) for row in rows),
    }
    return FilmList(
        tuple(digests),
        np.array([class_index(label) for label in labels], np.int64),
        np.array([numbers[key] for key in keys], np.int64),
        told,
        {name: words[name] for name in GROUPINGS if any(words[name])},
        tuple(unreadable),
    )


def age_band(age: str) -> str:
    """Return the band of an age in years, for example `40 to 59`; empty where it is not told."""
    try:
        years = float(age)
    except ValueError:
        return ""
    for first, end in AGE_BANDS:
        if first <= years < end:
            return f"{first} to {end - 1}" if end < AGE_BANDS[-1][1] else f"{first} and over"
    return ""
