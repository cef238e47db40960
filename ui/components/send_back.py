"""Store a film's results on the DICOM server, in the study of the film, after a second click."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

import streamlit as st

from cxr_core.errors import CxrError
from cxr_core.io.sniff import DICOM, sniff
from ui import reading_cache, server
from ui.components.dicom_export import map_choice
from ui.frame import plain, show_error

if TYPE_CHECKING:
    from cxr_core.predict import Predictor
    from ui.state import Film

TITLE: Final = "Store on the DICOM server"
STORE: Final = "Store both now"
MEANING: Final = (
    "Two objects are added to the study of this film: the film with the heatmap chosen above "
    "(Secondary Capture) and the probabilities of all systems (Structured Report, marked "
    "unverified). Both say that they are for research only. They carry the patient's name and "
    "number from the film, and everybody who may open the study sees them. The dashboard cannot "
    "take them back."
)
AGAIN: Final = (
    "Results of this film were stored in this session. Storing once more adds two more objects."
)
NOT_CLEANED: Final = "What goes back into a study names its patient: not without identifiers."
REFUSED: Final = "The refusal gate refused this film; the report says so."
DONE: Final = "The server has stored both objects."
_PARTS: Final = ("The film with a heatmap", "The report")


def send_back(film: Film, predictor: Predictor, *, is_refused: bool) -> None:
    """Draw the button where a server is configured and the film is DICOM.

    Args:
        film: The film, which was read; its export (`dicom_export`) is on the page.
        predictor: The models that read it.
        is_refused: Whether the gate refused it.
    """
    can_write = sniff(film.data) == DICOM and find_spec("highdicom") is not None
    if not can_write or not server.is_configured():
        return
    key = film.digest[:16]
    shown = map_choice(film)
    with st.popover(
        TITLE,
        icon=":material/cloud_upload:",
        key=f"send-{key}",
        disabled=shown is None,
        help=NOT_CLEANED if shown is None else None,
    ):
        st.markdown(MEANING)
        if is_refused:
            st.warning(REFUSED, icon=":material/block:")
        if film.digest in server.search().stored:
            st.warning(AGAIN, icon=":material/content_copy:")
        if st.button(STORE, key=f"store-{key}", type="primary") and shown is not None:
            _store(film, predictor, shown)


def _store(film: Film, predictor: Predictor, shown: tuple[str, str | None]) -> None:
    """Store, and say what became of each object."""
    try:
        with st.spinner("Writing and storing …"):
            reading = reading_cache.reading(film, predictor)
            outcomes = server.store_results(film, reading, predictor, shown)
    except CxrError as err:
        show_error("The results were not stored.", str(err), err.hint)
        return
    if all(outcome.is_stored for outcome in outcomes):
        st.success(DONE, icon=":material/check:")
    for part, outcome in zip(_PARTS, outcomes, strict=True):
        if outcome.words:
            verb = "was stored, but" if outcome.is_stored else "was not stored:"
            st.markdown(f":material/info: {part} {verb} {plain(outcome.words)}.")
