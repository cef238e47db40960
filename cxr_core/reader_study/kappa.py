"""Agreement beyond chance: Cohen's kappa of two, Fleiss's kappa of several, with intervals.

Categories have no order here (COVID-19 does not lie between normal and pneumonia), so kappa is
unweighted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from cxr_core.array import Float64Array, IntArray
from cxr_core.evaluate.resample import N_RESAMPLES, Resamples, interval_ends
from cxr_core.evaluate.subgroup import MIN_FILMS, TOO_FEW

NO_COMMON_FILM: Final = "no film was answered by all of them"
ONE_READER: Final = "one reader alone agrees with nobody"
ALL_THE_SAME: Final = "all answers are the same, so chance alone explains that they agree"
RARELY_DEFINED: Final = "not defined in most resamples, which hold one answer only"


@dataclass(frozen=True)
class Kappa:
    """Agreement beyond chance.

    Attributes:
        value: At most 1; `None` where it is not defined.
        observed: Share of answers (of pairs of answers for several) that agree, or `None`.
        expected: The share that chance alone would give, or `None`.
        n: Films.
    """

    value: float | None
    observed: float | None
    expected: float | None
    n: int


def cohen_kappa(a: Sequence[int] | IntArray, b: Sequence[int] | IntArray, n_classes: int) -> Kappa:
    """Return Cohen's unweighted kappa of two.

    Args:
        a: Answers of one as indices in [0, n_classes), shape (n,).
        b: Answers of the other to the same films, shape (n,).
        n_classes: Number of possible answers.

    Returns:
        (observed - expected) / (1 - expected), where expected is the sum over answers of the
        product of both shares. Not defined without films, and where both always give one and the
        same answer.

    References:
        Cohen 1960, doi:10.1177/001316446002000104, equation 1.
    """
    table = _tables(np.asarray(a), np.asarray(b), n_classes)
    return _of_shares(*_cohen_shares(table.sum(axis=0)[None]), n=len(a))


def fleiss_kappa(counts: Sequence[Sequence[int]] | IntArray) -> Kappa:
    """Return Fleiss's kappa of several.

    Args:
        counts: Times each answer was given to each film, shape (n, k); every row adds up to the
            same number of readers, at least 2.

    Returns:
        (observed - expected) / (1 - expected), where observed is the mean over films of the share
        of pairs of readers that agree. Not defined without films, and where all answers are the
        same.

    Raises:
        ValueError: If films have different numbers of answers, or fewer than 2.

    References:
        Fleiss 1971, doi:10.1037/h0031619, equations 2 to 7.
    """
    table = np.asarray(counts, np.float64)
    if table.ndim != 2 or (len(table) and (np.ptp(table.sum(1)) or table[0].sum() < 2)):
        msg = f"`counts` must have rows of one sum of 2 or more. Received: shape={table.shape}"
        raise ValueError(msg)
    return _of_shares(*_fleiss_shares(table, np.ones((1, len(table)))), n=len(table))


def cohen_figure(
    a: Sequence[int], b: Sequence[int], n_classes: int, *, seed: int = 0
) -> dict[str, Any]:
    """Return Cohen's kappa as a figure with a bootstrap interval.

    Args:
        a: As in `cohen_kappa`.
        b: As in `cohen_kappa`.
        n_classes: As in `cohen_kappa`.
        seed: Of the resamples.

    Returns:
        {value, low, high, n, observed, expected}, and `reason` where one of the first three is
        `None`. Under 20 films there is no value. The interval resamples films with replacement;
        ends are the 2.5 % and 97.5 % quantiles.

    References:
        Efron and Tibshirani 1993, chapter 13 (percentile interval).
    """
    found = cohen_kappa(a, b, n_classes)
    tables = _tables(np.asarray(a), np.asarray(b), n_classes).reshape(len(a), n_classes**2)
    drawn: list[Float64Array] = []
    if found.value is not None:
        resamples = Resamples.draw(range(len(a)), n_resamples=N_RESAMPLES, seed=seed)
        for weights in resamples.weights():
            several = (weights @ tables).reshape(-1, n_classes, n_classes)
            drawn.append(_kappas(*_cohen_shares(several)))
    return _figure(found, drawn, NO_COMMON_FILM)


def fleiss_figure(
    counts: Sequence[Sequence[int]] | IntArray, n_readers: int, *, seed: int = 0
) -> dict[str, Any]:
    """Return Fleiss's kappa as a figure with a bootstrap interval.

    Args:
        counts: As in `fleiss_kappa`; films that all readers answered.
        n_readers: Number of readers.
        seed: Of the resamples.

    Returns:
        As `cohen_figure`, and `n_readers`.
    """
    table = np.asarray(counts, np.float64).reshape(-1, np.shape(counts)[-1])
    if n_readers < 2:
        found, none = Kappa(None, None, None, len(table)), ONE_READER
        return {**_figure(found, [], none, reason=none), "n_readers": n_readers}
    found = fleiss_kappa(table.astype(np.int64))
    drawn: list[Float64Array] = []
    if found.value is not None:
        resamples = Resamples.draw(range(len(table)), n_resamples=N_RESAMPLES, seed=seed)
        drawn = [_kappas(*_fleiss_shares(table, weights)) for weights in resamples.weights()]
    return {**_figure(found, drawn, NO_COMMON_FILM), "n_readers": n_readers}


def _tables(a: IntArray, b: IntArray, n_classes: int) -> Float64Array:
    """Return one table a film with a single 1 in it, shape (n, k, k)."""
    if a.shape != b.shape or a.ndim != 1:
        msg = f"`a` and `b` must have one shape (n,). Received: {a.shape} and {b.shape}"
        raise ValueError(msg)
    tables = np.zeros((len(a), n_classes, n_classes))
    if len(a):
        tables[np.arange(len(a)), a, b] = 1
    return tables


def _cohen_shares(tables: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Return observed and expected agreement of several tables, shape (m, k, k)."""
    n = np.maximum(tables.sum(axis=(1, 2)), 1)
    observed = np.trace(tables, axis1=1, axis2=2) / n
    expected = (tables.sum(axis=1) * tables.sum(axis=2)).sum(axis=1) / n**2
    return observed, expected


