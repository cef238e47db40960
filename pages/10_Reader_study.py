"""A reader study: films read blind, alone and beside a system, and what came of it."""

from __future__ import annotations

import streamlit as st

from cxr_core.errors import CxrError
from ui import reader_study
from ui.components.caution import caution
from ui.components.study_overview import study_overview
from ui.components.study_reading import study_reading
from ui.components.study_setup import study_setup
from ui.frame import models, page, show_error

EXPLANATION = (
    "Several readers read the same films in random order, names hidden, first without any system. "
    "The page measures who is right, how fast, how sure, how far readers agree, and what changes "
    "once a system's scores are seen, for better and for worse."
)


def main() -> None:
    """Draw the page."""
    page("Reader study")
    predictor = models()
    desk = reader_study.resumed()
    if desk is not None and desk.reader is not None and desk.finder is not None:
        try:
            study_reading(desk, predictor)
        except CxrError as err:
            show_error("The study cannot go on.", str(err), err.hint)
            st.button("Back to the overview", on_click=desk.pause)
        return
    if desk is not None:
        study_overview(desk, predictor)
        return
    caution(predictor.bundle, predictor.variant)
    st.markdown(EXPLANATION)
    study_setup(predictor)


main()
