"""Copies among films, and what stands on both sides of a split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Final

from cxr_core.dataset.film import SPLITS, Film
from cxr_core.dataset.group import Fingerprint, near_duplicates
from cxr_core.io.film_file import printable

COPY: Final = "copy"
NEAR_DUPLICATE: Final = "near_duplicate"
PATIENT: Final = "patient"
LEAK_KINDS: Final = (PATIENT, COPY, NEAR_DUPLICATE)


@dataclass(frozen=True)
class Leak:
    """Something that stands on both sides of a split.

    Attributes:
        split_a: The split that is used first.
        file_a: Its film, by the path below the folder that was scanned.
        split_b: The other split.
        file_b: Its film.
        why: `copy` for the same bytes, `near_duplicate` for the same exposure in other bytes,
            `patient` for other films of the same patient; then there is one leak for each film of
            `split_b`, with one of the patient's films in `split_a`.
    """

    split_a: str
    file_a: str
    split_b: str
    file_b: str
    why: str


def find_duplicates(
    films: Sequence[Film], prints: Sequence[Fingerprint]
) -> tuple[tuple[int, int], ...]:
    """Return pairs of the same bytes (flat films too) and pairs that show the same exposure.

    Args:
        films: The films.
        prints: Fingerprint of each.

    Returns:
        Pairs of positions, the lower first, in order.
    """
    by_digest: dict[str, list[int]] = {}
    for i, film in enumerate(films):
        by_digest.setdefault(film.sha256, []).append(i)
    copies = {pair for same in by_digest.values() for pair in combinations(same, 2)}
    return tuple(sorted(copies | set(near_duplicates(prints))))


def find_leaks(
    folder: Path, films: Sequence[Film], duplicates: Sequence[tuple[int, int]]
) -> tuple[Leak, ...]:
    """Return copies across splits, then films of a patient who is in an earlier split.

    Args:
        folder: What the user named; files are named below it.
        films: In the order of splits, each of which is one of `SPLITS`.
        duplicates: Of `find_duplicates`.

    Returns:
        The leaks.
    """

    def leak(i: int, j: int, why: str) -> Leak:
        a, b = films[i], films[j]
        return Leak(a.split, below(folder, a.path), b.split, below(folder, b.path), why)

    leaks = []
    told = set()
    for i, j in duplicates:  # films are in the order of splits, so i is in the earlier one
        if films[i].split != films[j].split:
            is_copy = films[i].sha256 == films[j].sha256
            leaks.append(leak(i, j, COPY if is_copy else NEAR_DUPLICATE))
            told.add((films[i].split, j))
    first: dict[tuple[str, str], int] = {}
    for j, film in enumerate(films):
        if not film.patient:
            continue
        first.setdefault((film.patient, film.split), j)
        for split in SPLITS[: SPLITS.index(film.split)]:
            earlier = first.get((film.patient, split))
            if earlier is not None and (split, j) not in told:
                leaks.append(leak(earlier, j, PATIENT))
    return tuple(leaks)


def below(folder: Path, path: Path) -> str:
    """Return a path below a folder with `/`, printable whatever bytes the name holds.

    Args:
        folder: Where the path lies.
        path: A file in it.

    Returns:
        Text that every UTF-8 stream takes.
    """
    return printable(path.relative_to(folder).as_posix())
