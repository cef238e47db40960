"""The same systems on parts of the films: by source, view, subtype and age."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from cxr_core.array import BoolArray, IntArray
from cxr_core.evaluate.metrics import patient_wilson
from cxr_core.evaluate.reads import GROUPINGS, FilmList
from cxr_core.labels import CLASS_TITLES, CLASSES

MIN_FILMS: Final = 20
"""Fewer films than this give no share: the interval would hold nearly everything."""

TOO_FEW: Final = f"too few: under {MIN_FILMS} films"
_COVID19: Final = CLASSES.index("COVID19")


def subgroups_of(films: FilmList, called: Mapping[str, IntArray]) -> dict[str, Any]:
    """Measure each group of films.

    Args:
        films: The films.
        called: System name to the class it calls each film, shape (n,).

    Returns:
        `groups`: grouping to one object a group, the largest first and films of which nothing is
        stated last: `group` (empty for those), `n`, `n_patients`, `n_by_class`, `is_too_few` and
        `systems`, each with `accuracy`, `recall` by class, `called_COVID19` (of all films) and
        `false_COVID19` (of films without it), as {value, low, high, n_hits, n} with a `reason`
        where they are `None`. `not_stated`: groupings that nobody told of any film.
    """
    return {
        "min_films": MIN_FILMS,
        "groups": {
            name: _groups(films, np.array(films.groups[name]), called)
            for name in GROUPINGS
            if name in films.groups
        },
        "not_stated": [name for name in GROUPINGS if name not in films.groups],
    }


def _groups(
    films: FilmList, words: npt.NDArray[np.str_], called: Mapping[str, IntArray]
) -> list[dict[str, Any]]:
    """Return one object a group, those with a word first, then by size."""
    sizes = {str(word): int((words == word).sum()) for word in np.unique(words)}
    order = sorted(sizes, key=lambda word: (not word, -sizes[word], word))
    return [_group(films, words == word, word, called) for word in order]


def _group(
    films: FilmList, rows: BoolArray, word: str, called: Mapping[str, IntArray]
) -> dict[str, Any]:
    """Measure one group."""
    own = films.take(rows)
    is_too_few = len(own) < MIN_FILMS
    return {
        "group": word,
        "n": len(own),
        "n_patients": own.n_patients,
        "n_by_class": own.n_by_class,
        "is_too_few": is_too_few,
        "systems": {name: _shares(own, calls[rows]) for name, calls in called.items()},
    }


def _shares(films: FilmList, calls: IntArray) -> dict[str, Any]:
    """Return what one system makes of some films."""
    everything = np.ones(len(films), bool)
    without = films.y_true != _COVID19
    is_right, is_covid19 = calls == films.y_true, calls == _COVID19
    return {
        "accuracy": _share(films, is_right, everything, "there is no film"),
        "recall": {
            label: _share(films, is_right, films.y_true == k, f"no film is of {title}")
            for k, (label, title) in enumerate(CLASS_TITLES.items())
        },
        "called_COVID19": _share(films, is_covid19, everything, "there is no film"),
        "false_COVID19": _share(films, is_covid19, without, "every film is of COVID-19"),
    }


def _share(
    films: FilmList,
    is_hit: BoolArray,
    of: BoolArray,
    reason_none: str,
) -> dict[str, Any]:
    """Return the share of some films, or why there is none."""
    found = patient_wilson(is_hit[of], films.patient[of]).to_dict()
    if found["n"] >= MIN_FILMS:
        return found
    reason = TOO_FEW if found["n"] else reason_none
    return {**found, "value": None, "low": None, "high": None, "reason": reason}
