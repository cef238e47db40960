"""How many requests are taken at once: bounded in number, in bytes and for each client."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from cxr_core.http.error import BusyError, TooManyRequestsError
from cxr_core.http.settings import Settings


class Admission:
    """Counts the requests under way; used from one event loop only.

    Args:
        settings: The bounds.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._clients: Counter[str] = Counter()
        self._held_bytes = 0

    @property
    def n_requests(self) -> int:
        """Requests under way."""
        return self._clients.total()

    @contextmanager
    def place(self, client: str, n_bytes: int) -> Iterator[None]:
        """Hold a place for one request until the block ends.

        Args:
            client: Address of the client; kept only while it has requests under way.
            n_bytes: Most bytes that its body may take.

        Raises:
            TooManyRequestsError: If this client has too many requests under way.
            BusyError: If all clients together have.
        """
        settings = self._settings
        if self._clients[client] >= settings.max_per_client:
            msg = f"A client may have {settings.max_per_client} requests under way."
            raise TooManyRequestsError(msg)
        if (
            self.n_requests >= settings.max_requests
            or self._held_bytes + n_bytes > settings.max_held_bytes
        ):
            msg = "All places of this server are taken."
            raise BusyError(msg)
        self._clients[client] += 1
        self._held_bytes += n_bytes
        try:
            yield
        finally:
            self._held_bytes -= n_bytes
            self._clients[client] -= 1
            if not self._clients[client]:
                del self._clients[client]
