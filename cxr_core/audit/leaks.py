"""Copies and patients on both sides of a split, as counts, and with file names on request.

Copies are found twice: every pair of films is compared as it is, and every test film is searched
for among the others at other crops, sizes and turns, mirrored and inverted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from cxr_core.audit.films import WHOLE
from cxr_core.audit.look import Looks
from cxr_core.audit.overlap import FingerprintIndex
from cxr_core.dataset.film import Film
from cxr_core.dataset.leak import (
    COPY,
    LEAK_KINDS,
    NEAR_DUPLICATE,
    find_duplicates,
    find_leaks,
)
from cxr_core.explain.fidelity.step import OnStep, Steps
from cxr_core.io import read_path
from cxr_core.labels import CLASSES

TWO_CLASSES: Final = "two_classes"
CHANGED: Final = "changed_copy"
"""Kind of a leak: a test film that is a changed copy of another."""

Pair = tuple[int, int]


def leak_counts(
    looks: Looks, *, names: bool = False, on_step: OnStep | None = None
) -> dict[str, Any]:
    """Find copies and leaks among films.

    Args:
        looks: The films.
        names: Name the files; what is published names none.
        on_step: Progress and cancel, one step a test film.

    Returns:
        `has_splits`; `pairs`: copies by kind and how many carry two classes; `leaks`: by kind, and
        how many of the copies across splits carry two classes; `classes_of_two`: for each pair of
        two classes its classes and splits; `files`: with `names` one object a pair or leak.
    """
    films = listed(looks)
    pairs = find_duplicates(films, looks.fingerprints)
    has_splits = WHOLE not in looks.films.splits
    leaks = find_leaks(looks.films.folder, films, pairs) if has_splits else ()
    changed = [pair for pair in changed_copies(looks, on_step=on_step) if pair not in set(pairs)]
    two = [(films[i], films[j]) for i, j in (*pairs, *changed) if films[i].label != films[j].label]
    n_copies = sum(films[i].sha256 == films[j].sha256 for i, j in pairs)
    found: dict[str, Any] = {
        "has_splits": has_splits,
        "patients_from": looks.films.films.patients_from,
        "pairs": {
            COPY: n_copies,
            NEAR_DUPLICATE: len(pairs) - n_copies,
            TWO_CLASSES: len(two),
        },
        "leaks": {
            **{kind: sum(leak.why == kind for leak in leaks) for kind in LEAK_KINDS},
            CHANGED: len(changed),
        },
        "classes_of_two": [
            {"classes": [a.label, b.label], "splits": [a.split, b.split]} for a, b in two
        ],
    }
    if names:
        found["files"] = [
            {"files": [leak.file_a, leak.file_b], "why": leak.why, "crosses": True}
            for leak in leaks
        ]
        found["files"] += [
            {"files": [looks.films.name(i), looks.films.name(j)], "why": CHANGED, "crosses": True}
            for i, j in changed
        ]
        found["files"] += _inside(looks, films, pairs)
    return found


def changed_copies(looks: Looks, *, on_step: OnStep | None = None) -> list[Pair]:
    """Search every test film among the other films.

    Args:
        looks: The films.
        on_step: Progress and cancel, one step a test film.

    Returns:
        Positions of the other film and of the test film; none without a test split.

    Raises:
        CancelledCheckError: If the callback says so.
    """
    own = looks.films
    if not own.has_test:
        return []
    index = FingerprintIndex.of(looks.coefficients[own.learnt], [own.splits[i] for i in own.learnt])
    steps = Steps(len(own.judged), on_step)
    found = []
    for j in own.judged.tolist():
        match = index.nearest(read_path(own.paths[j]).image)
        if match is not None and match.is_overlap:
            i = int(own.learnt[match.position])
            found.append((min(i, j), max(i, j)))
        steps.advance()
    return found


def listed(looks: Looks) -> list[Film]:
    """Return the films as the data set's functions take them.

    Args:
        looks: The films.

    Returns:
        One film a look; a patient is its number.
    """
    own = looks.films
    return [
        Film(path, CLASSES[label], split, digest, str(patient))
        for path, label, split, digest, patient in zip(
            own.paths,
            own.films.y_true.tolist(),
            own.splits,
            own.films.sha256,
            own.films.patient.tolist(),
            strict=True,
        )
    ]


def _inside(
    looks: Looks, films: Sequence[Film], pairs: Sequence[tuple[int, int]]
) -> list[dict[str, Any]]:
    """Return the pairs inside a split with their files."""
    return [
        {
            "files": [looks.films.name(i), looks.films.name(j)],
            "why": COPY if films[i].sha256 == films[j].sha256 else NEAR_DUPLICATE,
            "crosses": False,
        }
        for i, j in pairs
        if films[i].split == films[j].split
    ]
