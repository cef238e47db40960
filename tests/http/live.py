"""A server of the tests' own on a free loopback port, and a client that sends what it is told."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace

import uvicorn

from cxr_core.http.app import create_app
from cxr_core.http.connection import BoundedConnection
from cxr_core.http.service import Service
from cxr_core.http.settings import Settings

PATIENCE_S = 30
BOUNDARY = "a-boundary-of-the-tests"
MULTIPART = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
RAW = {"Content-Type": "application/octet-stream"}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def error(self):
        assert set(self.json) == {"schema", "error"}
        assert set(self.json["error"]) == {"type", "message", "hint"}
        return self.json["error"]["type"]


@dataclass(frozen=True)
class Live:
    port: int
    service: Service

    def ask(self, path, method="GET", body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            headers = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, headers, response.read())
        finally:
            connection.close()

    def predict(self, *films, query="", headers=None, **fields):
        body = form(*films, **fields)
        return self.ask(f"/api/predict{query}", "POST", body, {**MULTIPART, **(headers or {})})

    def predict_raw(self, data, query="", headers=None):
        return self.ask(f"/api/predict{query}", "POST", data, {**RAW, **(headers or {})})

    def raw_socket(self, head, body=b""):
        """Send a head as it is, and any body; the socket is open when this returns."""
        link = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S)
        link.sendall(head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + body)
        return link

    def head_only(self, length, kind="application/octet-stream"):
        """Announce a body and send nothing of it; the status of the answer."""
        head = (
            f"POST /api/predict HTTP/1.1\nHost: x\nContent-Type: {kind}\nContent-Length: {length}"
        )
        with self.raw_socket(head) as link:
            return status_of(link)


def status_of(link):
    """The status of the answer that comes on a socket."""
    return int(link.recv(64).split()[1])


def form(*films, **fields):
    """A multipart body of (name, bytes) pairs and fields."""
    parts = []
    for name, data in films:
        head = f'Content-Disposition: form-data; name="file"; filename="{name}"'
        parts.append(head.encode() + b"\r\nContent-Type: application/octet-stream\r\n\r\n" + data)
    for name, value in fields.items():
        head = f'Content-Disposition: form-data; name="{name}"'
        parts.append(f"{head}\r\n\r\n{value}".encode())
    edge = f"--{BOUNDARY}".encode()
    return b"".join(edge + b"\r\n" + part + b"\r\n" for part in parts) + edge + b"--\r\n"


@contextmanager
def serving(load, **settings):
    """Run a server in a thread until the block ends."""
    service = Service(load, Settings(**settings))
    listener = socket.create_server(("127.0.0.1", 0))
    options = {"log_config": None, "lifespan": "on", "http": BoundedConnection, "ws": "none"}
    server = uvicorn.Server(uvicorn.Config(create_app(service), access_log=False, **options))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    live = Live(listener.getsockname()[1], service)
    try:
        until(lambda: server.started)
        yield live
    finally:
        server.should_exit = True
        thread.join(PATIENCE_S)
        listener.close()


def until(is_so):
    """Wait until something is so."""
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.01)


class FakeModels:
    """Published models that do what a test says instead of reading; they wait for `go`."""

    def __init__(self, act=None):
        self.bundle = SimpleNamespace(
            name="fake", version="0", digest="ab" * 32, variants={"clean": None}, variant=self._one
        )
        self.go = threading.Event()
        self.n_begun = 0
        self._act = act

    def _one(self, name=None):
        return name

    def predictor(self, _variant=None, precision="f32"):
        return SimpleNamespace(
            bundle=self.bundle, variant="clean", precision=precision, read=self._read
        )

    def _read(self, radiograph):
        self.n_begun += 1
        assert self.go.wait(PATIENCE_S)
        if self._act is not None:
            self._act(radiograph)
        raise AssertionError
