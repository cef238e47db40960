"""The films of a study: known by digest alone, found again wherever they lie now."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cxr_core.errors import CxrError, StudyChangedError
from cxr_core.io import LIMITS
from cxr_core.labels import CLASSES

if TYPE_CHECKING:
    from cxr_core.batch import Item


@dataclass(frozen=True)
class StudyFilm:
    """One film of a study. Its name is not kept.

    Attributes:
        digest: SHA-256 of its bytes.
        truth: Its class, where the name of a folder told; else `None`.
    """

    digest: str
    truth: str | None = None


def truth_of(name: str) -> str | None:
    """Return the class that the folders of a film name.

    Args:
        name: Path of the film, folders separated by `/`.

    Returns:
        The class of the innermost folder that is named like one, in any letter case, or `None`.
    """
    for part in reversed(name.split("/")[:-1]):
        if part.upper() in CLASSES:
            return part.upper()
    return None


def films_by_digest(
    items: Sequence[Item], *, on_film: Callable[[int, int], None] | None = None
) -> dict[str, Item]:
    """Read every item once and find it by its bytes.

    Args:
        items: Files, in any place.
        on_film: Called with the number of files done and of all files.

    Returns:
        SHA-256 to item, of equal files the first. Files that cannot be read are left out.
    """
    found: dict[str, Item] = {}
    for n_done, item in enumerate(items, start=1):
        try:
            data = item.read_bytes(LIMITS)
        except CxrError:
            continue
        found.setdefault(hashlib.sha256(data).hexdigest(), item)
        if on_film is not None and (n_done % 20 == 0 or n_done == len(items)):
            on_film(n_done, len(items))
    return found


class FilmFinder:
    """Brings the bytes of a study's films.

    Args:
        films: The films of the study.
        found: SHA-256 to where it lies now, as from `films_by_digest`.

    Raises:
        StudyChangedError: If a film of the study is not among them.
    """

    def __init__(self, films: Iterable[StudyFilm], found: Mapping[str, Item]) -> None:
        digests = [film.digest for film in films]
        missing = [digest for digest in digests if digest not in found]
        if missing:
            msg = (
                "`films` must be those that the study was made of. "
                f"Received: {len(missing):,} of {len(digests):,} are missing or changed"
            )
            raise StudyChangedError(msg, hint="Bring the films back as they were.")
        self._found = {digest: found[digest] for digest in digests}

    def read(self, digest: str) -> bytes:
        """Return a film's bytes, checked.

        Args:
            digest: SHA-256 of a film of the study.

        Raises:
            StudyChangedError: If it is another film by now, or cannot be read.
        """
        item = self._found[digest]
        try:
            data = item.read_bytes(LIMITS)
        except CxrError as err:
            raise _changed("it cannot be read any more") from err
        finally:
            if item.archive is not None:
                item.archive.close()
        if hashlib.sha256(data).hexdigest() != digest:
            raise _changed("its bytes are others by now")
        return data


def _changed(why: str) -> StudyChangedError:
    """Say that a film is not what it was; its name stays hidden."""
    msg = f"`film` must be the one that the study was made of. Received: {why}"
    return StudyChangedError(msg, hint="Bring the films back as they were, then go on.")
