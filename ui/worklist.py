"""The worklist of one browser session: its films, who reads them, and what was opened from it."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

import streamlit as st

from cxr_core.batch import Item, Listing, MemoryStore, Record
from cxr_core.batch.run import about_models
from cxr_core.errors import CxrError
from cxr_core.io import LIMITS
from ui import state
from ui.model_cache import models_key
from ui.reading_cache import Failure
from ui.report_job import Reports
from ui.worklist_job import Overlays, Reading, Thumbnails
from ui.worklist_view import Choice, Facts, facts_of

if TYPE_CHECKING:
    from cxr_core.predict import Predictor

MAX_FILES: Final = 5000
"""Files that a worklist may have; `python -m cxr_core score` has no such bound."""

MAX_KNOWN: Final = 2 * MAX_FILES
"""Readings, of two kilobytes each, above which a new worklist begins without those before."""

NO_ROOM: Final = "This session holds as many films as it may."
MAKE_ROOM: Final = "Drop some with “Clear my films” on the page Read films."

MAX_OPENED: Final = 20
"""Films that the worklist puts on the session's shelf; the oldest makes room."""


@dataclass(eq=False)
class Worklist:
    """Many films and what became of them.

    Attributes:
        items: The files, in order.
        n_left_out: Files that were passed over as no films.
        reading: Reads them; its records are in the order of `items`.
        overlays: Draws maps, once asked for.
        reports: Writes reports, once asked for.
        opened: Digests of films that were put on the shelf from here.
        shown: Digest of the film that is open below the table, or `None`.
        failure: Why that film could not be opened, or `None`.
        key: What tells it from any other worklist.
    """

    items: tuple[Item, ...]
    n_left_out: int
    reading: Reading
    overlays: Overlays | None = None
    reports: Reports | None = None
    opened: list[str] = field(default_factory=list)
    shown: str | None = None
    failure: Failure | None = None
    key: str = field(default_factory=lambda: secrets.token_hex(8))
    _facts: dict[tuple[str | None, str, bool], Facts] = field(default_factory=dict)

    @property
    def records(self) -> tuple[Record, ...]:
        """What is known so far."""
        return tuple(self.reading.records)

    def facts(self, record: Record, *, is_raw: bool) -> Facts:
        """Return what the table shows of a film, worked out once."""
        key = (record.sha256, record.file, is_raw)
        if key not in self._facts:
            self._facts[key] = facts_of(record, is_raw=is_raw)
        return self._facts[key]

    def open(self, position: int | None) -> None:
        """Put a film on the session's shelf and let the pages with one film show it.

        Args:
            position: Its place in the list; `None` to close what is open.
        """
        self.shown = self.failure = None
        if position is None or position >= len(self.reading.records):
            return
        record = self.reading.records[position]
        item = self.items[position]
        try:
            data = item.read_bytes(LIMITS)
        except CxrError as err:
            self.failure = Failure(str(err), err.hint)
            return
        finally:
            if item.archive is not None:
                item.archive.close()
        shelf = state.shelf()
        digest = hashlib.sha256(data).hexdigest()
        if shelf.find(digest) is None:
            self._make_room()
            shelf.add(record.file, data)
            shelf.clear_notes()
            self.opened.append(digest)
        if shelf.find(digest) is None:
            self.failure = Failure(NO_ROOM, MAKE_ROOM)
            return
        self.shown = digest
        state.choose_film(digest)

    def shown_film(self) -> state.Film | None:
        """Return the film that is open below the table, if it is still on the shelf."""
        return None if self.shown is None else state.shelf().find(self.shown)

    def stop(self) -> None:
        """End every thread at its next film."""
        self.reading.cancel()
        for task in (self.overlays, self.reports):
            if task is not None:
                task.cancel()

    def _make_room(self) -> None:
        """Drop the oldest film that was opened from here, so that browsing fills no memory."""
        while len(self.opened) >= MAX_OPENED:
            state.shelf().remove(self.opened.pop(0))


class _Known(MemoryStore):
    """Readings by the same models, which a later worklist of the session need not repeat."""

    def __init__(self, models: str = "") -> None:
        super().__init__()
        self.models = models

    @property
    def n_films(self) -> int:
        """How many films were read."""
        return len(self._contents)


@dataclass(eq=False)
class _Holder:
    """The worklist of a session, and readings of films that it had before."""

    worklist: Worklist | None = None
    known: _Known = field(default_factory=_Known)
    thumbnails: Thumbnails = field(default_factory=Thumbnails)

    def stop(self) -> None:
        """End every thread."""
        if self.worklist is not None:
            self.worklist.stop()


def current() -> Worklist | None:
    """Return the worklist of this session, or `None`."""
    return _holder().worklist


def thumbnails() -> Thumbnails:
    """Return the thumbnails of this session."""
    return _holder().thumbnails


def begin(listing: Listing, predictor: Predictor) -> Worklist:
    """Start to read films in a thread; what the same models read before is not read again.

    Args:
        listing: The files.
        predictor: The models in use; they read this worklist to its end.

    Returns:
        The worklist; one that was there before is stopped and dropped. Readings by other models
        are dropped too, and those by the same ones once there are more than `MAX_KNOWN`.
    """
    holder = _holder()
    holder.stop()
    key = f"{models_key(predictor)}/{predictor.precision}"
    if holder.known.models != key or holder.known.n_films > MAX_KNOWN:
        holder.known = _Known(key)
    reading = Reading(predictor, listing.items, holder.known, holder.thumbnails)
    holder.worklist = Worklist(listing.items, listing.n_left_out, reading)
    reading.start()
    return holder.worklist


def go_on(worklist: Worklist, predictor: Predictor) -> Worklist:
    """Read the rest of a worklist that was cancelled, or all of it with other models.

    Args:
        worklist: The worklist.
        predictor: The models in use.

    Returns:
        A new worklist of the same files.
    """
    return begin(Listing(worklist.items, worklist.n_left_out), predictor)


def draw_overlays(worklist: Worklist, positions: Sequence[int], system: str) -> None:
    """Start to draw maps in a thread.

    Args:
        worklist: The films.
        positions: Which of them.
        system: Whose map of its top class is drawn.
    """
    predictor = worklist.reading.predictor
    records = worklist.records
    films = [(worklist.items[position], records[position]) for position in positions]
    worklist.overlays = Overlays(predictor, films, system, about_models(predictor))
    worklist.overlays.start()


def write_reports(worklist: Worklist, positions: Sequence[int], choice: Choice) -> None:
    """Start to write reports in a thread.

    Args:
        worklist: The films.
        positions: Which of them, in order.
        choice: Whose map of its top class is drawn, and whether scores are raw.
    """
    items = [worklist.items[position] for position in positions]
    predictor = worklist.reading.predictor
    worklist.reports = Reports(predictor, items, choice.system, is_raw=choice.is_raw)
    worklist.reports.start()


def forget() -> None:
    """Stop and drop the worklist with its readings and thumbnails."""
    holder = _holder()
    holder.stop()
    holder.worklist = None
    holder.known = _Known()
    holder.thumbnails = Thumbnails()


def facts_function(worklist: Worklist, *, is_raw: bool) -> partial[Facts]:
    """Return what tells the facts of a record, for sorting."""
    return partial(worklist.facts, is_raw=is_raw)


@st.cache_resource(scope="session", show_spinner=False, on_release=_Holder.stop)
def _holder() -> _Holder:
    """Return this session's holder; when the session ends, its threads are told to."""
    return _Holder()
