"""Weights that make up for unequal classes, and what the source of a film gives away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cxr_core.labels import CLASSES

NOT_STATED: Final = "not stated"
"""Source or subtype of films of which none is known."""


def class_weights_max(counts: Mapping[str, int]) -> dict[str, float]:
    """Return the largest class's count over each class's count.

    The largest class weighs 1 and every other more, so the mean loss grows with the imbalance.

    Args:
        counts: Class to number of films, each at least 1.

    Returns:
        Class to weight, at least 1.

    Raises:
        ValueError: If a class has no film.
    """
    _check_counts(counts)
    largest = max(counts.values())
    return {label: largest / count for label, count in counts.items()}


def class_weights_inverse(counts: Mapping[str, int]) -> dict[str, float]:
    """Return n / (k · count) of each class, with n films and k classes.

    The weights average 1 over the films, so the loss keeps its scale and the learning rate its
    meaning.

    Args:
        counts: Class to number of films, each at least 1.

    Returns:
        Class to weight.

    Raises:
        ValueError: If a class has no film.

    References:
        scikit-learn's `class_weight="balanced"`, after G. King and L. Zeng, "Logistic Regression
        in Rare Events Data", Political Analysis 9, 2001.
    """
    _check_counts(counts)
    total = sum(counts.values())
    return {label: total / (len(counts) * count) for label, count in counts.items()}


def source_separability(
    n_by_source: Mapping[str, Mapping[str, int]],
) -> dict[str, float] | None:
    """Tell how well the source alone, without any pixel, tells a class from the rest.

    The figure is the balanced accuracy of the best rule that sees nothing but the source:
    (1 + Σ|P(s | class) - P(s | rest)| / 2) / 2. It is 0.5 where class and source are independent
    and 1 where no source of the class has a film of another.

    Args:
        n_by_source: Source to class to number of films. Films of source `NOT_STATED` are left out.

    Returns:
        Class to balanced accuracy in [0.5, 1], for classes that have films and a rest; `None`
        where no source is stated.

    Notes:
        The rule is chosen and measured on the same films. That is right for a description of these
        films; with many small sources it says little about others.

    References:
        J. Zech et al., "Variable generalization performance of a deep learning model to detect
        pneumonia in chest radiographs", PLoS Medicine 15, 2018 (the source as a shortcut).
    """
    stated = {source: row for source, row in n_by_source.items() if source != NOT_STATED}
    if not stated:
        return None
    totals = {label: sum(row.get(label, 0) for row in stated.values()) for label in CLASSES}
    n_films = sum(totals.values())
    result = {}
    for label, n_own in totals.items():
        n_rest = n_films - n_own
        if not n_own or not n_rest:
            continue
        distance = sum(
            abs(row.get(label, 0) / n_own - (sum(row.values()) - row.get(label, 0)) / n_rest)
            for row in stated.values()
        )
        result[label] = (1 + distance / 2) / 2
    return result


def _check_counts(counts: Mapping[str, int]) -> None:
    """Refuse classes without films, whose weight would be infinite."""
    if not counts or min(counts.values()) < 1:
        msg = f"`counts` must be at least 1 for each class. Received: {dict(counts)}"
        raise ValueError(msg)
