"""Servers that refuse, are slow, never end, lie about lengths, redirect or are not there."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import threading
import time

import numpy as np
import pytest

from cxr_core.errors import ImageTooLargeError
from cxr_core.io.dicomweb import (
    NotOnServerError,
    Query,
    ServerBusyError,
    ServerConnectionError,
    ServerLoginError,
    ServerReplyError,
    ServerSettings,
    ServerTimeoutError,
    ServerTlsError,
)
from cxr_core.io.dicomweb.client import DicomWeb
from cxr_core.io.dicomweb.search import ServerFilm
from cxr_core.io.dicomweb.transport import Bounds
from tests.dicomweb.conftest import SERIES, STUDY, film
from tests.dicomweb.fake_server import FakeServer, multipart_type, send
from tests.io.dicom_files import dataset, written

PLACE = ServerFilm(STUDY, SERIES, f"{SERIES}.1")


def asked(server, what):
    """Search, fetch or store."""
    if what == "search":
        return server.studies(Query())
    if what == "films":
        return server.films(STUDY)
    return server.fetch(PLACE, name="a film") if what == "fetch" else server.store([film(1)])


EVERY = pytest.mark.parametrize("what", ["search", "films", "fetch", "store"])


@EVERY
@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, ServerLoginError),
        (403, ServerLoginError),
        (404, NotOnServerError),
        (400, ServerReplyError),
        (406, ServerReplyError),
        (500, ServerReplyError),
        (503, ServerBusyError),
        (429, ServerBusyError),
        (302, ServerReplyError),
        (413, None),
    ],
)
def test_statuses_have_their_own_error(server, fake, status, error, what):
    named = {"Location": "http://127.0.0.1:1/elsewhere"} if status == 302 else {}
    fake.behave = lambda h: send(h, status, b"Rosalind", "text/plain", **named) is None
    error = error or (ImageTooLargeError if what in ("fetch", "store") else ServerReplyError)
    with pytest.raises(error, match=f"status {status}") as raised:
        asked(server, what)
    assert raised.value.hint
    assert "Rosalind" not in str(raised.value)
    assert len(fake.requests) == 1  # never tried again, no redirect followed


@EVERY
def test_nobody_listens(what):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        with (
            DicomWeb(ServerSettings(f"http://127.0.0.1:{port}")) as client,
            pytest.raises(ServerConnectionError, match="There is no connection") as raised,
        ):
            asked(client, what)
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None


def test_a_machine_that_does_not_exist():
    with (
        DicomWeb(ServerSettings("http://no-such-machine.invalid/dicom-web")) as client,
        pytest.raises(ServerConnectionError, match="There is no connection"),
    ):
        client.studies(Query())


@EVERY
def test_a_silent_server(fake, what):
    done = threading.Event()
    fake.behave = lambda _handler: done.wait(20)
    with (
        DicomWeb(fake.settings(), silence_s=0.2) as client,
        pytest.raises(ServerTimeoutError, match="in time"),
    ):
        asked(client, what)
    done.set()


@EVERY
def test_a_server_that_hangs_up(server, fake, what):
    def hang_up(handler):
        handler.close_connection = True
        return True

    fake.behave = hang_up
    with pytest.raises(ServerConnectionError, match="ended it"):
        asked(server, what)


def drip(handler, head, byte=b" "):
    """Send one byte now and then, for ever."""
    handler.wfile.write(head)
    while True:
        handler.wfile.write(byte)
        handler.wfile.flush()
        time.sleep(0.02)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/dicom+json\r\nContent-Length: 5000\r\n\r\n"


@pytest.mark.parametrize("what", ["search", "fetch"])
@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nX: ", HEAD, HEAD[:-24] + b"\r\n\r\n"])
def test_a_server_that_sends_one_byte_at_a_time(fake, what, head):
    """Time-outs of sockets begin anew with every byte; the whole time is bounded too."""
    fake.behave = lambda handler: drip(handler, head)
    started = time.monotonic()
    with (
        DicomWeb(fake.settings(), film_s=0.2, search_bounds=Bounds(0.2, 10_000)) as client,
        pytest.raises(ServerTimeoutError, match=r"within 0.2 s in all|in time"),
    ):
        asked(client, what)
    assert time.monotonic() - started < 3


def test_a_server_that_takes_nothing():
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        started = time.monotonic()
        with (
            DicomWeb(ServerSettings(url), film_s=0.3) as client,
            pytest.raises(ServerTimeoutError, match=r"within 0.3 s in all|in time"),
        ):
            client.store([written(dataset(np.zeros((3000, 3000), np.uint16)))])
        assert time.monotonic() - started < 3


def test_the_time_of_one_exchange_does_not_weigh_on_the_next(fake):
    with DicomWeb(fake.settings(), film_s=0.4, search_bounds=Bounds(0.4, 1 << 20)) as client:
        for _ in range(4):
            assert client.films(STUDY).films
            time.sleep(0.15)


def endless(handler, chunk, head=b""):
    """Send for ever as fast as it goes."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: ")
    handler.wfile.write(multipart_type().encode() + b"\r\n" + head + b"\r\n")
    while True:
        handler.wfile.write(chunk)


