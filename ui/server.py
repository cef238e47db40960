"""The DICOM server of this installation: its settings, this session's search, films, results.

Results of a search stay in the memory of the session; they are in no cache and no log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import streamlit as st

from cxr_core.errors import CxrError, UnsupportedDicomError
from cxr_core.io.dicomweb import (
    Query,
    ServerSettingError,
    ServerSettings,
    Study,
    StudyList,
    settings_from,
    settings_from_environment,
)
from ui import reading_cache, state
from ui.reading_cache import Failure

if TYPE_CHECKING:
    from cxr_core.io.dicomweb.client import DicomWeb
    from cxr_core.io.dicomweb.item import Found, ServerItem
    from cxr_core.io.dicomweb.store import Stored
    from cxr_core.predict import Predictor, Reading

SECRETS_SECTION: Final = "dicomweb"
"""Section of Streamlit's secrets that may name the server, where the environment does not."""

MASKED: Final = "masked"
MAX_AT_ONCE: Final = 24
"""Films that the front page opens at once; the worklist has its own bound."""

_KEY: Final = "server-search"


@dataclass
class Search:
    """What this session searched for last.

    Attributes:
        found: The studies; `None` before the first search.
        failure: Why there are none.
        notes: Sentences about the films that were opened last.
        is_taken: Whether films of it were opened.
        stored: Digests of films whose results were stored.
        generation: Part of the keys of the widgets; a new value empties them.
    """

    found: StudyList | None = None
    failure: Failure | None = None
    notes: list[str] = field(default_factory=list)
    is_taken: bool = False
    stored: set[str] = field(default_factory=set)
    generation: int = 0


def settings() -> ServerSettings | None:
    """Return where the server is, from the environment, else from Streamlit's secrets.

    Returns:
        The settings; `None` where no server is configured.

    Raises:
        ServerSettingError: If they are wrong.
    """
    found = settings_from_environment()
    if found is not None or not st.secrets.load_if_toml_exists():
        return found
    section = st.secrets.get(SECRETS_SECTION)
    if section is None:
        return None
    if not hasattr(section, "items"):
        msg = f"`{SECRETS_SECTION}` of the secrets must be a section. It is not"
        raise ServerSettingError(msg)
    return settings_from({str(key): str(value) for key, value in section.items()})


def is_configured() -> bool:
    """Tell whether a server is named, well or badly."""
    try:
        return settings() is not None
    except ServerSettingError:
        return True


def search() -> Search:
    """Return this session's search, made on first use."""
    if _KEY not in st.session_state:
        st.session_state[_KEY] = Search()
    held: Search = st.session_state[_KEY]
    return held


def run(**parts: Any) -> None:
    """Search for studies; what was found before is dropped.

    Args:
        parts: As `Query` takes them.
    """
    held = search()
    held.found = held.failure = None
    held.is_taken = False
    held.notes.clear()
    try:
        held.found = connect().studies(Query(**parts))
    except CxrError as err:
        held.failure = Failure(str(err), err.hint)


def forget() -> None:
    """Drop what was searched for and found."""
    generation = search().generation + 1
    st.session_state[_KEY] = Search(generation=generation)


def rows(studies: Sequence[Study], *, shows_identifiers: bool) -> list[dict[str, Any]]:
    """Return studies for a table.

    Args:
        studies: From a search.
        shows_identifiers: Whether the browser gets dates, names and numbers, or none of them.

    Returns:
        A row a study.
    """
    return [
        {
            "Study": number,
            "Modality": ", ".join(study.modalities),
            "Objects": study.n_instances,
            **{
                title: text if shows_identifiers or not text else MASKED
                for title, text in (
                    ("Date", study.date),
                    ("Patient ID", study.patient_id),
                    ("Name", study.patient_name.replace("^", " ").strip()),
                    ("Accession number", study.accession),
                )
            },
        }
        for number, study in enumerate(studies, 1)
    ]


