"""How far the worklist is, with what ends or resumes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import streamlit as st

from cxr_core.batch.progress import time_words
from ui import worklist
from ui.frame import plain, show_error
from ui.worklist_job import words_of
from ui.worklist_view import summary_line

if TYPE_CHECKING:
    from cxr_core.predict import Predictor
    from ui.worklist import Worklist

CANCEL: Final = "Cancel"
GO_ON: Final = "Read the rest"
AGAIN: Final = "Read with the models in use"
CLEAR: Final = "Clear the worklist"
_EVERY_S: Final = 1.0


def worklist_progress(found: Worklist, predictor: Predictor) -> None:
    """Draw a bar while films are read, and what became of them afterwards.

    Args:
        found: The worklist of this session.
        predictor: The models in use, which may be others by now.
    """
    if found.reading.is_running:
        _bar()
        return
    _outcome(found, predictor)


@st.fragment(run_every=_EVERY_S)
def _bar() -> None:
    """Draw the bar; when the reading ends, draw the whole page again."""
    found = worklist.current()
    if found is None or not found.reading.is_running:
        st.rerun()
    progress = found.reading.progress
    words = words_of(progress, "files", time_words)
    left, right = st.columns([6, 1], vertical_alignment="center")
    left.progress(min(progress.share, 1.0), text=words)
    with right.container(horizontal_alignment="right"):
        st.button(CANCEL, icon=":material/stop:", on_click=found.reading.cancel)


def _outcome(found: Worklist, predictor: Predictor) -> None:
    """Say what became of the films, and offer what can be done next."""
    reading = found.reading
    n_rest = len(found.items) - len(reading.records)
    is_other = (reading.predictor.bundle.digest, reading.predictor.variant) != (
        predictor.bundle.digest,
        predictor.variant,
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        line = summary_line(reading.records)
        if n_rest:
            line += f" {n_rest:,} were not read."
        st.markdown(line, width="stretch")
        if n_rest and not is_other:
            st.button(GO_ON, icon=":material/play_arrow:", on_click=lambda: _again(predictor))
        if is_other:
            st.button(AGAIN, icon=":material/refresh:", on_click=lambda: _again(predictor))
        st.button(CLEAR, icon=":material/delete:", on_click=worklist.forget)
    if is_other:
        name = plain(reading.predictor.variant)
        st.markdown(f":material/info: These readings are of the variant {name}.")
    if found.n_left_out:
        st.caption(f"Passed over as tables, notes or hidden files: {found.n_left_out:,}.")
    if reading.failure is not None:
        show_error("The films were not read to the end.", reading.failure, "Read the rest.")


def _again(predictor: Predictor) -> None:
    """Read what is not known of the same files."""
    found = worklist.current()
    if found is not None:
        worklist.go_on(found, predictor)
