"""The film viewer: one film with one or several heatmaps, in a component that needs no round trip.

The browser gets the film's stored values, every map as raw numbers and the colour tables; window,
place, colours, contour and the choice of the map are all worked out there. The scripts in `js/`
are plain JavaScript: there is nothing to build and nothing to fetch.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import streamlit as st

from cxr_core.array import ByteArray
from cxr_core.explain.cam import DEFAULT_METHOD, METHODS
from cxr_core.labels import (
    CLASS_COLOURS,
    CLASS_NOTES,
    CLASS_TITLES,
    CLASSES,
    ENSEMBLES,
    system_title,
)
from ui.components.viewer.colour import diverging_table, table_title
from ui.components.viewer.script import joined
from ui.film_pixels import FilmPixels
from ui.film_view import Score

Maps = Mapping[str, Mapping[str, Mapping[str, Mapping[str, Any]]]]
Polygon = Sequence[tuple[float, float]]
ColourTables = Mapping[str, ByteArray]

MAX_PANELS: Final = 12
"""Viewports that one grid may hold; each draws its own canvas."""

_HERE = Path(__file__).parent

_MOUNT = st.components.v2.component(
    "cxr_viewer",
    html=(_HERE / "viewer.html").read_text(encoding="utf-8"),
    css="\n".join(
        (_HERE / name).read_text(encoding="utf-8") for name in ("film.css", "viewer.css")
    ),
    js=joined(_HERE / "js" / "main.js"),
)


@dataclass(frozen=True)
class Panel:
    """One viewport of a grid: which map it shows, and what stands above it.

    Attributes:
        title: Line above the viewport, for example the system's title.
        system: System name; also the file name of an export.
        class_name: Class the map speaks for, or `""` where it knows none.
        method: Name of the method; maps of one method can share a scale.
        map: `{"grid": [[...]], ...}` as in `FilmView.maps`, `{"missing": reason}`, or `None`.
        probs: Class name to probability in [0, 1]; empty where nothing should stand there.
        is_signed: True for a map whose values below zero must always be drawn, for example a
            difference of two maps.
    """

    title: str
    system: str
    class_name: str
    method: str
    map: Mapping[str, Any] | None = field(repr=False)
    probs: Mapping[str, float] = field(default_factory=dict)
    is_signed: bool = False


def viewer(
    film: FilmPixels,
    maps: Maps,
    colour_tables: ColourTables,
    *,
    label: str,
    key: str,
    scores: Sequence[Score] = (),
    outline: Sequence[Polygon] = (),
    provenance: str = "",
    on_step: Callable[[int], None] | None = None,
) -> None:
    """Show one film with the heatmap of any system, class and method.

    Args:
        film: The film's stored values.
        maps: System, then method, then class (`""` where the method knows none) to
            `{"grid": [[...]], "score", "bias", "notes"}` or `{"missing": reason}`.
        colour_tables: Name to a table of shape (256, 3), uint8 RGB; the first one is the default.
        label: What the page calls the film; part of the alternative text, never of an export.
        key: Unique within the page; the reader's choices live as long as it stays the same.
        scores: What each system says; drawn as the table that chooses the map.
        outline: Polygons of (x, y), each a share of the film in [0, 1] from its upper left.
        provenance: What made maps and scores, written into the margin of an export.
        on_step: Called with -1 or 1 before the page runs again when the reader asks for the film
            before or the next one; `None` where there is only one.
    """
    _mount(
        key,
        on_step,
        {
            "maps": maps,
            "panels": None,
            "scores": [
                {"system": score.system, "label": score.label, "probs": dict(score.probs)}
                for score in scores
            ],
            "provenance": provenance,
            **_film_data(film, label, outline, colour_tables),
            **_vocabulary(tuple(maps)),
        },
    )


def viewer_grid(
    film: FilmPixels,
    panels: Sequence[Panel],
    *,
    colour_tables: ColourTables,
    label: str,
    key: str,
    outline: Sequence[Polygon] = (),
    provenance: str = "",
    on_step: Callable[[int], None] | None = None,
    is_bare: bool = False,
    has_digit_keys: bool = True,
) -> None:
    """Show one film in several viewports with a map each; zoom, window and pointer are shared.

    Args:
        film: The film's stored values, sent once.
        panels: One viewport each, in reading order; 1 to `MAX_PANELS`.
        colour_tables: As in `viewer`.
        label: As in `viewer`.
        key: As in `viewer`.
        outline: As in `viewer`.
        provenance: As in `viewer`.
        on_step: As in `viewer`.
        is_bare: True to show the film without anything that belongs to maps.
        has_digit_keys: Whether the digits choose windows; False where the page needs them.

    Raises:
        ValueError: If there are no panels or too many.
    """
    if not 1 <= len(panels) <= MAX_PANELS:
        msg = f"`panels` must hold 1 to {MAX_PANELS}. Received: {len(panels)} panels"
        raise ValueError(msg)
    _mount(
        key,
        on_step,
        {
            "maps": {},
            "scores": [],
            "panels": [
                {
                    "title": panel.title,
                    "system": panel.system,
                    "class_name": panel.class_name,
                    "method": panel.method,
                    "map": panel.map,
                    "probs": dict(panel.probs),
                    "is_signed": panel.is_signed,
                }
                for panel in panels
            ],
            "provenance": provenance,
            "is_bare": is_bare,
            "has_digit_keys": has_digit_keys,
            **_film_data(film, label, outline, colour_tables),
            **_vocabulary(tuple(dict.fromkeys(p.system for p in panels if p.system))),
        },
    )


def _mount(key: str, on_step: Callable[[int], None] | None, data: dict[str, Any]) -> None:
    """Draw the component; its one message to the server is the step to another film."""

    def stepped() -> None:
        by = st.session_state[key]["step"]
        if on_step is not None and by in (-1, 1):
            on_step(by)

    everything = {
        "is_bare": False,
        "has_digit_keys": True,
        **data,
        "key": key,
        "can_step": on_step is not None,
        "default_method": DEFAULT_METHOD,
    }
    _MOUNT(
        key=key,
        data=[everything],  # Streamlit looks for tables in a bare dict, and loads pandas to do so
        on_step_change=stepped,
    )


def _film_data(
    film: FilmPixels, label: str, outline: Sequence[Polygon], colour_tables: ColourTables
) -> dict[str, Any]:
    """Return what both kinds of viewer send of the film and the colours."""
    return {
        "film": film.payload(),
        "label": label,
        "outline": [[[float(x), float(y)] for x, y in polygon] for polygon in outline],
        "colour_tables": [
            {"name": name, "title": table_title(name), "table": _encode(table)}
            for name, table in colour_tables.items()
        ],
        "diverging": _encode(diverging_table()),
    }


def _vocabulary(systems: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """Return names and words of systems, classes and methods, so that no word is typed twice."""
    return {
        "systems": [
            {"name": name, "title": system_title(name), "is_ensemble": name in ENSEMBLES}
            for name in systems
        ],
        "classes": [
            {
                "name": name,
                "title": CLASS_TITLES[name],
                "note": CLASS_NOTES[name],
                "colour": CLASS_COLOURS[name],
            }
            for name in CLASSES
        ],
        "methods": [
            {
                "name": name,
                "title": about.title,
                "note": about.note,
                "is_class_specific": about.is_class_specific,
            }
            for name, about in METHODS.items()
        ],
    }


def _encode(table: ByteArray) -> str:
    """Return a colour table as base64 of its 768 bytes."""
    return base64.b64encode(np.ascontiguousarray(table, np.uint8).tobytes()).decode("ascii")
