"""The reliability diagram of one system, raw against calibrated, and what calibration changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import plotly.graph_objects as go
import streamlit as st

from cxr_core.evaluate.display.style import LEGEND
from cxr_core.labels import system_title
from cxr_core.trust.calibration_error import TOP_LABEL
from cxr_core.trust.measure import CalibrationEffect, calibration_effect
from cxr_core.trust.reliability import ReliabilityDiagram
from ui.calibration_evidence import CalibrationEvidence
from ui.calibration_view import (
    QUESTIONS,
    bin_rows,
    calibration_warnings,
    change_rows,
    highest,
    nine_of_ten,
    quality_rows,
    temperature_note,
)
from ui.components.chart import NO_BAR
from ui.components.curves import COLOURS

RAW: Final = "Raw"
CALIBRATED: Final = "Calibrated"
INTRO: Final = (
    "A score can be read as a share only if it is calibrated: of the films scored about 0.9, nine "
    "of ten must be what the score says. On the dotted line, scores mean what they say; below it "
    "they promise too much, above it too little."
)
MEANING: Final = (
    "**ECE** (expected calibration error): how far, on average, a score is from the share of films "
    "on which it comes true; 0.02 means two of a hundred. “Class named” looks at the "
    "highest score of a film only, “each class” at all three. 15 equal steps; the part that "
    "chance alone would give is taken off, as far as it can be told. **Log loss** and **Brier "
    "score** punish wrong scores, and sure ones most; less is better. 95% intervals draw whole "
    "patients."
)
_STYLES: Final = {
    RAW: {"colour": COLOURS[1], "symbol": "square-open", "dash": "dash"},
    CALIBRATED: {"colour": COLOURS[0], "symbol": "circle", "dash": "solid"},
}
_DIAGRAM_PX: Final = 560
_SHARE_OF_BARS: Final = 0.28


def reliability_figure(diagrams: Mapping[str, ReliabilityDiagram]) -> go.Figure:
    """Draw diagrams over bars with the number of films in each bin.

    Args:
        diagrams: `RAW` and `CALIBRATED`, or either, to diagram.

    Returns:
        The figure; error bars are Wilson's 95% intervals, the bars' axis is logarithmic.
    """
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        line={"dash": "dot", "color": "#8A929A", "width": 1.5},
        name="Means what it says",
        hoverinfo="skip",
    )
    for kind, diagram in diagrams.items():
        rows, style = diagram.rows(), _STYLES[kind]
        figure.add_scatter(
            x=[row["mean_score"] for row in rows],
            y=[row["came_true"] for row in rows],
            error_y=_error_bars(rows, "came_true", style["colour"]),
            customdata=[[row["n"], row["low"], row["high"]] for row in rows],
            mode="lines+markers",
            line={"color": style["colour"], "dash": style["dash"], "width": 2},
            marker={"symbol": style["symbol"], "size": 9},
            name=kind,
            hovertemplate="score %{x:.3f}: came true %{y:.1%} (%{customdata[1]:.1%} to "
            f"%{{customdata[2]:.1%}}), %{{customdata[0]:,}} films<extra>{kind}</extra>",
        )
        figure.add_bar(
            x=[(row["from"] + row["to"]) / 2 for row in rows],
            y=[row["n"] for row in rows],
            text=[f"{row['n']:,}" for row in rows],
            textposition="outside",
            textangle=-90,
            textfont={"size": 11},
            constraintext="none",
            cliponaxis=False,
            marker={"color": style["colour"]},
            name=kind,
            showlegend=False,
            yaxis="y2",
            hovertemplate=f"%{{y:,}} films<extra>{kind}</extra>",
        )
    figure.update_layout(_diagram_layout(diagrams))
    return figure


def _diagram_layout(diagrams: Mapping[str, ReliabilityDiagram]) -> dict[str, Any]:
    """Return axes that leave out scores which no film can have."""
    filled = [b for diagram in diagrams.values() for b in diagram.filled]
    start = min([b.low for b in filled], default=0.0)
    most = max([b.n for b in filled], default=1)
    return {
        "height": _DIAGRAM_PX,
        "barmode": "group",
        "bargap": 0.15,
        "margin": {"t": 40, "b": 48, "l": 64, "r": 16},
        "legend": LEGEND,
        "xaxis": {
            "title": {"text": "Score"},
            "range": [start - 0.02, 1.02],
            "anchor": "y2",
            "zeroline": False,
        },
        "yaxis": {
            "title": {"text": "Came true"},
            "range": [-0.03, 1.03],
            "domain": [_SHARE_OF_BARS + 0.06, 1],
            "tickformat": ".0%",
            "zeroline": False,
        },
        "yaxis2": {
            "title": {"text": "Films"},
            "type": "log",
            "range": [-0.3, _exponent(most)],
            "domain": [0, _SHARE_OF_BARS],
            "anchor": "x",
            "showticklabels": False,
            "showgrid": False,
            "zeroline": False,
        },
    }


def _exponent(n: int) -> float:
    """Return the top of a logarithmic axis with room for the number above a bar."""
    return len(str(n)) + 1.0


def _error_bars(rows: list[dict[str, Any]], name: str, colour: str) -> dict[str, Any]:
    """Return Wilson's interval as error bars."""
    return {
        "type": "data",
        "symmetric": False,
        "array": [row["high"] - row[name] for row in rows],
        "arrayminus": [row[name] - row["low"] for row in rows],
        "thickness": 1.2,
        "width": 3,
        "color": colour,
    }


