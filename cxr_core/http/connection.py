"""A connection to the server: one on which no request comes is let go."""

from __future__ import annotations

import asyncio
from typing import Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_S: Final = 10.0
"""Seconds for the head of a request to come, at least; twice as many at most.

Without this bound a few hundred connections that send a byte now and then, or nothing, would take
all there are: the body of a request has its own bound, and uvicorn bounds only the time between two
requests.
"""


class BoundedConnection(H11Protocol):
    """uvicorn's connection, which ends where the head of a request does not."""

    _waits_for: object = None  # the request before the one that is waited for

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to look at the connection now and then."""
        super().connection_made(transport)
        self.loop.call_later(HEAD_S, self._look)

    def _look(self) -> None:
        """End the connection where it waited at the last look and no request came since."""
        if self.transport.is_closing():
            return
        waits = self.conn.their_state is h11.IDLE
        before = self.cycle or self
        if waits and self._waits_for is before:
            self.transport.close()
            return
        self._waits_for = before if waits else None
        self.loop.call_later(HEAD_S, self._look)
