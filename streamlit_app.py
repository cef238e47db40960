"""The front page: take films in, read each one with every system, show it."""

from __future__ import annotations

import streamlit as st

from cxr_core import APP_TITLE
from cxr_core.labels import system_title
from ui import state
from ui.components.caution import caution
from ui.components.film_card import film_card
from ui.components.intake import clear_button, gallery, intake
from ui.frame import models, page

FILMS_PER_PAGE = 12

EMPTY_STATE = (
    "**No film yet.** Upload one or more frontal chest films, or pick a sample. Each film is read "
    "by every system: {systems}. You see their scores for COVID-19, Normal and Pneumonia side by "
    "side, and a heatmap for any of them."
)


def main() -> None:
    """Draw the page."""
    page(APP_TITLE)
    predictor = models()
    caution(predictor.bundle, predictor.variant)
    intake()
    films = state.films()
    if not films:
        titles = ", ".join(system_title(name) for name in predictor.systems)
        st.markdown(EMPTY_STATE.format(systems=titles))
        gallery()
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{len(films)} {'film' if len(films) == 1 else 'films'}**", width="stretch")
        clear_button()
    n_pages = -(-len(films) // FILMS_PER_PAGE)
    current = st.pagination(n_pages, key="film-page") if n_pages > 1 else 1
    for film in films[(current - 1) * FILMS_PER_PAGE : current * FILMS_PER_PAGE]:
        film_card(film, predictor)


main()
