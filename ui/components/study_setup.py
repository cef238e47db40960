"""Where a reader study begins: a new one is made, or one that is there is opened."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import streamlit as st

from cxr_core.batch import Item, Record, list_items, score_items
from cxr_core.batch.run import about_models
from cxr_core.errors import CxrError, StudyError
from cxr_core.labels import system_title
from cxr_core.reader_study import Aid, Design, StudyFilm, create_study
from cxr_core.reader_study.create import MAX_FILMS, check_empty
from cxr_core.reader_study.design import (
    ARM_ALONE,
    ARM_CROSSOVER,
    ARM_SEQUENTIAL,
    ARMS,
    MAX_SEED,
    MAX_WASHOUT_DAYS,
)
from cxr_core.reader_study.film import films_by_digest, truth_of
from ui import reader_study, state, worklist
from ui.components.progress import stoppable
from ui.folder import folder_named
from ui.folder_policy import folder_policy
from ui.frame import show_error
from ui.reader_study import FOLDER, SAMPLES, SESSION, WORKLIST
from ui.reader_study_view import ARM_NOTES, ARM_TITLES
from ui.uploads import drop_files
from ui.words import FOLDERS_CLOSED

if TYPE_CHECKING:
    from cxr_core.predict import Predictor

MAKE: Final = "Make the study"
OPEN: Final = "Open"
OPEN_FILE: Final = "Open this file"
FOLDER_HELP: Final = (
    "On the computer that runs this page, searched at any depth, with the zip archives in it. "
    "Folders named COVID19, NORMAL and PNEUMONIA tell the class of their films. Films are read, "
    "never copied and never written; their names are not kept."
)
PLACE_HELP: Final = (
    "A whole path on the computer that runs this page, for example ~/studies/first; it is made if "
    "it is missing. Every answer is on the disk before the next film comes. Left empty, answers "
    "stay in this session's memory, and you must save them as a file before you leave."
)
ANSWERS_IN_SESSION: Final = (
    "Answers stay in this session's memory, and you must save them as a file before you leave."
)
SOURCE_TITLES: Final = {
    FOLDER: "A folder",
    SAMPLES: "The samples",
    SESSION: "This session",
    WORKLIST: "The worklist",
}


@dataclass(frozen=True)
class Source:
    """The films that a study is to be made of.

    Attributes:
        kind: One of `SOURCE_TITLES`.
        folder: Path as it was typed, for a folder.
    """

    kind: str
    folder: str = ""

    def items(self) -> Sequence[Item]:
        """List the films.

        Raises:
            CxrError: If the folder is not there.
        """
        if self.kind == FOLDER:
            return list_items([folder_named(self.folder)]).items
        if self.kind == SAMPLES:
            return reader_study.samples()
        if self.kind == SESSION:
            return reader_study.session_films()
        found = worklist.current()
        return () if found is None else found.items

    def manifest(self) -> dict[str, str]:
        """Return what the study keeps of it: where to look for the films again."""
        if self.kind == FOLDER:
            return {"kind": FOLDER, "folder": str(folder_named(self.folder).resolve())}
        return {"kind": self.kind}


def study_setup(predictor: Predictor) -> None:
    """Draw both ways in.

    Args:
        predictor: The models in use; they read the films of a new study.
    """
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.header("New study", anchor=False)
        _new(predictor)
    with right:
        st.header("Open a study", anchor=False)
        _open()


def _new(predictor: Predictor) -> None:
    """Ask for films and design; make the study on click."""
    source = _source()
    design = _design(predictor.systems)
    place = _place()
    if st.button(MAKE, type="primary", icon=":material/play_arrow:", key="study-make"):
        try:
            _make(predictor, source, design(), place)
        except CxrError as err:
            show_error("The study could not be made.", str(err), err.hint)
            return
        st.rerun()


def _place() -> str:
    """Ask where the answers are written; in the session where no folder may be named."""
    if folder_policy().is_closed:
        st.caption(f"{FOLDERS_CLOSED} {ANSWERS_IN_SESSION}")
        return ""
    typed = st.text_input(
        "Folder for the answers",
        key="study-new-place",
        persist_state="session",
        placeholder="Empty: in this session only",
        help=PLACE_HELP,
    )
    return typed or ""


def _source() -> Source:
    """Ask where the films come from."""
    found = worklist.current()
    n_by_kind = {
        FOLDER: 0 if folder_policy().is_closed else None,
        SAMPLES: None,
        SESSION: len(state.films()),
        WORKLIST: 0 if found is None else len(found.items),
    }
    kinds = [kind for kind, n in n_by_kind.items() if n != 0]

    def title(kind: str) -> str:
        n = n_by_kind.get(kind)
        return SOURCE_TITLES[kind] if n is None else f"{SOURCE_TITLES[kind]} ({n:,})"

    kind = st.segmented_control(
        "Films",
        kinds,
        default=kinds[0],
        required=True,
        format_func=title,
        key="study-source",
    )
    if kind != FOLDER:
        return Source(kind or SAMPLES)
    typed = st.text_input(
        "Folder of films", key="study-films", persist_state="session", help=FOLDER_HELP
    )
    return Source(FOLDER, typed or "")


def _design(systems: Sequence[str]) -> Callable[[], Design]:
    """Ask how the study is run; the design is built on click, where it may be refused."""
    arm = st.radio(
        "Each film is read",
        ARMS,
        index=ARMS.index(ARM_SEQUENTIAL),
        format_func=ARM_TITLES.__getitem__,
        captions=[ARM_NOTES[name] for name in ARMS],
        key="study-arm",
    )
    aid = None if arm == ARM_ALONE else _aid(systems)
    left, right = st.columns(2, vertical_alignment="bottom")
    seed = left.number_input(
        "Seed of the order", 0, MAX_SEED, 1, key="study-seed", help="The same seed, the same order."
    )
    days = 0
    if arm == ARM_CROSSOVER:
        days = right.number_input(
            "Days between the sessions",
            0,
            MAX_WASHOUT_DAYS,
            28,
            key="study-days",
            help="So that readers forget the films; four weeks are common.",
        )
    own = st.checkbox("Each reader gets an order of their own", value=True, key="study-own-order")
    back = st.checkbox(
        "Readers may go back and change an answer",
        key="study-back",
        help="Every answer is kept; the last one counts. What was said alone cannot be changed "
        "once the system was seen.",
    )
    return lambda: Design(str(arm), int(seed), aid, bool(own), bool(back), int(days))


def _aid(systems: Sequence[str]) -> Aid:
    """Ask what is shown beside the film."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        system = st.selectbox(
            "Shown system",
            systems,
            index=len(systems) - 1,
            format_func=system_title,
            key="study-system",
            width=280,
        )
        heatmap = st.checkbox("Its heatmap", key="study-heatmap")
        notes = st.checkbox(
            "Trust notes",
            key="study-notes",
            help="Refusal gate, classes that cannot be excluded, agreement of the systems, and "
            "what was measured against believing the scores.",
        )
    return Aid(str(system), bool(heatmap), bool(notes))


