"""What the refusal gate lets pass and refuses: words, a chart and the table behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import plotly.graph_objects as go
import streamlit as st

from cxr_core.evaluate.figure_text import share_text
from ui.components.curves import COLOURS, SYMBOLS
from ui.gate_view import (
    CHOICE,
    KIND_TITLES,
    NOT_MEASURED,
    STALE,
    STATES,
    candidate_rows,
    is_stale,
    limit_rows,
    set_rows,
    source_sentence,
    summary_rows,
)

if TYPE_CHECKING:
    from cxr_core.trust.gate import Gate

_ROW_PX: Final = 26
_FRAME_PX: Final = 110
_CONFIG: Final = {"displaylogo": False}


def gate_figure(sets: Sequence[Mapping[str, Any]]) -> go.Figure:
    """Draw the refused share of every set with its interval, sets of one kind together.

    Args:
        sets: `sets` of a `cxr-gate/1` object; at least one.

    Returns:
        One mark a set; colour and shape tell what is expected of it.
    """
    figure = go.Figure()
    titles = []
    for i, (kind, words) in enumerate(KIND_TITLES.items()):
        own = [found for found in sets if found["kind"] == kind and found["n"]]
        if not own:
            continue
        names = [f"{found['title']} (n = {found['n']:,})" for found in own]
        titles += names
        values = [found["refused"]["value"] for found in own]
        figure.add_trace(
            go.Scatter(
                x=values,
                y=names,
                mode="markers",
                name=words,
                marker={"color": COLOURS[i], "symbol": SYMBOLS[i], "size": 10},
                error_x={
                    "type": "data",
                    "symmetric": False,
                    "array": [max(0.0, f["refused"]["high"] - f["refused"]["value"]) for f in own],
                    "arrayminus": [
                        max(0.0, f["refused"]["value"] - f["refused"]["low"]) for f in own
                    ],
                    "thickness": 1.5,
                    "width": 0,
                    "color": COLOURS[i],
                },
                text=[share_text(found["refused"], digits=1) for found in own],
                hovertemplate="%{y}<br>refused %{text}<extra></extra>",
            )
        )
    figure.update_layout(
        height=_FRAME_PX + _ROW_PX * len(titles),
        xaxis={
            "title": "Refused (95% interval)",
            "tickformat": ".0%",
            "range": [-0.02, 1.02],
            "zeroline": False,
        },
        yaxis={
            "categoryorder": "array",
            "categoryarray": titles,
            "autorange": "reversed",
            "automargin": True,
        },
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0, "xanchor": "left"},
        margin={"t": 60, "r": 12, "b": 44, "l": 12},
    )
    return figure


def gate_section(table: Mapping[str, Any] | None, gate: Gate | None = None) -> None:
    """Draw what the refusal gate of a variant lets pass and refuses.

    Args:
        table: From `ui.gate_view.table_of`; `None` where nothing was measured.
        gate: The gate that films are judged by, to compare its limits; `None` leaves that out.
    """
    st.header("Refusal gate", anchor=False)
    st.markdown("\n".join(f"- {line}" for line in STATES))
    if table is None:
        st.info(NOT_MEASURED)
        return
    if is_stale(table, gate):
        st.warning(STALE, icon=":material/history:")
    st.markdown(
        f"The score says **{_lower(table['score']['title'])}**. Each class has a limit of its own, "
        "set from films that no network and no head was fitted to, and never from test films."
    )
    st.table(
        summary_rows(table),
        hide_index=True,
        border="horizontal",
        alt="Test films wrongly refused, and far pictures refused",
    )
    sentence = source_sentence(table)
    if sentence is not None:
        st.warning(sentence, icon=":material/visibility:")
    st.plotly_chart(
        gate_figure(table["sets"]),
        width="stretch",
        config=_CONFIG,
        alt="Share of each set of films and pictures that the gate refuses",
    )
    with st.expander("The refusal table"):
        st.dataframe(set_rows(table["sets"]), hide_index=True)
        st.caption(f"{table['interval']} Command: `{table['command']}`")
    with st.expander("The limit of each class"):
        st.dataframe(limit_rows(table["thresholds"]), hide_index=True)
        st.caption(
            f"{table['score']['words']} Distances are to {table['n_reference']:,} films that the "
            f"models were fitted to. One film costs {table['cost_ms']:.2f} ms."
        )
    if table.get("candidates"):
        with st.expander("How the score was chosen"):
            st.markdown(CHOICE)
            st.dataframe(candidate_rows(table["candidates"]), hide_index=True)


def _lower(title: str) -> str:
    """Return a title as it stands inside a sentence."""
    return title[:1].lower() + title[1:]
