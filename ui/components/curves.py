"""The figure of training curves: panels over a strip with the learning rate, one epoch axis each.

Colour names what differs inside a panel, the dash names the split, and a mark of its own shape says
which line is meant where colours are not seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import plotly.graph_objects as go

from cxr_core.labels import SYSTEMS, system_title
from ui.components.curve_axes import panel_layout
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
    figure = go.Figure(layout=panel_layout(panels, rows, series, view))
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
