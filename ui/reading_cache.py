"""The readings of one session, and what pages show of them: few, and none of dropped films.

Readings belong to one session and are found by the SHA-256 of the film's bytes, never by an array:
Streamlit hashes large arrays from a sample and may return another film's result.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import streamlit as st

from cxr_core import io
from cxr_core.allocator import trim
from cxr_core.errors import CxrError
from ui.film_view import FilmView, Summary, film_view, summary_of
from ui.header_view import HeaderView, header_view
from ui.kept import Kept, clear_all, let_go_all
from ui.model_cache import models_key
from ui.state import Film

if TYPE_CHECKING:
    from cxr_core.predict import Predictor, Reading


MAX_READINGS: Final = 2
"""Full readings kept per session: a film at full depth and its feature maps, by two models."""

MAX_READ_AT_ONCE: Final = 2
"""Films decoded and read at once, over all sessions; the networks take one at a time."""

MAX_VIEWS: Final = 24
"""Films with pixels and maps kept per session, 2.2 MB each at most; others are read again."""

MAX_SUMMARIES: Final = 1000
"""Scores kept per session, about a kilobyte each: every film by every variant."""

_TURN: Final = threading.BoundedSemaphore(MAX_READ_AT_ONCE)
_READINGS: Final = Kept[Any]("kept-readings", MAX_READINGS)
_VIEWS: Final = Kept[Any]("kept-views", MAX_VIEWS)
_SUMMARIES: Final = Kept[Any]("kept-summaries", MAX_SUMMARIES)
_HEADERS: Final = Kept[Any]("kept-headers", MAX_READINGS)
_RAW_KEY: Final = "raw-probabilities"


@dataclass(frozen=True)
class Failure:
    """Why a film could not be read, in words for the page.

    Attributes:
        message: What is wrong.
        hint: What to do about it.
    """

    message: str
    hint: str


def shows_raw() -> bool:
    """Return whether this session shows probabilities before calibration."""
    return bool(st.session_state.get(_RAW_KEY, False))


def choose_raw(is_raw: bool) -> None:
    """Show probabilities before or after calibration in this session from the next run on.

    Args:
        is_raw: True for before.
    """
    st.session_state[_RAW_KEY] = is_raw


def reading(film: Film, predictor: Predictor) -> Reading:
    """Read one film with every system, or return what this session read before.

    Args:
        film: The film; found again by its digest.
        predictor: The predictor from `ui.model_cache.load`.

    Returns:
        The reading, shared by later calls; never change it. Its probabilities are those that the
        session has chosen to see, calibrated or not.

    Raises:
        CxrError: If the film cannot be decoded.
    """
    found = _reading(film, predictor)
    return found.uncalibrated() if shows_raw() else found


def _reading(film: Film, predictor: Predictor) -> Reading:
    """Decode and read a film, or return the reading that is kept."""

    def make() -> Reading:
        with _TURN:
            made = predictor.read(io.read(film.data, name=film.name))
        # a new object without the grey values that the networks saw: four bytes a pixel
        return replace(made, radiograph=replace(made.radiograph))

    found: Reading = _READINGS.get(film.digest, models_key(predictor), make)
    return found


def view(film: Film, predictor: Predictor) -> FilmView | Failure:
    """Return what the page shows of one film: small, and kept for the latest films on the shelf.

    Args:
        film: The film.
        predictor: The predictor from `ui.model_cache.load`.

    Returns:
        The film's view, or the reason why there is none.
    """
    models = models_key(predictor)
    found: FilmView | Failure = _VIEWS.get(film.digest, models, lambda: _view(film, predictor))
    return found.uncalibrated() if shows_raw() and isinstance(found, FilmView) else found


def _view(film: Film, predictor: Predictor) -> FilmView | Failure:
    """Read a film and prepare its heatmaps; a film that cannot be read is remembered as such."""
    try:
        result = _reading(film, predictor)
    except CxrError as err:
        return Failure(str(err), err.hint)
    _SUMMARIES.put(film.digest, models_key(predictor), summary_of(result))
    start = time.perf_counter()
    shown = film_view(result, predictor.explain_classes)
    return shown.with_timing("heatmaps", (time.perf_counter() - start) * 1000.0)


def header(film: Film) -> HeaderView | Failure:
    """Return the header of a DICOM film, identifiers masked.

    Args:
        film: The film; found again by its digest.

    Returns:
        The header, or the reason why it cannot be listed.
    """
    found: HeaderView | Failure = _HEADERS.get(film.digest, "", lambda: _header(film))
    return found


def _header(film: Film) -> HeaderView | Failure:
    """List a header, or say why it cannot be listed."""
    try:
        return header_view(film.data)
    except CxrError as err:
        return Failure(str(err), err.hint)


def summary(film: Film, predictor: Predictor) -> Summary | Failure:
    """Return what tables of many films show of one: its scores, without pixels or maps.

    Args:
        film: The film.
        predictor: The predictor from `ui.model_cache.load`.

    Returns:
        The summary, kept while the film is on the shelf, or the reason why there is none.
    """
    found: Summary | Failure = _SUMMARIES.get(
        film.digest, models_key(predictor), lambda: _summary(film, predictor)
    )
    return found.uncalibrated() if shows_raw() and isinstance(found, Summary) else found


def _summary(film: Film, predictor: Predictor) -> Summary | Failure:
    """Read a film for its scores; a film that cannot be read is remembered as such."""
    try:
        return summary_of(_reading(film, predictor))
    except CxrError as err:
        return Failure(str(err), err.hint)


def let_go() -> None:
    """Drop what this session knows of films that are no longer on its shelf."""
    let_go_all()


def forget() -> None:
    """Drop every reading of this session, and what was worked out from its films."""
    clear_all()
    trim()
