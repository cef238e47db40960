"""The error atlas: which films a system calls wrongly, and what they look like."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import streamlit as st

from cxr_core.errors import CxrError
from cxr_core.evaluate.figure_text import percent
from cxr_core.evaluate.misread import Misread, misread_films
from cxr_core.labels import CLASS_TITLES, CLASSES
from ui.components.download import download
from ui.components.performance_choice import chosen_system
from ui.components.performance_curves import has_reads
from ui.components.performance_figures import as_csv
from ui.components.performance_nearest import nearest_panel
from ui.components.progress import stoppable
from ui.components.thumbnail import thumbnail
from ui.error_view import error_rows, error_sentence, film_name, film_rows
from ui.evidence import own_folder
from ui.folder import films_below, folder_named
from ui.folder_policy import folder_policy
from ui.frame import plain, show_error
from ui.provenance import provenance_of
from ui.words import FOLDERS_CLOSED

if TYPE_CHECKING:
    from cxr_core.predict import Predictor
    from ui.evidence import Evidence

ANY: Final = "Any"
FIND: Final = "Find the films"
NAME_FOLDER: Final = (
    "Films are not part of a bundle. Name the folder that holds them to see the films, and the "
    "training films that are nearest to one."
)
NOT_THERE: Final = "None of these films lies in that folder; films are known by their bytes."
N_COLUMNS: Final = 6
N_SHOWN: Final = 12
_FOUND_KEY: Final = "performance-found"

Found = tuple[Path, dict[str, Path]]


def errors_panel(evidence: Evidence, predictor: Predictor, *, is_raw: bool) -> None:
    """Draw the errors of one system.

    Args:
        evidence: The films.
        predictor: The models in use, for films that are alike.
        is_raw: True for probabilities before calibration.
    """
    system = chosen_system(evidence, "errors")
    if not has_reads(evidence) or evidence.reads is None:
        return
    with st.container(horizontal=True):
        true, called = (_class_filter(title, key) for title, key in _FILTERS)
    probs = evidence.probs(is_raw=is_raw)
    errors = misread_films(evidence.reads.films, probs, system, true=true, called=called)
    st.markdown(error_sentence(evidence, errors, system))
    if errors:
        st.dataframe(
            error_rows(evidence, errors),
            hide_index=True,
            column_config={
                name: st.column_config.NumberColumn(format="percent")
                for name in ("Score of the call", "Score of its class")
            },
            alt="Films that are called wrongly, the surest first",
        )
    download(
        "What each system says of each film, as CSV",
        provenance_of(predictor).commented(as_csv(film_rows(evidence))),
        "films.csv",
    )
    st.subheader("What they look like", anchor=False)
    if folder_policy().is_closed:
        st.markdown(FOLDERS_CLOSED)
        return
    found = _found_films(evidence)
    if found is None:
        st.markdown(NAME_FOLDER)
        return
    folder, places = found
    there = [error for error in errors if error.sha256 in places]
    if errors and not there:
        st.markdown(NOT_THERE)
        return
    _pictures(there, places)
    if there:
        nearest_panel(predictor, there, system, folder, places)


_FILTERS: Final = (("True class", "errors-true"), ("Called", "errors-called"))


def _class_filter(title: str, key: str) -> str | None:
    """Ask for a class or any."""
    chosen = st.segmented_control(
        title,
        [ANY, *CLASSES],
        default=ANY,
        required=True,
        format_func=lambda name: CLASS_TITLES.get(name, name),
        key=key,
    )
    return None if chosen in (None, ANY) else str(chosen)


def _found_films(evidence: Evidence) -> Found | None:
    """Ask for the folder that holds the films, and find them by their bytes."""
    with st.form("performance-films", border=False):
        left, right = st.columns([4, 1], vertical_alignment="bottom")
        own = own_folder() if evidence.is_own else None
        typed = left.text_input(
            "Folder that holds the films",
            value=str(own) if own else "",
            key=f"performance-films-name-{'own' if own else 'set'}",
            persist_state="session",
            placeholder="For example the folder with train/ and test/",
            help="On the computer that runs this page. Films are read, never copied and never "
            "written.",
        )
        asked = right.form_submit_button(FIND, width="stretch")
    if asked:
        st.session_state.pop(_FOUND_KEY, None)
        try:
            folder = folder_named(typed or "")
            with stoppable("Looking at the files", key="performance-films-stop") as tell:
                st.session_state[_FOUND_KEY] = (folder, films_below(folder, on_file=tell))
        except CxrError as err:
            show_error("This folder could not be used.", str(err), err.hint)
    held: Found | None = st.session_state.get(_FOUND_KEY)
    return held


def _pictures(errors: Sequence[Misread], places: dict[str, Path]) -> None:
    """Draw the films, the surest error first."""
    n_pages = -(-len(errors) // N_SHOWN)
    page = st.pagination(n_pages, key="errors-page") if n_pages > 1 else 1
    shown = errors[(page - 1) * N_SHOWN : page * N_SHOWN]
    for start in range(0, len(shown), N_COLUMNS):
        columns = st.columns(N_COLUMNS, gap="small")
        for column, error in zip(columns, shown[start : start + N_COLUMNS], strict=False):
            with column:
                picture = thumbnail(places[error.sha256])
                name = film_name(error.row, error.sha256)
                if picture is None:
                    st.markdown(":small[This film can no longer be read.]")
                    continue
                st.image(picture, width="stretch", alt=name)
                st.markdown(
                    f":small[{plain(name)}: {CLASS_TITLES[error.true]}, called "
                    f"{CLASS_TITLES[error.called]} at {percent(error.p_called, 1)}]"
                )
