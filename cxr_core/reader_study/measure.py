"""Shares, medians and differences of answers, each with n and interval, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import comb
from statistics import median
from typing import Any, Final

import numpy as np

from cxr_core.evaluate.figure import figure
from cxr_core.evaluate.figure_text import decimal
from cxr_core.evaluate.metrics import patient_wilson
from cxr_core.evaluate.resample import CONFIDENCE, N_RESAMPLES, Resamples
from cxr_core.evaluate.subgroup import MIN_FILMS, TOO_FEW

_TAIL: Final = (1 - CONFIDENCE) / 2


def share(is_hit: Sequence[bool], films: Sequence[str], none: str) -> dict[str, Any]:
    """Return a share of answers.

    Args:
        is_hit: One value an answer.
        films: Film of each answer; answers of several readers to one film count together.
        none: Why there is no share where there is no answer.

    Returns:
        {value, low, high, n_hits, n}, and `reason` where the first three are `None`: under 20
        films there is no share. Wilson's interval, with as many answers as independent ones would
        tell as much.
    """
    numbers = {film: i for i, film in enumerate(dict.fromkeys(films))}
    found = patient_wilson(
        np.array(is_hit, bool).reshape(-1), np.array([numbers[film] for film in films], np.int64)
    ).to_dict()
    if len(numbers) >= MIN_FILMS:
        return found
    reason = TOO_FEW if numbers else none
    return {**found, "value": None, "low": None, "high": None, "reason": reason}


def median_figure(values: Sequence[float], none: str) -> dict[str, Any]:
    """Return the median of one number a film with an interval that assumes no distribution.

    Args:
        values: One number a film.
        none: Why there is no median where there is no film.

    Returns:
        {value, low, high, n}, and `reason` where the first three are `None`. The ends are the
        values of the ranks between which the median lies with at least 95 % probability.

    References:
        Conover 1999, Practical Nonparametric Statistics, 3rd edition, section 3.2 (binomial ranks).
    """
    n = len(values)
    if n < MIN_FILMS:
        reason = TOO_FEW if n else none
        return {"value": None, "low": None, "high": None, "n": n, "reason": reason}
    ordered = sorted(values)
    rank = _rank(n)
    return {
        "value": float(median(ordered)),
        "low": float(ordered[rank - 1]),
        "high": float(ordered[n - rank]),
        "n": n,
    }


def difference(
    gains: Sequence[float], films: Sequence[str], none: str, *, seed: int = 0
) -> dict[str, Any]:
    """Return the mean of a difference that was taken film by film.

    Args:
        gains: One number an answer, for example 1 for changed to right and -1 for to wrong.
        films: Film of each; films are resampled with all their answers.
        none: Why there is none where there is no answer.
        seed: Of the resamples.

    Returns:
        {value, low, high, n}, and `reason` where one of the first three is `None`.
    """
    n_films = len(set(films))
    if n_films < MIN_FILMS:
        reason = TOO_FEW if n_films else none
        return {"value": None, "low": None, "high": None, "n": len(gains), "reason": reason}
    values = np.array(gains, np.float64)
    resamples = Resamples.draw(list(films), n_resamples=N_RESAMPLES, seed=seed)
    found = figure(float(values.mean()), resamples.means(values), resamples.n_patients)
    return {**found, "n": len(gains)}


def figure_words(figure: Mapping[str, Any], *, digits: int = 2) -> str:
    """Write a figure for a person.

    Args:
        figure: {value, low, high, n}, `n_hits` for a share, `reason` where one is `None`.
        digits: Decimals.

    Returns:
        For example `0.84 (0.71 to 0.92, n = 40)` or `3 of 7, too few: under 20 films`.
    """
    counts = f"{figure['n_hits']} of {figure['n']}" if "n_hits" in figure else f"n = {figure['n']}"
    if figure["value"] is None:
        return f"{counts}, {figure['reason']}" if figure["n"] else figure["reason"]
    value = decimal(figure["value"], digits)
    if figure["low"] is None:
        return f"{value} ({counts}; no interval: {figure['reason']})"
    low, high = (decimal(figure[end], digits) for end in ("low", "high"))
    return f"{value} ({low} to {high}, {counts})"


def _rank(n: int) -> int:
    """Return the largest rank below which the median lies with at most that probability."""
    rank, below = 0, 0
    while (below + comb(n, rank)) / 2**n <= _TAIL:
        below += comb(n, rank)
        rank += 1
    return rank