def _make(predictor: Predictor, source: Source, design: Design, place: str) -> None:
    """Read the films with every system, then write the study."""
    shelf = reader_study.shelf_named(place)
    check_empty(shelf)
    items = source.items()
    if len(items) > MAX_FILMS:
        msg = f"`films` must be at most {MAX_FILMS:,}. Received: {len(items):,} files"
        raise StudyError(msg, hint="Choose a part of them.")
    records: dict[str, Record] = {}
    with stoppable("Looking at the files", key="study-look-stop") as tell:
        found = films_by_digest(items, on_film=tell)
    with stoppable("Reading the films", key="study-make-stop") as tell:
        own = list(found.values())
        for n_done, record in enumerate(score_items(predictor, own), start=1):
            if record.error is None and record.sha256 is not None:
                records[record.sha256] = record
            tell(n_done, len(own))
    films = [StudyFilm(digest, truth_of(found[digest].name)) for digest in records]
    study = create_study(
        shelf,
        design=design,
        films=films,
        records=records,
        source=source.manifest(),
        models=about_models(predictor),
    )
    reader_study.keep(study, found)


def _open() -> None:
    """Ask for the folder of a study, or a file that was saved."""
    typed, is_named = "", False
    if not folder_policy().is_closed:
        with st.form("study-open", border=False):
            typed = st.text_input(
                "Folder of the study",
                key="study-place",
                persist_state="session",
                help="On the computer that runs this page.",
            )
            is_named = st.form_submit_button(OPEN, icon=":material/folder_open:")
    with st.form("study-open-file", border=False, clear_on_submit=True):
        file = st.file_uploader("Or a study that was saved as a file", key="study-file")
        is_given = st.form_submit_button(OPEN_FILE, icon=":material/upload_file:")
    if is_named:
        _opened(lambda tell: reader_study.open_folder(typed or "", on_film=tell))
    elif is_given and file is not None:
        data = file.getvalue()
        drop_files([file])
        _opened(lambda tell: reader_study.open_resume_file(data, on_film=tell))


def _opened(work: Callable[[Callable[[int, int], None]], object]) -> None:
    """Open a study with a bar, or say why that cannot be."""
    try:
        with stoppable("Looking for the films", key="study-open-stop") as tell:
            work(tell)
    except CxrError as err:
        show_error("This study could not be opened.", str(err), err.hint)
        return
    st.rerun()
