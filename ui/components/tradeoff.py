"""What added films of other sources buy and cost, as a curve: recall against false calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import plotly.graph_objects as go
import streamlit as st

from cxr_core.labels import system_title
from ui.components.curves import COLOURS, SYMBOLS

_HEIGHT_PX: Final = 460
_LEFT = "adults_called_COVID19"
_UP = "recall_COVID19"


def tradeoff_rows(tradeoff: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the curve's points as a table: one row for each system, weight and seed.

    Args:
        tradeoff: Parsed `tradeoff.json`, schema `cxr-tradeoff/1`.

    Returns:
        Column title to value, in the file's order.
    """
    return [
        {
            "System": system_title(name),
            "Weight of an added film": row["weight"],
            "Seed": row["seed"],
            "Accuracy": figures["accuracy"]["value"],
            "COVID-19 recall": figures[_UP]["value"],
            "n with COVID-19": figures[_UP]["n"],
            "Adults called COVID-19": figures[_LEFT]["value"],
            "n adults": figures[_LEFT]["n"],
        }
        for row in tradeoff["rows"]
        for name, figures in row["systems"].items()
    ]


def tradeoff_figure(tradeoff: Mapping[str, Any]) -> go.Figure:
    """Draw one line a system, its points the weights; means over the seeds.

    Args:
        tradeoff: Parsed `tradeoff.json`, schema `cxr-tradeoff/1`.

    Returns:
        The figure; bars are the 95% intervals of the first seed.
    """
    rows = tradeoff["rows"]
    figure = go.Figure()
    for i, name in enumerate(rows[0]["systems"]):
        points = [_point(rows, name, weight) for weight in dict.fromkeys(r["weight"] for r in rows)]
        colour = COLOURS[i % len(COLOURS)]
        figure.add_trace(
            go.Scatter(
                x=[point["x"] for point in points],
                y=[point["y"] for point in points],
                error_x=_bars(points, "x", colour),
                error_y=_bars(points, "y", colour),
                text=[f"{point['weight']:g}" for point in points],
                mode="lines+markers+text",
                textposition="top left",
                name=system_title(name),
                line={"color": colour},
                marker={"symbol": SYMBOLS[i % len(SYMBOLS)], "size": 9},
                visible=True if i == 0 or name.startswith("ensemble_dense") else "legendonly",
                hovertemplate="weight %{text}: adults called COVID-19 %{x:.0%}, "
                "COVID-19 recall %{y:.0%}<extra>" + system_title(name) + "</extra>",
            )
        )
    figure.update_layout(
        height=_HEIGHT_PX,
        xaxis={
            "title": "Adults without COVID-19 called COVID-19 (less is better)",
            "tickformat": ".0%",
        },
        yaxis={
            "title": "COVID-19 films found, test patients (more is better)",
            "tickformat": ".0%",
        },
        legend={"orientation": "h", "y": 1.12},
        margin={"t": 60, "r": 12},
    )
    return figure


def tradeoff_section(tradeoff: Mapping[str, Any] | None) -> None:
    """Draw the curve and its table; nothing where it was not measured.

    Args:
        tradeoff: Parsed `tradeoff.json`, or `None`.
    """
    if tradeoff is None or not tradeoff.get("rows"):
        return
    st.header("Disease or source?", anchor=False)
    st.markdown(
        "Films of adults **without** COVID-19, from the publications that the COVID-19 films come "
        "from, were added to training with growing weight (the numbers on the curve; 0 is without "
        "them). Each was judged by models that never saw its patient. Recall that falls as the "
        "false calls fall was the source of the film, not the disease. Measured with "
        f"{', '.join(system_title(name) for name in tradeoff['rows'][0]['systems'])}."
    )
    st.plotly_chart(tradeoff_figure(tradeoff), width="stretch", config={"displaylogo": False})
    with st.expander("The curve as a table"):
        st.dataframe(tradeoff_rows(tradeoff), hide_index=True)


def _point(rows: Sequence[Mapping[str, Any]], name: str, weight: float) -> dict[str, Any]:
    """Return the mean of the seeds at one weight, and the first seed's figures."""
    found = [row["systems"][name] for row in rows if row["weight"] == weight]
    return {
        "weight": weight,
        "x": sum(figures[_LEFT]["value"] for figures in found) / len(found),
        "y": sum(figures[_UP]["value"] for figures in found) / len(found),
        "x_interval": (found[0][_LEFT]["low"], found[0][_LEFT]["high"]),
        "y_interval": (found[0][_UP]["low"], found[0][_UP]["high"]),
    }


def _bars(points: Sequence[Mapping[str, Any]], axis: str, colour: str) -> dict[str, Any]:
    """Return the error bars of one axis."""
    return {
        "type": "data",
        "symmetric": False,
        "array": [max(0.0, p[f"{axis}_interval"][1] - p[axis]) for p in points],
        "arrayminus": [max(0.0, p[axis] - p[f"{axis}_interval"][0]) for p in points],
        "thickness": 1,
        "width": 0,
        "color": colour,
    }
