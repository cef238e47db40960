"""The charts of the Shortcut audit: what tells the class, flipped answers, curves of one film."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import plotly.graph_objects as go

from cxr_core.audit.probe import Probe, ProbeCurve
from cxr_core.evaluate.display.style import LEGEND, REFERENCE_COLOUR, rgba
from cxr_core.labels import SYSTEMS, system_title
from ui.audit_text import MEASURE_TITLES, is_share, measure_text
from ui.audit_view import CUE, FREE, KIND_TITLES, SYSTEM, Bar
from ui.components.curves import COLOURS, SYMBOLS

CHANCE: Final = {"accuracy": None, "balanced_accuracy": 1 / 3, "macro_auroc": 0.5}
"""What guessing gives, where that does not depend on the films."""

_KIND_COLOURS: Final = {FREE: REFERENCE_COLOUR, CUE: COLOURS[0], SYSTEM: COLOURS[1]}
_BAR_ALPHA: Final = 0.5
_ROW_PX: Final = 27
_FRAME_PX: Final = 110
_CURVE_PX: Final = 380


def shortcut_figure(rows: Sequence[Bar], measure: str) -> go.Figure:
    """Draw one bar a row, with its interval.

    Args:
        rows: At least one.
        measure: Key of `MEASURE_TITLES`.

    Returns:
        Horizontal bars; rows without a value are left out.
    """
    known = [bar for bar in rows if bar.figures[measure]["value"] is not None]
    start = 0.5 if measure == "macro_auroc" else 0.0
    figure = go.Figure()
    for kind, title in KIND_TITLES.items():
        own = [bar for bar in known if bar.kind == kind]
        if not own:
            continue
        values = [float(bar.figures[measure]["value"]) for bar in own]
        figure.add_bar(
            orientation="h",
            y=[bar.title for bar in own],
            x=[value - start for value in values],
            base=start,
            name=title,
            marker={"color": rgba(_KIND_COLOURS[kind], _BAR_ALPHA)},
            error_x={
                **_error([bar.figures[measure] for bar in own]),
                "color": _KIND_COLOURS[kind],
                "thickness": 2,
            },
            customdata=[
                [measure_text(value, measure), bar.n]
                for value, bar in zip(values, own, strict=True)
            ],
            hovertemplate="%{y}<br>%{customdata[0]} (n = %{customdata[1]})<extra></extra>",
        )
    for bar in known:
        figure.add_annotation(_value_beside(bar, measure))
    chance = CHANCE[measure]
    if chance is not None and chance > start:
        figure.add_vline(x=chance, line={"color": REFERENCE_COLOUR, "dash": "dot", "width": 1})
    figure.update_layout(
        height=_FRAME_PX + _ROW_PX * len(known),
        margin={"t": 40, "b": 48, "l": 8, "r": 16},
        bargap=0.3,
        legend=LEGEND,
        xaxis={
            "title": {"text": f"{MEASURE_TITLES[measure]} (95% interval)"},
            "tickformat": ".0%" if is_share(measure) else ".1f",
            "range": [start, 1.09 - 0.045 * (start > 0)],
            "tickvals": [start + (1 - start) * i / 5 for i in range(6)],
            "zeroline": False,
        },
        yaxis={
            "categoryorder": "array",
            "categoryarray": [bar.title for bar in known],
            "autorange": "reversed",
            "automargin": True,
        },
    )
    return figure


def flip_figure(found: Mapping[str, Any], probe: Probe) -> go.Figure:
    """Draw the share of flipped answers along the levels of one probe.

    Args:
        found: One entry of an audit's `probes`.
        probe: The probe.

    Returns:
        One line a system.
    """
    figure = go.Figure()
    for system in found["levels"][0]["systems"]:
        shares = [each["systems"][system]["flipped"] for each in found["levels"]]
        figure.add_trace(
            _line(
                system,
                [each["level"] for each in found["levels"]],
                [share["value"] for share in shares],
                error=_error(shares),
                hover="flipped %{y:.0%}",
            )
        )
    return _laid_out(figure, probe, "Answers that flip")


def curve_figure(
    curve: ProbeCurve, probe: Probe, class_index: int, temperatures: Mapping[str, float]
) -> go.Figure:
    """Draw the probability of one class along the levels of one probe.

    Args:
        curve: What the systems said.
        probe: The probe.
        class_index: The class.
        temperatures: System to what its logits are divided by; 1 where it is missing.

    Returns:
        One line a system.
    """
    figure = go.Figure()
    for system in curve.logits:
        probs = curve.probs(system, temperature=temperatures.get(system, 1.0))
        values = probs[:, class_index].tolist()
        figure.add_trace(_line(system, curve.levels, values, error=None, hover="%{y:.1%}"))
    return _laid_out(figure, probe, "Probability")


def _line(
    system: str,
    levels: Sequence[float],
    values: Sequence[float],
    *,
    error: dict[str, Any] | None,
    hover: str,
) -> go.Scatter:
    """Return the line of one system; its colour and shape are those of other charts."""
    place = SYSTEMS.index(system) if system in SYSTEMS else 0
    colour = COLOURS[place % len(COLOURS)]
    return go.Scatter(
        x=list(levels),
        y=list(values),
        mode="lines+markers",
        name=system_title(system),
        line={"color": colour, "width": 2},
        marker={"symbol": SYMBOLS[place % len(SYMBOLS)], "size": 8},
        error_y=None if error is None else {**error, "color": colour, "thickness": 1},
        hovertemplate=f"{system_title(system)} {hover}<extra></extra>",
    )


def _laid_out(figure: go.Figure, probe: Probe, title: str) -> go.Figure:
    """Add axes, and a line at the film as it is."""
    figure.add_vline(x=probe.unchanged, line={"color": REFERENCE_COLOUR, "dash": "dot", "width": 1})
    figure.update_layout(
        height=_CURVE_PX,
        margin={"t": 56, "b": 48, "l": 8, "r": 16},
        legend=LEGEND,
        hovermode="x unified",
        xaxis={
            "title": {"text": f"{probe.axis[:1].upper()}{probe.axis[1:]} (dotted: as it is)"},
            "tickvals": list(probe.levels),
            "tickformat": ".2~%" if probe.is_percent else None,
            "zeroline": False,
        },
        yaxis={
            "title": {"text": title},
            "tickformat": ".0%",
            "range": [-0.03, 1.03],
            "zeroline": False,
        },
    )
    return figure


def _error(figures: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return error bars; none for figures without interval."""
    high, low = [], []
    for found in figures:
        value = found["value"] or 0.0
        has_interval = found["low"] is not None and found["high"] is not None
        high.append(max(0.0, found["high"] - value) if has_interval else 0.0)
        low.append(max(0.0, value - found["low"]) if has_interval else 0.0)
    return {
        "type": "data",
        "symmetric": False,
        "array": high,
        "arrayminus": low,
        "thickness": 1.5,
        "width": 3,
        "color": REFERENCE_COLOUR,
    }


def _value_beside(bar: Bar, measure: str) -> dict[str, Any]:
    """Return a bar's value as text, right of its interval."""
    figure = bar.figures[measure]
    return {
        "text": measure_text(figure["value"], measure),
        "x": max(float(figure["value"]), float(figure["high"] or 0.0)),
        "y": bar.title,
        "xanchor": "left",
        "xshift": 5,
        "showarrow": False,
        "font": {"size": 12},
    }
