"""All films of the session in one table: who says what; a click chooses the film below."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import streamlit as st

from ui import engine
from ui.compare_view import chosen_film, strip_rows
from ui.frame import plain

if TYPE_CHECKING:
    from cxr_core.predict import Predictor
    from ui.state import Film

_CHOSEN_KEY: Final = "compare-film"
_TABLE_KEY: Final = "compare-strip"
MEANING: Final = (
    "Distance: total variation, the largest amount of probability that one of two systems gives to "
    "some classes and the other does not (0 the same, 1 opposite). Entropy of the members' mean: 0 "
    "bits certain, 1.58 bits no idea. A click on a row shows the film below; a click on a column "
    "head sorts."
)


def agreement_strip(films: tuple[Film, ...], predictor: Predictor) -> Film:
    """Draw the table, and the choice of the film that the page shows.

    Args:
        films: The films of the session, at least one.
        predictor: The published models.

    Returns:
        The chosen film.
    """
    views = [(film.label, engine.view(film, predictor)) for film in films]
    digests = [film.digest for film in films]
    position = chosen_film(digests, st.session_state.get(_CHOSEN_KEY))
    if len(films) > 1:
        st.header("All films", anchor=False)
        picked = st.dataframe(
            strip_rows(views),
            hide_index=True,
            key=_TABLE_KEY,
            on_select="rerun",
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
            alt="Top class of every system and their distance, one row a film",
        )
        st.caption(MEANING)
        rows = picked["selection"]["rows"]
        position = rows[0] if rows and rows[0] < len(films) else position
    film = films[position]
    st.session_state[_CHOSEN_KEY] = film.digest
    st.header(plain(film.label), anchor=False)
    return film
