"""The table of the worklist: filters, order, thumbnails; a click on a row opens its film."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

import streamlit as st

from cxr_core.labels import CLASS_TITLES, CLASSES, ENSEMBLES, system_title
from ui import reading_cache, worklist
from ui.worklist_view import (
    FILE_ORDER,
    MEANING,
    ORDERS,
    STATUS_TITLES,
    Choice,
    chosen,
    columns_in_use,
    table_row,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ui.worklist import Worklist

N_ROWS: Final = 500
"""Rows of the table at once; more films are on further pages."""

_HEIGHT_PX: Final = 560
_ROW_PX: Final = 48
_EVERY_S: Final = 3.0
_OPENED_KEY: Final = "worklist-opened"
NOTHING: Final = "\N{EN DASH}"
NONE_YET: Final = "The first films are being read."
NONE_SUCH: Final = "No film passes the filters. Take some of them back to see the others."


def worklist_choice(systems: tuple[str, ...]) -> Choice:
    """Ask whose scores are shown, of which films, in which order.

    Args:
        systems: The systems that read the films.

    Returns:
        The choice.
    """
    lead = next((name for name in reversed(ENSEMBLES) if name in systems), systems[-1])
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        system = st.selectbox(
            "Scores of",
            systems,
            index=systems.index(lead),
            format_func=system_title,
            key="worklist-system",
            persist_state="session",
            width=250,
        )
        order = st.selectbox(
            "Order", ORDERS, key="worklist-order", persist_state="session", width=270
        )
        statuses = st.pills(
            "Status",
            list(STATUS_TITLES),
            selection_mode="multi",
            format_func=STATUS_TITLES.__getitem__,
            key="worklist-status",
            persist_state="session",
        )
        labels = st.pills(
            "Top class",
            CLASSES,
            selection_mode="multi",
            format_func=CLASS_TITLES.__getitem__,
            key="worklist-labels",
            persist_state="session",
        )
        is_split = st.toggle(
            "Systems differ", key="worklist-split", persist_state="session", width="content"
        )
    return Choice(
        system or lead,
        tuple(statuses),
        tuple(labels),
        is_split,
        order or FILE_ORDER,
        reading_cache.shows_raw(),
    )


def worklist_table(found: Worklist, choice: Choice) -> list[int]:
    """Draw the table.

    Args:
        found: The worklist of this session.
        choice: What the reader wants to see.

    Returns:
        Positions of the films that pass the filters, in order.
    """
    if found.reading.is_running:
        _growing(choice)
        return []
    return _table(found, choice)


@st.fragment(run_every=_EVERY_S)
def _growing(choice: Choice) -> None:
    """Draw the table anew every few seconds, while films are read."""
    found = worklist.current()
    if found is not None:
        _table(found, choice)
    if st.session_state.pop(_OPENED_KEY, False):
        st.rerun()  # the film is drawn outside of this part of the page


def _table(found: Worklist, choice: Choice) -> list[int]:
    """Draw one page of the table."""
    records = found.records
    if not records:
        st.markdown(NONE_YET)
        return []
    facts = worklist.facts_function(found, is_raw=choice.is_raw)
    positions = chosen(records, choice, facts)
    if not positions:
        st.markdown(NONE_SUCH)
        return []
    n_pages = -(-len(positions) // N_ROWS)
    page = st.pagination(n_pages, key="worklist-page") if n_pages > 1 else 1
    shown = positions[(page - 1) * N_ROWS : page * N_ROWS]
    pictures = worklist.thumbnails()
    rows = [
        table_row(records[n], facts(records[n]), choice, pictures.get(records[n].sha256))
        for n in shown
    ]
    # in the order of the files a row keeps its film while more are read below it
    key = _key(found.key, choice, page, () if choice.order == FILE_ORDER else shown)
    st.dataframe(
        rows,
        hide_index=True,
        height=min(_HEIGHT_PX, (len(rows) + 1) * _ROW_PX + 4),
        row_height=_ROW_PX,
        column_order=columns_in_use(rows),
        column_config=_columns(),
        key=key,
        on_select=lambda: _open(key, shown),
        selection_mode="single-cell",
        placeholder=NOTHING,
        alt="Scores, agreement and refusal of every film",
    )
    st.caption(f"{len(positions):,} of {len(records):,} files. {MEANING}")
    return positions


def _columns() -> dict[str, Any]:
    """Return how columns are drawn."""
    config = st.column_config
    scores: dict[str, Any] = {
        CLASS_TITLES[name]: config.ProgressColumn(
            format="%.3f", min_value=0.0, max_value=1.0, width=104
        )
        for name in CLASSES
    }
    return {
        "Film": config.ImageColumn(width=56, pinned=True),
        "File": config.TextColumn(width=170, pinned=True),
        "Status": config.TextColumn(width=76),
        "Top class": config.TextColumn(width=90),
        **scores,
        "Agreement": config.NumberColumn(format="percent", width=100),
        "Distance": config.ProgressColumn(format="%.2f", min_value=0.0, max_value=1.0, width=104),
        "Entropy (bits)": config.NumberColumn(format="%.2f", width=112),
        "Unlike training": config.NumberColumn(format="%.2f", width=122),
        "Gate": config.TextColumn(width=76),
        "Note": config.TextColumn(width="large"),
    }


def _key(worklist_key: str, choice: Choice, page: int, positions: Sequence[int]) -> str:
    """Return a key that is new wherever a row would stand for another film."""
    text = f"{worklist_key}/{choice}/{page}/{positions}"
    return f"worklist-table-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _open(key: str, positions: list[int]) -> None:
    """Open the film of the row that was clicked."""
    found = worklist.current()
    if found is None:
        return
    st.session_state[_OPENED_KEY] = True
    rows = [cell[0] for cell in st.session_state[key]["selection"]["cells"]]
    found.open(positions[rows[0]] if rows and rows[0] < len(positions) else None)
