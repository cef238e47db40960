"""A folder of the reader's own: read by every system, measured as the bundle's sets are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import streamlit as st

from cxr_core.errors import CxrError
from ui.components.performance_choice import OWN, show_next
from ui.components.progress import stoppable
from ui.evidence import drop_own, keep_own, kept_own
from ui.folder import folder_named
from ui.folder_policy import folder_policy
from ui.frame import plain, show_error
from ui.words import FOLDERS_CLOSED

if TYPE_CHECKING:
    from cxr_core.predict import Predictor

MEASURE: Final = "Read and measure"
FORGET: Final = "Forget this folder"
EXPLANATION: Final = (
    "Have all systems read labelled films of your own: a folder that holds COVID19/, NORMAL/ and "
    "PNEUMONIA/ (any of them), and a `manifest.csv` with the columns `path`, `patient`, `source`, "
    "`view` or `age` if there is one. About three films a second on two processor cores. The "
    "result stays in this session and stands in the list of films above; nothing is written."
)
OVERLAP: Final = (
    "Films that the models were trained on give figures that are too good. The *Shortcut audit* "
    "page looks for them, also under other names and in other sizes."
)


def own_panel(predictor: Predictor) -> None:
    """Ask for a folder, read it with a bar, and let the page speak of it.

    Args:
        predictor: The models in use.
    """
    st.markdown(EXPLANATION)
    st.caption(OVERLAP)
    if folder_policy().is_closed:
        st.caption(FOLDERS_CLOSED)
        return
    with st.form("performance-own", border=False):
        left, right = st.columns([4, 1], vertical_alignment="bottom")
        typed = left.text_input(
            "Folder of labelled films",
            key="performance-own-name",
            persist_state="session",
            help="On the computer that runs this page. Films are read, never copied and never "
            "written.",
        )
        asked = right.form_submit_button(MEASURE, width="stretch")
    if asked:
        _measure(predictor, typed or "")
    held = kept_own(predictor)
    if held is not None:
        title, reads = held
        st.markdown(f"**{plain(title)}**: {len(reads):,} films were read.")
        if reads.films.unreadable:
            with st.expander(f"{len(reads.films.unreadable):,} files could not be read"):
                st.dataframe(
                    [{"File": f, "What is wrong": why} for f, why in reads.films.unreadable],
                    hide_index=True,
                    alt="Files that could not be read",
                )
        st.button(FORGET, icon=":material/delete:", on_click=drop_own)


def _measure(predictor: Predictor, name: str) -> None:
    """Read the folder; say what is wrong with it, or show it from the next run on."""
    from cxr_core.evaluate.folder_reads import labelled_paths, read_folder

    drop_own()
    try:
        folder = folder_named(name)
        n_films = sum(1 for _ in labelled_paths(folder))
        with stoppable("Reading the films", key="performance-own-stop") as tell:
            reads = read_folder(predictor, folder, on_film=lambda n_done: tell(n_done, n_films))
    except CxrError as err:
        show_error("This folder could not be measured.", str(err), err.hint)
        return
    keep_own(predictor, folder, reads)
    show_next(OWN)
    st.rerun()
