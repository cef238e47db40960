"""Servers that are killed come back on the same port; clients see an error and do not hang."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from tests.http.live import Live, until
from tests.reliability.many import film
from tests.security.served import Served

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "0123456789abcdef-0123"  # noqa: S105 - of the tests

pytestmark = pytest.mark.slow


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


@contextlib.contextmanager
def running(command, port, home, bundle):
    """Start a server and wait until it reads films."""
    environment = {
        **os.environ,
        "HOME": str(home),
        "TMPDIR": str(home),
        "CXR_BUNDLE": str(bundle),
        "CXR_API_TOKEN": TOKEN,
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    with (home.parent / "console").open("ab") as console:
        process = subprocess.Popen(
            [sys.executable, "-m", *command], cwd=ROOT, env=environment, stdout=console,
            stderr=console,
        )  # fmt: skip
    try:
        live = Live(port, None)
        until(lambda: process.poll() is not None or is_ready(live))
        assert process.poll() is None, (home.parent / "console").read_text("utf-8")
        yield process, live
    finally:
        process.kill()
        process.wait()


def is_ready(live):
    try:
        return live.ask("/readyz").status == 200
    except OSError:
        return False


def command_of(kind, port, bundle):
    if kind == "serve":
        return ["cxr_core", "serve", "--port", str(port), "--bundle", str(bundle)]
    return ["streamlit", "run", "asgi_app.py", "--server.port", str(port)]


def send_the_rest(link):
    link.send(bytes(1000))
    link.getresponse()


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("kind", ["serve", "dashboard"])
def test_a_killed_server_comes_back_on_its_port(kind, tiny_bundle_dir, home):
    port = free_port()
    command = command_of(kind, port, tiny_bundle_dir)
    token = {"Authorization": f"Bearer {TOKEN}"}
    answers = []
    for _ in range(3):
        with running(command, port, home, tiny_bundle_dir) as (process, live):
            answers.append(live.predict_raw(film(1), headers=token).json["results"][0]["systems"])
            link = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            link.putrequest("POST", "/api/predict")
            link.putheader("Content-Length", "100000")
            link.putheader("Authorization", token["Authorization"])
            link.endheaders(b"half a film")
            process.send_signal(signal.SIGKILL)
            process.wait()
            begun = time.monotonic()
            with pytest.raises((OSError, http.client.HTTPException)):
                send_the_rest(link)
            link.close()
            with pytest.raises(OSError, match="refused"):
                live.ask("/healthz")
            assert time.monotonic() - begun < 25  # the patience of the client is 30
        assert list(home.rglob("*")) == []
    assert answers[0] == answers[1] == answers[2]


def test_sessions_of_a_killed_dashboard_end_and_new_ones_begin(tiny_bundle_dir, home):
    port = free_port()
    command = command_of("dashboard", port, tiny_bundle_dir)
    n_ended = 0
    for _ in range(2):
        with running(command, port, home, tiny_bundle_dir) as (process, _):
            server = Served(port, home, home)
            with contextlib.suppress(ConnectionClosed), server.session() as session:
                session.run()
                assert session.received
                process.send_signal(signal.SIGKILL)
                begun = time.monotonic()
                with pytest.raises((ConnectionClosed, OSError)):
                    session.run()
                assert time.monotonic() - begun < 50  # the patience of the session is 60
                n_ended += 1
    assert n_ended == 2
    assert list(home.rglob("*")) == []
