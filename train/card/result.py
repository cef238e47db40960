"""What was measured of a bundle, as sections of its model card; each table with its n and films."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cxr_core.checklist import facts_data
from cxr_core.checklist.subject import TEST_SET, Subject
from cxr_core.evaluate.figure_text import ends_text, figure_text, films_text, percent, share_text
from cxr_core.labels import CLASS_TITLES, CLASSES
from train.card.check import SHOWN_DIGITS, refusal_section, shortcut_section, trust_section
from train.card.table import joined, table, title_of


def confounding(subjects: Sequence[Subject]) -> str:
    """State first what speaks against the headline figure.

    Args:
        subjects: The variants, in the bundle's order.

    Returns:
        A section; its table has one row a system, variant and set without a film of COVID-19.
    """
    rows = [
        _called_row(subject.variant, title, name, system)
        for subject in subjects
        for title, figures in subject.other_sets.items()
        for name, system in figures["systems"].items()
    ]
    lines = ["## Read this before any figure", _source(subjects[0])]
    if rows:
        header = ["films, none of COVID-19", "system", "called COVID-19", "without any finding"]
        lines += [
            "**Films that do not show COVID-19, and how many of them are called COVID-19:**",
            table(header, rows, n_left=2),
            "Intervals are Wilson's, 95 %. Calibration does not change which class is named.",
        ]
        lines.append(_passed(subjects[0]))
    return joined(lines)


def _source(subject: Subject) -> str:
    """Say how class and source hang together in the training films."""
    if facts_data.is_known_mixture(subject.dataset):
        return (
            "In the public collections of this kind the class is tied to the source: Normal and "
            "Pneumonia are children of one hospital, COVID-19 films are adults from publications. "
            "A model can score high by telling the sources apart."
        )
    told = facts_data.source_and_class(subject)
    can = "Where classes come from different sources, a model can score high by telling those apart"
    return f"{told} {can}." if told else f"Sources are not recorded. {can}; nobody can check that."


def _called_row(variant: str, title: str, name: str, system: Mapping[str, Any]) -> list[str]:
    """Say how many films without COVID-19 a system calls COVID-19."""
    called = system["called"]["COVID19"]
    normal = system["confusion"]["NORMAL"]
    n_normal = sum(normal.values())
    counts = f"**{called['n_hits']} of {called['n']}**"
    return [
        title,
        f"{title_of(name)} (`{variant}`)",
        f"{counts} ({percent(called['value'])}, {ends_text(called)})",
        f"{normal['COVID19']} of {n_normal}" if n_normal else "no such film",
    ]


def _passed(subject: Subject) -> str:
    """Say that the gate lets such films pass, where that was measured."""
    adults = subject.gate_table.get("adults")
    if not adults:
        return ""
    n_passed = adults["n"] - adults["n_refused"]
    return (
        f"The refusal gate does not see the source of a film: {n_passed} of {adults['n']} such "
        f"films pass it, and {adults['n_passed_called_COVID19']} of those are called COVID-19 by "
        f"{title_of(adults['system'])}."
    )


def quantitative(subjects: Sequence[Subject]) -> str:
    """Return all measured figures.

    Args:
        subjects: The variants, the default one first.

    Returns:
        The section *Quantitative analyses*.
    """
    parts: list[str] = ["## Quantitative analyses"]
    for subject in subjects:
        for title, figures in subject.sets.items():
            parts += [_set(subject, title, figures), _calibrated(figures)]
        parts.append(trust_section(subject))
    parts += [_subgroups(subjects[0]), refusal_section(subjects[0]), shortcut_section(subjects[0])]
    return joined(parts) if any(parts[1:]) else joined([*parts, "Nothing was measured."])


def _set(subject: Subject, title: str, figures: Mapping[str, Any]) -> str:
    """Return one table of accuracy, AUROC, recall and calls, with the baselines."""
    present = [name for name in CLASSES if figures["n_by_class"][name]]
    header = ["system", "accuracy"]
    if len(present) > 1:
        header.append("macro AUROC")
    header += [*(f"recall {CLASS_TITLES[name]}" for name in present), "called COVID-19"]
    listed = {**figures["systems"], **figures["baselines"], **_further(subject, title, figures)}
    rows = [
        [
            title_of(name) + system.get("note", ""),
            figure_text(system["figures"]["accuracy"]),
            *([figure_text(system["figures"]["macro_auroc"])] if len(present) > 1 else []),
            *(figure_text(system["figures"][f"recall_{label}"]) for label in present),
            f"{system['called']['COVID19']['n_hits']:,} of {system['n']:,}",
        ]
        for name, system in listed.items()
    ]
    skipped = len(figures["unreadable"])
    return joined(
        [
            f"### `{subject.variant}` on `{title}`",
            f"{films_text(figures)}."
            + (f" {skipped} files could not be read." if skipped else "")
            + (f" {_films(figures)}"),
            table(header, rows),
        ]
    )


def _further(subject: Subject, title: str, figures: Mapping[str, Any]) -> dict[str, Any]:
    """Return baselines beside the plain mean: no learning, and the weighted mean of the run."""
    free = figures.get("learning_free", {})
    found = {name: free[name] for name in ("majority",) if name in free}
    weighted = subject.entry.training.get("baselines", {}).get("weighted_mean")
    if title == TEST_SET and weighted:
        by = "the test films" if weighted["weights_chosen_on"] == "test" else "carved films"
        found["weighted_mean"] = {**weighted["test"], "note": f", weights chosen on {by}"}
    return found


def _films(figures: Mapping[str, Any]) -> str:
    """Name the films, so that the table can be told from one of other films."""
    digest = figures.get("films_digest")
    words = f"Films digest `{digest[:SHOWN_DIGITS]}`" if digest else "Films digest: not recorded"
    bundle = figures["bundle"]
    return f"{words}; bundle {bundle['name']} {bundle['version']}, {figures['precision']}."


def _calibrated(figures: Mapping[str, Any]) -> str:
    """Return log loss and Brier score before and after calibration; empty without."""
    found = {n: s for n, s in figures["systems"].items() if "calibrated" in s}
    names = {"log_loss": "log loss", "brier": "Brier score"}
    if not found:
        return ""
    header = [
        "system",
        *(f"{title}, {w}" for title in names.values() for w in ("raw", "calibrated")),
    ]
    rows = [
        [
            title_of(name),
            *(
                figure_text(system[kind].get(key))
                for key in names
                for kind in ("figures", "calibrated")
            ),
        ]
        for name, system in found.items()
    ]
    return joined(
        ["Before and after calibration, on the same films; less is better:", table(header, rows)]
    )


def _subgroups(subject: Subject) -> str:
    """Return the leading system's figures on groups of test films; empty without."""
    test = subject.test or {}
    groups = (test.get("subgroups") or {}).get("groups", {})
    rows = [
        [
            f"{grouping.replace('_', ' ')}: {each['group'] or 'not stated'}",
            f"{each['n']:,}",
            f"{each['n_patients']:,}",
            _share(each["systems"][subject.lead]["accuracy"]),
            _share(each["systems"][subject.lead]["false_COVID19"]),
        ]
        for grouping, found in groups.items()
        for each in found
    ]
    if not rows:
        return ""
    header = ["test films", "films", "patients", "accuracy", "others called COVID-19"]
    return joined(
        [
            f"### Groups of test films, {title_of(subject.lead)} of `{subject.variant}`",
            table(header, rows),
        ]
    )


def _share(share: Mapping[str, Any]) -> str:
    """Return a share, or why there is none."""
    if share["value"] is None:
        return f"{share.get('reason', 'not defined')} (n = {share['n']})"
    return share_text(share)
