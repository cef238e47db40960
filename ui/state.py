"""The films of one browser session: in order, each once, kept when the reader changes the page."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Final

import streamlit as st

MAX_FILMS: Final = 200
"""Films that one session may hold; their encoded bytes stay in the server's memory."""

MAX_BYTES: Final = 1 << 30
"""Encoded bytes that the films of one session may have together."""

SAMPLES_KEY: Final = "samples"
"""Key of the sample picker, whose value is the list of chosen sample files."""

_SHELF_KEY: Final = "films"
_CHOSEN_KEY: Final = "chosen-film"


@dataclass(frozen=True)
class Film:
    """One film as it came in, before anything is decoded.

    Attributes:
        name: File name as given, without folders; not unique.
        label: What the page calls it; unique within the session.
        digest: SHA-256 of `data` in hex; the identity of a film and the key of every cache.
        data: The bytes of the file.
        sample: Sample file this film is, or `None` for an upload.
    """

    name: str
    label: str
    digest: str
    data: bytes = field(repr=False)
    sample: str | None = None


@dataclass
class Shelf:
    """The ordered films of a session and what happened while they were taken in.

    Attributes:
        films: In the order of arrival, unique by digest.
        notes: Sentences about the latest intake, for example a file that was given twice.
        uploads: Upload ids that were already taken, each with the digest it became.
        generation: Part of the uploader's key; a new value empties the uploader.
        left_out: Names of files that found no room since the notes were cleared.
    """

    films: list[Film] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    uploads: dict[str, str] = field(default_factory=dict)
    generation: int = 0
    left_out: list[str] = field(default_factory=list)

    @property
    def n_bytes(self) -> int:
        """Encoded bytes of all films together."""
        return sum(len(film.data) for film in self.films)

    def clear_notes(self) -> None:
        """Forget what was said of the latest intake."""
        self.notes.clear()
        self.left_out.clear()

    def find(self, digest: str) -> Film | None:
        """Return the film with this digest, or `None`."""
        return next((film for film in self.films if film.digest == digest), None)

    def add(self, name: str, data: bytes, *, sample: str | None = None, title: str = "") -> str:
        """Take in one file; a film that is here already is noted, not added.

        Args:
            name: File name as given; folders are dropped.
            data: The bytes of the file.
            sample: Sample file it is, or `None` for an upload.
            title: What the page should call it; the file name if empty.

        Returns:
            The film's digest, whether it was added or not.
        """
        name = PurePath(name.replace("\\", "/")).name or "unnamed"
        digest = hashlib.sha256(data).hexdigest()
        known = self.find(digest)
        if known is not None:
            self.notes.append(_twice(name, known))
        elif len(self.films) >= MAX_FILMS or self.n_bytes + len(data) > MAX_BYTES:
            self._leave_out(name)
        else:
            self.films.append(Film(name, self._label(title or name), digest, data, sample))
        return digest

    def _leave_out(self, name: str) -> None:
        """Say in one note which files found no room."""
        if self.left_out:
            self.notes.remove(_left_out(self.left_out))
        self.left_out.append(name)
        self.notes.append(_left_out(self.left_out))

    def remove(self, digest: str) -> None:
        """Drop one film; a digest that is not here is no error."""
        self.films = [film for film in self.films if film.digest != digest]

    def _label(self, name: str) -> str:
        """Return `name`, or `name (2)` and so on where it is taken."""
        taken = {film.label for film in self.films}
        label, n = name, 1
        while label in taken:
            n += 1
            label = f"{name} ({n})"
        return label


def _left_out(names: Sequence[str]) -> str:
    """Say which files found no room, and how much there is."""
    more = "" if len(names) == 1 else f" and {len(names) - 1} more"
    verb = "was" if len(names) == 1 else "were"
    return (
        f"“{names[0]}”{more} {verb} left out: a session holds at most {MAX_FILMS} films of "
        f"{MAX_BYTES >> 20:,} MB together."
    )


