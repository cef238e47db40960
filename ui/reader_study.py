"""The reader study of one browser session: which one is open, who reads, and its films."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import streamlit as st

from cxr_core.batch import BytesItem, Item, list_items
from cxr_core.errors import CxrError, StudyError
from cxr_core.io.place import is_folder, is_there
from cxr_core.reader_study import FilmFinder, FolderShelf, MemoryShelf, Study
from cxr_core.reader_study.film import films_by_digest
from cxr_core.reader_study.plan import Task
from cxr_core.reader_study.shelf import Shelf, unpack
from ui import state, worklist
from ui.folder_policy import named_path
from ui.frame import show_error
from ui.reading_cache import Failure
from ui.samples import load_samples
from ui.study_desk import Desk

FOLDER, SAMPLES, SESSION, WORKLIST = "folder", "samples", "session", "worklist"
"""Where the films of a study may come from."""

STUDY_PARAMETER: Final = "study"
READER_PARAMETER: Final = "reader"
_KEY: Final = "reader-study"

OnFilm = Callable[[int, int], None]


def current() -> Desk | None:
    """Return what is open in this session, or `None`."""
    desk: Desk | None = st.session_state.get(_KEY)
    return desk


def resumed() -> Desk | None:
    """Return what is open, or open again what the page's address names, as after a reload.

    A study in a folder and its reader stand in the address, so that a reload, a new tab or a
    browser that was closed comes back to the film whose turn it is.
    """
    desk = current()
    named = st.query_params.get(STUDY_PARAMETER)
    if desk is None and named:
        try:
            with st.spinner("Opening the study …"):
                desk = open_folder(named)
            reader = st.query_params.get(READER_PARAMETER)
            if reader and desk.finder is not None:
                desk.begin(reader)
        except CxrError as err:
            show_error("The study of this address could not be opened.", str(err), err.hint)
    _write_address(desk)
    return desk


def _write_address(desk: Desk | None) -> None:
    """Let the address name what is open."""
    folder = None if desk is None else desk.folder
    wanted = {
        STUDY_PARAMETER: None if folder is None else str(folder),
        READER_PARAMETER: None if folder is None or desk is None else desk.reader,
    }
    for name, value in wanted.items():
        if st.query_params.get(name) == value:
            continue
        if value is None:
            st.query_params.pop(name, None)
        else:
            st.query_params[name] = value


def close() -> None:
    """Put the study away; what was written stays."""
    st.session_state.pop(_KEY, None)
    st.query_params.pop(STUDY_PARAMETER, None)
    st.query_params.pop(READER_PARAMETER, None)


def keep(study: Study, films: Mapping[str, Item] | None, *, on_film: OnFilm | None = None) -> Desk:
    """Let this session work on a study.

    Args:
        study: The study.
        films: SHA-256 to film, where they are known already.
        on_film: Called while films are looked for.

    Returns:
        What is open now.
    """
    desk = Desk(study)
    st.session_state[_KEY] = desk
    find_films(desk, films, on_film=on_film)
    return desk


def let_go() -> None:
    """Drop the films that an open study holds; it stays open, with every answer."""
    desk = current()
    if desk is not None:
        desk.let_go()


def find_films(
    desk: Desk,
    more: Mapping[str, Item] | None = None,
    *,
    folder: str = "",
    on_film: OnFilm | None = None,
) -> None:
    """Look for the films of a study where it says they are, and wherever this session has films.

    Args:
        desk: The open study; gets its films, or why they are not there.
        more: SHA-256 to films that are known already.
        folder: Path of a folder that was named for them; that of the study if empty.
        on_film: Called while they are read.

    Raises:
        ForbiddenFolderError: If the folder that was named may not be.
    """
    found = dict(more or {})
    wanted = {film.digest for film in desk.study.films}
    if not wanted <= set(found):
        items = _films_in(folder) if folder else _films_of(desk.study)
        found |= films_by_digest([*items, *samples(), *session_films()], on_film=on_film)
    found_list = worklist.current()
    if found_list is not None and not wanted <= set(found):
        found |= films_by_digest(found_list.items, on_film=on_film)
    try:
        desk.finder = FilmFinder(desk.study.films, found)
        desk.missing = None
    except CxrError as err:
        desk.finder = None
        desk.missing = Failure(str(err), err.hint)


def _films_in(folder: str) -> tuple[Item, ...]:
    """List the films of a folder that was named; none where it is not there."""
    path = named_path(folder)
    return list_items([path]).items if is_there(path) else ()


def _films_of(study: Study) -> tuple[Item, ...]:
    """List the films of the folder that a study says; it may come from anywhere, as a file."""
    folder = study.source.get("folder", "")
    try:
        return _films_in(folder) if folder else ()
    except CxrError:  # they are looked for elsewhere
        return ()


def shelf_named(typed: str) -> Shelf:
    """Return where a new study is written.

    Args:
        typed: A folder, made where it is missing; empty for this session's memory.

    Raises:
        StudyError: If it is no place for files.
        ForbiddenFolderError: If it may not be named.
    """
    name = typed.strip()
    if not name:
        return MemoryShelf()
    folder = _absolute(name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as err:
        msg = f"`folder` must be a folder that can be made. Received: {name!r}"
        raise StudyError(msg, hint="Name a folder of yours.") from err
    return FolderShelf(folder)


def open_folder(typed: str, *, on_film: OnFilm | None = None) -> Desk:
    """Open the study of a folder.

    Raises:
        CxrError: If there is none, or its files were changed.
    """
    folder = _absolute(typed.strip())
    if not is_folder(folder):
        msg = f"`folder` must be a folder on the computer of this page. Received: {typed!r}"
        raise StudyError(msg)
    return keep(Study(FolderShelf(folder)), None, on_film=on_film)


def open_resume_file(data: bytes, *, on_film: OnFilm | None = None) -> Desk:
    """Open a study that was saved as a file.

    Raises:
        CxrError: If it is another file, or was changed.
    """
    return keep(Study(unpack(data)), None, on_film=on_film)


def session_films() -> tuple[Item, ...]:
    """Return the films of this session."""
    return tuple(BytesItem(film.name, film.data) for film in state.films())


def samples() -> tuple[Item, ...]:
    """Return the synthetic sample films."""
    return tuple(BytesItem(sample.file, sample.read_bytes()) for sample in load_samples())


def question(desk: Desk, task: Task, revision: int) -> str:
    """Return what names one question, for the clock in the browser; nothing of the film."""
    text = f"{desk.study.digest}/{desk.reader}/{task.index}/{revision}"
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _absolute(name: str) -> Path:
    """Return a path that was typed; what is relative, or of an unknown home, is refused."""
    path = named_path(name)
    is_whole = Path(name).is_absolute() or name.startswith("~")
    if not is_whole or "\0" in name or (name.startswith("~") and Path(name).parts[0] in path.parts):
        msg = f"`folder` must be a whole path, for example ~/study-1. Received: {name!r}"
        raise StudyError(msg, hint="Begin the path with / or ~.")
    return path
