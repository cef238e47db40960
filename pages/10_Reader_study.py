"""A reader study: films read blind, alone and beside a system, and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from cxr_core.errors import CxrError
from ui import reader_study
from ui.components.caution import caution
from ui.components.study_overview import CLOSE, study_overview
from ui.components.study_reading import study_reading
from ui.components.study_setup import study_setup
from ui.frame import models, page, show_error

if TYPE_CHECKING:
    from cxr_core.predict import Predictor
    from ui.study_desk import Desk

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
    if desk is not None:
        _opened(desk, predictor)
        return
    caution(predictor.bundle, predictor.variant)
    st.markdown(EXPLANATION)
    study_setup(predictor)


def _opened(desk: Desk, predictor: Predictor) -> None:
    """Draw the open question or the overview; where neither can be drawn, the ways out."""
    is_reading = desk.reader is not None and desk.finder is not None
    try:
        if is_reading:
            study_reading(desk, predictor)
        else:
            study_overview(desk, predictor)
    except CxrError as err:
        show_error("The study cannot go on.", str(err), err.hint)
        if is_reading:
            st.button("Back to the overview", on_click=desk.pause)
        st.button(CLOSE, on_click=reader_study.close, key="study-close")


main()
