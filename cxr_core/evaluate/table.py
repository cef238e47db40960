"""An evaluation as lines of text: one row a system, and which are told apart from the best."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from cxr_core.evaluate.figure_text import figure_text
from cxr_core.evaluate.paired import against, best_system, is_told_apart
from cxr_core.labels import CLASS_TITLES, system_title
from cxr_core.text_table import aligned

COLUMNS: Final = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_auroc": "macro AUROC",
    "log_loss": "log loss",
    "recall_COVID19": "COVID-19 recall",
}
"""Figure to the title of its column."""

_FREE: Final = {"majority": "no learning: commonest class", "prior": "no learning: class shares"}


def table_lines(evaluation: Mapping[str, Any]) -> list[str]:
    """Return the short form of an evaluation.

    Args:
        evaluation: Of schema `cxr-evaluation/2`.

    Returns:
        Lines for a terminal.
    """
    counts = ", ".join(f"{CLASS_TITLES[k]} {n:,}" for k, n in evaluation["n_by_class"].items())
    lines = [
        f"n = {evaluation['n_films']:,} films of {evaluation['n_patients']:,} patients ({counts}); "
        f"intervals: 95%, {evaluation['n_resamples']:,} resamples of patients"
    ]
    if evaluation["patients_from"] == "none":
        lines.append("patients are not known: every film counts as a patient of its own")
    named = {system_title(name): system for name, system in evaluation["systems"].items()}
    named |= {_FREE[name]: evaluation["learning_free"][name] for name in _FREE}
    rows = [["", *COLUMNS.values()]]
    rows += [
        [title, *(figure_text(system["figures"][name]) for name in COLUMNS)]
        for title, system in named.items()
    ]
    lines += aligned(rows)
    return [*lines, *comparison_lines(evaluation)]


def comparison_lines(evaluation: Mapping[str, Any]) -> list[str]:
    """Say which systems are told apart from the one with the highest accuracy.

    Args:
        evaluation: Of schema `cxr-evaluation/2`.

    Returns:
        One line, or none where there is nothing to compare.
    """
    best = best_system(evaluation)
    others = against(evaluation, best) if best else {}
    if best is None or not others:
        return []
    same = [name for name in others if not is_told_apart(others[name]["accuracy"])]
    rest = ", ".join(system_title(name) for name in same)
    text = f"highest accuracy: {system_title(best)}"
    return [f"{text}; not told apart from it: {rest}" if same else f"{text}, told apart from all"]
