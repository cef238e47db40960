"""The header of a DICOM film, folded away, with everything that could name the patient masked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from cxr_core.io.sniff import DICOM, sniff
from ui import reading_cache
from ui.frame import show_error
from ui.header_view import MASKING

if TYPE_CHECKING:
    from ui.state import Film

TITLE = "DICOM header, identifiers masked"


def header_panel(film: Film) -> None:
    """Draw the header where the film is DICOM; it is read when the panel is opened.

    Args:
        film: The film.
    """
    if sniff(film.data) != DICOM:
        return
    panel = st.expander(TITLE, on_change="rerun", key=f"header-{film.digest[:16]}")
    with panel:
        if not panel.open:
            return
        listed = reading_cache.header(film)
        if isinstance(listed, reading_cache.Failure):
            show_error("The header could not be read.", listed.message, listed.hint)
            return
        st.markdown(f":small[{listed.summary} {MASKING}]")
        st.dataframe(
            listed.rows,
            column_config={
                "Tag": st.column_config.TextColumn(width=90),
                "Name": st.column_config.TextColumn(width="medium"),
                "Type": st.column_config.TextColumn(width=60, help="Value representation"),
                "Value": st.column_config.TextColumn(width="large"),
            },
            hide_index=True,
            width="stretch",
            height=360,
            alt=TITLE,
        )
