"""The folder check as Markdown; every number in it is in the JSON object as well."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from cxr_core.evaluate.figure_text import NOT_MEASURED, figure_text
from cxr_core.explain.cam import METHODS
from cxr_core.labels import system_title

_COLUMNS: Final[Mapping[str, str]] = {
    "random_ssim": "random heads, SSIM",
    "deletion_beaten": "deletion: orders beaten",
    "insertion_beaten": "insertion: orders beaten",
    "road_gap": "ROAD gap",
    "repeatability": "repeatability",
}


def table_lines(checked: Mapping[str, Any]) -> list[str]:
    """Return the figures of a folder check as Markdown tables.

    Args:
        checked: Object of schema `cxr-explain-check/1`.

    Returns:
        Lines: one table a system, one over all systems, then what comes out best by which number
        and which methods pass every check in every system.
    """
    columns = {name: title for name, title in _COLUMNS.items() if name in checked["definitions"]}
    classes = ", ".join(f"{label} {n}" for label, n in checked["n_by_class"].items())
    lines = [
        f"{checked['n_films']} films ({classes}) of {checked['n_patients']} patients, bundle "
        f"{checked['bundle']['name']} {checked['bundle']['version']}, variant "
        f"{checked['variant']}, seed {checked['settings']['seed']}; "
        f"intervals: {checked['interval']}"
    ]
    has_bar = bool({"randomisation", "repeatability"} & set(checked["settings"]["checks"]))
    for system, methods in checked["systems"].items():
        titles = [*columns.values(), *(["bars"] if has_bar else []), "n", "does not pass"]
        lines += ["", f"**{system_title(system)}**", "", *_head(titles)]
        for method, entry in methods.items():
            cells = [_mean(entry[name]) for name in columns]
            cells += [_bar(entry["baseline"])] if has_bar else []
            cells += [_n(entry, columns), _failed(entry["passes"])]
            lines.append(_row(METHODS[method].title, cells))
    lines += ["", "**Mean over the systems**", "", *_head([*columns.values(), "passes everywhere"])]
    for method, entry in checked["methods"].items():
        verdict = "yes" if entry["passes_everywhere"] else "no"
        verdict += "" if entry["is_class_specific"] else " (no class in it)"
        cells = [_mean(entry[name]) for name in columns]
        lines.append(_row(METHODS[method].title, [*cells, verdict]))
    return [*lines, "", *_best_lines(checked)]


def _best_lines(checked: Mapping[str, Any]) -> list[str]:
    """Return what comes out best, as a table, and the methods that pass everywhere."""
    lines = ["| number | best, with a class in it | value | not told apart from it |"]
    lines.append("|---|---|---:|---|")
    for name, best in checked["best"].items():
        if best["method"] is None:
            continue
        others = [METHODS[method].title for method in best["not_told_apart_from"]]
        cells = [METHODS[best["method"]].title, f"{best['value']:.3f}", ", ".join(others) or "none"]
        lines.append(_row(name, cells))
    default = checked["default"]
    names = [METHODS[method].title for method in default["supported_methods"]]
    same = {
        f"{METHODS[one].title} and {METHODS[other].title}"
        for pairs in checked["same_order"].values()
        for one, other in pairs
    }
    if same:
        lines += ["", f"One order of cells on every film of a system: {', '.join(sorted(same))}."]
    lines += ["", f"Pass every check made in every system: {', '.join(names) or 'none'}."]
    return lines


def _head(titles: list[str]) -> list[str]:
    """Return the first two lines of a table of methods."""
    return [_row("method", titles), "|---|" + "---|" * len(titles)]


def _row(first: str, cells: list[str]) -> str:
    """Return one line of a table."""
    return f"| {' | '.join([first, *cells])} |"


def _mean(found: Mapping[str, Any]) -> str:
    """Return a mean with its interval."""
    return NOT_MEASURED if found["value"] is None else figure_text(found, digits=2)


def _bar(baseline: Mapping[str, float] | None) -> str:
    """Return the bars: SSIM to fall below, correlation to stay above."""
    if baseline is None:
        return "not known"
    return f"SSIM {baseline['ssim']:.2f}, rank {baseline['spearman']:.2f}"


def _n(entry: Mapping[str, Any], columns: Mapping[str, str]) -> str:
    """Return the number of films, or its range where the checks differ."""
    counts = sorted({entry[name]["n"] for name in columns})
    return str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"


def _failed(passes: Mapping[str, bool | None]) -> str:
    """Return the checks that are not passed."""
    return ", ".join(name for name, is_passed in passes.items() if not is_passed) or "passes all"