def list_chosen(positions: Iterable[int], on_study: Callable[[int], object]) -> Found:
    """List the frontal films of studies that were found.

    Args:
        positions: Positions of the studies, from 0.
        on_study: Called with the number of studies that were looked into.

    Returns:
        Their films, not fetched yet.

    Raises:
        ServerError: If the server cannot be reached.
    """
    from cxr_core.io.dicomweb.item import list_films

    found = search().found
    studies = () if found is None else found.studies
    chosen = [(n + 1, studies[n]) for n in sorted(positions) if n < len(studies)]
    return list_films(connect(), chosen, on_study=on_study)


def note_taken(found: Found) -> None:
    """Keep that films were taken, and in words what is not among them."""
    held = search()
    held.is_taken = bool(found.items)
    held.notes.clear()
    if found.n_left_out:
        images = "1 image was" if found.n_left_out == 1 else f"{found.n_left_out:,} images were"
        held.notes.append(f"{images} left out: lateral views, or pictures made by programs.")
    if found.n_without:
        studies = "1 study has" if found.n_without == 1 else f"{found.n_without:,} studies have"
        held.notes.append(f"{studies} no frontal film.")
    held.notes += [f"Study {n} could not be looked into. {err}" for n, err in found.errors]


def take(items: Sequence[ServerItem], on_film: Callable[[int], object]) -> None:
    """Fetch films and put them on the session's shelf; what did not come is noted.

    Args:
        items: The films; those above `MAX_AT_ONCE` are left out.
        on_film: Called with the number of films that were tried, after each.
    """
    held, shelf = search(), state.shelf()
    shelf.clear_notes()
    if len(items) > MAX_AT_ONCE:
        n_more = len(items) - MAX_AT_ONCE
        films = "1 film was" if n_more == 1 else f"{n_more:,} films were"
        held.notes.append(
            f"{films} left out: at most {MAX_AT_ONCE} are opened at once. The page Worklist reads "
            "many."
        )
    for n_done, item in enumerate(items[:MAX_AT_ONCE], 1):
        try:
            shelf.add(item.name, item.read_bytes(), title=title_of(item))
        except CxrError as err:
            held.notes.append(f"{title_of(item)} was not opened. {err} {err.hint}")
        on_film(n_done)


def title_of(item: ServerItem) -> str:
    """Return what the page calls a film: its place in the search, and nothing of the patient."""
    _, study, _, number = item.name.split("-")
    return f"Server study {int(study)}, film {int(number)}"


def store_results(
    film: state.Film, reading: Reading, predictor: Predictor, shown: tuple[str, str | None]
) -> tuple[Stored, ...]:
    """Write a film's results as DICOM objects and store them in its study.

    Args:
        film: A DICOM film.
        reading: What the systems say of it.
        predictor: The models that said it.
        shown: System and class of the heatmap; `None` for the system's top class.

    Returns:
        What became of the Secondary Capture and of the Structured Report.

    Raises:
        CxrError: If they cannot be written, or the server cannot be asked.
    """
    from cxr_core.dicom_out.export import MapChoice, export

    chosen = [MapChoice(*shown)]
    exported = export(film.data, reading, predictor, chosen, is_raw=reading_cache.shows_raw())
    outcomes = connect().store([written.data for written in exported.objects])
    if any(outcome.is_stored for outcome in outcomes):
        search().stored.add(film.digest)
    return outcomes


def connect() -> DicomWeb:
    """Return the client of the server; all sessions share its connections.

    Raises:
        ServerSettingError: If the settings are wrong, or there are none.
    """
    found = settings()
    if found is None:
        raise ServerSettingError("`CXR_DICOMWEB_URL` must be set. It is not")
    return _client(found)


@lru_cache(maxsize=1)
def _client(of: ServerSettings) -> DicomWeb:
    """Make the client; another one where the settings change."""
    try:
        from cxr_core.io.dicomweb.client import DicomWeb

        return DicomWeb(of)
    except ImportError as err:
        msg = "A DICOM server can be asked only where dicomweb-client is installed"
        hint = "Install it with: pip install -r requirements.txt"
        raise UnsupportedDicomError(msg, hint=hint) from err
