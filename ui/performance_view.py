"""What the Performance page says: sentences and table rows from an evaluation, nothing drawn."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from cxr_core.evaluate.baseline import LEARNING_FREE
from cxr_core.evaluate.figure_text import figure_text
from cxr_core.evaluate.weighted import figure_names
from cxr_core.labels import CLASS_TITLES, system_title
from ui.words import NBSP, unbroken

RAW, CALIBRATED = "figures", "calibrated"
"""Where an evaluation keeps the figures of both kinds of probabilities."""

BY_CLASS_TITLES: Final = {
    "recall": "Found",
    "specificity": "Spared",
    "precision": "Right when called",
    "auroc": "AUROC",
    "auprc": "Average precision",
}
SHARES: Final = frozenset({"accuracy", "balanced_accuracy", "recall", "specificity", "precision"})
MEANINGS: Final = (
    "**Accuracy**: films called their own class. **Balanced accuracy**: mean of the shares found "
    "of each class, so that a rare class counts like a common one. **AUROC**: how often a film of "
    "the class is scored higher than a film without it; 0.5 is chance. **Average precision**: the "
    "share of right calls, averaged over the films found; chance is the share of the class. "
    "**Log loss** and **Brier score**: how far the probabilities are from the truth; 0 is perfect, "
    "and being sure and wrong costs most in log loss."
)
SHOWN: Final = ("accuracy", "balanced_accuracy", "macro_auroc", "log_loss")
"""Figures in the table of all systems."""

CLASS_MEANINGS: Final = (
    "**Found**: of the films of the class, the share called it (sensitivity, recall). **Spared**: "
    "of the other films, the share not called it (specificity). **Right when called**: of the "
    "films called it, the share that is of it (precision). F1 stands with every figure below."
)
BASELINE_TITLES: Final = {
    "mean": "Plain mean of the networks",
    "majority": "No learning: the commonest class",
    "prior": "No learning: shares of the classes",
}


def set_title(title: str) -> str:
    """Return the words for a set.

    Args:
        title: As the bundle names it.

    Returns:
        The same with a capital, `Test films` for `test`.
    """
    return "Test films" if title == "test" else title[:1].upper() + title[1:]


def set_lines(evaluation: Mapping[str, Any]) -> list[str]:
    """Say which films an evaluation is of, and what they cannot tell.

    Args:
        evaluation: Any of `cxr-evaluation/1` or 2.

    Returns:
        Markdown sentences.
    """
    counts = evaluation["n_by_class"]
    listed = ", ".join(f"{CLASS_TITLES[k]} {n:,}" for k, n in counts.items())
    n, n_patients = evaluation["n_films"], evaluation["n_patients"]
    lines = [f"**{n:,} films of {n_patients:,} patients**: {listed}."]
    if evaluation.get("patients_from") == "none":
        lines.append(
            "Patients are not known, so every film counts as a patient of its own; if some are of "
            "one patient, all intervals are too narrow."
        )
    absent = [CLASS_TITLES[k] for k, count in counts.items() if not count]
    if absent and n:
        names = " and ".join(absent)
        lines.append(
            f"**No film is of {names}**: how many of such films would be found cannot be measured "
            f"here. How many of these films are called {names} can, and each such call is wrong."
        )
    return lines


def cell(figure: Mapping[str, Any] | None, *, is_share: bool) -> str:
    """Write a figure with its interval.

    Args:
        figure: {value, low, high}; `None` where it was not measured.
        is_share: True to write percent.

    Returns:
        For example `96.7% (95.5 to 97.8)` or `0.995 (0.992 to 0.998)`; the interval never breaks
        over two lines.
    """
    text = unbroken(figure_text(figure, is_share=is_share))
    has_gap = figure is not None and figure["value"] is not None and figure.get("low") is None
    return f"{text}, no{NBSP}interval" if has_gap else text


def _balanced(figures: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return balanced accuracy, which earlier evaluations call by another name."""
    found: Mapping[str, Any] | None = figures.get("balanced_accuracy", figures.get("macro_recall"))
    return found


def interval_sentence(evaluation: Mapping[str, Any]) -> str:
    """Say how the intervals of figures were made.

    Args:
        evaluation: Any of `cxr-evaluation/1` or 2.
    """
    if "n_resamples" not in evaluation:
        return f"Intervals: {evaluation['interval']}."
    return (
        f"Intervals: 95%, {evaluation['n_resamples']:,} resamples of whole patients; for shares "
        "of 0 and 1, where resamples do not differ, Wilson's with as many films as patients."
    )


def has_calibrated(evaluation: Mapping[str, Any]) -> bool:
    """Tell whether some system's calibrated probabilities were measured."""
    return any(CALIBRATED in system for system in evaluation["systems"].values())


