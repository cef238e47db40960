"""What a positive or negative call is worth at a prevalence, by Bayes, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log, sqrt
from statistics import NormalDist
from typing import Any

from cxr_core.evaluate.metrics import Proportion
from cxr_core.evaluate.resample import CONFIDENCE


def predictive_values(
    sensitivity: Proportion,
    specificity: Proportion,
    worth: Sequence[float],
    prevalence: float,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return positive and negative predictive value at a prevalence, by Bayes.

    Args:
        sensitivity: Share of the class's films called it.
        specificity: Share of the other films not called it.
        worth: How many independent films each is worth.
        prevalence: In (0, 1).

    Returns:
        Both as {value, low, high}; `None` with a `reason` where a side has no films, or where
        nothing would be called (or everything).

    Raises:
        ValueError: If `prevalence` is not in (0, 1).

    References:
        Mercaldo, Lau and Zhou 2007, doi:10.1002/sim.2677 (logit intervals, with adjusted shares
        where one is 0 or 1).
    """
    if not 0 < prevalence < 1:
        msg = f"`prevalence` must be in (0, 1). Received: prevalence={prevalence}"
        raise ValueError(msg)
    found, missed = sensitivity.value, specificity.value
    if found is None or missed is None:
        why = "films of the class and other films are needed"
        return _nothing(why), _nothing(why)
    n = (worth[0], worth[1])
    adjusted = [_adjusted(share, size) for share, size in zip((found, missed), n, strict=True)]
    return (
        _bayes((found, 1 - missed), (adjusted[0], 1 - adjusted[1]), n, prevalence),
        _bayes((missed, 1 - found), (adjusted[1], 1 - adjusted[0]), n[::-1], 1 - prevalence),
    )


def _bayes(
    shares: tuple[float, float],
    adjusted: tuple[float, float],
    n: tuple[float, float],
    prior: float,
) -> dict[str, Any]:
    """Return prior times the ratio of both shares, with the interval of its logarithm."""
    right, wrong = shares[0] * prior, shares[1] * (1 - prior)
    if right + wrong == 0:
        return _nothing("no film is called so")
    value = right / (right + wrong)
    centre = log(adjusted[0] / adjusted[1]) + log(prior / (1 - prior))
    variance = sum((1 - share) / (size * share) for share, size in zip(adjusted, n, strict=True))
    half = NormalDist().inv_cdf((1 + CONFIDENCE) / 2) * sqrt(variance)
    low, high = (1 / (1 + exp(-(centre + sign * half))) for sign in (-1, 1))
    return {"value": value, "low": min(low, value), "high": max(high, value)}


def _adjusted(share: float, n: float) -> float:
    """Move a share of 0 or 1 inwards, as Agresti and Coull do; leave the others."""
    if 0 < share < 1:
        return share
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    return (share * n + z**2 / 2) / (n + z**2)


def _nothing(reason: str) -> dict[str, Any]:
    """Return a value that there is none of."""
    return {"value": None, "low": None, "high": None, "reason": reason}
