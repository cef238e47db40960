"""The film viewer: film, heatmaps and scores in one component that needs no round trip.

The browser gets the film as an image, every map as raw numbers and the colour tables; it colours
the maps itself, so no control of the viewer runs the page again. `viewer.js` is plain JavaScript:
there is nothing to build and nothing to fetch.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import streamlit as st

from cxr_core.explain.cam import DEFAULT_METHOD, METHODS
from cxr_core.labels import (
    CLASS_COLOURS,
    CLASS_NOTES,
    CLASS_TITLES,
    CLASSES,
    ENSEMBLES,
    system_title,
)
from ui.film_view import Score

_HERE = Path(__file__).parent

_MOUNT = st.components.v2.component(
    "cxr_viewer",
    html=(_HERE / "viewer.html").read_text(encoding="utf-8"),
    css=(_HERE / "viewer.css").read_text(encoding="utf-8"),
    js=(_HERE / "viewer.js").read_text(encoding="utf-8"),
)


def viewer(
    film_png_data_url: str,
    maps: Mapping[str, Mapping[str, Mapping[str, Any]]],
    colour_tables: Mapping[str, npt.NDArray[np.uint8]],
    *,
    label: str,
    scores: Sequence[Score] = (),
    key: str,
) -> None:
    """Show one film with the heatmap of any system, class and method.

    Args:
        film_png_data_url: The grey film as a PNG or JPEG data URL.
        maps: System, then method, then class (`""` where the method knows none) to
            `{"grid": [[...]], "score", "bias", "notes"}` or `{"missing": reason}`.
        colour_tables: Name to a table of shape (256, 3), uint8 RGB; the first one is the default.
        label: What the page calls the film; part of the alternative text.
        scores: What each system says; drawn as the table that chooses the map.
        key: Unique within the page; the reader's choices live as long as it stays the same.
    """
    _MOUNT(
        key=key,
        data={
            "image": film_png_data_url,
            "label": label,
            "maps": maps,
            "scores": [
                {"system": score.system, "label": score.label, "probs": dict(score.probs)}
                for score in scores
            ],
            "colour_tables": {name: _encode(table) for name, table in colour_tables.items()},
            "default_method": DEFAULT_METHOD,
            **_vocabulary(tuple(maps)),
        },
    )


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


def _encode(table: npt.NDArray[np.uint8]) -> str:
    """Return a colour table as base64 of its 768 bytes."""
    return base64.b64encode(np.ascontiguousarray(table, np.uint8).tobytes()).decode("ascii")
