"""How an ensemble's score adds up, bar by bar."""

from __future__ import annotations

import html
from collections.abc import Sequence
from itertools import accumulate
from typing import Final

import plotly.graph_objects as go

from cxr_core.evaluate.figure_text import number_text
from ui.compare_view import Bar
from ui.components.curves import COLOURS

UP, DOWN = COLOURS[0], COLOURS[1]
TOTAL_COLOUR: Final = "#8A939C"
_ROW_PX: Final = 30
_FRAME_PX: Final = 56


def waterfall_figure(bars: Sequence[Bar]) -> go.Figure:
    """Draw the steps from 0 to a score, each bar starting where the last one ended.

    Args:
        bars: From `ui.compare_view.waterfall`; the last one is the sum.

    Returns:
        The figure, its height fitted to the number of bars.
    """
    ends = list(accumulate(bar.value for bar in bars if not bar.is_total))
    starts = [0.0, *ends[:-1]]
    bases = [
        0.0 if bar.is_total else start for bar, start in zip(bars, [*starts, 0.0], strict=True)
    ]
    figure = go.Figure(
        go.Bar(
            orientation="h",
            y=[html.escape(bar.title) for bar in bars],
            x=[bar.value for bar in bars],
            base=bases,
            marker={"color": [_colour(bar) for bar in bars], "line": {"width": 0}},
            text=[number_text(bar.value, is_signed=True) for bar in bars],
            textposition="outside",
            cliponaxis=False,
            customdata=[[bar.note, number_text(bar.value, is_signed=True)] for bar in bars],
            hovertemplate="<b>%{y}</b>: %{customdata[1]}<br>%{customdata[0]}<extra></extra>",
        )
    )
    low, high = min(0.0, *ends), max(0.0, *ends)
    room = 0.24 * (high - low or 1.0)
    figure.update_layout(
        height=_ROW_PX * len(bars) + _FRAME_PX,
        margin={"t": 8, "b": 40, "l": 8, "r": 8},
        showlegend=False,
        bargap=0.28,
        xaxis={
            "title": {"text": "Score (logit)", "standoff": 6},
            "range": [low - room, high + room],
            "zeroline": True,
            "zerolinewidth": 1,
        },
        yaxis={"autorange": "reversed", "ticklabelstandoff": 6},
    )
    return figure


def _colour(bar: Bar) -> str:
    """Return a colour for the direction; none of them reads as good or bad."""
    if bar.is_total:
        return TOTAL_COLOUR
    return UP if bar.value >= 0 else DOWN
