"""The films that an audit looks at: which are learnt from, which are judged, who was imaged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from cxr_core.array import IntArray
from cxr_core.dataset.film import SPLITS, children
from cxr_core.dataset.leak import below
from cxr_core.errors import CxrError, TrainingDataError, UnreadableImageError
from cxr_core.evaluate.folder_reads import describe, labelled_paths
from cxr_core.evaluate.reads import FilmList
from cxr_core.io.film_file import digest_of

WHOLE: Final = "all"
"""Split of the films of a folder that has none."""

TEST: Final = "test"


@dataclass(frozen=True, eq=False)
class AuditFilms:
    """Labelled films on disk.

    Attributes:
        folder: What the user named.
        paths: The files.
        splits: Split of each film, one of `SPLITS`, or `WHOLE` for all of them.
        films: Class, patient and source of each.
        unreadable: Path below the folder and reason of each file whose bytes could not be read.
    """

    folder: Path
    paths: tuple[Path, ...]
    splits: tuple[str, ...]
    films: FilmList
    unreadable: tuple[tuple[str, str], ...] = ()

    def __len__(self) -> int:
        """Return the number of films."""
        return len(self.paths)

    @property
    def has_test(self) -> bool:
        """True if some films are kept for testing and others are there to learn from."""
        return TEST in self.splits and len(set(self.splits)) > 1

    @property
    def judged(self) -> IntArray:
        """Positions of the films that figures are of: the test films, else all."""
        if not self.has_test:
            return np.arange(len(self))
        return np.flatnonzero(np.array(self.splits) == TEST)

    @property
    def learnt(self) -> IntArray:
        """Positions of the films that are there to learn from; none without a test split."""
        return np.setdiff1d(np.arange(len(self)), self.judged)

    @property
    def n_by_split(self) -> dict[str, dict[str, int]]:
        """Split to class to number of films."""
        splits = np.array(self.splits)
        return {
            split: self.films.take(splits == split).n_by_class for split in dict.fromkeys(splits)
        }

    def take(self, rows: npt.NDArray[Any]) -> AuditFilms:
        """Return some of the films.

        Args:
            rows: Indices or a mask.

        Returns:
            New films; patients keep their numbers.
        """
        chosen = np.arange(len(self))[rows]
        return replace(
            self,
            paths=tuple(self.paths[i] for i in chosen),
            splits=tuple(self.splits[i] for i in chosen),
            films=self.films.take(chosen),
        )

    def name(self, position: int) -> str:
        """Return the path of a film below the folder, printable whatever bytes it holds."""
        return below(self.folder, self.paths[position])

    def groups(self, name: str) -> tuple[str, ...]:
        """Return one word a film, empty where nothing is stated.

        Args:
            name: One of `cxr_core.evaluate.reads.GROUPINGS`.

        Returns:
            The words.
        """
        return self.films.groups.get(name, ("",) * len(self))


def find_films(folder: str | Path) -> AuditFilms:
    """List the films of a folder with or without splits.

    Args:
        folder: Holds `train/`, `val/` or `test/` with one folder a class in each, with or without a
            `Data/` level; or one folder a class. A `manifest.csv` tells patients and sources. Not
            every class needs to be there.

    Returns:
        The films, in the order of split, class and file name; nothing is decoded. Files whose bytes
        cannot be read are listed and left out.

    Raises:
        TrainingDataError: If there is no film that can be read, or a manifest is there but cannot
            be used.
    """
    folder = Path(folder)
    found: list[tuple[str, Path, str]] = []
    try:
        places = [(split, place) for split in SPLITS for place in _split_folders(folder, split)]
        for split, place in places or [(WHOLE, folder)]:
            found += [(split, path, label) for path, label in labelled_paths(place)]
        return _described(folder, found)
    except TrainingDataError:
        raise
    except (CxrError, OSError) as err:
        msg = f"`{folder}` must hold films, one folder a class. Received: {err}"
        hint = "Name a folder with train/ and test/, or with COVID19/, NORMAL/ and PNEUMONIA/."
        raise TrainingDataError(msg, hint=hint) from err


def _split_folders(folder: Path, split: str) -> list[Path]:
    """Return the folders of a split, beside or below `Data/`."""
    parents = (folder, *children(folder, "data"))
    return [child for parent in parents for child in children(parent, split)][:1]


def _described(folder: Path, found: Sequence[tuple[str, Path, str]]) -> AuditFilms:
    """Add classes, patients and sources; one split alone is a folder without splits."""
    readable: list[tuple[str, Path, str]] = []
    digests: list[str] = []
    unreadable: list[tuple[str, str]] = []
    for film in found:
        try:
            digests.append(digest_of(film[1]))
        except UnreadableImageError as err:
            unreadable.append((below(folder, film[1]), str(err)))
        else:
            readable.append(film)
    if not readable:
        msg = f"`{folder}` must hold films that can be read. Received: none of {len(found)}"
        raise TrainingDataError(msg, hint="Check that you may read the files.")
    paths = [path for _, path, _ in readable]
    splits = [split for split, _, _ in readable]
    if len(set(splits)) == 1:
        splits = [WHOLE] * len(splits)
    films = describe(folder, paths, [label for _, _, label in readable], digests=digests)
    return AuditFilms(folder, tuple(paths), tuple(splits), films, tuple(unreadable))
