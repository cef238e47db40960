"""Compare: every system on the same film, how far they are apart, and how the ensembles add up."""

from __future__ import annotations

import streamlit as st

from ui import reading_cache, state
from ui.components.agreement_strip import agreement_strip
from ui.components.beside_panel import beside_panel
from ui.components.caution import caution
from ui.components.compare_panel import lung_table, score_table, viewports
from ui.components.ensemble_panel import ensemble_panel
from ui.components.film_choice import no_film
from ui.frame import models, page, plain, show_error

EMPTY_STATE = (
    "**No film yet.** Add films on the page *Read films*, or pick a sample here. You see what each "
    "system says of them, where the systems disagree, and how the ensembles come to their scores."
)


def main() -> None:
    """Draw the page."""
    page("Compare")
    predictor = models()
    caution(predictor.bundle, predictor.variant)
    films = state.films()
    film = state.chosen_film()
    if film is None:
        no_film(EMPTY_STATE)
        return
    if len(films) > 1:
        st.header("All films", anchor=False)
        agreement_strip(films, predictor)
    st.header(plain(film.label), anchor=False)
    shown = reading_cache.view(film, predictor)
    if isinstance(shown, reading_cache.Failure):
        show_error("This film could not be read.", shown.message, shown.hint)
        return
    reading = reading_cache.reading(film, predictor)
    viewports(film, shown, predictor, reading)
    score_table(shown)
    lung_table(shown)
    ensemble_panel(predictor, reading)
    beside_panel(film, shown, predictor)


main()
