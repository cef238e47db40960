"""The middle of the page Compare: linked viewports, one a system, and their scores as a table."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

import streamlit as st

from cxr_core.explain.cam import DEFAULT_METHOD, METHODS
from cxr_core.labels import CLASS_TITLES, CLASSES, system_title
from ui import state
from ui.compare_view import score_rows
from ui.components.map_panels import difference_panel, system_panels
from ui.components.viewer import viewer_grid
from ui.components.viewer.colour import colour_tables
from ui.lung_view import lung_line, lung_rows, outside, outside_sentence
from ui.provenance import provenance_of
from ui.words import HEATMAP_CAPTION

if TYPE_CHECKING:
    from cxr_core.predict import Predictor, Reading
    from ui.film_view import FilmView
    from ui.state import Film

OWN: Final = "own"
"""Choice of each system's own top class."""

NONE: Final = "none"
DIFFERENCE_MEANING: Final = (
    "Difference: each map divided by its own largest absolute value first, so it tells where their "
    "emphasis differs, not by how much the scores do."
)


def viewports(film: Film, shown: FilmView, predictor: Predictor, reading: Reading) -> None:
    """Draw the film once a system with its map; zoom, window and pointer are linked.

    Args:
        film: The film.
        shown: What the page shows of it.
        predictor: The models in use.
        reading: Their reading of it.
    """
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        choice = st.segmented_control(
            "Maps of",
            [OWN, *CLASSES],
            default=OWN,
            required=True,
            format_func=lambda name: CLASS_TITLES.get(name, "Top class of each"),
            key="compare-maps",
            persist_state="session",
        )
        method = st.selectbox(
            "Method",
            list(METHODS),
            index=list(METHODS).index(DEFAULT_METHOD),
            format_func=lambda name: METHODS[name].title,
            key="compare-method",
            persist_state="session",
            width=200,
        )
        pairs = list(itertools.combinations(predictor.systems, 2))
        pair = st.selectbox(
            "Difference of",
            [NONE, *("/".join(pair) for pair in pairs)],
            format_func=_pair_title,
            key="compare-difference",
            persist_state="session",
            width=320,
        )
    class_name = None if choice == OWN else choice
    panels = system_panels(predictor, reading, method=method, class_name=class_name)
    if pair != NONE:
        first, second = pair.split("/")
        wanted = class_name or reading.systems[first].label
        panels.append(
            difference_panel(predictor, reading, (first, second), method=method, class_name=wanted)
        )
    viewer_grid(
        shown.pixels,
        panels,
        colour_tables=colour_tables(),
        label=film.label,
        outline=shown.lungs.outline if shown.lungs else (),
        provenance=provenance_of(predictor).line(),
        key=f"compare-{film.digest[:16]}",
        on_step=state.step_film if len(state.films()) > 1 else None,
    )
    st.caption(HEATMAP_CAPTION + (f" {DIFFERENCE_MEANING}" if pair != NONE else ""))


def score_table(shown: FilmView) -> None:
    """Show probabilities, margin and entropy of every system and of the plain mean.

    Args:
        shown: What the page shows of the film.
    """
    st.header("Scores", anchor=False)
    bars = {
        CLASS_TITLES[name]: st.column_config.ProgressColumn(
            format="%.3f", min_value=0.0, max_value=1.0
        )
        for name in CLASSES
    }
    st.dataframe(
        score_rows(shown.scores),
        hide_index=True,
        column_config={
            **bars,
            "System": st.column_config.TextColumn(width="medium"),
            "Margin": st.column_config.NumberColumn(format="%.3f"),
            "Entropy (bits)": st.column_config.NumberColumn(format="%.2f"),
        },
        alt="Probabilities, margin and entropy of every system and of the plain mean",
    )


def lung_table(shown: FilmView) -> None:
    """Show how much of each system's map lies in the lungs; nothing where nobody looked.

    Args:
        shown: What the page shows of the film.
    """
    lungs, shares = shown.lungs, shown.trust.lung_share
    if lungs is None:
        return
    st.header("Maps and lungs", anchor=False)
    st.markdown(lung_line(lungs, shares))
    far = outside(lungs, shares)
    if far:
        st.warning(outside_sentence(far), icon=":material/pulmonology:")
    if shares:
        st.dataframe(
            lung_rows(lungs, shares),
            hide_index=True,
            column_config={
                "In the lungs, %": st.column_config.ProgressColumn(
                    format="%.0f", min_value=0.0, max_value=100.0
                ),
                "Lungs, % of the film": st.column_config.NumberColumn(format="%.0f"),
                "Ratio": st.column_config.NumberColumn(format="%.2f"),
            },
            alt="Share of every system's positive map in the lungs",
        )


def _pair_title(pair: str) -> str:
    """Name two systems."""
    if pair == NONE:
        return "Nothing"
    first, second = pair.split("/")
    return f"{system_title(first)} minus {system_title(second)}"
