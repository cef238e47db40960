"""A reporting checklist with what the bundle answers, unfilled items shown as such."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from cxr_core.checklist.item import answers, count_line, load
from cxr_core.checklist.subject import Subject
from ui.card_view import (
    ALL,
    PARAPHRASE,
    checklist_csv,
    checklist_markdown,
    shown_rows,
    state_counts,
    table_text,
)
from ui.components.download import download
from ui.frame import plain

if TYPE_CHECKING:
    from cxr_core.bundle import Bundle
    from cxr_core.provenance import Provenance


def checklist_panel(key: str, bundle: Bundle, variant: str, provenance: Provenance) -> None:
    """Draw a checklist, its filter and its files.

    Args:
        key: One of `cxr_core.checklist.item.CHECKLISTS`.
        bundle: The bundle in use.
        variant: The variant in use.
        provenance: Of both.
    """
    checklist = load(key)
    found = answers(checklist, Subject(bundle, variant))
    st.markdown(f"**{checklist.name}** ({checklist.counted}), for the variant {plain(variant)}.")
    st.markdown(f"**{count_line(found)}**")
    st.caption(PARAPHRASE.format(reference=checklist.reference))
    counts = state_counts(found)
    chosen = st.segmented_control(
        "Show",
        list(counts),
        default=ALL,
        required=True,
        format_func=lambda state: f"{state} ({counts[state]})",
        key=f"state-{key}",
        wrap=True,
    )
    shown = [answer for answer in found if chosen in (ALL, answer.state)]
    st.markdown(table_text(shown_rows(shown)))
    with st.container(horizontal=True):
        download(
            "Download as Markdown", checklist_markdown(checklist, found, provenance), f"{key}.md"
        )
        download("Download as CSV", checklist_csv(found, provenance), f"{key}.csv")
