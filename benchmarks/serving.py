"""A server of the project as a process of its own, on a free loopback port, for measurements."""

from __future__ import annotations

import http.client
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
DASHBOARD: Final = ("-m", "streamlit", "run", "streamlit_app.py", "--server.port", "0")
_PATIENCE_S: Final = 120.0
_END_S: Final = 60.0


@dataclass(frozen=True)
class Served:
    """A server that runs.

    Attributes:
        pid: Its process.
        port: Where it listens, on 127.0.0.1.
        ready_s: Seconds from the start of the process until it said that it is ready.
    """

    pid: int
    port: int
    ready_s: float


@contextmanager
def serving(
    command: Sequence[str],
    *,
    ready: str = "/readyz",
    environment: Mapping[str, str] | None = None,
) -> Iterator[Served]:
    """Run a server until the block ends.

    Args:
        command: Arguments of the interpreter, for example `-m cxr_core serve --port 0`.
        ready: Address that answers 200 once the server is ready.
        environment: Variables beside those of this process.

    Yields:
        The server.

    Raises:
        RuntimeError: If it does not say where it listens, or is not ready in time.
    """
    started = time.perf_counter()
    running = subprocess.Popen(  # noqa: S603 - our own interpreter and modules
        [sys.executable, *command],
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    reader = threading.Thread(target=_drain, args=(running,), daemon=True)
    try:
        port = _port(running)
        reader.start()
        while not _is_ready(port, ready):
            if time.perf_counter() - started > _PATIENCE_S:
                msg = f"a server must be ready within {_PATIENCE_S:.0f} s."
                raise RuntimeError(msg)
            time.sleep(0.02)
        yield Served(running.pid, port, time.perf_counter() - started)
    finally:
        running.terminate()
        running.wait(_END_S)
        if reader.is_alive():
            reader.join(_END_S)
        if running.stdout is not None:
            running.stdout.close()


def ask(
    port: int,
    method: str,
    path: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> tuple[int, bytes, Mapping[str, str]]:
    """Send one request.

    Args:
        port: Where the server listens.
        method: GET, POST or PUT.
        path: With the query.
        body: What is sent.
        headers: What is sent before it.

    Returns:
        Status, body and headers of the answer.

    Raises:
        OSError: If nobody answers.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE_S)
    try:
        connection.request(method, path, body, dict(headers or {}))
        response = connection.getresponse()
        return response.status, response.read(), dict(response.getheaders())
    finally:
        connection.close()


def _port(running: subprocess.Popen[str]) -> int:
    """Return the port that a server says it listens on."""
    for line in running.stdout or ():
        found = re.search(r"http://[\w.\[\]:]+:(\d+)", line)
        if found:
            return int(found.group(1))
    msg = "a server must say where it listens. Received: the end of its output"
    raise RuntimeError(msg)


def _drain(running: subprocess.Popen[str]) -> None:
    """Read on, so that the server never waits for somebody to read what it says."""
    for _ in running.stdout or ():
        pass


def _is_ready(port: int, path: str) -> bool:
    """Ask once whether the server is ready."""
    try:
        return ask(port, "GET", path)[0] == http.client.OK
    except OSError:
        return False
