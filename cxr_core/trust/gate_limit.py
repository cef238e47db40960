"""The score from which a film is refused, from few films that nothing was fitted to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import exp, sqrt
from typing import Any, Final

import numpy as np

from cxr_core.array import FloatArray

CONFIDENCE: Final = 0.95
MIN_FILMS: Final = 10
"""Below this number of films no limit is set."""


@dataclass(frozen=True)
class Limit:
    """The limit of one class.

    Attributes:
        value: Films with a higher score are refused; `None` where there were too few films.
        n: Films it comes from.
        rule: How it was found, in words.
    """

    value: float | None
    n: int
    rule: str

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON-ready values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Limit:
        """Build a limit from `to_dict`'s values.

        Args:
            content: JSON object.

        Returns:
            The equal limit.

        Raises:
            KeyError: If a field is missing.
        """
        value = content["value"]
        return cls(None if value is None else float(value), int(content["n"]), str(content["rule"]))


def tolerance_limit(scores: FloatArray, share: float, *, confidence: float = CONFIDENCE) -> Limit:
    """Return a score that few films of the kind exceed, however few of them were measured.

    Where there are films enough for it, the order statistic that holds whatever the distribution of
    the scores; else the tolerance limit of a normal distribution of their logarithms, which the
    fewer films there are lies the further beyond them.

    Args:
        scores: Scores above 0 of films that nothing was fitted to, shape (n,).
        share: Largest share of films like these that may lie above the limit, in (0, 1).
        confidence: How sure that is to be, over the draw of these films, in (0, 1).

    Returns:
        The limit; without a value below `MIN_FILMS` films.

    Raises:
        ValueError: If `share` or `confidence` is out of range.

    Notes:
        Films of one patient count as if they were independent. The normal distribution is an
        assumption; where there are too few films for the order statistic nothing checks it.

    References:
        Hahn and Meeker 1991, "Statistical Intervals", sections 4.6 (tolerance bound of a normal
        distribution) and 5.3 (order statistic).
    """
    if not (0 < share < 1 and 0 < confidence < 1):
        msg = "`share` and `confidence` must be in (0, 1). Received: "
        raise ValueError(f"{msg}share={share}, confidence={confidence}")
    n = len(scores)
    if n < MIN_FILMS:
        return Limit(None, n, f"too few films: {MIN_FILMS} are needed")
    logs = np.sort(np.log(np.asarray(scores, np.float64)))
    rank = tolerance_rank(n, share, confidence)
    if rank <= n:
        limit, how = float(logs[rank - 1]), f"score {rank} of {n} in order"
    else:
        factor = tolerance_factor(n, share, confidence)
        limit, how = float(logs.mean() + factor * logs.std(ddof=1)), "a normal curve of log scores"
    # what exp and log round off must not refuse the very film that the limit is made of
    value = exp(limit) * (1 + 1e-12)
    return Limit(
        value, n, f"{confidence:.0%} sure that at most {share:.0%} of such films are above: {how}"
    )


def tolerance_factor(n: int, share: float, confidence: float) -> float:
    """Return how many standard deviations above the mean a normal tolerance limit lies.

    Args:
        n: Number of values, at least 2.
        share: Largest share above the limit.
        confidence: How sure that is to be.

    Returns:
        A quantile of the noncentral t distribution over the root of n.
    """
    from scipy.stats import nct, norm

    return float(nct.ppf(confidence, n - 1, norm.ppf(1 - share) * sqrt(n)) / sqrt(n))


def tolerance_rank(n: int, share: float, confidence: float) -> int:
    """Return which value in ascending order is a tolerance limit whatever the distribution.

    Args:
        n: Number of values, at least 1.
        share: Largest share above the limit.
        confidence: How sure that is to be.

    Returns:
        From 1; n + 1 where there are too few values.
    """
    from scipy.stats import binom

    sure = binom.cdf(np.arange(n), n, 1 - share) >= confidence
    return int(np.argmax(sure)) + 1 if sure.any() else n + 1
