"""One bounded exchange with the server: time, bytes and redirects; every failure typed.

Nothing that is raised here holds, or is chained to, what a library says: its words quote addresses.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import requests
import urllib3

from cxr_core import __version__
from cxr_core.errors import CxrError, ImageTooLargeError
from cxr_core.io.dicomweb.error import (
    NotOnServerError,
    ServerBusyError,
    ServerConnectionError,
    ServerLoginError,
    ServerReplyError,
    ServerTimeoutError,
    ServerTlsError,
)
from cxr_core.io.dicomweb.setting import ServerSettings
from cxr_core.io.dicomweb.watch import Adapter, Watch, watched

CONNECT_S: Final = 10.0
"""Seconds until a connection must stand; each block that we send may take as long."""

SILENCE_S: Final = 30.0
"""Seconds that a server may say nothing."""

_CHUNK: Final = 1 << 16


@dataclass(frozen=True)
class Bounds:
    """How long an exchange may take in all, and how long its answer may be.

    Attributes:
        seconds: From the first byte sent to the last received.
        max_bytes: Largest answer.
    """

    seconds: float
    max_bytes: int


SEARCH_BOUNDS: Final = Bounds(60.0, 8 * 1024 * 1024)
"""Bounds on one search."""


@dataclass(frozen=True)
class Reply:
    """An answer that was read to its end.

    Attributes:
        status: 2xx, or another that was asked for.
        content_type: Its kind as the server names it.
        body: All of it.
    """

    status: int
    content_type: str
    body: bytes


class Transport:
    """Carries requests to one server; used by `dicomweb-client` as its session.

    Args:
        settings: The server and the way in.
        search_bounds: Of what goes through `get`.
        silence_s: Seconds that the server may say nothing.

    Notes:
        Safe to use from several threads. No proxy and no `.netrc` of the environment is used, and
        no redirect followed: credentials and identifiers go to the configured address alone.
    """

    def __init__(
        self,
        settings: ServerSettings,
        *,
        search_bounds: Bounds = SEARCH_BOUNDS,
        silence_s: float = SILENCE_S,
    ) -> None:
        self._search_bounds = search_bounds
        self._timeout_s = (min(CONNECT_S, silence_s), silence_s)
        session = requests.Session()
        session.trust_env = False
        session.verify = True if settings.ca_path is None else str(settings.ca_path)
        if settings.user:
            session.auth = requests.auth.HTTPBasicAuth(
                settings.user.encode(), settings.password.encode()
            )
        session.headers["User-Agent"] = f"cxr-reading-room/{__version__}"
        session.headers["Accept-Encoding"] = "identity"  # nothing that grows when it is unpacked
        if settings.token:
            session.headers["Authorization"] = f"Bearer {settings.token}"
        for scheme in ("http://", "https://"):
            session.mount(scheme, Adapter(pool_maxsize=4))
        self._session = session

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def get(
        self, url: str, headers: Mapping[str, str] | None = None, **_options: Any
    ) -> requests.Response:
        """Search; the one method of a session that `dicomweb-client` uses for that.

        Args:
            url: Address with the query.
            headers: Of the client; its `Host`, which lacks the port, is left out.
            _options: Streaming and time-out of the client, without meaning: the answer is read
                within our own bounds, or not at all.

        Returns:
            A successful answer, whole.

        Raises:
            ServerError: If there is none.
        """
        sent = {name: value for name, value in (headers or {}).items() if name.lower() != "host"}
        url = url.replace("%2A", "*").replace("%3F", "?")  # some servers do not decode values
        try:
            reply = self.exchange("GET", url, headers=sent, bounds=self._search_bounds)
        except ImageTooLargeError as err:
            raise ServerReplyError(str(err), hint="Search for fewer studies.") from err
        response = requests.Response()
        response.status_code = reply.status
        response.headers["Content-Type"] = reply.content_type
        response.raw = io.BytesIO(reply.body)
        return response

    def exchange(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        bounds: Bounds,
        body: bytes | None = None,
        accepted: tuple[int, ...] = (),
    ) -> Reply:
        """Send one request and read its answer.

        Args:
            method: `GET` or `POST`.
            url: Where to.
            headers: Besides those of the session.
            bounds: How long it may take, and how long the answer may be.
            body: What is sent.
            accepted: Statuses that are an answer besides 2xx.

        Returns:
            The answer.

        Raises:
            ServerError: If there is none, or it tells of an error.
            ImageTooLargeError: If it is too long, or the server finds what we sent too long.
        """
        failure: CxrError
        with watched(bounds.seconds) as watch:
            try:
                response = self._session.request(
                    method,
                    url,
                    headers=dict(headers),
                    data=None if body is None else io.BytesIO(body),
                    timeout=self._timeout_s,
                    allow_redirects=False,
                    stream=True,
                )
                with response:
                    refusal = _refusal(response.status_code, accepted)
                    if refusal is None:
                        reply = _read(response, bounds)
                        if not watch.is_over:  # else the end that was read may be ours
                            return reply
                        refusal = _too_slow(bounds)
                    failure = refusal
            except (ImageTooLargeError, ServerReplyError) as err:
                failure = err
            except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as err:
                failure = _failure(err, watch)
            except ValueError:  # an address that no library takes
                failure = ServerReplyError("The server's address must be one that can be asked.")
            if watch.is_over:
                failure = _too_slow(bounds)
        raise failure  # out here, so that no cause with an address in it is chained


def _read(response: requests.Response, bounds: Bounds) -> Reply:
    """Read an answer to its end, or until it is too long."""
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        msg = "The server must answer without packing. Received: a packed answer"
        raise ServerReplyError(msg)
    declared = response.headers.get("Content-Length", "")
    if declared.isdecimal() and int(declared) > bounds.max_bytes:
        raise _too_long(bounds, f"{int(declared):,} bytes")
    parts, n_bytes = [], 0
    for part in response.raw.stream(_CHUNK, decode_content=False):
        n_bytes += len(part)
        if n_bytes > bounds.max_bytes:
            raise _too_long(bounds, "more")
        parts.append(part)
    content_type = response.headers.get("Content-Type", "")
    return Reply(response.status_code, content_type, b"".join(parts))


def _refusal(status: int, accepted: tuple[int, ...]) -> CxrError | None:
    """Return what a status means, or `None` where it is an answer."""
    if 200 <= status < 300 or status in accepted:
        return None
    received = f"Received: status {status}"
    if status in (401, 403, 407):
        return ServerLoginError(f"The server must let us in. {received}")
    if status in (404, 410):
        return NotOnServerError(f"The server must have what is asked for. {received}")
    if status == 413:
        return ImageTooLargeError(f"The server must take what is sent. {received}, too large")
    if status in (408, 425, 429, 502, 503, 504):
        return ServerBusyError(f"The server must be ready. {received}")
    if 300 <= status < 400:
        hint = "Set CXR_DICOMWEB_URL to the address that the server redirects to."
        msg = f"The server must answer at its address. {received}, a redirect"
        return ServerReplyError(msg, hint=hint)
    return ServerReplyError(f"The server must answer without an error. {received}")


def _failure(err: Exception, watch: Watch) -> CxrError:
    """Tell kinds of failure apart; the libraries' words are dropped."""
    inner = getattr(err.args[0], "reason", None) if err.args else None
    if watch.is_over or _is(err, inner, requests.ReadTimeout, urllib3.exceptions.ReadTimeoutError):
        return ServerTimeoutError("The server must answer in time. Received: nothing")
    if _is(err, inner, requests.exceptions.SSLError, urllib3.exceptions.SSLError):
        msg = "The connection must be encrypted with a certificate that is trusted. It is not"
        return ServerTlsError(msg)
    if _is(err, inner, requests.ConnectTimeout, urllib3.exceptions.NewConnectionError):
        return ServerConnectionError("The server must be reached. There is no connection")
    hint = "Try again. A server that is asked without encryption, but wants it, does this too."
    return ServerConnectionError("The connection must hold. The server ended it", hint=hint)


def _is(err: Any, inner: Any, *kinds: type[Exception]) -> bool:
    """Tell whether an error, or what it stands for, is of some kinds."""
    return isinstance(err, kinds) or isinstance(inner, kinds)


def _too_slow(bounds: Bounds) -> ServerTimeoutError:
    """Say that the whole time is over."""
    msg = f"The server must answer within {bounds.seconds:g} s in all. It did not"
    return ServerTimeoutError(msg)


def _too_long(bounds: Bounds, received: str) -> ImageTooLargeError:
    """Say that an answer is too long; what came of it is dropped."""
    msg = f"An answer must have at most {bounds.max_bytes:,} bytes. Received: {received}"
    return ImageTooLargeError(msg)
