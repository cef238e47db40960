"""`serve`: films in, readings out, over HTTP."""

from __future__ import annotations

import argparse
import signal
import socket
import sys
from typing import Any, Final

from cxr_core.allocator import share_heaps, trim
from cxr_core.bundle import Bundle
from cxr_core.command.option import add_model_options, known_variant, natural
from cxr_core.command.terminal import OK, SOME_ERROR, CommandError, as_wrong_usage, say_error
from cxr_core.errors import ConfigError, CxrError
from cxr_core.http.settings import (
    LOOPBACK_HOSTS,
    TOKEN_VARIABLE,
    Settings,
    hosts_from,
    is_loopback,
    token_from,
)
from cxr_core.lungs import load_lungs
from cxr_core.predict import PublishedModels

_GRACE_S: Final = 30
_MAX_CONNECTIONS: Final = 256
_MAX_HEADER_BYTES: Final = 16 * 1024


def add(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (127.0.0.1: this computer only)"
    )
    parser.add_argument("--port", type=natural, default=8600, help="0 for any free one (8600)")
    parser.add_argument(
        "--allowed-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a host name that requests may use, for example that of a proxy; once for each",
    )
    parser.add_argument(
        "--insecure", action="store_true", help="let everybody in who can reach the address"
    )
    add_model_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Answer HTTP requests until the process is told to end.

    Args:
        arguments: `host`, `port`, `insecure`, `allowed_host`, `bundle`, `variant`, `precision`.

    Returns:
        0 when it was told to end, 1 if the models cannot be had.

    Raises:
        WrongUsageError: If it would be open to a network by accident, or a setting or the variant
            is wrong.
        CxrError: If the port cannot be had, or there is no bundle for the variant.
    """
    import uvicorn

    from cxr_core.http.app import create_app
    from cxr_core.http.service import Service

    with as_wrong_usage(ConfigError):
        settings = _settings(arguments)
    if arguments.variant is not None:  # said now: the models are loaded while it listens
        known_variant(Bundle.load(arguments.bundle), arguments.variant)
    listener = _listen(arguments.host, arguments.port)
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
    share_heaps()
    models = PublishedModels(arguments.bundle, lungs=load_lungs())
    models.predictor(settings.variant, settings.precision)
    trim()
    return models


def _listen(host: str, port: int) -> socket.socket:
    """Open the port, or say why that cannot be done."""
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_MAX_CONNECTIONS)
    except (OSError, OverflowError) as err:
        raise CommandError(f"{host} port {port} cannot be listened on: {err}") from err


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
