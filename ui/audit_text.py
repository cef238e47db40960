"""How the Shortcut audit writes figures and shares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ui.performance_view import NBSP

MEASURE_TITLES: Final = {
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "macro_auroc": "AUROC",
}
MEASURE_MEANINGS: Final = {
    "accuracy": "**Accuracy**: films called their own class, of all films. It is high for whoever "
    "always names the commonest class.",
    "balanced_accuracy": "**Balanced accuracy**: the share of its films found, averaged over the "
    "classes, so that a rare class counts like a common one. Guessing finds a third.",
    "macro_auroc": "**AUROC**: how often a film of a class is scored higher for it than a film of "
    "another class, averaged over the classes. 0.5 is guessing.",
}


def is_share(measure: str) -> bool:
    """Tell whether a measure is a share, to be written as per cent."""
    return measure != "macro_auroc"


def figure_text(value: float, measure: str) -> str:
    """Write a figure without its interval.

    Args:
        value: The figure.
        measure: Key of `MEASURE_TITLES`.

    Returns:
        For example `93.2%`, or `0.984` for AUROC.
    """
    return f"{value:.1%}" if is_share(measure) else f"{value:.3f}"


def share_text(share: Mapping[str, Any]) -> str:
    """Write a share with counts and interval.

    Args:
        share: {value, low, high, n_hits, n}.

    Returns:
        For example `57 of 60 (86% to 98%)`.
    """
    if share["value"] is None:
        return "no film"
    ends = f"{share['low']:.0%}{NBSP}to{NBSP}{share['high']:.0%}"
    return f"{share['n_hits']:,}{NBSP}of{NBSP}{share['n']:,} ({ends})"
