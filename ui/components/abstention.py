"""What is gained by leaving films to a person: a curve for each system, a sentence and a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import plotly.graph_objects as go
import streamlit as st

from cxr_core.evaluate.display.style import LEGEND
from cxr_core.evaluate.figure_text import share_text
from cxr_core.labels import system_title
from cxr_core.trust.abstention import AbstentionCurve
from ui.calibration_evidence import CalibrationEvidence
from ui.components.chart import NO_BAR
from ui.components.curves import COLOURS, SYMBOLS

KEPT: Final = (
    "Films of low scores can be left to a person. Further left, fewer films are answered; accuracy "
    "is of the films that are. By calibrated scores."
)

_CURVE_PX: Final = 400
_A_TENTH_LESS: Final = 0.9


def abstention_figure(curves: Mapping[str, AbstentionCurve], chosen: str) -> go.Figure:
    """Draw accuracy against the share of films kept, the chosen system with its interval.

    Args:
        curves: System to curve.
        chosen: The system that is drawn boldly.

    Returns:
        The figure.
    """
    figure = go.Figure()
    for i, (system, curve) in enumerate(curves.items()):
        rows, colour = curve.rows(), COLOURS[i % len(COLOURS)]
        is_chosen = system == chosen
        figure.add_scatter(
            x=[row["share_kept"] for row in rows],
            y=[row["accuracy"] for row in rows],
            error_y=_error_bars(rows, colour) if is_chosen else None,
            customdata=[[row["n_kept"], row["lowest_score"]] for row in rows],
            mode="lines+markers",
            line={"color": colour, "width": 2.5 if is_chosen else 1.2},
            marker={"symbol": SYMBOLS[i % len(SYMBOLS)], "size": 8 if is_chosen else 5},
            opacity=1.0 if is_chosen else 0.75,
            name=system_title(system),
            hovertemplate="%{x:.0%} kept (%{customdata[0]:,} films, score %{customdata[1]:.3f} and "
            f"more): accuracy %{{y:.1%}}<extra>{system_title(system)}</extra>",
        )
    figure.update_layout(
        height=_CURVE_PX,
        margin={"t": 60, "b": 48, "l": 64, "r": 16},
        legend=LEGEND,
        xaxis={"title": {"text": "Films kept"}, "tickformat": ".0%", "zeroline": False},
        yaxis={"title": {"text": "Named rightly"}, "tickformat": ".0%", "zeroline": False},
    )
    return figure


def abstention_section(evidence: CalibrationEvidence, system: str) -> None:
    """Draw what is gained by leaving films to a person.

    Args:
        evidence: What the page is drawn from.
        system: Name of the system that is drawn boldly.
    """
    st.header("What is gained by leaving films to a person?", anchor=False)
    curves = {
        name: AbstentionCurve.from_predictions(
            evidence.test.y_true, evidence.probs(name, is_raw=False)
        )
        for name in evidence.test.systems
    }
    st.markdown(f"{KEPT} {abstention_sentence(curves[system], system)}")
    st.plotly_chart(
        abstention_figure(curves, system),
        config=NO_BAR,
        alt="Accuracy on the films kept against the share kept",
    )
    with st.expander(f"The curve of {system_title(system)} as a table"):
        st.dataframe(
            abstention_rows(curves[system]),
            hide_index=True,
            column_config={
                "Share kept": st.column_config.NumberColumn(format="percent"),
                "Lowest score kept": st.column_config.NumberColumn(format="%.3f"),
            },
            alt="Films kept and share named rightly",
        )


def abstention_rows(curve: AbstentionCurve) -> list[dict[str, Any]]:
    """Return an abstention curve as a table.

    Args:
        curve: Of one system.

    Returns:
        Column title to value, one row a point.
    """
    return [
        {
            "Films kept": f"{point.n_kept:,} of {point.n_all:,}",
            "Share kept": point.share_kept,
            "Lowest score kept": point.threshold,
            "Named rightly": share_text(point.accuracy.to_dict(), digits=1),
        }
        for point in curve.points
    ]


def abstention_sentence(curve: AbstentionCurve, system: str) -> str:
    """Say what leaving a tenth of the films to a person gains.

    Args:
        curve: Of one system.
        system: Its name.

    Returns:
        Markdown.
    """
    whole = curve.points[-1]
    kept = min(curve.points, key=lambda point: abs(point.share_kept - _A_TENTH_LESS))
    right = [share_text(point.accuracy.to_dict(), digits=1) for point in (whole, kept)]
    return (
        f"{system_title(system)} names {right[0]} of all test films rightly. "
        f"If the {whole.n_kept - kept.n_kept:,} films of the lowest scores are left to a person, "
        f"it names {right[1]} of those that remain."
    )


def _error_bars(rows: list[dict[str, Any]], colour: str) -> dict[str, Any]:
    """Return Wilson's intervals as error bars."""
    return {
        "type": "data",
        "symmetric": False,
        "array": [row["high"] - row["accuracy"] for row in rows],
        "arrayminus": [row["accuracy"] - row["low"] for row in rows],
        "thickness": 1.2,
        "width": 3,
        "color": colour,
    }
