"""Open films from the DICOM server: a search, its studies with identifiers masked, and a choice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import streamlit as st

from cxr_core.errors import CxrError
from cxr_core.io.dicomweb import MAX_STUDIES, MODALITIES, ServerSettingError
from ui import server
from ui.frame import plain, show_error

if TYPE_CHECKING:
    from datetime import date

    from cxr_core.io.dicomweb.item import Found, ServerItem

TITLE: Final = "Open from the DICOM server"
SEARCH: Final = "Search"
SHOW: Final = "Show dates, patients and numbers"
NOTHING: Final = "No study with chest films was found."
CHOOSE: Final = "Choose studies by the boxes at the left; the box in the head chooses all."
PRIVACY: Final = (
    "What you type and what is found stay in the memory of this session. Masked values are not "
    "sent to the browser."
)
_ID_HELP: Final = "As the server has it. * stands for any letters, ? for one."
_LIMITS: Final = (20, 50, 100, 200, MAX_STUDIES)
_ROW_PX: Final = 35
_HEIGHT_PX: Final = 10 * _ROW_PX


def server_intake(*, key: str, is_many: bool) -> Found | None:
    """Draw the search and its studies, where a server is configured.

    Args:
        key: Beginning of the keys of the widgets.
        is_many: Whether the films of many studies may be chosen, or those of a few.

    Returns:
        The films of the studies that were just chosen; `None` at all other times.
    """
    try:
        settings = server.settings()
    except ServerSettingError as err:
        with st.expander(TITLE):
            show_error("The DICOM server is not set up rightly.", str(err), err.hint)
        return None
    if settings is None:
        return None
    held = server.search()
    is_open = held.failure is not None or (held.found is not None and not held.is_taken)
    with st.expander(TITLE, icon=":material/dns:", expanded=is_open):
        if settings.warning:
            st.warning(settings.warning, icon=":material/lock_open:")
        _form(f"{key}-{held.generation}")
        if held.failure is not None:
            show_error("The search did not succeed.", held.failure.message, held.failure.hint)
        chosen = _studies(f"{key}-{held.generation}", is_many=is_many)
    for note in held.notes:
        st.markdown(f":material/info: {plain(note)}")
    return chosen


def open_here() -> None:
    """Draw the search on the front page; films that are chosen are fetched and shown there."""
    found = server_intake(key="server", is_many=False)
    if found is None or not found.items:
        return
    _fetch(found.items[: server.MAX_AT_ONCE], found.items)
    st.rerun()


def _fetch(shown: tuple[ServerItem, ...], items: tuple[ServerItem, ...]) -> None:
    """Fetch films with a bar."""
    bar = st.progress(0.0, text="Fetching films …")
    n_films = len(shown)
    server.take(items, lambda n: bar.progress(n / n_films, text=f"{n} of {n_films} films"))
    bar.empty()


def _form(key: str) -> None:
    """Draw what is searched by; nothing is searched before the button."""
    with st.form(f"{key}-form", border=False):
        first, second, third, fourth, fifth = st.columns(
            [3, 3, 3, 3, 2], vertical_alignment="bottom", gap="small"
        )
        date_from = first.date_input(
            "Study date from", None, key=f"{key}-from", format="YYYY-MM-DD", max_value=None
        )
        date_to = second.date_input(
            "Study date to", None, key=f"{key}-to", format="YYYY-MM-DD", max_value=None
        )
        patient_id = third.text_input(
            "Patient ID", key=f"{key}-patient", help=_ID_HELP, autocomplete="off", max_chars=64
        )
        accession = fourth.text_input(
            "Accession number", key=f"{key}-number", help=_ID_HELP, autocomplete="off", max_chars=64
        )
        limit = fifth.selectbox("At most", _LIMITS, index=1, key=f"{key}-limit")
        with st.container(horizontal=True, vertical_alignment="center"):
            modalities = st.pills(
                "Modality",
                MODALITIES,
                default=MODALITIES,
                selection_mode="multi",
                key=f"{key}-modality",
                label_visibility="collapsed",
            )
            if st.form_submit_button(SEARCH, icon=":material/search:", key=f"{key}-search"):
                with st.spinner("Asking the server …"):
                    server.run(
                        date_from=_iso(date_from),
                        date_to=_iso(date_to),
                        modalities=tuple(modalities) or MODALITIES,
                        patient_id=patient_id,
                        accession=accession,
                        limit=limit,
                    )
    st.caption(PRIVACY)


def _iso(day: date | None) -> str:
    """Write a date; empty for none."""
    return "" if day is None else day.isoformat()


def _studies(key: str, *, is_many: bool) -> Found | None:
    """Draw the studies and the button that opens the chosen ones."""
    found = server.search().found
    if found is None:
        return None
    if not found.studies:
        st.markdown(NOTHING)
        return None
    n_studies = len(found.studies)
    more = "; there may be more" if found.is_cut else ""
    with st.container(horizontal=True, vertical_alignment="center"):
        shows = st.toggle(SHOW, key=f"{key}-show", width="content")
        st.markdown(
            f"**{n_studies:,} {'study' if n_studies == 1 else 'studies'}{more}.** {CHOOSE}",
            width="content",
        )
    event: Any = st.dataframe(
        server.rows(found.studies, shows_identifiers=shows),
        hide_index=True,
        height=min(_HEIGHT_PX, (n_studies + 1) * _ROW_PX + 3),
        column_config=_columns(),
        key=f"{key}-studies",
        on_select="rerun",
        selection_mode="multi-row",
        alt="Studies that the server found, identifiers masked unless they are asked for",
    )
    positions = [int(n) for n in event.selection.rows]
    words = f" of {len(positions):,} {'study' if len(positions) == 1 else 'studies'}"
    label = f"{'Read' if is_many else 'Open'} the films{words if positions else ''}"
    if not st.button(
        label, key=f"{key}-open", icon=":material/download:", disabled=not positions, type="primary"
    ):
        return None
    return _chosen(positions)


def _chosen(positions: list[int]) -> Found | None:
    """List the films of the studies that were chosen, with a bar."""
    bar = st.progress(0.0, text="Looking for films …")
    try:
        listed = server.list_chosen(
            positions,
            lambda n: bar.progress(n / len(positions), text=f"{n} of {len(positions)} studies"),
        )
    except CxrError as err:
        show_error("The studies could not be looked into.", str(err), err.hint)
        return None
    finally:
        bar.empty()
    server.note_taken(listed)
    return listed


def _columns() -> dict[str, Any]:
    """Return how columns are drawn."""
    config = st.column_config
    return {
        "Study": config.NumberColumn(width=70),
        "Modality": config.TextColumn(width=90),
        "Objects": config.NumberColumn(width=80, help="Films and everything else of the study"),
        "Date": config.TextColumn(width=100),
        "Patient ID": config.TextColumn(width=130),
        "Name": config.TextColumn(width=165),
        "Accession number": config.TextColumn(width=145),
    }
