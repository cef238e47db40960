"""What was measured of a bundle, one sentence or two a question; every number with its n."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from cxr_core.checklist.subject import Subject
from cxr_core.evaluate.figure_text import figure_text, films_text, share_text
from cxr_core.evaluate.weighted import BY_CLASS
from cxr_core.labels import CLASS_TITLES, CLASSES, system_title

FIGURE_TITLES: Final = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_auroc": "macro AUROC",
    "macro_auprc": "macro AUPRC",
    "macro_f1": "macro F1",
    "log_loss": "log loss",
    "brier": "Brier score",
}
"""Figures of all classes together to words."""


def metrics(subject: Subject) -> str | None:
    """Name what was measured."""
    if subject.test is None:
        return None
    names = next(iter(subject.test["systems"].values())).get("figures", {})
    found = [title for name, title in FIGURE_TITLES.items() if name in names]
    by_class = [kind for kind in BY_CLASS if any(f"{kind}_{c}" in names for c in CLASSES)]
    return (
        f"{', '.join(found)}; of each class {', '.join(by_class)}; confusion matrix; of films that "
        "do not show COVID-19, how many are called COVID-19."
    )


def uncertainty(subject: Subject) -> str | None:
    """Say how intervals were made."""
    if subject.test is None:
        return None
    return f"Intervals: {subject.test['interval']}."


def performance(subject: Subject) -> str | None:
    """Give accuracy and AUROC of every system."""
    test = subject.test
    if test is None:
        return None
    lines = [
        f"{system_title(name)} {figure_text(found['figures']['accuracy'])} and "
        f"{figure_text(found['figures']['macro_auroc'])}"
        for name, found in test["systems"].items()
        if "figures" in found
    ]
    return f"Test, {films_text(test)}; accuracy and macro AUROC: {'; '.join(lines)}."


def diagnostic(subject: Subject) -> str | None:
    """Give recall and precision of each class, of the leading system."""
    test = subject.test
    found = (test or {"systems": {}})["systems"].get(subject.lead)
    if test is None or not found:
        return None
    lines = [
        f"{title}: recall {share_text(found['recall'][name])}, precision "
        f"{share_text(found['precision'][name])}"
        for name, title in CLASS_TITLES.items()
    ]
    return f"{system_title(subject.lead)} on test films: {'; '.join(lines)}."


def external(subject: Subject) -> str | None:
    """Say what systems make of films without COVID-19 from its sources."""
    lines = []
    for title, found in subject.other_sets.items():
        shares = ", ".join(
            f"{system_title(name)} {share_text(system['called']['COVID19'])}"
            for name, system in found["systems"].items()
        )
        lines.append(f"{title}, {films_text(found)}, called COVID-19: {shares}")
    return f"{'. '.join(lines)}." if lines else None


def failures(subject: Subject) -> str | None:
    """Count the errors of the leading system by kind."""
    test = subject.test
    found = (test or {"systems": {}})["systems"].get(subject.lead)
    if not found or not found.get("n"):
        return None
    wrong = sorted(
        (
            (n, true, called)
            for true, row in found["confusion"].items()
            for called, n in row.items()
            if true != called and n
        ),
        reverse=True,
    )
    kinds = ", ".join(f"{CLASS_TITLES[t]} called {CLASS_TITLES[c]} {n:,}" for n, t, c in wrong)
    total = sum(n for n, _, _ in wrong)
    return (
        f"{system_title(subject.lead)}: {total:,} of {found['n']:,} test films wrong"
        f"{f' ({kinds})' if kinds else ''}."
    )


def subgroups(subject: Subject) -> str | None:
    """Give the accuracy of the leading system in each group of test films."""
    groups = ((subject.test or {}).get("subgroups") or {}).get("groups", {})
    lines = []
    for grouping, found in groups.items():
        own = [_group(each, subject.lead) for each in found]
        lines.append(f"by {grouping.replace('_', ' ')}: {', '.join(own)}")
    if not lines:
        return None
    return f"Accuracy of {system_title(subject.lead)} on test films, {'; '.join(lines)}."


def _group(group: Mapping[str, Any], system: str) -> str:
    """Return one group's accuracy."""
    share = group["systems"][system]["accuracy"]
    words = group["group"] or "not stated"
    if share["value"] is None:
        return f"{words} too few (n = {group['n']})"
    return f"{words} {share_text(share)}"


def calibration_gain(subject: Subject) -> str | None:
    """Give log loss before and after calibration on test films."""
    lines = [
        f"{system_title(name)} {figure_text(found['figures']['log_loss'])} and "
        f"{figure_text(found['calibrated']['log_loss'])}"
        for name, found in (subject.test or {"systems": {}})["systems"].items()
        if "calibrated" in found
    ]
    return f"Log loss on test films, raw and calibrated: {'; '.join(lines)}." if lines else None


def limitations(subject: Subject) -> str | None:
    """Name the recipe's known defects and what was measured against the headline figure."""
    defects = subject.config.get("defects") or []
    text = external(subject)
    lines = [f"{defect[0].upper()}{defect[1:]}" for defect in defects]
    if text:
        lines.append(text.rstrip("."))
    return f"{'. '.join(lines)}." if lines else None
