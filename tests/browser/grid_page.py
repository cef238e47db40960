"""A page for the browser tests: one film whose stored values are known, in linked viewports.

`?film=deep` (16 bits), `inverted`, `signed`, `flat`, `thin`, `large` or `sample`; `?dicom=1` gives
it windows of its own; `?single=1` shows one viewport, `?bare=1` one without maps; `?made=` is the
line in the margin of exports; with `?step=1` the next film is flat and has two systems. The maps
are worked out, not computed by a network. Run from the repository: `python -m streamlit run`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import streamlit as st

import cxr_core.io
from cxr_core.explain.cam import METHODS
from cxr_core.grey_window import Window
from cxr_core.labels import CLASSES, SYSTEMS, system_title
from cxr_core.radiograph import Radiograph
from ui.components.viewer import Panel, viewer, viewer_grid
from ui.components.viewer.colour import colour_tables
from ui.film_pixels import FilmPixels
from ui.film_view import Score

ROOT = Path(__file__).resolve().parents[2]
PROBS = dict(zip(CLASSES, (0.7, 0.2, 0.1), strict=True))
OUTLINE = [[(0.2, 0.2), (0.4, 0.2), (0.4, 0.8), (0.2, 0.8)]]

WINDOWS = (
    Window.from_dicom(2048, 4096, "Window 1"),
    Window.from_dicom(32768, 16384, "Window 2", function="SIGMOID"),
    Window.from_table(np.linspace(255, 0, 65536), 0, 255.0, "Table 1"),
)


def deep():
    """Blocks of 16 by 16 pixels, 256 * (row of blocks) + 4096 * (column of blocks), 16 bits."""
    rows, columns = np.mgrid[0:256, 0:256] // 16
    return (256 * rows + 4096 * columns).astype(np.uint16)


FILMS = {
    "inverted": deep,
    "signed": deep,
    "deep": deep,
    "flat": lambda: np.full((90, 120), 7, np.uint8),
    "thin": lambda: np.arange(5000, dtype=np.uint16)[None],
    "large": lambda: np.tile(np.arange(3000, dtype=np.uint16), (2000, 1)),
}


def film(name):
    """Return the film of that name."""
    if name == "sample":
        path = ROOT / "assets" / "samples" / "synthetic-pneumonia-1.png"
        return cxr_core.io.read_path(path)
    pixels = FILMS[name]()
    white = 255.0 if pixels.dtype == np.uint8 else 65535.0
    if name == "signed":
        pixels, white = (pixels.astype(np.int32) - 32768).astype(np.int16), 32767.0
    return Radiograph(
        pixels,
        -32768.0 if name == "signed" else 0.0,
        white,
        "x.png",
        "0" * 64,
        "PNG",
        is_inverted=name == "inverted",
        windows=WINDOWS if "dicom" in st.query_params else (),
    )


def grid(i, k):
    """Return seven by seven values with one summit and a negative rim."""
    rows, columns = np.mgrid[0:7, 0:7]
    values = (1 + i) * np.exp(-((rows - 2 - i / 2) ** 2 + (columns - 1 - 2 * k) ** 2) / 4) - 0.1
    return np.round(values, 4).tolist()


def stepped(by):
    """Remember the step, so that a test can read it."""
    st.session_state["stepped"] = st.session_state.get("stepped", 0) + by


def main():
    st.set_page_config(layout="wide")
    name = st.query_params.get("film", "deep")
    shown = FilmPixels.from_radiograph(film("flat" if st.session_state.get("stepped") else name))
    options = {"colour_tables": colour_tables(), "label": "drawn film", "key": "view"}
    if "made" in st.query_params:
        options["provenance"] = st.query_params["made"]
    if "outline" in st.query_params:
        options["outline"] = OUTLINE
    if "step" in st.query_params:
        options["on_step"] = stepped
    if "bare" in st.query_params:
        viewer(shown, {}, **options)
    elif "single" in st.query_params:
        maps = {
            system: {
                method: {
                    name: {"grid": grid(i, k)}
                    for k, name in enumerate(CLASSES if METHODS[method].is_class_specific else [""])
                }
                for method in METHODS
            }
            for i, system in enumerate(SYSTEMS[: 2 if st.session_state.get("stepped") else None])
        }
        scores = [Score(system, CLASSES[0], PROBS) for system in maps]
        viewer(shown, maps, scores=scores, **options)
    else:
        panels = [
            Panel(system_title(system), system, "COVID19", "hirescam", {"grid": grid(i, 0)}, PROBS)
            for i, system in enumerate(SYSTEMS)
        ]
        viewer_grid(shown, panels, **options)
    st.text(f"stepped {st.session_state.get('stepped', 0)}")


main()
