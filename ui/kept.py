"""What one session keeps of its films: few of each kind, and none of a film that was dropped."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar

import streamlit as st

from ui import state

T = TypeVar("T")

_KINDS: Final[dict[str, Kept[Any]]] = {}
"""Every kind by its key, so that none is forgotten where all are dropped."""


class Kept(Generic[T]):
    """Results of one kind, each found by the digest of its film and by what made it.

    Streamlit's own cache would keep those of dropped films until newer ones push them out.

    Args:
        kind: Key in the session's state; whatever has one is dropped by `clear_all` as well.
        most: How many a session keeps; the one that was not asked for longest goes first.
    """

    def __init__(self, kind: str, most: int) -> None:
        self._kind = kind
        self._most = most
        _KINDS[kind] = self

    def get(self, digest: str, made_by: str, make: Callable[[], T]) -> T:
        """Return what is kept, or make it.

        Args:
            digest: SHA-256 of the film's bytes.
            made_by: What else decides the result.
            make: Called where nothing is kept; an error is not kept.

        Returns:
            The result, shared by later calls.
        """
        held = self._held()
        key = (digest, made_by)
        if key not in held:
            self.let_go(digest)
            held[key] = make()
            while len(held) > self._most:
                del held[next(iter(held))]
        else:
            held[key] = held.pop(key)
        found: T = held[key]
        return found

    def find(self, digest: str, made_by: str) -> T | None:
        """Return what is kept, or `None`; for what is made on demand alone.

        Args:
            digest: As for `get`.
            made_by: As for `get`.
        """
        held, key = self._held(), (digest, made_by)
        if key not in held:
            return None
        held[key] = held.pop(key)
        found: T = held[key]
        return found

    def put(self, digest: str, made_by: str, result: T) -> None:
        """Keep a result in place of what is kept, an earlier failure for example.

        Args:
            digest: As for `get`.
            made_by: As for `get`.
            result: The result.
        """
        self._held().pop((digest, made_by), None)
        self.get(digest, made_by, lambda: result)

    def clear(self) -> None:
        """Drop everything."""
        self._held().clear()

    def let_go(self, *besides: str) -> None:
        """Drop what belongs to no film on the session's shelf.

        Args:
            besides: Digests of other films whose results stay.
        """
        held = self._held()
        here = {film.digest for film in state.films()} | set(besides)
        for key in [key for key in held if key[0] not in here]:
            del held[key]

    def _held(self) -> dict[tuple[str, str], Any]:
        """Return this session's results, the latest asked for last."""
        held: dict[tuple[str, str], Any] = st.session_state.setdefault(self._kind, {})
        return held


def let_go_all() -> None:
    """Drop what belongs to no film on the session's shelf, of every kind."""
    for kept in tuple(_KINDS.values()):
        kept.let_go()


def clear_all() -> None:
    """Drop everything, of every kind."""
    for kept in tuple(_KINDS.values()):
        kept.clear()