def _fleiss_shares(table: Float64Array, weights: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Return observed and expected agreement, films weighted in several ways, shape (m, n)."""
    n = np.maximum(weights.sum(axis=1), 1)
    n_readers = table[0].sum() if len(table) else 2.0
    agreeing = ((table**2).sum(axis=1) - n_readers) / (n_readers * (n_readers - 1))
    shares = (weights @ table) / (n * n_readers)[:, None]
    return (weights @ agreeing) / n, (shares**2).sum(axis=1)


def _kappas(observed: Float64Array, expected: Float64Array) -> Float64Array:
    """Return kappa of several, not a number where it is not defined."""
    kappas = np.full(len(observed), np.nan)
    is_defined = expected < 1 - 1e-12
    kappas[is_defined] = (observed - expected)[is_defined] / (1 - expected)[is_defined]
    return kappas


def _of_shares(observed: Float64Array, expected: Float64Array, *, n: int) -> Kappa:
    """Return kappa of one."""
    if not n:
        return Kappa(None, None, None, 0)
    value = float(_kappas(observed, expected)[0])
    return Kappa(None if np.isnan(value) else value, float(observed[0]), float(expected[0]), n)


def _figure(
    found: Kappa, drawn: Sequence[Float64Array], none: str, *, reason: str | None = None
) -> dict[str, Any]:
    """Return a figure with its interval, or why there is none."""
    low = high = None
    value = found.value
    if reason is None and not found.n:
        reason = none
    elif reason is None and found.n < MIN_FILMS:
        value, reason = None, TOO_FEW
    elif value is None:
        reason = reason or ALL_THE_SAME
    else:
        low, high = interval_ends(np.concatenate(drawn))
        reason = RARELY_DEFINED if low is None else None
    figure = {
        "value": value,
        "low": low,
        "high": high,
        "n": found.n,
        "observed": found.observed,
        "expected": found.expected,
    }
    return figure if reason is None else {**figure, "reason": reason}