def warnings_section(evidence: CalibrationEvidence, system: str) -> None:
    """Draw what is said before any calibrated score of a system.

    Args:
        evidence: What the page is drawn from.
        system: Name of the system.
    """
    for line in _warnings(evidence.key, system, evidence):
        st.warning(line, icon=":material/visibility:")


@st.cache_resource(show_spinner=False, max_entries=16)
def _warnings(key: str, system: str, _evidence: CalibrationEvidence) -> list[str]:  # noqa: ARG001
    """Measure once what is said first of a system; the evidence is known by its key."""
    return calibration_warnings(_evidence, system)


def reliability_section(evidence: CalibrationEvidence, system: str) -> None:
    """Draw whether 0.9 means nine of ten, for one system.

    Args:
        evidence: What the page is drawn from.
        system: Name of the system.
    """
    st.header("Does 0.9 mean nine of ten?", anchor=False)
    st.markdown(INTRO)
    of = st.segmented_control(
        "Score of",
        list(QUESTIONS),
        default=TOP_LABEL,
        format_func=QUESTIONS.__getitem__,
        required=True,
        key="calibration-question",
        persist_state="session",
    )
    diagrams = {
        kind: ReliabilityDiagram.from_predictions(
            evidence.test.y_true, evidence.probs(system, is_raw=kind == RAW), of=of
        )
        for kind in ((RAW, CALIBRATED) if evidence.is_changed(system) else (CALIBRATED,))
    }
    left, right = st.columns([3, 2], gap="large", vertical_alignment="top")
    with left:
        st.plotly_chart(
            reliability_figure(diagrams),
            config=NO_BAR,
            alt=f"Score against the share that came true, {system_title(system)}",
        )
    with right:
        for kind, diagram in reversed(diagrams.items()):
            st.markdown(nine_of_ten(diagram, system, kind.lower()))
            st.markdown(highest(diagram, system, kind.lower()))
        st.markdown(f":small[{temperature_note(evidence, system)}]")
    with st.expander("The diagram as a table"):
        st.dataframe(
            bin_rows(diagrams),
            hide_index=True,
            column_config=_bin_columns(),
            alt="Films, mean score and share that came true in each bin",
        )


def quality_section(evidence: CalibrationEvidence) -> None:
    """Draw the figures of all systems, raw and calibrated.

    Args:
        evidence: What the page is drawn from.
    """
    st.header("All systems, raw and calibrated", anchor=False)
    effects = _effects(evidence.key, evidence)
    st.table(
        quality_rows(effects, evidence.temperatures),
        hide_index=True,
        border="horizontal",
        alt="Calibration errors, log loss and Brier score of each system, raw and calibrated",
    )
    n, n_patients = len(evidence.test), evidence.test.films.n_patients
    st.caption(f"{n:,} test films of {n_patients:,} patients; temperatures in brackets.")
    st.markdown(f":small[{MEANING}]")
    with st.expander("What calibration changes, films paired"):
        st.dataframe(change_rows(effects), hide_index=True, alt="Change of log loss by calibration")


def _bin_columns() -> dict[str, Any]:
    """Return how numbers of the table of bins are written."""
    fraction = st.column_config.NumberColumn(format="%.3f")
    names = ("From", "To", "Mean score", "Came true", "Lower end", "Upper end")
    return dict.fromkeys(names, fraction)


@st.cache_resource(show_spinner="Measuring the scores …", max_entries=6)
def _effects(
    key: str,  # noqa: ARG001
    _evidence: CalibrationEvidence,
) -> dict[str, CalibrationEffect]:
    """Measure every system once; the underscore argument is not part of the cache key."""
    return {
        system: calibration_effect(_evidence.test, system, _evidence.temperatures.get(system))
        for system in _evidence.test.systems
    }
