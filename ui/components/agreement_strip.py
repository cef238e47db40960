"""All films of the session in one table: who says what; a click chooses the film below."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import streamlit as st

from ui import reading_cache, state
from ui.compare_view import strip_rows

if TYPE_CHECKING:
    from cxr_core.predict import Predictor
    from ui.film_view import Summary
    from ui.state import Film

_PATIENCE_S: Final = 0.4
_TABLE_KEY: Final = "compare-strip"
MEANING: Final = (
    "Distance: total variation, the largest amount of probability that one of two systems gives to "
    "some classes and the other does not (0 the same, 1 opposite). Entropy of the members' mean: 0 "
    "bits certain, 1.58 bits no idea. A click on a row shows the film below; a click on a column "
    "head sorts."
)


def agreement_strip(films: tuple[Film, ...], predictor: Predictor) -> None:
    """Draw the table; its chosen row is the film that the page shows.

    Args:
        films: The films of the session, at least one.
        predictor: The published models.
    """
    chosen = state.chosen_film()
    position = films.index(chosen) if chosen in films else 0
    digests = tuple(film.digest for film in films)
    key = f"{_TABLE_KEY}-{hash(digests)}"
    if key in st.session_state:  # the arrows of the viewer may have gone to another film
        st.session_state[key] = {"selection": {"rows": [position]}}
    st.dataframe(
        strip_rows(_views(films, predictor)),
        hide_index=True,
        key=key,
        on_select=lambda: _take(key, digests),
        selection_mode="single-row-required",
        selection_default={"selection": {"rows": [position]}},
        column_config={
            "Film": st.column_config.TextColumn(pinned=True, width="medium"),
            "Largest distance": st.column_config.ProgressColumn(
                format="%.2f", min_value=0.0, max_value=1.0
            ),
            "Entropy of the mean (bits)": st.column_config.NumberColumn(format="%.2f"),
            "Smallest margin": st.column_config.NumberColumn(format="%.2f"),
        },
        alt="Top classes of the systems and their distance, one row a film",
    )
    st.caption(MEANING)


def _views(
    films: tuple[Film, ...], predictor: Predictor
) -> list[tuple[str, Summary | reading_cache.Failure]]:
    """Read every film, with a bar once that takes a while."""
    started, place = time.monotonic(), st.empty()
    views = []
    for number, film in enumerate(films, start=1):
        views.append((film.label, reading_cache.summary(film, predictor)))
        if time.monotonic() - started > _PATIENCE_S and number < len(films):
            place.progress(number / len(films), text=f"{number} of {len(films)} films read")
    place.empty()
    return views


def _take(key: str, digests: tuple[str, ...]) -> None:
    """Choose the film of the row that was clicked."""
    rows = st.session_state[key]["selection"]["rows"]
    if rows and rows[0] < len(digests):
        state.choose_film(digests[rows[0]])
