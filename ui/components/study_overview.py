"""An open study between readings: what it is, who reads, and how far everybody is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import streamlit as st

from cxr_core.errors import CxrError
from cxr_core.reader_study.shelf import pack
from ui import reader_study
from ui.components.caution import caution
from ui.components.download import download
from ui.components.progress import stoppable
from ui.components.study_results import study_results
from ui.folder_policy import folder_policy
from ui.frame import plain, show_error
from ui.reader_study_view import TIME_MEANS, design_line, reader_rows

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from cxr_core.predict import Predictor
    from ui.study_desk import Desk

BEGIN: Final = "Begin or go on"
CLOSE: Final = "Close the study"
SAVE: Final = "Save the study as a file"
FIND: Final = "Look there"
CODE_HELP: Final = (
    "The same code goes on where it stopped. Anyone who types it goes on in your place: there is "
    "no password."
)
CODE_NOTE: Final = (
    "Type a code of your own, for example r1. **Never a name**: the code stands in every table."
)
KEYS_NOTE: Final = (
    "Keys, wherever you clicked last: **C** COVID-19, **N** Normal, **U** Pneumonia, **X** cannot "
    "say; **1** to **5** how sure you are; **Enter** saves. The viewer's other keys work once "
    "the film was clicked; its windows are in its list."
)
IN_MEMORY: Final = (
    "The answers are in this session's memory only. A reload drops them: save the study as a file "
    "whenever a reader stops, and open that file to go on."
)
RESULTS: Final = "Show results (not for readers who have not finished)"


def study_overview(desk: Desk, predictor: Predictor) -> None:
    """Draw the overview; what was measured of the systems comes with the results, after reading.

    Args:
        desk: The open study.
        predictor: The models in use.
    """
    st.markdown(design_line(desk.study))
    if desk.folder is None:
        st.warning(IN_MEMORY, icon=":material/memory:")
    else:
        st.markdown(f":small[Answers are written to {plain(str(desk.folder))}]")
    if desk.finder is None:
        _bring_films(desk)
    else:
        _begin(desk)
    readers = desk.study.readers()
    if readers:
        st.subheader("Readers", anchor=False)
        try:
            standings = {reader: desk.study.standing(reader) for reader in readers}
        except CxrError as err:
            show_error("A journal of this study was changed.", str(err), err.hint)
            standings = {}
        if standings:
            st.table(
                reader_rows(standings),
                hide_index=True,
                border="horizontal",
                alt="How far each reader is",
            )
    with st.container(horizontal=True):
        if desk.folder is None:
            download(
                SAVE,
                lambda: pack(desk.study.shelf),
                "study.zip",
                icon=":material/save:",
                key="study-save",
            )
        st.button(CLOSE, icon=":material/close:", on_click=reader_study.close)
    if readers and st.toggle(RESULTS, key="study-results"):
        caution(predictor.bundle, predictor.variant)
        study_results(desk.study)


def _begin(desk: Desk) -> None:
    """Ask for the reader's code."""
    with st.form("study-begin", border=False):
        left, right = st.columns([2, 3], vertical_alignment="bottom")
        typed = left.text_input("Your code", key="study-code", max_chars=20, help=CODE_HELP)
        with right:
            is_asked = st.form_submit_button(BEGIN, type="primary", icon=":material/play_arrow:")
    if is_asked:
        try:
            desk.begin(typed or "")
        except CxrError as err:
            show_error("Nobody can begin with this code.", str(err), err.hint)
        else:
            st.rerun()
    st.caption(CODE_NOTE)
    st.caption(KEYS_NOTE)
    st.caption(TIME_MEANS)


def _folder_of_films(place: DeltaGenerator) -> str:
    """Ask where the films lie now."""
    typed = place.text_input(
        "Folder where the films lie now",
        key="study-find-folder",
        help="On the computer that runs this page. Or upload the films on the page Read films and "
        "press the button. Films are known by their content; names do not matter.",
    )
    return typed or ""


def _bring_films(desk: Desk) -> None:
    """Say which films are missing, and let them be named."""
    if desk.missing is not None:
        show_error(
            "The films of this study are not in reach.", desk.missing.message, desk.missing.hint
        )
    with st.form("study-find", border=False):
        left, right = st.columns([4, 1], vertical_alignment="bottom")
        typed = "" if folder_policy().is_closed else _folder_of_films(left)
        is_asked = right.form_submit_button(FIND, width="stretch")
    if is_asked:
        try:
            with stoppable("Looking for the films", key="study-find-stop") as tell:
                reader_study.find_films(desk, folder=(typed or "").strip(), on_film=tell)
        except CxrError as err:
            show_error("This folder could not be used.", str(err), err.hint)
            return
        st.rerun()
