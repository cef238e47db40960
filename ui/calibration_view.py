"""From reads and temperatures to what the Calibration page says: sentences and rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from cxr_core.evaluate.figure_text import ends_text, figure_text, percent
from cxr_core.labels import CLASS_TITLES, system_title
from cxr_core.trust.calibration import Temperature
from cxr_core.trust.calibration_error import TOP_LABEL, CalibrationError
from cxr_core.trust.measure import CalibrationEffect, ScoreQuality, mean_score
from cxr_core.trust.reliability import ReliabilityBin, ReliabilityDiagram
from ui.calibration_evidence import CalibrationEvidence
from ui.words import unbroken

NINE_TENTHS: Final = 0.9
TOO_FEW: Final = 20
"""Under so many films a share is said to tell little."""

TWIN: Final = (
    "**Calibrated by a twin.** This recipe keeps no films apart, so temperatures come from a "
    "second training by the same recipe that did. Sets of classes are not shown: with the limits "
    "of the twin the share of sets that held the true class was not the share promised."
)

QUESTIONS: Final = {TOP_LABEL: "The class named", **CLASS_TITLES}
"""What calibration is asked of, to the words for it."""


def calibration_warnings(evidence: CalibrationEvidence, system: str) -> list[str]:
    """Say what calibrated scores are on films of which none shows COVID-19.

    Args:
        evidence: What the page is drawn from.
        system: Name of the system.

    Returns:
        One Markdown sentence a set, and one where a twin was calibrated in place of the models.
    """
    lines = [TWIN] if evidence.is_twin else []
    for title, reads in evidence.others.items():
        temperature = evidence.temperatures.get(system)
        after = mean_score(reads, system, temperature, "COVID19")
        before = mean_score(reads, system, None, "COVID19")
        lines.append(
            f"**Calibrated is not the same as right.** Of {len(reads):,} {title}, none shows "
            f"COVID-19, so their mean COVID-19 score should be near 0. By {system_title(system)} "
            f"it is **{figure_text(after, digits=2)}** calibrated, {figure_text(before, digits=2)} "
            "raw. Calibration was fitted and measured on films of the same sources as the training "
            "films; it holds for no others."
        )
    return lines


def nine_of_ten(diagram: ReliabilityDiagram, system: str, kind: str) -> str:
    """Answer whether 0.9 means nine of ten, in one sentence with its numbers.

    Args:
        diagram: Of the test films.
        system: Name of the system.
        kind: `calibrated` or `raw`.

    Returns:
        Markdown.
    """
    near = next(b for b in diagram.bins if b.low < NINE_TENTHS <= b.high)
    return _bin_sentence(near, diagram.of, system, kind)


def highest(diagram: ReliabilityDiagram, system: str, kind: str) -> str:
    """Say the same of the highest scores, where most films are.

    Args:
        diagram: Of the test films.
        system: Name of the system.
        kind: `calibrated` or `raw`.

    Returns:
        Markdown.
    """
    return _bin_sentence(diagram.bins[-1], diagram.of, system, kind)


def _bin_sentence(found: ReliabilityBin, of: str, system: str, kind: str) -> str:
    """Say what came true of the films of one bin."""
    what = f"{kind} score" if of == TOP_LABEL else f"{kind} {CLASS_TITLES[of]} score"
    where = f"{what} by {system_title(system)} of {found.low:.2f} to {found.high:.2f}"
    if found.score is None:
        return f"No test film has a {where}."
    true = "of them named rightly" if of == TOP_LABEL else f"of them {CLASS_TITLES[of]} films"
    have = "test film has" if found.n == 1 else "test films have"
    came_true = found.came_true.to_dict()
    text = (
        f"**{found.n:,}** {have} a {where} (mean {found.score:.3f}), "
        f"**{found.came_true.n_hits:,}** {true}: **{percent(came_true['value'], 1)}** "
        f"({ends_text(came_true, digits=1)})."
    )
    if found.n < TOO_FEW:
        return f"{text} Too few to tell."
    low, high = found.came_true.low or 0.0, found.came_true.high or 0.0
    side = "inside" if low <= found.score <= high else "outside"
    return f"{text} The mean score lies {side} this interval."


def temperature_note(evidence: CalibrationEvidence, system: str) -> str:
    """Say what calibration does to one system.

    Args:
        evidence: What the page is drawn from.
        system: Name of the system.

    Returns:
        Markdown.
    """
    found = evidence.temperatures.get(system)
    name = system_title(system)
    if found is None:
        return f"{name} could not be calibrated; its scores are raw everywhere."
    counts = ", ".join(f"{n:,} {CLASS_TITLES[label]}" for label, n in found.n_by_class.items())
    on = f"{found.n:,} calibration films of {found.n_patients:,} patients ({counts})"
    if found.note:
        return f"{name}, on {on}: {found.note} Calibrated and raw are the same here."
    does = "surer" if found.value < 1 else "less sure"
    return (
        f"Temperature of {name}: **{found.value:.2f}**, fitted to {on}. It makes scores {does}; "
        "the class named never changes."
    )


def bin_rows(diagrams: Mapping[str, ReliabilityDiagram]) -> list[dict[str, Any]]:
    """Return the diagrams as one table.

    Args:
        diagrams: `Raw` and `Calibrated` to diagram.

    Returns:
        Column title to value, one row a bin that holds films.
    """
    return [
        {
            "Scores": kind,
            "From": row["from"],
            "To": row["to"],
            "Films": row["n"],
            "Mean score": row["mean_score"],
            "Came true": row["came_true"],
            "Lower end": row["low"],
            "Upper end": row["high"],
        }
        for kind, diagram in diagrams.items()
        for row in diagram.rows()
    ]


def quality_rows(
    effects: Mapping[str, CalibrationEffect], temperatures: Mapping[str, Temperature]
) -> list[dict[str, str]]:
    """Return the figures of every system, raw and calibrated.

    Args:
        effects: System to what its temperature does.
        temperatures: System to temperature.

    Returns:
        Column title to text, two rows a system.
    """
    rows = []
    for system, effect in effects.items():
        is_known = system in temperatures
        after = f"Calibrated ({effect.temperature:.2f})" if is_known else "Not calibrated"
        for kind, quality in (("Raw", effect.raw), (after, effect.calibrated)):
            rows.append({"System": system_title(system), "Scores": kind, **_quality(quality)})
    return rows


def change_rows(effects: Mapping[str, CalibrationEffect]) -> list[dict[str, str]]:
    """Return what calibration changes of the log loss, film by film paired.

    Args:
        effects: System to what its temperature does.

    Returns:
        Column title to text, one row a system.
    """
    return [
        {
            "System": system_title(system),
            "Temperature": f"{effect.temperature:.3f}",
            "Log loss, calibrated less raw": "no change"
            if effect.temperature == 1.0
            else figure_text(effect.log_loss_change),
        }
        for system, effect in effects.items()
    ]


def _quality(found: ScoreQuality) -> dict[str, str]:
    """Return the cells of one set of scores."""
    return {
        "ECE, class named": _error(found.top_label),
        "ECE, each class": _error(found.classwise),
        "Log loss": unbroken(figure_text(found.log_loss)),
        "Brier score": unbroken(figure_text(found.brier)),
    }


def _error(found: CalibrationError) -> str:
    """Return one calibration error with its interval."""
    figure = {"value": found.value, "low": found.low, "high": found.high}
    return unbroken(figure_text(figure))