@pytest.mark.parametrize("way", ["chunked", "until closed", "declared"])
@EVERY
def test_an_answer_without_end_is_cut(server, fake, what, way):
    data = bytes(1 << 16)
    head, chunk = {
        "chunked": (b"Transfer-Encoding: chunked\r\n", b"10000\r\n" + data + b"\r\n"),
        "until closed": (b"Connection: close\r\n", data),
        "declared": (b"Content-Length: 99999999999999\r\n", data),
    }[way]
    fake.behave = lambda handler: endless(handler, chunk, head)
    error = ServerReplyError if what in ("search", "films") else ImageTooLargeError
    with (
        DicomWeb(fake.settings(), search_bounds=Bounds(20, 1 << 20)) as client,
        pytest.raises(error, match=r"at most [0-9,]+ bytes"),
    ):
        asked(client, what)


def test_an_answer_shorter_than_it_says(server, fake):
    def short(handler):
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {multipart_type()}\r\n"
        handler.wfile.write(head.encode() + b"Content-Length: 5000\r\n\r\n--a-boundary")
        handler.close_connection = True
        return True

    fake.behave = short
    with pytest.raises(ServerConnectionError, match="ended it"):
        server.fetch(PLACE, name="a film")


def test_a_packed_answer_is_not_unpacked(server, fake):
    fake.behave = lambda h: send(h, 200, b"x", "text/plain", Content_Encoding="gzip") is None
    with pytest.raises(ServerReplyError, match="a packed answer"):
        server.fetch(PLACE, name="a film")


NO_STUDIES = (
    b'[{"0020000D": 3}, {"0020000D": {"Value": {"a": 1}}}]',
    b'[{"0020000D": {"Value": [{"Alphabetic": {"a": 1}}, null, 1.5, true]}}]',
    json.dumps([{"0020000D": {"Value": ["../../secret"]}}]).encode(),
    b"",
)
NO_LISTS = (b"<html>", b'"text"', b"[1, 2]", b"3", b"[" * 100_000, b"\xff\xfe")


@pytest.mark.parametrize("body", [*NO_STUDIES, *NO_LISTS])
def test_an_answer_that_is_no_list_of_studies(server, fake, body):
    fake.behave = lambda h: send(h, 200, body, "application/dicom+json") is None
    if body in NO_STUDIES:
        assert server.studies(Query()).studies == ()
        return
    with pytest.raises(ServerReplyError, match=r"DICOM JSON|with a list") as raised:
        server.studies(Query())
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None


def test_words_of_the_server_are_short_and_printable(server, fake):
    name = "\x1b[31m" + "long " * 100
    answer = [{"0020000D": {"Value": [STUDY]}, "00100010": {"Value": [{"Alphabetic": name}]}}]
    fake.behave = lambda h: send(h, 200, json.dumps(answer).encode(), "application/json") is None
    (study,) = server.studies(Query()).studies
    assert study.patient_name.isprintable()
    assert len(study.patient_name) <= 64


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate of 127.0.0.1 that nobody signed, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    made = subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt"),
            *("ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"),
            *("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(folder / "key.pem")),
            *("-out", str(folder / "cert.pem")),
        ],
        capture_output=True,
        check=False,
    )
    if made.returncode:
        pytest.skip("openssl is not installed")
    return folder / "cert.pem", folder / "key.pem"


def test_tls(certificate, fake):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    safe = FakeServer(*fake.files.values())
    safe.http.socket = context.wrap_socket(safe.http.socket, server_side=True)
    url = safe.url.replace("http:", "https:")
    try:
        with DicomWeb(ServerSettings(url, ca_path=certificate[0])) as client:
            assert len(client.studies(Query()).studies) == 2
        with (
            DicomWeb(ServerSettings(url, "u", "p")) as client,
            pytest.raises(ServerTlsError, match="certificate that is trusted"),
        ):
            client.studies(Query())
        with (
            DicomWeb(ServerSettings(fake.url.replace("http:", "https:"))) as client,
            pytest.raises(ServerTlsError),
        ):
            client.studies(Query())
        safe.behave = lambda handler: drip(handler, HEAD)
        with (
            DicomWeb(ServerSettings(url, ca_path=certificate[0]), film_s=0.5) as client,
            pytest.raises(ServerTimeoutError),
        ):
            client.fetch(PLACE, name="x")
    finally:
        safe.stop()
