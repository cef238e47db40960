"""What the server's answers to a search say; nothing of it is kept or logged.

Answers are DICOM JSON (PS3.18 annex F), read with care: a server may leave anything out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from cxr_core.io.dicom.accept import SECONDARY_CAPTURE
from cxr_core.io.dicom.view import FRONTAL_VIEWS, LATERAL_VIEWS
from cxr_core.io.dicomweb.error import ServerReplyError
from cxr_core.io.dicomweb.query import DATE, UID

MAX_FILMS_A_STUDY: Final = 32
"""Films of one study that are looked at."""

_MAX_SERIES: Final = 64
_MAX_TEXT: Final = 64  # PS3.5 table 6.2-1: LO and SH have fewer
_FOR_PROCESSING: Final = "1.2.840.10008.5.1.4.1.1.1.1.1"
_FILM_CLASSES: Final = (
    "1.2.840.10008.5.1.4.1.1.1",  # Computed Radiography
    "1.2.840.10008.5.1.4.1.1.1.1",  # Digital X-Ray, for presentation
    _FOR_PROCESSING,
    SECONDARY_CAPTURE,  # films that were exported and sent back
)


Image = tuple["ServerFilm", str, bool]
"""An image of a study, its SOP class, and whether a program made it."""


@dataclass(frozen=True)
class Study:
    """A study as the server describes it; its representation names nobody.

    Attributes:
        uid: Study Instance UID.
        modalities: What it holds.
        n_instances: Its objects, films and others; `None` where the server does not say.
        date: Study date as `YYYY-MM-DD`; empty where the server does not say.
        patient_id: Patient ID.
        patient_name: Patient's name as the server has it.
        accession: Accession number.
    """

    uid: str = field(repr=False)
    modalities: tuple[str, ...] = ()
    n_instances: int | None = None
    date: str = field(default="", repr=False)
    patient_id: str = field(default="", repr=False)
    patient_name: str = field(default="", repr=False)
    accession: str = field(default="", repr=False)


@dataclass(frozen=True)
class ServerFilm:
    """Where a film lies on the server; its representation names nobody.

    Attributes:
        study_uid: Study Instance UID.
        series_uid: Series Instance UID.
        uid: SOP Instance UID.
        view: Its view where the server says it and it is a term of the standard.
    """

    study_uid: str = field(repr=False)
    series_uid: str = field(repr=False)
    uid: str = field(repr=False)
    view: str | None = None


@dataclass(frozen=True)
class StudyList:
    """What a search brought.

    Attributes:
        studies: The latest first; those without a date last.
        is_cut: Whether there may be more than were asked for.
    """

    studies: tuple[Study, ...]
    is_cut: bool = False


@dataclass(frozen=True)
class FilmList:
    """The frontal films of a study.

    Attributes:
        films: In the order of the server.
        n_left_out: Images that were passed over: lateral views, films for processing beside
            finished ones, pictures made by programs.
    """

    films: tuple[ServerFilm, ...]
    n_left_out: int = 0


def studies_of(answer: Any) -> list[Study]:
    """Read the answer to a search for studies.

    Args:
        answer: DICOM JSON.

    Returns:
        The studies that have a UID.

    Raises:
        ServerReplyError: If it is no list of objects.
    """
    found = []
    for entry in _objects(answer):
        uid = _uid(entry, "0020000D")
        held = tuple(text for text in _texts(entry, "00080061") if text.isalnum())
        if uid is None:
            continue
        found.append(
            Study(
                uid,
                held,
                _count(entry, "00201208"),
                _dashed(text_of(entry, "00080020")),
                text_of(entry, "00100020"),
                text_of(entry, "00100010"),
                text_of(entry, "00080050"),
            )
        )
    return found


def series_of(answer: Any, modalities: Sequence[str]) -> list[str]:
    """Return the UIDs of the series of some modalities from the answer to a search for series."""
    return [
        uid
        for entry in _objects(answer)[:_MAX_SERIES]
        if (uid := _uid(entry, "0020000E")) and text_of(entry, "00080060") in modalities
    ]


def frontal_films(entries: Sequence[Image]) -> FilmList:
    """Choose the films to be read among the images of a study.

    Args:
        entries: All images of the study.

    Returns:
        All but lateral views, pictures made by programs, and films for processing where there are
        finished ones. An image whose view the server does not tell is kept; reading it warns of a
        lateral view where the file tells.
    """
    has_finished = any(kind not in (_FOR_PROCESSING, "") for _, kind, _ in entries)
    films = [
        film
        for film, kind, is_made in entries
        if film.view not in LATERAL_VIEWS
        and not (has_finished and kind == _FOR_PROCESSING)
        and not is_made
    ]
    return FilmList(tuple(films[:MAX_FILMS_A_STUDY]), len(entries) - len(films))


def images_of(answer: Any, study_uid: str, series_uid: str) -> Iterator[Image]:
    """Yield the images of the answer to a search for instances.

    Args:
        answer: DICOM JSON.
        study_uid: The study that was searched.
        series_uid: The series that was searched.

    Yields:
        Each image with its SOP class, and whether it is a derived secondary capture: what programs
        send back to a study, ours too, and not a film that was exported and sent back.

    Raises:
        ServerReplyError: If it is no list of objects.
    """
    for entry in _objects(answer):
        uid, kind = _uid(entry, "00080018"), text_of(entry, "00080016")
        if uid is None or (kind and kind not in _FILM_CLASSES):
            continue
        view = text_of(entry, "00185101").upper()
        known = view if view in (*FRONTAL_VIEWS, *LATERAL_VIEWS) else None
        image_type = [text.upper() for text in _texts(entry, "00080008")]
        is_made = kind == SECONDARY_CAPTURE and image_type[:1] == ["DERIVED"]
        yield ServerFilm(study_uid, series_uid, uid, known), kind, is_made


def _objects(answer: Any) -> list[Mapping[str, Any]]:
    """Return the objects of an answer."""
    if not isinstance(answer, list) or not all(isinstance(entry, dict) for entry in answer):
        msg = "The server must answer a search with a list. Received: something else"
        raise ServerReplyError(msg)
    return answer


def _texts(entry: Mapping[str, Any], tag: str) -> list[str]:
    """Return an element's values as short, printable text."""
    element = entry.get(tag)
    values = element.get("Value") if isinstance(element, dict) else None
    found = []
    for value in values[:16] if isinstance(values, list) else ():
        if isinstance(value, dict):  # a person's name
            value = next((part for part in value.values() if isinstance(part, str)), "")
        if isinstance(value, str | int) and not isinstance(value, bool):
            text = str(value)[:_MAX_TEXT].strip()
            found.append("".join(c if c.isprintable() else " " for c in text))
    return found


def text_of(entry: Mapping[str, Any], tag: str) -> str:
    """Return an element's first value as short, printable text.

    Args:
        entry: An object of DICOM JSON.
        tag: Eight hexadecimal digits.

    Returns:
        Empty where there is no value.
    """
    return next(iter(_texts(entry, tag)), "")


def _uid(entry: Mapping[str, Any], tag: str) -> str | None:
    """Return a UID, or `None` where it is none: it becomes part of an address."""
    text = text_of(entry, tag)
    return text if UID.fullmatch(text) else None


def _count(entry: Mapping[str, Any], tag: str) -> int | None:
    """Return a small whole number, or `None`."""
    text = text_of(entry, tag)
    return int(text) if text.isdecimal() and len(text) < 9 else None


def _dashed(text: str) -> str:
    """Write a DICOM date with dashes; another text stays."""
    found = DATE.fullmatch(text)
    return "-".join(found.groups()) if found else text
