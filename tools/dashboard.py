"""The dashboard as a process of its own, for screenshots, browser tests and measurements."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
_PATIENCE_S: Final = 90.0


@contextlib.contextmanager
def dashboard(script: str = "streamlit_app.py") -> Iterator[str]:
    """Run a Streamlit script on a free loopback port until the block ends.

    Args:
        script: Its path from the repository's folder.

    Yields:
        Its address, without a slash at the end.

    Raises:
        RuntimeError: If it does not answer.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", script, "--server.port", str(port)]
    server = subprocess.Popen(  # noqa: S603 - our own interpreter and script
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(url)
        yield url
    finally:
        server.terminate()
        server.wait(10)


def _wait(url: str) -> None:
    """Wait until the server answers."""
    deadline = time.monotonic() + _PATIENCE_S
    health = f"{url}/_stcore/health"
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), urllib.request.urlopen(health, timeout=1):  # noqa: S310
            return
        time.sleep(0.25)
    msg = f"the dashboard must answer within {_PATIENCE_S:.0f} s. Received: nothing from {url}"
    raise RuntimeError(msg)