def figure_rows(evaluation: Mapping[str, Any], *, is_raw: bool) -> list[dict[str, str]]:
    """Return one row a system and baseline.

    Args:
        evaluation: Any of `cxr-evaluation/1` or 2.
        is_raw: False to show figures of calibrated probabilities where there are any.

    Returns:
        Column title to text.
    """
    rows = []
    for title, system in named_summaries(evaluation).items():
        found = system[_kind(system, is_raw=is_raw)]
        rows.append(
            {
                "System": title,
                **_covid19(evaluation, system),
                "Accuracy": cell(found.get("accuracy"), is_share=True),
                "Balanced accuracy": cell(_balanced(found), is_share=True),
                "AUROC, mean": cell(found.get("macro_auroc"), is_share=False),
                "Log loss": cell(found.get("log_loss"), is_share=False),
            }
        )
    return rows


def calibration_rows(evaluation: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return log loss and Brier score of each calibrated system, before and after.

    Args:
        evaluation: Of `cxr-evaluation/2`.

    Returns:
        Column title to text; empty without calibration.
    """
    return [
        {
            "System": system_title(name),
            **{
                f"{title}, {words}": cell(system[kind][figure], is_share=False)
                for figure, title in (("log_loss", "Log loss"), ("brier", "Brier score"))
                for kind, words in ((RAW, "raw"), (CALIBRATED, "calibrated"))
            },
        }
        for name, system in evaluation["systems"].items()
        if CALIBRATED in system
    ]


def class_rows(evaluation: Mapping[str, Any], system: str, *, is_raw: bool) -> list[dict[str, str]]:
    """Return one row a class for one system.

    Args:
        evaluation: Any of `cxr-evaluation/1` or 2.
        system: Name of the system.
        is_raw: False to show figures of calibrated probabilities where there are any.

    Returns:
        Column title to text.
    """
    summary = evaluation["systems"][system]
    found = summary[_kind(summary, is_raw=is_raw)]
    return [
        {
            "Class": title,
            "Films": f"{evaluation['n_by_class'][label]:,}",
            **{
                words: cell(found.get(f"{name}_{label}"), is_share=name in SHARES)
                for name, words in BY_CLASS_TITLES.items()
            },
        }
        for label, title in CLASS_TITLES.items()
    ]


def reasons(summaries: Iterable[Mapping[str, Any]], names: Collection[str]) -> list[str]:
    """Return why figures have no value or no interval, each reason once.

    Args:
        summaries: Of systems.
        names: Figures that are shown.
    """
    found = [
        summary[RAW][name]["reason"]
        for summary in summaries
        for name in names
        if "reason" in summary[RAW].get(name, {})
    ]
    return list(dict.fromkeys(found))


def long_rows(evaluation: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return every figure, one row each, for a table and a file.

    Args:
        evaluation: Any of `cxr-evaluation/1` or 2.

    Returns:
        Column title to value.
    """
    return [
        {
            "system": name,
            "probabilities": "raw" if kind == RAW else "calibrated",
            "figure": figure,
            "value": found[figure]["value"],
            "low": found[figure]["low"],
            "high": found[figure]["high"],
            "reason": found[figure].get("reason", ""),
        }
        for name, system in evaluation["systems"].items()
        for kind, found in ((kind, system[kind]) for kind in (RAW, CALIBRATED) if kind in system)
        for figure in figure_names()
        if figure in found
    ]


def named_summaries(evaluation: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return titles to summaries: systems, then baselines.

    Args:
        evaluation: Any of `cxr-evaluation/1` or 2.
    """
    named = {system_title(name): found for name, found in evaluation["systems"].items()}
    free = evaluation.get("learning_free", {})
    baselines = {**evaluation.get("baselines", {}), **{k: free[k] for k in LEARNING_FREE if free}}
    return named | {BASELINE_TITLES.get(name, name): found for name, found in baselines.items()}


def _covid19(evaluation: Mapping[str, Any], system: Mapping[str, Any]) -> dict[str, str]:
    """Return how many COVID-19 films are found; where there is none, how many are called so."""
    if evaluation["n_by_class"]["COVID19"] or not evaluation["n_films"]:
        return {"COVID-19 found": cell(system[RAW].get("recall_COVID19"), is_share=True)}
    called = system["called"]["COVID19"]
    return {"Wrongly called COVID-19": f"{called['n_hits']:,}: {cell(called, is_share=True)}"}


def _kind(system: Mapping[str, Any], *, is_raw: bool) -> str:
    """Return where the figures to show are kept."""
    return RAW if is_raw or CALIBRATED not in system else CALIBRATED
