"""The figure of training curves: panels over a strip with the learning rate, one epoch axis each.

Colour names what differs inside a panel, the dash names the split, and a mark of its own shape says
which line is meant where colours are not seen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import plotly.graph_objects as go

from cxr_core.labels import SYSTEMS, system_title
from ui.run_view import (
    LEARNING_RATE,
    METRIC_TITLES,
    SPLIT_TITLES,
    CurveView,
    Series,
    run_title,
)

if TYPE_CHECKING:
    from cxr_core.training_run import Run

COLOURS: Final = ("#E27224", "#28A1A8", "#A64AFB", "#306689", "#A2450A")
"""Contrast of 2.9 or more on both themes; at least 0.16 apart in OKLab, also as people without red,
green or blue cones see them (Machado and others, 2009)."""

SYMBOLS: Final = ("circle", "square", "diamond", "triangle-up", "cross", "star", "triangle-down")
DASHES: Final = {"train": "dot", "validation": "solid", "": "solid"}
"""Split to the dash of its line."""

MAX_COLUMNS: Final = 3

_METRIC_PX, _STRIP_PX, _GAP_PX, _BLOCK_GAP_PX = 230, 60, 16, 84
_TOP_PX, _BOTTOM_PX, _LEFT_PX, _RIGHT_PX = 70, 44, 76, 12
_COLUMN_GAP: Final = 0.035
_FAINT: Final = 0.4


@dataclass(frozen=True)
class _Key:
    """What one colour stands for."""

    title: str
    colour: str
    symbol: str


def panel_kind(view: CurveView, n_runs: int) -> str:
    """Return what gets a panel: with several runs each system, so that runs lie over each other.

    Args:
        view: The reader's choice.
        n_runs: Number of runs shown.

    Returns:
        `run`, `system` or `one`.
    """
    if view.panels != "automatic":
        return view.panels
    return "system" if n_runs > 1 else "run"


def curves_figure(series: Sequence[Series], runs: Sequence[Run], view: CurveView) -> go.Figure:
    """Draw the lines of some runs.

    Args:
        series: From `ui.run_view.shown_series`; at least one.
        runs: The runs they belong to, for the marked epochs.
        view: The reader's choice.

    Returns:
        The figure, its height fitted to the number of panels.
    """
    kind = panel_kind(view, len({line.run for line in series}))
    panels = list(dict.fromkeys(_panel_of(line, kind) for line in series))
    keys = _keys(series, kind)
    rows = [*(name for name in METRIC_TITLES if name in view.metrics), LEARNING_RATE]
    figure = go.Figure(layout=_layout(panels, rows, series, view))
    places = {(panel, row): (p, r) for p, panel in enumerate(panels) for r, row in enumerate(rows)}
    for line in series:
        p, r = places[_panel_of(line, kind), line.metric]
        axes = {"xaxis": f"x{p + 1}", "yaxis": f"y{p * len(rows) + r + 1}"}
        for trace in _traces(line, keys[_key_of(line, kind)], view):
            figure.add_trace(trace.update(axes))
    for line in series:
        if line.split == "validation":
            p, r = places[_panel_of(line, kind), line.metric]
            axes = {"xaxis": f"x{p + 1}", "yaxis": f"y{p * len(rows) + r + 1}"}
            for trace in _marks(line, keys[_key_of(line, kind)], runs):
                figure.add_trace(trace.update(axes))
    for key in keys.values():
        figure.add_trace(_legend_entry(key))
    return figure


def _panel_of(line: Series, kind: str) -> str:
    """Return the title of the panel of a line; empty if all share one."""
    return {"run": run_title(line.run), "system": system_title(line.system)}.get(kind, "")


def _key_of(line: Series, kind: str) -> tuple[str, str]:
    """Return what names a line inside its panel."""
    return {"run": ("", line.system), "system": (line.run, "")}.get(kind, (line.run, line.system))


def _keys(series: Sequence[Series], kind: str) -> dict[tuple[str, str], _Key]:
    """Give each name a colour and a shape; a system keeps its own whatever else is shown."""
    names = list(dict.fromkeys(_key_of(line, kind) for line in series))
    if kind == "run":
        others = [name for name in names if name[1] not in SYSTEMS]
        order = {name: SYSTEMS.index(name[1]) for name in names if name[1] in SYSTEMS}
        order |= {name: len(SYSTEMS) + i for i, name in enumerate(others)}
    else:
        order = {name: i for i, name in enumerate(names)}
    return {
        name: _Key(
            title=" · ".join(
                [
                    *([run_title(name[0])] if name[0] else []),
                    *([system_title(name[1])] if name[1] else []),
                ]
            ),
            colour=COLOURS[order[name] % len(COLOURS)],
            symbol=SYMBOLS[order[name] % len(SYMBOLS)],
        )
        for name in sorted(names, key=lambda name: order[name])
    }


def _traces(line: Series, key: _Key, view: CurveView) -> list[go.Scatter]:
    """Return the line, and the unsmoothed one faint behind it."""
    common: dict[str, Any] = {
        "x": line.epochs,
        "legendgroup": key.title,
        "showlegend": False,
        "mode": "lines" if len(line.epochs) > 1 else "markers",
    }
    if line.metric == LEARNING_RATE:
        style = {"color": key.colour, "width": 1.5, "shape": "hv"}
        hover = f"{key.title} %{{y:.3g}}<extra></extra>"
        return [go.Scatter(**common, y=line.values, line=style, hovertemplate=hover)]
    style = {"color": key.colour, "width": 2, "dash": DASHES[line.split]}
    name = f"{key.title}, {SPLIT_TITLES[line.split].lower()}"
    if not view.smoothing:
        hover = f"{name} %{{y:.4f}}<extra></extra>"
        return [go.Scatter(**common, y=line.values, line=style, hovertemplate=hover)]
    faint = {**style, "width": 1, "dash": "solid"}
    hover = f"{name} %{{y:.4f}} (measured %{{customdata:.4f}})<extra></extra>"
    return [
        go.Scatter(**common, y=line.values, line=faint, opacity=_FAINT, hoverinfo="skip"),
        go.Scatter(
            **common, y=line.smoothed, customdata=line.values, line=style, hovertemplate=hover
        ),
    ]


def _marks(line: Series, key: _Key, runs: Sequence[Run]) -> list[go.Scatter]:
    """Return a full mark at the lowest validation loss, an open one at the epoch that is used."""
    system = next(run for run in runs if run.key == line.run).systems[line.system]
    marks = []
    for epoch, symbol in (
        (system.best_epoch, key.symbol),
        (system.chosen_epoch, f"{key.symbol}-open"),
    ):
        at = [i for i, known in enumerate(line.epochs.tolist()) if known == epoch]
        if not at or (symbol.endswith("-open") and epoch == system.best_epoch):
            continue
        marker = {
            "symbol": symbol,
            "size": 10,
            "color": key.colour,
            "line": {"width": 2, "color": key.colour},
        }
        marks.append(
            go.Scatter(
                x=line.epochs[at],
                y=line.values[at],
                mode="markers",
                marker=marker,
                cliponaxis=False,
                legendgroup=key.title,
                showlegend=False,
                hoverinfo="skip",
            )
        )
    return marks


def _legend_entry(key: _Key) -> go.Scatter:
    """Return an entry of the legend: it hides and shows all lines of its group."""
    return go.Scatter(
        x=[None],
        y=[None],
        mode="lines+markers",
        name=key.title,
        legendgroup=key.title,
        line={"color": key.colour, "width": 2},
        marker={"symbol": key.symbol, "size": 9},
    )


def _layout(
    panels: Sequence[str], rows: Sequence[str], series: Sequence[Series], view: CurveView
) -> dict[str, Any]:
    """Return axes for each panel and row, with titles, by pixels."""
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
