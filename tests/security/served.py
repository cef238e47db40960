"""A real server that is watched, and a session with it over its websocket, as a browser has one."""

from __future__ import annotations

import contextlib
import http.client
import socket
import subprocess
import sys
import time
from pathlib import Path

from websockets.sync.client import connect

from tests.security.watched import ROOT, environment


class Served:
    """The running server.

    Attributes:
        port: On the loopback address.
        log: What was seen of it.
        console: What it prints.
    """

    def __init__(self, port: int, log: Path, console: Path) -> None:
        self.port, self.log, self.console = port, log, console

    def ask(self, path, method="GET", body=None, **headers):
        """Return status, headers and body of one request."""
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        link.request(method, path, body, headers)
        answer = link.getresponse()
        found = answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
        link.close()
        return found

    @contextlib.contextmanager
    def session(self, *, host=None, origin=None):
        """Open a session; messages of the server are in `received` of what is given."""
        host = host or f"127.0.0.1:{self.port}"
        link = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        with connect(
            f"ws://{host}/_stcore/stream",
            sock=link,
            origin=origin or f"http://{host}",
            subprotocols=["streamlit"],
            max_size=None,
            proxy=None,
        ) as socket_:
            yield Session(socket_)


class Session:
    """One open page."""

    def __init__(self, link) -> None:
        self._link = link
        self.received = b""
        self.session_id = ""

    def run(self, query: str = "") -> None:
        """Run the page and wait for its end."""
        from streamlit.proto.BackMsg_pb2 import BackMsg
        from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

        asked = BackMsg()
        asked.rerun_script.query_string = query
        self._link.send(asked.SerializeToString())
        while True:
            data = self._link.recv(timeout=60)
            message = ForwardMsg.FromString(data)
            if message.WhichOneof("type") == "new_session":  # Streamlit's own: names the script
                self.session_id = message.new_session.initialize.session_id
            else:
                self.received += data
            if message.WhichOneof("type") == "script_finished":
                return


@contextlib.contextmanager
def served(script: str, folder: Path, **more: str):
    """Run a script until the block ends, watched."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log, console = folder / "log", folder / "console"
    with console.open("wb") as printed:
        running = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", script, "--server.port", str(port)],
            cwd=ROOT,
            env=environment(log, **more),
            stdout=printed,
            stderr=subprocess.STDOUT,
        )
    found = Served(port, log, console)
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                if found.ask("/_stcore/health")[0] == 200:
                    break
            time.sleep(0.1)
        yield found
    finally:
        running.terminate()
        running.wait(20)
