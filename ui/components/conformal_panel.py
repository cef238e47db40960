"""Prediction sets of one system: coverage by class, sizes of the sets, and what they cannot say."""

from __future__ import annotations

from typing import Final

import plotly.graph_objects as go
import streamlit as st

from cxr_core.evaluate.display.style import LEGEND
from cxr_core.trust.coverage import Coverage, coverage
from ui.calibration_evidence import CalibrationEvidence
from ui.components.chart import NO_BAR
from ui.components.curves import COLOURS
from ui.conformal_view import SIZES, coverage_rows, notes, size_rows

INTRO: Final = (
    "Instead of one class, a system can name all classes that it cannot rule out. The promise is "
    "made for each class on its own: of its films, at least the chosen share have their class in "
    "the set. It is kept by a limit for each class, taken from the calibration films, and holds "
    "for films like them, not for films of other sources."
)
NO_SETS: Final = (
    "No prediction sets were calibrated for this system. Publish the bundle again with "
    "`python -m train evidence`."
)
NO_SETS_OF_A_TWIN: Final = (
    "None are shown for this variant: it kept no films apart, and limits of its twin did not hold "
    "what they promise. Choose a variant that kept films apart."
)
RANGE_MEANING: Final = (
    "“Range that chance explains”: with so few films, coverage falls into this range 99% "
    "of the time if calibration and test films are alike (exact, beta-binomial). Intervals of "
    "coverage are Wilson's 95%, films counted as independent. Limits are of raw scores."
)

_HEIGHT_PX: Final = 300
_TEXT_COLOURS: Final = ("#14171B", "#14171B", "#FFFFFF", "#FFFFFF")


def size_figure(found: Coverage) -> go.Figure:
    """Draw how many classes the sets have, by true class, as shares.

    Args:
        found: The coverage of one system and level.

    Returns:
        One stacked bar a class, and one for all films.
    """
    rows = size_rows(found)
    names = [f"{row['Films']} ({sum(row[size] for size in SIZES):,})" for row in rows]
    figure = go.Figure()
    for i, size in enumerate(SIZES):
        counts = [row[size] for row in rows]
        totals = [sum(row[other] for other in SIZES) for row in rows]
        figure.add_bar(
            orientation="h",
            y=names,
            x=[n / total if total else 0.0 for n, total in zip(counts, totals, strict=True)],
            text=[f"{n:,}" if n else "" for n in counts],
            textposition="inside",
            insidetextanchor="middle",
            textangle=0,
            insidetextfont={"color": _TEXT_COLOURS[i], "size": 13},
            marker={"color": COLOURS[i]},
            name=size,
            customdata=counts,
            hovertemplate=f"%{{y}}: {size.lower()} %{{x:.1%}} (%{{customdata:,}})<extra></extra>",
        )
    figure.update_layout(
        height=_HEIGHT_PX,
        barmode="stack",
        bargap=0.35,
        margin={"t": 40, "b": 30, "l": 8, "r": 16},
        uniformtext={"minsize": 11, "mode": "hide"},
        legend={**LEGEND, "traceorder": "normal"},
        xaxis={"tickformat": ".0%", "range": [0, 1], "zeroline": False},
        yaxis={"autorange": "reversed", "automargin": True},
    )
    return figure


def conformal_section(evidence: CalibrationEvidence, system: str) -> None:
    """Draw the prediction sets of one system.

    Args:
        evidence: What the page is drawn from.
        system: Name of the system.
    """
    st.header("Which classes cannot be ruled out?", anchor=False)
    st.markdown(INTRO)
    model = evidence.conformal.get(system)
    if model is None:
        st.markdown(NO_SETS_OF_A_TWIN if evidence.is_twin else NO_SETS)
        return
    level = st.segmented_control(
        "Promised",
        list(model.levels),
        default=model.levels[0],
        format_func=lambda value: f"{value:.0%}",
        required=True,
        key="calibration-level",
        persist_state="session",
    )
    found = coverage(model, evidence.probs(system, is_raw=True), evidence.test.y_true, level)
    st.table(
        coverage_rows(model, found),
        hide_index=True,
        border="horizontal",
        alt="Coverage of the prediction sets by class",
    )
    left, right = st.columns([3, 2], gap="large", vertical_alignment="center")
    with left:
        st.plotly_chart(
            size_figure(found), config=NO_BAR, alt="Number of classes in a set, by true class"
        )
    with right:
        for line in notes(model, found, system):
            st.markdown(line)
    with st.expander("Sizes of the sets as a table"):
        st.dataframe(size_rows(found), hide_index=True, alt="Number of sets of each size")
    st.markdown(f":small[{RANGE_MEANING}]")