def _twice(name: str, known: Film) -> str:
    """Say that a file is a film we hold, under whichever name it has."""
    if name == known.name:
        return f"“{name}” was given twice; it is counted once."
    return f"“{name}” holds the same bytes as “{known.label}”; it is counted once."


def shelf() -> Shelf:
    """Return this session's shelf, made on first use."""
    if _SHELF_KEY not in st.session_state:
        st.session_state[_SHELF_KEY] = Shelf()
    held: Shelf = st.session_state[_SHELF_KEY]
    return held


def films() -> tuple[Film, ...]:
    """Return the films of this session in order of arrival."""
    return tuple(shelf().films)


def uploader_key() -> str:
    """Return the key of the current uploader; it changes when the uploader must be empty."""
    return f"uploader-{shelf().generation}"


def take_uploads(files: Iterable[tuple[str, str, bytes]]) -> None:
    """Bring the uploads on the shelf in line with the uploader's list.

    Call it from the uploader's `on_change` only: after a change of page the uploader comes back
    empty, and that must not drop the films (see `keep_uploads`).

    Args:
        files: Upload id, file name and bytes of every file that the uploader lists now.
    """
    held = shelf()
    held.clear_notes()
    current = list(files)
    present = {upload_id for upload_id, _, _ in current}
    for upload_id in [known for known in held.uploads if known not in present]:
        digest = held.uploads.pop(upload_id)
        film = held.find(digest)
        if film is not None and film.sample is None and digest not in held.uploads.values():
            held.remove(digest)
    for upload_id, name, data in current:
        if upload_id not in held.uploads:
            held.uploads[upload_id] = held.add(name, data)


def keep_uploads() -> None:
    """Keep the uploaded films although the uploader is empty, as it is after a change of page."""
    shelf().uploads.clear()


def take_samples(chosen: Iterable[tuple[str, str, bytes]], known: Collection[str]) -> None:
    """Bring the samples on the shelf in line with the picker.

    Args:
        chosen: Sample file, title and bytes of every sample that is picked now.
        known: All sample files; a film of one that is not picked any more is dropped.
    """
    held = shelf()
    held.clear_notes()
    wanted = {name: (title, data) for name, title, data in chosen}
    for film in held.films[:]:
        if film.sample in known and film.sample not in wanted:
            held.remove(film.digest)
    here = {film.sample for film in held.films}
    for name, (title, data) in wanted.items():
        if name not in here:
            held.add(name, data, sample=name, title=title)


def remove_film(digest: str) -> None:
    """Drop one film and let go of the widget that brought it."""
    held = shelf()
    film = held.find(digest)
    held.clear_notes()
    held.remove(digest)
    if film is not None and film.sample is not None:
        chosen = st.session_state.get(SAMPLES_KEY) or []
        st.session_state[SAMPLES_KEY] = [name for name in chosen if name != film.sample]
    else:
        _empty_uploader(held)


def clear_films() -> None:
    """Drop every film of this session, empty the uploader and the sample picker.

    The readings are dropped by `ui.reading_cache.forget`, which the button calls as well.
    """
    held = shelf()
    held.films.clear()
    held.clear_notes()
    _empty_uploader(held)
    st.session_state[SAMPLES_KEY] = []


def _empty_uploader(held: Shelf) -> None:
    """Give the uploader a new key, so that Streamlit lets go of the bytes that it holds."""
    held.uploads.clear()
    held.generation += 1


def chosen_film() -> Film | None:
    """Return the film that the pages with one film show: the last one chosen, else the first."""
    held = shelf()
    found = held.find(st.session_state.get(_CHOSEN_KEY, ""))
    return found or (held.films[0] if held.films else None)


def choose_film(digest: str) -> None:
    """Let the pages with one film show this one."""
    st.session_state[_CHOSEN_KEY] = digest


def step_film(by: int) -> None:
    """Choose the film before or after the chosen one; the ends do not wrap around.

    Args:
        by: -1 or 1.
    """
    held, film = shelf().films, chosen_film()
    if film is None:
        return
    position = min(max(held.index(film) + by, 0), len(held) - 1)
    choose_film(held[position].digest)
