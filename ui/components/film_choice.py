"""The film of a page that shows one film at a time."""

from __future__ import annotations

import streamlit as st

from ui import state
from ui.components.intake import gallery

_KEY = "film-choice"


def no_film(text: str) -> None:
    """Say what to do on a page without films, and offer the samples.

    Args:
        text: Markdown.
    """
    st.markdown(text)
    gallery()


def film_choice(films: tuple[state.Film, ...]) -> state.Film:
    """Let the reader choose among the films of the session.

    Args:
        films: At least one.

    Returns:
        The chosen film; the same on every page that shows one film.
    """
    chosen = state.chosen_film() or films[0]
    if len(films) > 1:
        by_digest = {film.digest: film for film in films}
        st.session_state[_KEY] = chosen.digest
        st.selectbox(
            "Film",
            list(by_digest),
            format_func=lambda digest: by_digest[digest].label,
            key=_KEY,
            on_change=lambda: state.choose_film(st.session_state[_KEY]),
        )
    return chosen
