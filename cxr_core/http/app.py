"""The addresses of the interface: routes for any ASGI server, and an application of its own."""

from __future__ import annotations

import hmac
import logging
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cxr_core import __version__
from cxr_core.http.body import expected_bytes, read_body
from cxr_core.http.error import (
    BadRequestError,
    ForbiddenError,
    InternalError,
    OffError,
    RequestError,
    UnauthorisedError,
    UnknownPathError,
    WrongMethodError,
    error_object,
)
from cxr_core.http.openapi import description
from cxr_core.http.option import options_of
from cxr_core.http.service import Service, while_connected

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

Handler = Callable[[Request], Awaitable[Response]]

_LOGGER: Final = logging.getLogger("cxr_core.http")
_HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_SOURCE_LINES: Final = 3


def routes(service: Service, *, is_open: bool = True) -> list[Route]:
    """Return the addresses of the interface.

    Args:
        service: Reads the films; who uses the routes starts and stops it.
        is_open: False to answer at `/api/` only that the interface is switched off.

    Returns:
        Routes for Starlette, or for Streamlit's `st.App`.
    """

    def route(path: str, handler: Handler, *methods: str, needs_token: bool = False) -> Route:
        return Route(path, _Endpoint(service, handler, methods, needs_token=needs_token))

    health = [
        route("/healthz", lambda _: _health(service), "GET", "HEAD"),
        route("/readyz", lambda _: _readiness(service), "GET", "HEAD"),
    ]
    if not is_open:
        return [*health, route("/api/{path:path}", _off, "GET", "HEAD", "POST")]
    return [
        *health,
        route("/api/openapi.json", _description, "GET", "HEAD"),
        route("/api/predict", lambda r: _predict(service, r), "POST", needs_token=True),
        route("/api/{path:path}", _nothing_here, "GET", "HEAD", "POST"),
    ]


def create_app(service: Service) -> Starlette:
    """Return the interface as an application without a dashboard.

    Args:
        service: Started and stopped with the application.

    Returns:
        An ASGI application.
    """

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        service.start()
        yield
        service.stop()

    elsewhere = Route("/{path:path}", _Endpoint(service, _nothing_here, ("GET", "HEAD", "POST")))
    return Starlette(routes=[*routes(service), elsewhere], lifespan=lifespan)


class _Endpoint:
    """One address: who may ask, what is answered, and that no error says more than it should."""

    def __init__(
        self,
        service: Service,
        handler: Handler,
        methods: tuple[str, ...],
        *,
        needs_token: bool = False,
    ) -> None:
        self._service = service
        self._handler = handler
        self._methods = methods
        self._needs_token = needs_token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        response = await self._answer(Request(scope, receive))
        for name, value in _HEADERS.items():
            response.headers[name] = value
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        """Return the handler's answer, or what is wrong."""
        try:
            self._check(request)
            return await self._handler(request)
        except RequestError as err:
            return _error_response(err)
        except ClientDisconnect:
            return Response(status_code=BadRequestError.status)  # nobody reads it
        except Exception as err:  # noqa: BLE001 - the last place that can keep its text to itself
            _LOGGER.error(_place(err))  # noqa: TRY400 - its text may quote a film
            return _error_response(InternalError("The request could not be served."))

    def _check(self, request: Request) -> None:
        """Refuse a method, a host, a site or a token."""
        settings = self._service.settings
        if request.method not in self._methods:
            msg = f"The method must be one of {', '.join(self._methods)}."
            raise WrongMethodError(msg)
        if not self._needs_token:
            return  # probes ask by address, and learn nothing
        host = _host_name(request.headers.get("host", ""))
        if settings.allowed_hosts and host not in settings.allowed_hosts:
            msg = "`Host` must be a name of this server."
            raise BadRequestError(msg, hint="Set CXR_API_ALLOWED_HOSTS where the server starts.")
        if settings.token is None:
            origin = request.headers.get("origin")
            if origin is not None and _host_name(urlsplit(origin).netloc) != host:
                msg = "`Origin` must be this server."
                raise ForbiddenError(msg)
        elif not _is_token(request.headers.get("authorization", ""), settings.token):
            msg = "`Authorization` must hold the token of this server."
            raise UnauthorisedError(msg)


async def _predict(service: Service, request: Request) -> Response:
    """Read the films of a request."""
    settings = service.settings
    n_bytes = expected_bytes(request.headers, settings)
    pairs = request.query_params.multi_items()
    service.check(options_of(pairs, {}, settings))  # before the body is read
    client = "unknown" if request.client is None else request.client.host
    with service.admission.place(client, n_bytes):
        body = await read_body(request, settings)
        options = options_of(pairs, body.fields, settings)
        service.check(options)

        async def gone() -> None:
            while (await request.receive())["type"] != "http.disconnect":
                pass

        answer = await while_connected(gone, service.read(body.films, options))
    if answer is None:
        raise ClientDisconnect
    content, status = answer
    return JSONResponse(content, status)


async def _health(service: Service) -> Response:
    """Say that the process lives."""
    return JSONResponse({"status": "ok", "version": __version__, **service.about()})


async def _readiness(service: Service) -> Response:
    """Say whether films can be read."""
    content = {"status": service.state, "version": __version__, **service.about()}
    return JSONResponse(content, 200 if service.is_ready else 503)


async def _description(_: Request) -> Response:
    """Return the description of the interface."""
    return JSONResponse(description())


async def _nothing_here(_: Request) -> Response:
    """Say that there is no such address."""
    msg = "There is nothing at this address."
    raise UnknownPathError(msg)


async def _off(_: Request) -> Response:
    """Say that the interface is switched off."""
    msg = "The HTTP interface is switched off: this server has no token."
    raise OffError(msg)


def _error_response(error: RequestError) -> Response:
    """Return an error as JSON; the rest of the body is not awaited."""
    headers: dict[str, str] = {"Connection": "close", **error.headers}
    return JSONResponse(error_object(error), error.status, headers=headers)


def _host_name(netloc: str) -> str:
    """Return the name in a `Host` header, without port and brackets."""
    try:
        return urlsplit(f"//{netloc}").hostname or ""
    except ValueError:
        return ""


def _is_token(header: str, token: str) -> bool:
    """Compare in a time that does not tell how much was right."""
    scheme, _, given = header.partition(" ")
    is_equal = hmac.compare_digest(given.strip().encode(), token.encode())
    return is_equal and scheme.lower() == "bearer"


def _place(error: Exception) -> str:
    """Name an error's type and the lines it came through; its text may quote a film."""
    lines = traceback.extract_tb(error.__traceback__)[-_SOURCE_LINES:]
    places: Any = ", ".join(f"{line.filename}:{line.lineno}" for line in lines)
    return f"{type(error).__name__} at {places}"
