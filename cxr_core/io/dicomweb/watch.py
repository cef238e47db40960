"""A bound on the whole time of an exchange, and silence of the libraries that carry it out.

Time-outs of sockets begin anew with every byte, so a server that sends one byte now and then could
hold us for days, in the headers too. `Watch` shuts the socket when the time is over, whatever waits
for it. The libraries log the address of every request, which holds what was searched for; their
records are dropped while one of our exchanges is under way in that thread, and no others.
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any, Final

import urllib3
from requests.adapters import HTTPAdapter

_LOGGERS: Final = (
    *("dicomweb_client", "dicomweb_client.web", "dicomweb_client.uri", "dicomweb_client.api"),
    *("urllib3.connection", "urllib3.connectionpool", "urllib3.poolmanager", "urllib3.response"),
    *("urllib3.util.retry", "requests", "charset_normalizer", "retrying"),
)


class Watch:
    """Ends an exchange when its time is over.

    Attributes:
        is_over: Whether it did.
    """

    def __init__(self, seconds: float) -> None:
        self.is_over = False
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True
        self._timer.start()

    def see(self, connected: socket.socket) -> None:
        """Note the socket that the exchange goes through."""
        with self._lock:
            self._socket = connected
            if self.is_over:
                _shut(connected)

    def close(self) -> None:
        """Let the exchange be; it came to its end."""
        self._timer.cancel()
        with self._lock:
            self._socket = None

    def _end(self) -> None:
        """Shut the socket: whoever reads or writes it gets an error at once."""
        with self._lock:
            self.is_over = True
            if self._socket is not None:
                _shut(self._socket)


_WATCH: ContextVar[Watch | None] = ContextVar("watch", default=None)
_IS_SILENT: ContextVar[bool] = ContextVar("silence", default=False)


@contextmanager
def silence() -> Iterator[None]:
    """Drop what the libraries of the exchange log in this thread."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_is_foreign)  # the same one is never added twice
    before = _IS_SILENT.set(True)
    try:
        yield
    finally:
        _IS_SILENT.reset(before)


@contextmanager
def watched(seconds: float) -> Iterator[Watch]:
    """Bound what is exchanged in this thread, in silence.

    Args:
        seconds: From now, for all of it.

    Yields:
        The watch, to be asked why it ended.
    """
    watch = Watch(seconds)
    before = _WATCH.set(watch)
    try:
        with silence():
            yield watch
    finally:
        _WATCH.reset(before)
        watch.close()


class Adapter(HTTPAdapter):
    """Requests' adapter whose connections show their sockets to the watch; it never retries."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools of our own kind of connection."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}


class _Connection(urllib3.connection.HTTPConnection):
    """A plain connection."""

    def connect(self) -> None:
        """Connect, then show the socket."""
        super().connect()
        _show(self.sock)

    def request(self, *args: Any, **kwargs: Any) -> None:
        """Show a socket that is used again."""
        _show(self.sock)
        super().request(*args, **kwargs)


class _TlsConnection(_Connection, urllib3.connection.HTTPSConnection):
    """An encrypted connection."""


class _Pool(urllib3.HTTPConnectionPool):
    """Plain connections."""

    ConnectionCls = _Connection


class _TlsPool(urllib3.HTTPSConnectionPool):
    """Encrypted connections."""

    ConnectionCls = _TlsConnection


def _show(connected: Any) -> None:
    """Show a socket, if there is one, to the watch of this thread."""
    watch = _WATCH.get()
    if watch is not None and connected is not None:
        watch.see(connected)


def _shut(connected: socket.socket) -> None:
    """Shut a socket under TLS, if any, so that its reader sees an end and no broken state."""
    with suppress(OSError):
        socket.socket.shutdown(connected, socket.SHUT_RDWR)


def _is_foreign(record: logging.LogRecord) -> bool:  # noqa: ARG001 - what a filter is called with
    """Let a record pass unless an exchange of ours is under way in this thread."""
    return not _IS_SILENT.get()
