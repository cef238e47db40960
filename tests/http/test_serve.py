"""`serve` as a process: what it refuses, that it ends in peace, that it leaves nothing behind."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxr_core.__main__ import main
from cxr_core.http import health
from tests.http.live import MULTIPART, Live, form, until
from tests.io.dicom_files import gradient, written
from tests.io.dicom_planted import PLANTED, UID, planted_film

ROOT = Path(__file__).resolve().parents[2]
NAME = "Featherstonehaugh_Rosalind_8675309"
TOKEN = "0123456789abcdef-0123"  # noqa: S105 - of the tests


@contextmanager
def process(bundle, home, *arguments, **environment):
    """Run `serve`; its home and its folder for temporary files are `home`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CXR_")}
    own = {"HOME": str(home), "TMPDIR": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "cxr_core", "serve", "--port", "0", "--bundle", str(bundle)]
    running = subprocess.Popen(
        [*command, *arguments],
        cwd=ROOT,
        env={**kept, **own, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        yield running
    finally:
        running.kill()
        running.communicate()


def port_of(running):
    """The port that a server says it listens on."""
    line = running.stderr.readline().decode()
    found = re.search(r"listening on http://127\.0\.0\.1:(\d+);", line)
    assert found, line
    return int(found.group(1))


def ready(running):
    live = Live(port_of(running), None)
    until(lambda: live.ask("/readyz").status == 200)
    return live


def test_a_whole_life(tiny_bundle_dir, tmp_path, film_path, capsys):
    home = tmp_path / "home"
    home.mkdir()
    pixels = np.tile(gradient((1200, 1000), bits=12), (1, 1))  # more than a spool keeps in memory
    ready_film = {"ViewPosition": "PA", "BodyPartExamined": "CHEST", "SOPInstanceUID": "1.2.1"}
    planted = written(planted_film(pixels, **ready_film))
    assert len(planted) > 2_000_000
    with process(tiny_bundle_dir, home) as running:
        live = ready(running)
        assert health.main([f"http://127.0.0.1:{live.port}/readyz"]) == 0
        assert health.main([f"http://127.0.0.1:{live.port}/nowhere"]) == 1
        answer = live.predict((f"{NAME}.dcm", planted), (f"{NAME}.txt", NAME.encode()))
        assert answer.json["results"][0]["status"] == "ok"
        assert answer.json["results"][0]["file"] == f"{NAME}.dcm"  # to the client alone
        small = live.predict((str(film_path), film_path.read_bytes()))
        assert live.predict((f"{NAME}.png", b"x"), headers={"X-Patient": NAME}).status == 415
        running.send_signal(signal.SIGTERM)
        output, errors = running.communicate(timeout=30)
        assert running.returncode == 0
    said = output + errors
    assert said == b""
    for word in (*PLANTED, UID, NAME):
        assert word.encode() not in said
    assert not list(home.rglob("*"))
    assert health.main([f"http://127.0.0.1:{live.port}/readyz"]) == 1
    main(["predict", str(film_path), "--json", "--bundle", str(tiny_bundle_dir)])
    (expected,) = json.loads(capsys.readouterr().out)["results"]
    (found,) = small.json["results"]
    for field in ("sha256", "status", "systems", "trust", "warnings"):
        assert found[field] == expected[field]


@pytest.mark.slow
def test_what_is_under_way_is_finished_before_it_ends(tiny_bundle_dir, tmp_path):
    film = Image.fromarray(gradient((800, 700), bits=12))
    buffer = io.BytesIO()
    film.save(buffer, "PNG")
    body = form(*((f"{i}.png", buffer.getvalue()) for i in range(16)))
    head = "POST /api/predict HTTP/1.1\nHost: localhost\nConnection: close\n"
    head += f"Content-Type: {MULTIPART['Content-Type']}\nContent-Length: {len(body)}"
    with process(tiny_bundle_dir, tmp_path) as running:
        live = ready(running)
        with live.raw_socket(head, body) as link:
            assert live.ask("/healthz").status == 200  # so the body was taken before the signal
            running.send_signal(signal.SIGTERM)
            received = b"".join(iter(lambda: link.recv(65536), b""))
        assert running.wait(60) == 0
    assert received.startswith(b"HTTP/1.1 200 ")
    results = json.loads(received.partition(b"\r\n\r\n")[2])["results"]
    assert [result["file"] for result in results] == [f"{i}.png" for i in range(16)]


def test_a_broken_bundle_ends_it_with_a_word(own_bundle_dir, tmp_path):
    (own_bundle_dir / "MODEL_CARD.md").write_text("better", "utf-8")
    with process(own_bundle_dir, tmp_path) as running:
        _, errors = running.communicate(timeout=60)
        assert running.returncode == 1
    assert b"error: MODEL_CARD.md: the file must be the one that was published" in errors
    assert b"Traceback" not in errors


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.1", "example.org"])  # noqa: S104
def test_it_is_not_open_to_a_network_by_accident(host, monkeypatch, capsys):
    monkeypatch.delenv("CXR_API_TOKEN", raising=False)
    assert main(["serve", "--host", host]) == 2
    said = capsys.readouterr().err
    assert "Without a token `--host` must be a loopback address" in said
    assert "what to do: Set CXR_API_TOKEN" in said


def test_a_short_token_is_wrong_usage(monkeypatch, capsys):
    monkeypatch.setenv("CXR_API_TOKEN", "secret")
    assert main(["serve"]) == 2
    said = capsys.readouterr().err
    assert "at least 16 letters" in said
    assert "secret" not in said


def test_an_unknown_variant_is_said_before_it_listens(tiny_bundle_dir, monkeypatch, capsys):
    monkeypatch.delenv("CXR_API_TOKEN", raising=False)
    with socket.create_server(("127.0.0.1", 0)) as taken:  # it must not even try
        port = str(taken.getsockname()[1])
        bundle = ["--bundle", str(tiny_bundle_dir), "--variant", "nope"]
        assert main(["serve", "--port", port, *bundle]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: `variant` must be one of ['tiny']")
    assert "listen" not in said


def test_a_taken_port_is_said(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert main(["serve", "--port", str(taken.getsockname()[1])]) == 1
    assert "cannot be listened on" in capsys.readouterr().err


def test_with_a_token_it_opens_to_the_network(tiny_bundle_dir, tmp_path):
    names = {"CXR_API_TOKEN": TOKEN, "CXR_API_ALLOWED_HOSTS": "films.example"}
    with process(tiny_bundle_dir, tmp_path, "--host", "0.0.0.0", **names) as running:  # noqa: S104
        line = running.stderr.readline().decode()
        live = Live(int(re.search(r":(\d+);", line).group(1)), None)
        until(lambda: live.ask("/readyz").status == 200)
        sent = {"Authorization": f"Bearer {TOKEN}", "Host": "films.example"}
        assert live.predict_raw(b"x", headers=sent).status == 415
        assert live.predict_raw(b"x", headers={**sent, "Host": "other"}).status == 400
        assert live.predict_raw(b"x", headers={"Host": "films.example"}).status == 401
