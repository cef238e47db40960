"""What checks of a bundle found: refusal, maps, shortcuts; one sentence or two a question."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cxr_core.checklist.subject import Subject
from cxr_core.evaluate.figure_text import figure_text, share_text
from cxr_core.labels import system_title


def refusal(subject: Subject) -> str | None:
    """Say what the refusal gate refuses."""
    table = subject.gate_table
    if not table.get("sets"):
        return None
    lines = [
        f"{found['title']} {share_text(found['refused'])}"
        for found in table["sets"]
        if found["kind"] == "test"
    ]
    far = table.get("far")
    if far:
        lines.append(f"far pictures of {far['n_sets']} sets {share_text(far['refused'])}")
    return f"Refused: {'; '.join(lines)}."


def map_checks(subject: Subject) -> str | None:
    """Say how many maps passed which checks."""
    content = subject.bundle.map_checks(subject.variant)
    if not content:
        return None
    passed: dict[str, list[bool]] = {}
    for methods in content["systems"].values():
        for entry in methods.values():
            for name, verdict in entry["passes"].items():
                passed.setdefault(name, []).append(verdict is True)
    counts = ", ".join(f"{n} {sum(found)} of {len(found)}" for n, found in passed.items())
    return (
        "Class activation maps in closed form, for all systems. Checks that systems and methods "
        f"pass: {counts}. A map says what moved the score, not where disease is."
    )


def shortcut_rows(audit: Mapping[str, Any] | None, variant: str) -> list[dict[str, Any]]:
    """Return what classifiers that must not work make of the judged films, then the systems.

    Args:
        audit: `Bundle.audit`, schema `cxr-audit/1`.
        variant: Whose systems stand beside them.

    Returns:
        `title`, `kind` (`shortcut` or `system`), `n`, `accuracy`, `balanced_accuracy` and
        `macro_auroc` as {value, low, high}, one mapping a classifier; those that could not be
        measured have `reason` instead. Empty where there is no audit.
    """
    if not audit:
        return []
    majority = {"title": "always the commonest class", **audit["majority"]}
    systems = audit["variants"].get(variant, {}).get("systems", {})
    found = [("shortcut", each) for each in (majority, *audit["cues"].values())]
    found += [("system", {"title": system_title(n), **each}) for n, each in systems.items()]
    names = ("n", "accuracy", "balanced_accuracy", "macro_auroc")
    return [
        {
            "title": each["title"],
            "kind": kind,
            **(
                {"reason": each["reason"]}
                if "reason" in each
                else {name: each[name] for name in names}
            ),
        }
        for kind, each in found
    ]


def robustness(subject: Subject) -> str | None:
    """Say how well classifiers do that see no lungs, or no picture at all."""
    lines = [
        f"{row['title']} {figure_text(row['accuracy'])} (n = {row['n']:,})"
        for row in shortcut_rows(subject.bundle.audit(), subject.variant)
        if row["kind"] == "shortcut" and "reason" not in row
    ]
    return f"Accuracy of classifiers that must not work: {'; '.join(lines)}." if lines else None
