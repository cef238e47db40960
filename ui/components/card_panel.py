"""A card of the bundle, one section at a time, with the choice of the section above it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import streamlit as st

from ui.card_view import WHOLE, card_file, card_sections
from ui.components.bundle_tables import card_text
from ui.components.download import download

if TYPE_CHECKING:
    from cxr_core.provenance import Provenance


def card_panel(card: str, file_name: str, provenance: Provenance, *, empty: str) -> str:
    """Draw a card.

    Args:
        card: Markdown; empty where the bundle has none.
        file_name: Name of the file to download, also the key of the choice.
        provenance: Of the bundle in use.
        empty: What to say where there is no card.

    Returns:
        The section that is shown; `WHOLE` for all of them.
    """
    if not card:
        st.markdown(empty)
        return WHOLE
    sections = card_sections(card)
    chosen = WHOLE
    if sections:
        chosen = st.segmented_control(
            "Section",
            [*sections, WHOLE],
            default=next(iter(sections)),
            required=True,
            key=f"section-{file_name}",
            wrap=True,
        )
    # the page has its own title; a second one of the first level would confuse a screen reader
    card_text(re.sub(r"\A# ", "## ", sections.get(chosen, card)))
    download(
        "Download the card", card_file(card, provenance), file_name, key=f"download-{file_name}"
    )
    return chosen
