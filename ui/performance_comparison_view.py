"""Systems beside each other and films in groups: sentences and rows, nothing drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from cxr_core.evaluate.figure_text import NO_FILM, NOT_DEFINED, decimal, number_text, percent
from cxr_core.evaluate.paired import against, best_system, holm, is_told_apart
from cxr_core.evaluate.weighted import LESS_IS_BETTER
from cxr_core.labels import CLASS_TITLES, system_title
from ui.performance_view import RAW, SHARES, cell
from ui.words import NBSP, unbroken

COMPARED_TITLES: Final = {
    "accuracy": "Accuracy",
    "macro_auroc": "AUROC, mean",
    "log_loss": "Log loss",
}
GROUPING_TITLES: Final = {
    "source": "Source",
    "view": "View",
    "subtype": "Subtype",
    "age_band": "Age",
}
NOT_STATED: Final = "not stated"
_HIGHEST: Final = {
    "accuracy": "the highest accuracy",
    "macro_auroc": "the highest mean AUROC",
    "log_loss": "the lowest log loss",
}


def comparison_lines(evaluation: Mapping[str, Any], name: str, *, kind: str = RAW) -> list[str]:
    """Say which systems are told apart from the best, and never more than the intervals do.

    Args:
        evaluation: Of `cxr-evaluation/2`.
        name: Of `COMPARED_TITLES`.
        kind: `RAW` or `CALIBRATED`.

    Returns:
        Markdown sentences.
    """
    best = best_system(evaluation, name, kind=kind)
    if best is None:
        first: Mapping[str, Any] = next(iter(evaluation["systems"].values()), {})
        reason = first.get(kind, {}).get(name, {}).get("reason", "there is no film")
        return [f"Nothing can be compared: {reason}."]
    values = {
        k: system[kind][name]["value"]
        for k, system in evaluation["systems"].items()
        if kind in system
    }
    top = [k for k in values if values[k] == values[best]]
    shown = percent(values[best], 1) if name in SHARES else decimal(values[best])
    verb = "has" if len(top) == 1 else "share"
    lines = [f"{_listed(top, bold=True)} {verb} {_HIGHEST[name]}, {shown}."]
    others = against(evaluation, best, kind=kind)
    apart = [k for k in others if is_told_apart(others[k][name])]
    same = [k for k in others if k not in apart]
    if same:
        lines.append(
            f"**Not told apart** from {system_title(best)}: {_listed(same)}. The 95% interval of "
            "the difference holds 0, so these films do not say which is better."
        )
    if apart:
        lines.append(f"Worse, and told apart from it: {_listed(apart)}.")
    return lines


def comparison_rows(
    evaluation: Mapping[str, Any], name: str, *, kind: str = RAW
) -> list[dict[str, str]]:
    """Return one row for each system that is compared with the best.

    Args:
        evaluation: Of `cxr-evaluation/2`.
        name: Of `COMPARED_TITLES`.
        kind: `RAW` or `CALIBRATED`.

    Returns:
        Column title to text.
    """
    best = best_system(evaluation, name, kind=kind)
    others = against(evaluation, best, kind=kind) if best else {}
    adjusted = holm([found["mcnemar"]["p"] for found in others.values()])
    rows = []
    for (other, found), p in zip(others.items(), adjusted, strict=True):
        test = found["mcnemar"]
        rows.append(
            {
                f"Against {system_title(best or '')}": system_title(other),
                f"Difference in {COMPARED_TITLES[name].lower()}": _difference(found[name], name),
                "Verdict": _verdict(found[name], name),
                "Only this one right": f"{test['n_only_this']:,} films",
                "Only the best right": f"{test['n_only_best']:,} films",
                "McNemar p": _p(test["p"]),
                "p, Holm": _p(p),
            }
        )
    return rows


def group_rows(evaluation: Mapping[str, Any], grouping: str, system: str) -> list[dict[str, str]]:
    """Return one row a group.

    Args:
        evaluation: Of `cxr-evaluation/2`.
        grouping: One of its groupings.
        system: Name of the system.

    Returns:
        Column title to text.
    """
    rows = []
    for group in evaluation["subgroups"]["groups"][grouping]:
        found = group["systems"][system]
        rows.append(
            {
                GROUPING_TITLES[grouping]: group["group"] or NOT_STATED,
                "Films (patients)": f"{group['n']:,} ({group['n_patients']:,})",
                "Accuracy": _share(found["accuracy"]),
                **{
                    f"{title} found": _share(found["recall"][label])
                    for label, title in CLASS_TITLES.items()
                },
                "Called COVID-19 without it": _share(found["false_COVID19"]),
            }
        )
    return rows


def group_lines(evaluation: Mapping[str, Any]) -> list[str]:
    """Say which groupings nobody stated, and of how many films the others are not known.

    Args:
        evaluation: Of `cxr-evaluation/2`.

    Returns:
        Markdown sentences.
    """
    subgroups = evaluation["subgroups"]
    lines = []
    if subgroups["not_stated"]:
        names = [GROUPING_TITLES[name].lower() for name in subgroups["not_stated"]]
        lines.append(f"**Not stated for any film**: {', '.join(names)}. No group can be formed.")
    for grouping, groups in subgroups["groups"].items():
        unknown = sum(group["n"] for group in groups if not group["group"])
        if unknown:
            lines.append(
                f"{GROUPING_TITLES[grouping]} is not stated for {unknown:,} of "
                f"{evaluation['n_films']:,} films."
            )
    return lines


def _share(figure: Mapping[str, Any]) -> str:
    """Write a share of a group with its counts, or why there is none."""
    if figure["value"] is None:
        return "too few" if figure["n"] else NO_FILM
    return f"{cell(figure, is_share=True)} n{NBSP}={NBSP}{figure['n']:,}"


def _difference(figure: Mapping[str, Any], name: str) -> str:
    """Write a difference with a sign; of shares in percentage points."""
    value, low, high = figure["value"], figure["low"], figure["high"]
    if value is None:
        return NOT_DEFINED
    scale, digits = (100, 1) if name in SHARES else (1, 3)
    text = number_text(scale * value, digits, is_signed=True)
    if low is None:
        return f"{text}, no interval"
    ends = [number_text(scale * end, digits, is_signed=True) for end in (low, high)]
    return unbroken(f"{text} ({ends[0]} to {ends[1]})")


def _verdict(figure: Mapping[str, Any], name: str) -> str:
    """Say whether a difference is told apart from none, and to which side."""
    if not is_told_apart(figure):
        return "not told apart"
    is_better = (figure["value"] > 0) != (name in LESS_IS_BETTER)
    return "told apart: better" if is_better else "told apart: worse"


def _p(value: float) -> str:
    """Write a p-value; very small ones are only bounded."""
    return f"<{NBSP}0.001" if value < 0.001 else f"{value:.3f}"


def _listed(names: Sequence[str], *, bold: bool = False) -> str:
    """Join titles of systems."""
    titles = [f"**{system_title(n)}**" if bold else system_title(n) for n in names]
    return " and ".join(part for part in (", ".join(titles[:-1]), titles[-1]) if part)
