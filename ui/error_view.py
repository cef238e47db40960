"""What is said of films that are called wrongly, and of films that look alike; nothing drawn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cxr_core.evaluate.misread import Misread
from cxr_core.labels import CLASS_TITLES, CLASSES, system_title
from ui.performance_comparison_view import GROUPING_TITLES, NOT_STATED

if TYPE_CHECKING:
    from ui.evidence import Evidence

SURE: Final = 0.9
"""Probability from which an error is called a sure one."""

_DIGEST: Final = 8


@dataclass(frozen=True)
class Alike:
    """A film that is near another by its features.

    Attributes:
        sha256: Digest of its bytes.
        label: Its class.
        cosine: Of the angle between both films' features, in [-1, 1].
        source: Where it comes from; empty if not stated.
        is_same_exposure: True if both show one exposure, whatever the bytes.
    """

    sha256: str
    label: str
    cosine: float
    source: str
    is_same_exposure: bool


def film_name(row: int, sha256: str) -> str:
    """Name a film by its number and the start of its digest.

    Args:
        row: Position in its set, from 0.
        sha256: Digest of its bytes.

    Returns:
        For example `film 12 (3f2a99c0)`.
    """
    return f"film {row + 1:,} ({sha256[:_DIGEST]})"


def error_sentence(evidence: Evidence, errors: Sequence[Misread], system: str) -> str:
    """Say how many films a system calls wrongly, and how surely.

    Args:
        evidence: The films.
        errors: Those that the reader chose to see.
        system: Name of the system.

    Returns:
        A Markdown sentence.
    """
    n, n_sure = len(errors), sum(error.p_called >= SURE for error in errors)
    if not errors:
        return f"{system_title(system)} calls no such film wrongly."
    n_all = sum(error.n_wrong == len(evidence.systems) for error in errors)
    return (
        f"**{n:,} of {evidence.evaluation['n_films']:,} films** called wrongly by "
        f"{system_title(system)}, the surest first; {n_sure:,} of them with a probability of "
        f"{SURE:.0%} or more, {n_all:,} by every system."
    )


def error_rows(evidence: Evidence, errors: Sequence[Misread]) -> list[dict[str, Any]]:
    """Return one row an error.

    Args:
        evidence: The films.
        errors: From `misread_films`.

    Returns:
        Column title to value.
    """
    groupings = [name for name in GROUPING_TITLES if any(name in e.words for e in errors)]
    return [
        {
            "Film": error.row + 1,
            "Digest": error.sha256[:_DIGEST],
            "True class": CLASS_TITLES[error.true],
            "Called": CLASS_TITLES[error.called],
            "Score of the call": error.p_called,
            "Score of its class": error.p_true,
            "Systems wrong": f"{error.n_wrong} of {len(evidence.systems)}",
            **{GROUPING_TITLES[name]: error.words.get(name, NOT_STATED) for name in groupings},
        }
        for error in errors
    ]


def film_rows(evidence: Evidence) -> list[dict[str, Any]]:
    """Return one row a film with what every system says of it, for a file.

    Args:
        evidence: Films whose reads are known.

    Returns:
        Column title to value; empty where no reads are known.
    """
    if evidence.reads is None:
        return []
    films = evidence.reads.films
    raw, calibrated = evidence.probs(is_raw=True), evidence.calibrated
    rows = []
    for i, digest in enumerate(films.sha256):
        row: dict[str, Any] = {
            "film": i + 1,
            "sha256": digest,
            "patient": int(films.patient[i]),
            "class": CLASSES[films.y_true[i]],
            **{name: words[i] for name, words in films.groups.items()},
        }
        for system, probs in raw.items():
            row[f"{system}_called"] = CLASSES[int(probs[i].argmax())]
            for k, label in enumerate(CLASSES):
                row[f"{system}_{label}_raw"] = round(float(probs[i, k]), 6)
                if system in calibrated:
                    found = round(float(calibrated[system][i, k]), 6)
                    row[f"{system}_{label}_calibrated"] = found
        rows.append(row)
    return rows


def alike_sentence(error: Misread, alike: Sequence[Alike]) -> str:
    """Say what the nearest films have in common.

    Args:
        error: The film they are near to.
        alike: The nearest ones.

    Returns:
        A Markdown sentence.
    """
    if not alike:
        return "No other film was read."
    n = len(alike)
    by_class = Counter(CLASS_TITLES[film.label] for film in alike).most_common()
    classes = ", ".join(f"{title} {count}" for title, count in by_class)
    text = (
        f"The {n} nearest films: {classes}. The film is of {CLASS_TITLES[error.true]} and called "
        f"{CLASS_TITLES[error.called]}."
    )
    sources = Counter(film.source for film in alike if film.source)
    if sources:
        source, count = sources.most_common(1)[0]
        text += f" {count} of {n} come from {source}"
        own = error.words.get("source")
        text += f", it from {own}." if own else "."
    n_same = sum(film.is_same_exposure for film in alike)
    if n_same:
        text += (
            f" **{n_same} of them {'shows' if n_same == 1 else 'show'} the same exposure**: the "
            "film is known from training, and its score says little."
        )
    return text
