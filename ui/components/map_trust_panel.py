"""Which kinds of maps were found to tell of their model, beside the maps themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import streamlit as st

from ui.map_trust_view import (
    CHECK_MEANINGS,
    CHECK_TITLES,
    SEEDS,
    SEEDS_MEANING,
    known_rows,
    known_sentences,
)

TITLE: Final = "What is known of such maps"


def map_trust_panel(content: Mapping[str, Any] | None, pairs: Sequence[tuple[str, str]]) -> None:
    """Say which checks the kinds of maps on the page pass, over many films.

    Args:
        content: `Bundle.map_checks`.
        pairs: System and method of each map on the page.
    """
    st.header(TITLE, anchor=False)
    lines = known_sentences(content, pairs)
    rows = known_rows(content, pairs)
    st.markdown("\n\n".join(lines))
    if not rows:
        return
    with st.expander("The checks as a table"):
        st.dataframe(
            rows,
            hide_index=True,
            column_config={SEEDS: st.column_config.NumberColumn(format="%.2f")},
            alt="Checks passed by system and method",
        )
        meanings = {CHECK_TITLES[name]: meaning for name, meaning in CHECK_MEANINGS.items()}
        meanings[SEEDS] = SEEDS_MEANING
        st.markdown(
            "  \n".join(f":small[**{title}**: {words}.]" for title, words in meanings.items())
        )
