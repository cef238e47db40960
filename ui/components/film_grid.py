"""Films of a folder that the reader names: the form, the scan, and a grid of examples by class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import streamlit as st

from cxr_core.errors import CxrError
from cxr_core.labels import CLASS_TITLES, CLASSES
from ui.components.thumbnail import thumbnail
from ui.dataset_view import SPLIT_TITLES
from ui.folder_policy import folder_policy, named_path
from ui.frame import plain, show_error
from ui.words import FOLDERS_CLOSED

if TYPE_CHECKING:
    from cxr_core.dataset import Dataset, Film

N_COLUMNS: Final = 6
N_ROWS: Final = 3
"""Rows of films a page; one a class, or all of one class."""

SCAN: Final = "Scan the folder"
NO_FOLDER: Final = (
    "Films are not part of a bundle. Name a folder of films at the top of the page to see examples."
)
ALL: Final = "All"
_SCANNED_KEY: Final = "dataset-scanned"


def scanned_folder() -> Dataset | None:
    """Ask for a folder, and scan it when the reader says so.

    Returns:
        The folder that this session scanned last, or `None`.
    """
    if folder_policy().is_closed:
        st.caption(FOLDERS_CLOSED)
        return None
    with st.form("dataset-folder", border=False):
        left, right = st.columns([5, 1], vertical_alignment="bottom")
        typed = left.text_input(
            "Folder of films",
            key="dataset-folder-name",
            persist_state="session",
            placeholder="Empty: what the bundle tells of the films it was trained on",
            help="On the computer that runs this page: a folder with train/ and test/, each with "
            "COVID19/, NORMAL/ and PNEUMONIA/, and a manifest.csv if there is one. Films are read, "
            "never copied and never written.",
        )
        asked = right.form_submit_button(SCAN, width="stretch")
    if asked:
        st.session_state.pop(_SCANNED_KEY, None)
        name = (typed or "").strip()
        dataset = _scan(name) if name else None
        if dataset is not None:
            st.session_state[_SCANNED_KEY] = dataset
    return st.session_state.get(_SCANNED_KEY)


def film_grid(dataset: Dataset | None) -> None:
    """Draw examples of each class side by side.

    Args:
        dataset: The scanned folder; a sentence is shown in its place if `None`.
    """
    st.header("Examples", anchor=False)
    if dataset is None:
        st.markdown(FOLDERS_CLOSED if folder_policy().is_closed else NO_FOLDER)
        return
    label, films = _choice(dataset)
    by_class = {name: [f for f in films if f.label == name] for name in CLASSES}
    if label is not None:
        n_shown = N_COLUMNS * N_ROWS
        n_pages = -(-len(by_class[label]) // n_shown)
        rows = {label: n_shown}
    else:
        rows = {name: N_COLUMNS for name in CLASSES if by_class[name]}
        n_pages = min((-(-len(by_class[name]) // N_COLUMNS) for name in rows), default=0)
    if n_pages == 0:
        st.markdown("No film is of that class, split and source.")
        return
    page = st.pagination(n_pages, key="dataset-page") if n_pages > 1 else 1
    for name, n_shown in rows.items():
        own = by_class[name]
        st.markdown(f"**{CLASS_TITLES[name]}**, {len(own):,} films")
        _row(own[(page - 1) * n_shown : page * n_shown], name, first=(page - 1) * n_shown + 1)


def _scan(name: str) -> Dataset | None:
    """Scan a folder with a bar that shows how far it is; say what is wrong with it."""
    from cxr_core.dataset import scan

    bar = st.progress(0.0, text="Reading the films …")

    def show(n_done: int, n_films: int) -> None:
        if n_done % 50 == 0 or n_done == n_films:
            bar.progress(n_done / n_films, text=f"{n_done:,} of {n_films:,} films read")

    try:
        return scan(named_path(name), on_film=show)
    except CxrError as err:
        show_error("This folder could not be used.", str(err), err.hint)
        return None
    finally:
        bar.empty()


def _choice(dataset: Dataset) -> tuple[str | None, list[Film]]:
    """Ask for class, split and source; return the films in an order that mixes patients."""
    with st.container(horizontal=True, vertical_alignment="top"):
        label = st.segmented_control(
            "Class",
            [ALL, *CLASSES],
            default=ALL,
            required=True,
            format_func=lambda name: CLASS_TITLES.get(name, name),
            key="dataset-class",
        )
        split = st.segmented_control(
            "Split",
            [ALL, *dataset.splits],
            default=ALL,
            required=True,
            format_func=lambda name: SPLIT_TITLES.get(name, name),
            key="dataset-split",
        )
        sources = sorted({film.source for film in dataset.films} - {""})
        source = (
            st.selectbox("Source", [ALL, *sources], key="dataset-source", width=220)
            if sources
            else ALL
        )
    films = [
        film
        for film in dataset.films
        if split in (ALL, film.split) and source in (ALL, film.source)
    ]
    films.sort(key=lambda film: film.sha256)
    return (None if label == ALL else label), films


def _row(films: list[Film], label: str, *, first: int) -> None:
    """Draw films in rows of equal columns."""
    if not films:
        st.markdown(":small[No more films.]")
        return
    columns: list[st.delta_generator.DeltaGenerator] = []
    for number, film in enumerate(films):
        if not columns:
            columns = list(st.columns(N_COLUMNS, gap="small"))
        with columns.pop(0):
            picture = thumbnail(film.path)
            if picture is None:
                st.markdown(":small[This film can no longer be read.]")
                continue
            title = f"{CLASS_TITLES[label]}, film {first + number}"
            st.image(picture, width="stretch", alt=title)
            words = (SPLIT_TITLES.get(film.split, film.split), film.source, film.subtype)
            st.markdown(f":small[{plain(' · '.join(word for word in words if word))}]")
