"""Axes, titles and places of the panels in the figure of training curves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

from ui.run_view import (
    LEARNING_RATE,
    METRIC_TITLES,
    CurveView,
    Series,
)

MAX_COLUMNS: Final = 3

_METRIC_PX, _STRIP_PX, _GAP_PX, _BLOCK_GAP_PX = 230, 60, 16, 84
_TOP_PX, _BOTTOM_PX, _LEFT_PX, _RIGHT_PX = 70, 44, 76, 12
_COLUMN_GAP: Final = 0.035


def panel_layout(
    panels: Sequence[str], rows: Sequence[str], series: Sequence[Series], view: CurveView
) -> dict[str, Any]:
    """Return axes for each panel and row, with titles, by pixels.

    Args:
        panels: Titles of the panels; empty text where one panel holds all.
        rows: Metrics drawn in each panel, the learning rate last.
        series: The lines; at least one.
        view: The reader's choice.

    Returns:
        Layout of a Plotly figure; axes are numbered panel by panel, row by row.
    """
    n_columns = min(len(panels), MAX_COLUMNS)
    n_blocks = -(-len(panels) // n_columns)
    sizes = [_STRIP_PX if row == LEARNING_RATE else _METRIC_PX for row in rows]
    block_px = sum(sizes) + _GAP_PX * (len(rows) - 1)
    plot_px = n_blocks * block_px + (n_blocks - 1) * _BLOCK_GAP_PX
    width = (1.0 - _COLUMN_GAP * (n_columns - 1)) / n_columns
    layout: dict[str, Any] = {
        "height": plot_px + _TOP_PX + _BOTTOM_PX,
        "margin": {"t": _TOP_PX, "b": _BOTTOM_PX, "l": _LEFT_PX, "r": _RIGHT_PX},
        "hovermode": "x unified",
        "annotations": [],
        "uirevision": "/".join([*panels, *rows, str(view.is_log)]),
        "legend": {
            "orientation": "h",
            "x": 0,
            "xanchor": "left",
            "y": 1 + (_TOP_PX - 6) / plot_px,
            "yanchor": "top",
            "title": {"text": ""},
        },
    }
    first = min(float(line.epochs[0]) for line in series)
    last = max(float(line.epochs[-1]) for line in series)
    axes = {row: _value_axis(row, series, view) for row in rows}
    for p, panel in enumerate(panels):
        column, block = p % n_columns, p // n_columns
        left = column * (width + _COLUMN_GAP)
        top_px = plot_px - block * (block_px + _BLOCK_GAP_PX)
        layout[f"xaxis{p + 1}"] = {
            "domain": [left, left + width],
            "anchor": f"y{(p + 1) * len(rows)}",
            "matches": "x" if p else None,
            "title": {"text": "Epoch", "standoff": 6},
            "range": [first - 0.5, last + 0.5],
            "dtick": 1 if last <= 10 else None,
            "tickformat": "d",
            "unifiedhovertitle": {"text": "Epoch %{x}"},
            "zeroline": False,
        }
        layout["annotations"].append(_panel_title(panel, left, top_px / plot_px))
        for r, row in enumerate(rows):
            bottom_px = top_px - sizes[r]
            layout[f"yaxis{p * len(rows) + r + 1}"] = {
                "domain": [max(0.0, bottom_px / plot_px), min(1.0, top_px / plot_px)],
                "anchor": f"x{p + 1}",
                "matches": f"y{r + 1}" if p and r else ("y" if p else None),
                "showticklabels": column == 0,
                **axes[row],
            }
            if column == 0:
                middle = (bottom_px + sizes[r] / 2) / plot_px
                layout["annotations"].append(_row_title(row, middle, is_log=_is_log(row, view)))
            top_px = bottom_px - _GAP_PX
    return layout


def _panel_title(text: str, left: float, top: float) -> dict[str, Any]:
    """Return the title of a panel."""
    return {
        "text": f"<b>{text}</b>",
        "x": left,
        "y": top,
        "xref": "paper",
        "yref": "paper",
        "xanchor": "left",
        "yanchor": "bottom",
        "showarrow": False,
        "font": {"size": 14},
    }


def _row_title(row: str, middle: float, *, is_log: bool) -> dict[str, Any]:
    """Return the title of a row; an axis's own would stand where its tick labels let it."""
    title = "Rate" if row == LEARNING_RATE else METRIC_TITLES[row]
    return {
        "text": f"{title} (log)" if is_log else title,
        "x": 0,
        "y": middle,
        "xref": "paper",
        "yref": "paper",
        "xanchor": "center",
        "yanchor": "middle",
        "xshift": 12 - _LEFT_PX,
        "textangle": -90,
        "showarrow": False,
    }


def _is_log(row: str, view: CurveView) -> bool:
    """Tell whether a row's axis is logarithmic and should say so."""
    return view.is_log and row == "loss"


def _value_axis(row: str, series: Sequence[Series], view: CurveView) -> dict[str, Any]:
    """Return scale and range of a row, the same in all panels so that they can be compared.

    Rates fall by factors, so their scale is logarithmic, with the ends as its only ticks.
    """
    values = [value for line in series if line.metric == row for value in line.values.tolist()]
    if row != LEARNING_RATE and not _is_log(row, view):
        return {"zeroline": False, "range": _padded([v for v in values if math.isfinite(v)], 0.05)}
    positive = [value for value in values if 0 < value < math.inf]
    axis: dict[str, Any] = {
        "type": "log",
        "range": _padded([math.log10(value) for value in positive], 0.05),
    }
    if row == LEARNING_RATE:
        axis["tickvals"] = sorted({min(positive), max(positive)}) if positive else []
        axis["ticktext"] = [_rate(value) for value in axis["tickvals"]]
    return axis


def _padded(values: Sequence[float], share: float) -> list[float] | None:
    """Return the range of some values with some room; `None` without values."""
    if not values:
        return None
    low, high = min(values), max(values)
    room = share * (high - low) or 0.05
    return [low - room, high + room]


def _rate(value: float) -> str:
    """Write a learning rate shortly, for example `2.5e-5`."""
    mantissa, _, exponent = f"{value:.1e}".partition("e")
    return f"{mantissa.removesuffix('.0')}e{int(exponent)}"
