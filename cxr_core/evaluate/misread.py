"""Films that a system calls wrongly, the surest of them first; and films that look alike to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cxr_core.array import Float64Array, FloatArray
from cxr_core.evaluate.reads import FilmList
from cxr_core.evaluate.weighted import divide
from cxr_core.labels import CLASSES, class_index


@dataclass(frozen=True)
class Misread:
    """One film that is called another class than its own.

    Attributes:
        row: Position in the list of films, from 0.
        sha256: Digest of its bytes.
        true: Its class.
        called: The class it is called.
        p_called: Probability of the class it is called.
        p_true: Probability of its own class.
        n_wrong: Systems that call it wrongly.
        words: Grouping to its word, where one is stated.
    """

    row: int
    sha256: str
    true: str
    called: str
    p_called: float
    p_true: float
    n_wrong: int
    words: Mapping[str, str]


def misread_films(
    films: FilmList,
    probs: Mapping[str, Float64Array],
    system: str,
    *,
    true: str | None = None,
    called: str | None = None,
) -> list[Misread]:
    """Return the films that one system calls wrongly.

    Args:
        films: The films.
        probs: System name to probabilities, shape (n, 3); all of them count for `n_wrong`.
        system: Whose errors.
        true: Only films of this class; of any if `None`.
        called: Only films called this class.

    Returns:
        The errors, the surest first; of equally sure ones the earlier film.

    Raises:
        ValueError: If a class is not known.
    """
    calls = {name: values.argmax(axis=1) for name, values in probs.items()}
    own = calls[system]
    is_shown = own != films.y_true
    if true is not None:
        is_shown &= films.y_true == class_index(true)
    if called is not None:
        is_shown &= own == class_index(called)
    n_wrong = sum((found != films.y_true).astype(int) for found in calls.values())
    sure = probs[system][np.arange(len(films)), own] if len(films) else np.empty(0)
    rows = sorted(np.flatnonzero(is_shown).tolist(), key=lambda row: (-sure[row], row))
    return [
        Misread(
            row=row,
            sha256=films.sha256[row],
            true=CLASSES[films.y_true[row]],
            called=CLASSES[own[row]],
            p_called=float(sure[row]),
            p_true=float(probs[system][row, films.y_true[row]]),
            n_wrong=int(np.asarray(n_wrong)[row]),
            words={name: words[row] for name, words in films.groups.items() if words[row]},
        )
        for row in rows
    ]


def joined_features(features: Mapping[str, FloatArray], members: Sequence[str]) -> Float64Array:
    """Join the features of some members, each brought to length 1 so that none outweighs another.

    Args:
        features: Member name to features, shape (n, c).
        members: Names of the members.

    Returns:
        Shape (n, sum of c), each row of length 1 (of length 0 where all features are 0).
    """
    parts = [_unit(np.asarray(features[name], np.float64)) for name in members]
    return np.asarray(np.concatenate(parts, axis=1) / np.sqrt(len(parts)))


def nearest_rows(
    feature: Float64Array, reference: Float64Array, *, k: int
) -> list[tuple[int, float]]:
    """Find the rows that are most alike.

    Args:
        feature: Shape (c,), of length 1.
        reference: Shape (n, c), rows of length 1.
        k: How many.

    Returns:
        Row and cosine of the angle, in [-1, 1], the most alike first; at most k of them.
    """
    alike = reference @ feature
    order = np.argsort(-alike, kind="stable")[:k]
    return [(int(row), float(np.clip(alike[row], -1.0, 1.0))) for row in order]


def _unit(rows: Float64Array) -> Float64Array:
    """Bring every row to length 1; a row of nothing stays."""
    return divide(rows, np.linalg.norm(rows, axis=1, keepdims=True), otherwise=0.0)
