"""Thresholds, costs and decision curves: what a score is good for once something follows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
import streamlit as st

from cxr_core.array import Float64Array
from cxr_core.errors import CxrError, NotApplicableError
from cxr_core.evaluate.display import (
    COST_PRESETS,
    ConfusionDisplay,
    DecisionCosts,
    DecisionCurve,
    OperatingPoint,
)
from cxr_core.labels import CLASS_TITLES, CLASSES, system_title
from ui.components.chart import NO_BAR
from ui.components.performance_choice import chosen_system
from ui.components.performance_curves import has_reads, text_colour
from ui.decision_view import PREVALENCE_NOTE, cost_lines, point_lines, point_rows

if TYPE_CHECKING:
    from cxr_core.evaluate.display.operating_point import Target
    from cxr_core.evaluate.reads import Reads
    from ui.evidence import Evidence, Probs

TARGETS: Final = {
    "sensitivity": "Find at least (sensitivity)",
    "specificity": "Spare at least (specificity)",
}
NET_BENEFIT: Final = (
    "Net benefit counts a right call as 1 and a wrong one as the odds of the probability from "
    "which one acts: who acts from 10% on holds one missed film for as bad as nine false alarms. "
    "Acting by the score is worth something where its line lies above both others. Band: 95%, "
    "{n:,} resamples of {n_patients:,} patients. (Vickers and Elkin, 2006)"
)
FILL_COSTS: Final = "Fill every cell with a number of 0 or more; what is right costs nothing."
UNCALIBRATED: Final = (
    "These are raw probabilities. Least expected cost takes them at their word, so calibrated ones "
    "are the better choice where there are any."
)
_DEFAULT_AT: Final = 95.0


def operating_panel(
    evidence: Evidence, kept_apart: tuple[Reads, Probs] | None, *, is_raw: bool
) -> None:
    """Choose a threshold for one class and say what it is worth.

    Args:
        evidence: The films it is measured on.
        kept_apart: Reads and calibrated probabilities of the films that choose it; the same films
            choose it if `None`.
        is_raw: True for probabilities before calibration.
    """
    system = chosen_system(evidence, "operating")
    if not has_reads(evidence) or evidence.reads is None:
        return
    label, target, at, prevalence = _point_choice(evidence)
    choosing = None
    if kept_apart is not None and system in kept_apart[0].systems:
        reads, calibrated = kept_apart
        is_plain = is_raw or system not in calibrated
        choosing = (reads.y_true, reads.probs(system) if is_plain else calibrated[system])
    try:
        point = OperatingPoint.from_predictions(
            evidence.reads.y_true,
            evidence.probs(is_raw=is_raw)[system],
            label,
            target=target,
            at=at,
            prevalence=prevalence,
            patients=evidence.reads.patient,
            chosen_on=choosing,
        )
    except NotApplicableError:
        st.markdown(
            f"**No threshold.** No film can choose one for a {target} of {CLASS_TITLES[label]}: "
            "choose another class or other films."
        )
        return
    for line in point_lines(point):
        st.markdown(line)
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.table(
            point_rows(point),
            hide_index=True,
            border="horizontal",
            alt="Sensitivity, specificity and predictive values with intervals",
        )
        st.caption(
            f"{PREVALENCE_NOTE} Intervals: 95%, films of one patient counted for what they are "
            "worth, the threshold taken as given."
        )
    if point.ppv["value"] is None:
        right.markdown(f"**No predictive values**: {point.ppv['reason']}.")
        return
    with right:
        st.plotly_chart(
            point.plot(), config=NO_BAR, key="operating", alt="Predictive values by prevalence"
        )
    with st.expander("Predictive values by prevalence as a table"):
        st.dataframe(point.frame(), hide_index=True, alt="Predictive values by prevalence")


def costs_panel(evidence: Evidence, *, is_raw: bool) -> None:
    """Let the reader say what errors cost, and show the decision that follows; decision curves.

    Args:
        evidence: The films.
        is_raw: True for probabilities before calibration.
    """
    system = chosen_system(evidence, "costs")
    if not has_reads(evidence) or evidence.reads is None:
        return
    probs = evidence.probs(is_raw=is_raw)[system]
    if is_raw or system not in evidence.calibrated:
        st.caption(UNCALIBRATED)
    st.subheader("What an error costs", anchor=False)
    costs = _cost_editor()
    if costs is None:
        st.markdown(FILL_COSTS)
    else:
        shown = DecisionCosts.from_predictions(
            evidence.reads.y_true, probs, costs, patients=evidence.reads.patient
        )
        _costs(shown, system)
    st.subheader("Is acting by the score worth it?", anchor=False)
    _decision_curve(evidence, probs)


def _point_choice(evidence: Evidence) -> tuple[str, Target, float, float]:
    """Ask for class, target and prevalence."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        label = _class_choice("operating-class")
        target = st.segmented_control(
            "Target",
            list(TARGETS),
            default="sensitivity",
            required=True,
            format_func=lambda name: TARGETS[name],
            key="operating-target",
        )
        at = st.number_input(
            "Of the films, in %",
            min_value=50.0,
            max_value=99.9,
            value=_DEFAULT_AT,
            step=0.5,
            format="%.1f",
            key="operating-at",
            width=140,
        )
        counts = evidence.evaluation["n_by_class"]
        share = 100 * counts[label] / max(1, sum(counts.values()))
        prevalence = st.number_input(
            f"Prevalence of {CLASS_TITLES[label]}, in %",
            min_value=0.1,
            max_value=90.0,
            value=min(90.0, max(0.1, round(share, 1))),
            step=0.5,
            format="%.1f",
            key=f"operating-prevalence-{label}",
            help="How many of a hundred people whose films are read have it. At first: its share "
            "of these films.",
            width=200,
        )
    return label, cast("Target", target or "sensitivity"), at / 100, prevalence / 100


