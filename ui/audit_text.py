"""How the Shortcut audit names and writes its measures."""

from __future__ import annotations

from typing import Final

from cxr_core.evaluate.figure_text import decimal, percent

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


def measure_text(value: float, measure: str) -> str:
    """Write a figure without its interval.

    Args:
        value: The figure.
        measure: Key of `MEASURE_TITLES`.

    Returns:
        For example `93.2%`, or `0.984` for AUROC.
    """
    return percent(value, 1) if is_share(measure) else decimal(value)
