"""What `serve` does on the command line."""

from __future__ import annotations

import argparse
import signal
import socket
import sys
from pathlib import Path
from typing import Any, Final

from cxr_core.command import OK, SOME_ERROR, WRONG_USAGE
from cxr_core.errors import ConfigError, CxrError
from cxr_core.http.app import create_app
from cxr_core.http.service import Service
from cxr_core.http.settings import (
    LOOPBACK_HOSTS,
    TOKEN_VARIABLE,
    Settings,
    hosts_from,
    is_loopback,
    token_from,
)
from cxr_core.lungs import DEFAULT_LUNGS, LungSegmenter
from cxr_core.published import PublishedModels
from cxr_core.terminal import say_error

_GRACE_S: Final = 30
_MAX_CONNECTIONS: Final = 256
_MAX_HEADER_BYTES: Final = 16 * 1024


def serve(arguments: argparse.Namespace) -> int:
    """Answer HTTP requests until the process is told to end.

    Args:
        arguments: `host`, `port`, `insecure`, `allowed_host`, `bundle`, `variant`, `precision`.

    Returns:
        0 when it was told to end, 1 if the models or the port cannot be had, 2 for wrong usage.
    """
    import uvicorn

    try:
        settings = _settings(arguments)
    except ConfigError as err:
        say_error(err)
        return WRONG_USAGE
    listener = _listen(arguments.host, arguments.port)
    if listener is None:
        return SOME_ERROR
    failures: list[CxrError] = []

    def fail(error: CxrError) -> None:
        failures.append(error)
        server.should_exit = True

    service = Service(lambda: _load(arguments, settings), settings, on_failure=fail)
    server = uvicorn.Server(uvicorn.Config(create_app(service), **_uvicorn_options()))
    host, port = listener.getsockname()[:2]
    address = f"[{host}]" if ":" in host else host
    sys.stderr.write(f"listening on http://{address}:{port}; Ctrl-C ends it. Research use only.\n")
    sys.stderr.flush()
    # uvicorn raises the signal again when it has ended, which would count as a failure
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        server.run(sockets=[listener])
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGTERM, before)
    for failure in failures:
        say_error(failure)
    return SOME_ERROR if failures else OK


def _settings(arguments: argparse.Namespace) -> Settings:
    """Put arguments and environment together, and refuse to be open to a network by accident."""
    token = token_from()
    if token is None and not is_loopback(arguments.host) and not arguments.insecure:
        msg = f"Without a token `--host` must be a loopback address. Received: {arguments.host}"
        hint = f"Set {TOKEN_VARIABLE}, or let everybody in with --insecure."
        raise ConfigError(msg, hint=hint)
    hosts = (*(name.lower() for name in arguments.allowed_host), *hosts_from())
    if is_loopback(arguments.host):
        hosts = (*LOOPBACK_HOSTS, *hosts)
    return Settings(
        token=token,
        allowed_hosts=hosts,
        variant=arguments.variant,
        precision=arguments.precision,
    )


def _load(arguments: argparse.Namespace, settings: Settings) -> PublishedModels:
    """Verify the bundle and compile the networks that requests use by default."""
    lungs = LungSegmenter.load() if DEFAULT_LUNGS.is_dir() else None
    models = PublishedModels(Path(arguments.bundle), lungs=lungs)
    models.predictor(settings.variant, settings.precision)
    return models


def _listen(host: str, port: int) -> socket.socket | None:
    """Open the port, or say why that cannot be done."""
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_MAX_CONNECTIONS)
    except (OSError, OverflowError) as err:
        sys.stderr.write(f"error: {host} port {port} cannot be listened on: {err}\n")
        return None


def _uvicorn_options() -> dict[str, Any]:
    """Return how uvicorn runs: no log of requests, bounded connections and headers."""
    from cxr_core.http.connection import BoundedConnection

    return {
        "http": BoundedConnection,
        "ws": "none",
        "lifespan": "on",
        "access_log": False,
        "log_level": "warning",
        "server_header": False,
        "limit_concurrency": _MAX_CONNECTIONS,
        "h11_max_incomplete_event_size": _MAX_HEADER_BYTES,
        "timeout_graceful_shutdown": _GRACE_S,
    }