def _cost_editor() -> Float64Array | None:
    """Ask for the costs; `None` while a cell is empty."""
    import pandas as pd

    left, right = st.columns([4, 5], gap="medium")
    preset = left.selectbox("Start from", list(COST_PRESETS), key="costs-preset")
    left.caption("Rows are true classes, columns what is called. Right calls cost nothing.")
    titles = [CLASS_TITLES[label] for label in CLASSES]
    start = pd.DataFrame(COST_PRESETS[preset or next(iter(COST_PRESETS))], titles, titles)
    start.index.name = "True class, called:"
    with right:
        edited = st.data_editor(
            start,
            key=f"costs-{preset}",
            column_config={
                title: st.column_config.NumberColumn(min_value=0.0, step=0.5, width=104)
                for title in titles
            },
            disabled=["True class, called:"],
            alt="Cost of calling a film of the row's class the column's",
        )
    matrix = np.array(edited, np.float64)
    np.fill_diagonal(matrix, 0.0)
    return matrix if np.isfinite(matrix).all() and (matrix >= 0).all() else None


def _costs(shown: DecisionCosts, system: str) -> None:
    """Draw what deciding by cost changes."""
    left, right = st.columns(2, gap="large")
    with left:
        for line in cost_lines(shown):
            st.markdown(line)
    with right:
        st.plotly_chart(shown.plot(), config=NO_BAR, key="costs", alt="Mean cost of both ways")
        st.caption(
            f"Mean cost a film with 95% intervals, {shown.n_resamples:,} resamples of "
            f"{shown.n_patients:,} patients."
        )
    for column, title, calls in (
        (left, "Likeliest class", shown.likeliest),
        (right, "Least expected cost", shown.decided),
    ):
        with column:
            st.markdown(f"**{title}**, {system_title(system)}")
            display = ConfusionDisplay.from_predictions(shown.y_true, calls)
            st.plotly_chart(
                display.plot(text_colour=text_colour()),
                config=NO_BAR,
                key=f"costs-{title}",
                alt=f"Calls by {title}",
            )
    with st.expander("Calls and costs as a table"):
        st.dataframe(shown.frame(), hide_index=True, alt="Calls and costs of both ways")


def _decision_curve(evidence: Evidence, probs: Float64Array) -> None:
    """Draw the net benefit of one class."""
    label = _class_choice("benefit-class")
    reads = evidence.reads
    if reads is None:
        return
    try:
        curve = DecisionCurve.from_predictions(reads.y_true, probs, label, patients=reads.patient)
    except CxrError:
        st.markdown(
            f"**No curve.** These films do not hold both {CLASS_TITLES[label]} and other classes."
        )
        return
    st.plotly_chart(
        curve.plot(), config=NO_BAR, key="benefit", alt="Net benefit by threshold probability"
    )
    st.caption(
        f"{NET_BENEFIT.format(n=curve.n_resamples, n_patients=curve.n_patients)} The benefit is of "
        f"these films, {curve.n_positive:,} of {curve.n:,} of which are of {CLASS_TITLES[label]}."
    )
    with st.expander("The decision curve as a table"):
        st.dataframe(curve.frame(), hide_index=True, alt="Net benefit by threshold probability")


def _class_choice(key: str) -> str:
    """Ask for a class."""
    chosen: Any = st.segmented_control(
        "Class",
        CLASSES,
        default=CLASSES[0],
        required=True,
        format_func=lambda label: CLASS_TITLES[label],
        key=key,
    )
    return str(chosen or CLASSES[0])
