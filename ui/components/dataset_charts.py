"""The charts of a data set: class balance by split and source, sizes and brightness by class."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import plotly.graph_objects as go

from cxr_core.evaluate.display.style import LEGEND
from cxr_core.labels import CLASS_COLOURS, CLASS_TITLES, CLASSES
from ui.dataset_view import SPLIT_TITLES

MAX_SOURCES: Final = 12
"""Bars in the chart of sources; smaller ones are joined, and stand in the table."""

_ROW_PX: Final = 56
_FRAME_PX: Final = 68
_HISTOGRAM_PX: Final = 300
_MAX_NAME: Final = 32
_TEXT_ON_COLOUR: Final = "#14171B"


def split_figure(n_by_split: Mapping[str, Mapping[str, int]]) -> go.Figure:
    """Draw the films of each split by class, as counts.

    Args:
        n_by_split: Split to class to number of films.

    Returns:
        One bar a split.
    """
    rows = {
        _label(SPLIT_TITLES.get(split, split), sum(row.values())): row
        for split, row in n_by_split.items()
    }
    return _bars(rows, share=False)


def source_figure(n_by_source: Mapping[str, Mapping[str, int]]) -> go.Figure:
    """Draw what each source consists of, as shares: a bar of one colour gives its class away.

    Args:
        n_by_source: Source to class to number of films, the largest first.

    Returns:
        One bar a source, counts written on it.
    """
    names = list(n_by_source)
    shown = names if len(names) <= MAX_SOURCES else names[: MAX_SOURCES - 1]
    rows = {_label(name, sum(n_by_source[name].values())): n_by_source[name] for name in shown}
    rest = [n_by_source[name] for name in names[len(shown) :]]
    if rest:
        joined = {label: sum(row[label] for row in rest) for label in CLASSES}
        rows[_label(f"{len(rest)} smaller ones", sum(joined.values()))] = joined
    return _bars(rows, share=True)


def size_figure(sizes: Mapping[str, Any]) -> go.Figure:
    """Draw the longer side of the films, as shares of each class.

    Args:
        sizes: Part of a summary.

    Returns:
        Grouped bars.
    """
    steps = sizes["from_px"]
    titles = [f"{a:,} to {b - 1:,}" for a, b in pairwise(steps)]
    titles.append(f"{steps[-1]:,} and more")
    used = [i for i in range(len(steps)) if any(sizes["n_by_class"][c][i] for c in CLASSES)]
    used = list(range(used[0], used[-1] + 1)) if used else []
    figure = go.Figure(layout=_histogram_layout("Longer side in pixels"))
    figure.update_xaxes(type="category")
    for label in CLASSES:
        counts = sizes["n_by_class"][label]
        figure.add_bar(
            x=[titles[i] for i in used],
            y=[_share(counts[i], counts) for i in used],
            customdata=[counts[i] for i in used],
            **_style(label),
        )
    return figure


def intensity_figure(intensity: Mapping[str, Any]) -> go.Figure:
    """Draw the mean brightness of the films, as shares of each class.

    Args:
        intensity: Part of a summary.

    Returns:
        One stepped line a class.
    """
    edges = intensity["edges"]
    used = [i for i in range(len(edges) - 1) if any(intensity["n_by_class"][c][i] for c in CLASSES)]
    figure = go.Figure(layout=_histogram_layout("Mean of the film (0 black, 1 white)"))
    if used:
        figure.update_xaxes(range=[edges[used[0]], edges[used[-1] + 1]])
    for label in CLASSES:
        counts = intensity["n_by_class"][label]
        figure.add_scatter(
            x=edges,
            y=[_share(count, counts) for count in [*counts, 0]],
            customdata=[*counts, 0],
            mode="lines",
            line={"shape": "hv", "color": CLASS_COLOURS[label], "width": 2},
            name=CLASS_TITLES[label],
            hovertemplate=f"{CLASS_TITLES[label]} %{{y:.1%}} (%{{customdata:,}})<extra></extra>",
        )
    return figure


def _bars(rows: Mapping[str, Mapping[str, int]], *, share: bool) -> go.Figure:
    """Draw stacked horizontal bars, the first on top, each below its name so that it has room."""
    names = list(rows)
    totals = [sum(row.values()) for row in rows.values()]
    shares = {"tickformat": ".0%", "range": [0, 1], "tickvals": [0, 0.25, 0.5, 0.75, 1]}
    figure = go.Figure(
        layout={
            "barmode": "stack",
            "height": _FRAME_PX + _ROW_PX * len(names),
            "margin": {"t": 38, "b": 30, "l": 12, "r": 24},
            "bargap": 0.5,
            "legend": _LEGEND,
            "uniformtext": {"minsize": 11, "mode": "hide"},
            "xaxis": {"zeroline": False, **(shares if share else {"tickformat": ","})},
            "yaxis": {"autorange": "reversed", "showticklabels": False, "showgrid": False},
            "annotations": [_name_above(name) for name in names],
        }
    )
    for label in CLASSES:
        counts = [row[label] for row in rows.values()]
        figure.add_bar(
            orientation="h",
            y=names,
            x=[_of(n, total) for n, total in zip(counts, totals, strict=True)] if share else counts,
            customdata=counts,
            text=[f"{n:,}" if n else "" for n in counts],
            textposition="inside",
            insidetextanchor="middle",
            textangle=0,
            textfont={"color": _TEXT_ON_COLOUR, "size": 13},
            marker={"color": CLASS_COLOURS[label]},
            name=CLASS_TITLES[label],
            hovertemplate=f"%{{y}}: {CLASS_TITLES[label]} %{{customdata:,}}<extra></extra>",
        )
    return figure


def _name_above(name: str) -> dict[str, Any]:
    """Return the name of a bar as a line above it."""
    return {
        "text": name,
        "x": 0,
        "xref": "paper",
        "xanchor": "left",
        "y": name,
        "yanchor": "bottom",
        "yshift": _ROW_PX / 4,
        "showarrow": False,
        "font": {"size": 13},
    }


_LEGEND: Final = {**LEGEND, "traceorder": "normal"}


def _histogram_layout(title: str) -> dict[str, Any]:
    """Return the layout that both histograms share."""
    return {
        "height": _HISTOGRAM_PX,
        "margin": {"t": 34, "b": 56, "l": 8, "r": 16},
        "legend": _LEGEND,
        "hovermode": "x unified",
        "bargap": 0.25,
        "xaxis": {"title": {"text": title}, "zeroline": False},
        "yaxis": {
            "tickformat": ".0%",
            "rangemode": "tozero",
            "zeroline": False,
            "automargin": True,
        },
    }


def _style(label: str) -> dict[str, Any]:
    """Return colour, name and hover text of a class's bars."""
    title = CLASS_TITLES[label]
    return {
        "marker": {"color": CLASS_COLOURS[label]},
        "name": title,
        "hovertemplate": f"{title} %{{y:.1%}} (%{{customdata:,}})<extra></extra>",
    }


def _share(count: int, counts: Sequence[int]) -> float:
    """Return a count as a share of its class; 0 for a class without films."""
    return _of(count, sum(counts))


def _of(count: int, total: int) -> float:
    """Return a share; 0 of nothing."""
    return count / total if total else 0.0


def _label(name: str, count: int) -> str:
    """Return the name of a bar; names are not ours, and the chart reads tags."""
    short = name if len(name) <= _MAX_NAME else f"{name[: _MAX_NAME - 1]}…"
    return f"{html.escape(short, quote=False)} ({count:,})"
