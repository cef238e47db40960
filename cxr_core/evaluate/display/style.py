"""Lines, bands and layout that the displays share; no background and no text colour of their own.

The page's theme, dark or light, shows through. A class is told by colour and by dash.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cxr_core.evaluate.figure_text import figure_text
from cxr_core.labels import CLASS_COLOURS, CLASS_TITLES, CLASSES

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from cxr_core.array import Float64Array

HEIGHT_PX: Final = 420
DASHES: Final = dict(zip(CLASSES, ("solid", "dash", "dot"), strict=True))
REFERENCE_COLOUR: Final = "#8A929A"
"""Of lines that no system drew; contrast of 3 or more on both themes."""

INK: Final = "#4C8DBF"
"""The one hue of counts and shares, from nothing to full; no verdict in it."""

LEGEND: Final = {
    "orientation": "h",
    "x": 0,
    "xanchor": "left",
    "y": 1,
    "yref": "container",
    "yanchor": "top",
    "title": {"text": ""},
}
"""In one row above the chart."""

_BAND_ALPHA: Final = 0.16


def rgba(colour: str, alpha: float) -> str:
    """Return a colour with transparency.

    Args:
        colour: `#RRGGBB`.
        alpha: In [0, 1].

    Returns:
        For example `rgba(230, 159, 0, 0.16)`.
    """
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {alpha:g})"


def add_band(
    figure: Figure,
    x: Float64Array,
    low: Float64Array,
    high: Float64Array,
    colour: str,
    *,
    group: str,
) -> None:
    """Fill the room between two lines.

    Args:
        figure: Gets two traces.
        x: Shape (m,), rising.
        low: Shape (m,).
        high: Shape (m,).
        colour: `#RRGGBB`.
        group: Legend entry that hides it.
    """
    plain = {"mode": "lines", "legendgroup": group, "showlegend": False, "hoverinfo": "skip"}
    figure.add_scatter(x=x, y=low, line={"width": 0}, **plain)
    fill = rgba(colour, _BAND_ALPHA)
    figure.add_scatter(x=x, y=high, line={"width": 0}, fill="tonexty", fillcolor=fill, **plain)


def class_line(label: str) -> dict[str, Any]:
    """Return colour, width and dash of a class's line."""
    return {"color": CLASS_COLOURS[label], "width": 2, "dash": DASHES[label]}


def share_axis(title: str) -> dict[str, Any]:
    """Return an axis from 0 to 1 in percent.

    Args:
        title: What the share is of.
    """
    return {
        "title": {"text": title},
        "range": [-0.01, 1.01],
        "tickformat": ".0%",
        "zeroline": False,
    }


def layout(**axes: Any) -> dict[str, Any]:
    """Return what all figures share.

    Args:
        axes: `xaxis` and `yaxis`.
    """
    return {
        "height": HEIGHT_PX,
        "margin": {"t": 48, "b": 52, "l": 12, "r": 16},
        "legend": LEGEND,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        **axes,
    }


def area_title(label: str, area: dict[str, Any]) -> str:
    """Return a legend entry, for example `Normal, 0.991 (0.985 to 0.996)`.

    Args:
        label: Class name.
        area: {value, low, high}.
    """
    return f"{CLASS_TITLES[label]}, {figure_text(area)}"
