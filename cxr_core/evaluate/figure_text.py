"""Figures of an evaluation as text: the number, its interval and its n, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from cxr_core.labels import CLASS_TITLES

NOT_DEFINED: Final = "not defined"


def figure_text(figure: Mapping[str, Any] | None, *, digits: int = 3) -> str:
    """Write a figure with its interval.

    Args:
        figure: {value, low, high}, each `None` where it is not defined; `None` for no figure.
        digits: Decimals.

    Returns:
        For example `0.967 (0.955 to 0.978)`.
    """
    if figure is None or figure.get("value") is None:
        return NOT_DEFINED
    if figure.get("low") is None or figure.get("high") is None:
        return f"{figure['value']:.{digits}f}"
    ends = f"{figure['low']:.{digits}f} to {figure['high']:.{digits}f}"
    return f"{figure['value']:.{digits}f} ({ends})"


def share_text(share: Mapping[str, Any]) -> str:
    """Write a share with its counts and interval.

    Args:
        share: {value, low, high, n_hits, n}.

    Returns:
        For example `58 of 60 (97%, 89% to 99%)`; without films `0 of 0`.
    """
    counts = f"{share['n_hits']:,} of {share['n']:,}"
    if share.get("value") is None:
        return counts
    return f"{counts} ({share['value']:.0%}, {share['low']:.0%} to {share['high']:.0%})"


def counts_text(n_by_class: Mapping[str, int]) -> str:
    """Write counts by class, classes without films left out.

    Args:
        n_by_class: Class name to number of films.

    Returns:
        For example `COVID-19 85, Normal 269`.
    """
    found = [f"{title} {n_by_class[c]:,}" for c, title in CLASS_TITLES.items() if n_by_class.get(c)]
    return ", ".join(found) or "no film"


def films_text(figures: Mapping[str, Any]) -> str:
    """Write how many films a set holds.

    Args:
        figures: Evaluation of one set.

    Returns:
        For example `n = 60 films of 36 patients (Normal 19, Pneumonia 41)`.
    """
    return (
        f"n = {figures['n_films']:,} films of {figures['n_patients']:,} patients "
        f"({counts_text(figures['n_by_class'])})"
    )
