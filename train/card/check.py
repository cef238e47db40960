"""What checks of a bundle found, as parts of its model card: calibration, refusal, shortcuts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from cxr_core.bundle import AUDIT, GATE
from cxr_core.checklist.facts_check import shortcut_rows
from cxr_core.checklist.subject import Subject
from cxr_core.evaluate.figure_text import figure_text, share_text
from cxr_core.labels import CLASS_TITLES
from cxr_core.provenance import NOT_RECORDED
from train.card.table import joined, table, title_of

SHOWN_DIGITS: Final = 16
"""Digits of a digest that a card shows."""


def trust_section(subject: Subject) -> str:
    """Tell temperatures and prediction sets of a variant.

    Args:
        subject: The variant.

    Returns:
        A part of *Quantitative analyses*, empty where there is no calibration.
    """
    trust = subject.trust
    if not trust:
        return ""
    about = trust.get("about", {})
    digest = str(about.get("digest", NOT_RECORDED))[:SHOWN_DIGITS]
    rows = [
        [
            title_of(name),
            f"{found['value']:.3f}",
            f"{found['n']:,}",
            f"{found['log_loss_before']:.4f}",
            f"{found['log_loss_held_out']:.4f}",
            found["note"] or "in use",
        ]
        for name, found in trust["calibration"].items()
    ]
    header = ["system", "temperature", "films", "log loss before", "after, held out", "use"]
    return joined(
        [
            f"### Calibration of `{subject.variant}`",
            f"Fitted to {about.get('n', 0):,} films of {about.get('n_patients', 0):,} patients "
            "that no network was fitted to. Heads that read them: "
            f"{about.get('heads', NOT_RECORDED)}. Data digest `{digest}`, file "
            f"`{subject.entry.trust_path}`.",
            table(header, rows),
            "\n".join(
                f"- {title_of(name)} is not calibrated: {why}"
                for name, why in about.get("not_calibrated", {}).items()
            ),
            _too_few(trust),
        ]
    )


def _too_few(trust: Mapping[str, Any]) -> str:
    """Say which classes have too few calibration films for a prediction set."""
    lines = []
    empty: dict[str, Any] = {"thresholds": {}, "n_by_class": {}}
    conformal = next(iter(trust.get("conformal", {}).values()), empty)
    for level, row in conformal["thresholds"].items():
        few = [CLASS_TITLES[name] for name, value in row.items() if value is None]
        if few:
            n = ", ".join(f"{CLASS_TITLES[c]} {k}" for c, k in conformal["n_by_class"].items())
            lines.append(
                f"Prediction sets at {float(level):.0%}: {', '.join(few)} stays in every set, too "
                f"few calibration films ({n})."
            )
    return " ".join(lines)


def refusal_section(subject: Subject) -> str:
    """Tell what the gate refuses.

    Args:
        subject: The variant.

    Returns:
        A part of *Quantitative analyses*, empty where that was not measured.
    """
    found = subject.gate_table
    if not found.get("sets"):
        return ""
    rows = [
        [each["title"], each["kind"], share_text(each["refused"]), _auroc(each.get("auroc"))]
        for each in found["sets"]
    ]
    header = ["films or pictures", "kind", "refused", "AUROC against test films"]
    return joined(
        [
            "### Refusal gate",
            "Kinds: test and near should pass, far should be refused, other as measured.",
            table(header, rows, n_left=2),
            f"{found['interval']} Command: `{found['command']}`, file `{GATE}`.",
        ]
    )


def _auroc(value: float | None) -> str:
    """Return how well a set is told from test films."""
    return "not defined" if value is None else f"{value:.4f}"


def shortcut_section(subject: Subject) -> str:
    """Tell what classifiers that must not work reach.

    Args:
        subject: The variant.

    Returns:
        A part of *Quantitative analyses*, empty where that was not measured.
    """
    audit = subject.bundle.audit()
    rows = [
        [each["title"], each["reason"], "", "", ""]
        if "reason" in each
        else [
            each["title"],
            f"{each['n']:,}",
            figure_text(each["accuracy"]),
            figure_text(each["balanced_accuracy"]),
            figure_text(each["macro_auroc"]),
        ]
        for each in shortcut_rows(audit, subject.variant)
    ]
    if not audit or not rows:
        return ""
    data = audit["data"]
    is_own = data["digest"] == subject.dataset.get("digest")
    header = ["what it sees", "films", "accuracy", "balanced accuracy", "macro AUROC"]
    return joined(
        [
            "### Classifiers that must not work",
            "Each of the first sees something of the film that is not disease; the systems of "
            f"`{subject.variant}` stand below them. What the first reach, a model can reach "
            "without any disease.",
            f"n = {data['n_judged']:,} films of {data['n_judged_patients']:,} patients, "
            f"{'films of this bundle' if is_own else 'films that this bundle was not trained on'}, "
            f"data digest `{data['digest'][:SHOWN_DIGITS]}`, file `{AUDIT}`.",
            table(header, rows),
            f"Intervals: {audit['interval']}.",
        ]
    )
