"""The worklist: many films read in the background, one table, any film a click away."""

from __future__ import annotations

import streamlit as st

from ui import worklist
from ui.components.caution import caution
from ui.components.film_card import film_card
from ui.components.worklist_export import worklist_export
from ui.components.worklist_intake import worklist_intake
from ui.components.worklist_progress import worklist_progress
from ui.components.worklist_table import worklist_choice, worklist_table
from ui.frame import models, page, show_error

EMPTY_STATE = (
    "**No worklist yet.** Upload many films or a zip archive, or, where that is allowed, name a "
    "folder on the computer that runs this page. The films are read in the background, with the "
    "rate and the time left, while you look at other pages; each becomes one row that can be "
    "sorted, filtered and opened."
)


def main() -> None:
    """Draw the page."""
    page("Worklist")
    predictor = models()
    caution(predictor.bundle, predictor.variant)
    found = worklist.current()
    if found is None:
        worklist_intake(predictor)
        st.markdown(EMPTY_STATE)
        return
    with st.expander("Read other films"):
        worklist_intake(predictor)
    worklist_progress(found, predictor)
    choice = worklist_choice(found.reading.predictor.systems)
    positions = worklist_table(found, choice)
    film = found.shown_film()
    if found.failure is not None:
        show_error("This film could not be opened.", found.failure.message, found.failure.hint)
    elif film is not None:
        with st.container(horizontal=True):
            st.page_link("pages/1_Compare.py", label="Compare its systems")
            st.page_link("pages/2_Heatmaps.py", label="Its heatmaps side by side")
        film_card(film, predictor)
    if positions:
        worklist_export(found, positions, choice)


main()
