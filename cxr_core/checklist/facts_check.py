"""What checks of a bundle found: refusal, maps, shortcuts; one sentence or two a question."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cxr_core.checklist.subject import Subject
from cxr_core.figure_text import figure_text, share_text


def refusal(subject: Subject) -> str | None:
    """Say what the refusal gate refuses."""
    table = subject.bundle.gate_table()
    if not table or not table.get("sets"):
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


def shortcut_rows(audit: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Return what classifiers that must not work make of the test films.

    Args:
        audit: `Bundle.audit`, schema `cxr-audit/1`.

    Returns:
        `title`, `n`, `accuracy` and `macro_auroc` as {value, low, high}, one mapping a classifier;
        empty where nothing was measured.
    """
    return [
        {
            "title": row["title"],
            "n": row["n"],
            "accuracy": row["accuracy"],
            "macro_auroc": row["macro_auroc"],
        }
        for row in (audit or {}).get("rows", [])
    ]


def robustness(subject: Subject) -> str | None:
    """Say how well classifiers do that see no lungs, or no picture at all."""
    rows = shortcut_rows(subject.bundle.audit())
    if not rows:
        return None
    lines = [f"{row['title']} {figure_text(row['accuracy'])} (n = {row['n']:,})" for row in rows]
    return f"Accuracy of classifiers that must not work: {'; '.join(lines)}."
