"""Nothing to write to but what the user named: no home, a read-only tree, no temporary folder."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import write_film
from tests.http.live import Live, until
from tests.io.dicom_files import gradient, written
from tests.io.dicom_planted import planted_film
from tests.reliability.many import film

ROOT = Path(__file__).resolve().parents[2]
READY = {"ViewPosition": "PA", "BodyPartExamined": "CHEST", "SOPInstanceUID": "1.2.1"}
WRAP = """
out="$1"; root="$2"; shift 2
mount --bind "$out" "$out" || exit 9
for each in "$root" /tmp /var/tmp /dev/shm; do
  mount --rbind "$each" "$each" && mount -o remount,bind,ro "$each" || exit 9
done
cd "$PWD"
if touch "$root/x" /tmp/x 2>/dev/null; then exit 9; fi
exec "$@"
"""
HOMES = pytest.mark.parametrize("home", ["/nonexistent", None], ids=["none", "unset"])

pytestmark = pytest.mark.slow


@pytest.fixture
def out(tmp_path):
    """The one folder that may be written to."""
    folder = tmp_path / "out"
    folder.mkdir()
    wrapper = wrapped(folder, "true")
    try:
        done = subprocess.run(wrapper, capture_output=True, check=False, cwd=ROOT)
    except FileNotFoundError:
        pytest.skip("unshare is not installed")
    if done.returncode:
        pytest.skip("folders cannot be made read-only here: no user namespaces")
    return folder


def wrapped(out, *command):
    apart = ["unshare", "-rm", "sh", "-c", WRAP, "sh", str(out), str(ROOT)]
    return [*apart, *map(str, command)]


def environment(home, **more):
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("HOME", "TMPDIR", "PYTHONDONTWRITEBYTECODE") and "XDG" not in name
    }
    return {**kept, **({} if home is None else {"HOME": home}), **more}


def run(out, home, *command):
    """Run the command line; what it printed."""
    done = subprocess.run(
        wrapped(out, sys.executable, "-m", "cxr_core", *command),
        cwd=ROOT,
        env=environment(home),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for word in ("Traceback", "Warning", "Read-only", "Permission"):
        assert word not in done.stderr, done.stderr
    return done.stdout


@HOMES
def test_commands(out, home, tiny_bundle_dir, tmp_path):
    films = tmp_path / "films"
    films.mkdir()
    png = write_film(films / "a.png", seed=0)
    dicom = films / "b.dcm"
    dicom.write_bytes(written(planted_film(gradient((300, 200), bits=12), **READY)))
    models = ["--bundle", tiny_bundle_dir]
    said = json.loads(run(out, home, "predict", png, dicom, "--json", *models))
    assert [one["status"] for one in said["results"]] == ["ok", "ok"]
    run(out, home, "predict", png, "--explain", out / "maps", *models)
    run(out, home, "score", films, "--out", out / "t.csv", *models)
    run(out, home, "report", png, "--out", out / "r.pdf", *models)
    run(out, home, "dicom-out", dicom, "--out", out / "dicom", *models)
    run(out, home, "deidentify", dicom, out / "clean.dcm")
    made = {path.relative_to(out).parts[0] for path in out.rglob("*")}
    assert made == {
        "maps", "t.csv", "t.csv.about.json", "t.csv.journal.jsonl", "r.pdf", "dicom", "clean.dcm"
    }  # fmt: skip


@contextmanager
def server(out, home, *command, **more):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        wrapped(out, sys.executable, "-m", *command, port),
        cwd=ROOT,
        env=environment(home, **more),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        yield process, Live(port, None)
    finally:
        process.kill()
        process.communicate()


@HOMES
@pytest.mark.parametrize("kind", ["serve", "dashboard"])
def test_servers(out, home, kind, tiny_bundle_dir):
    token = "0123456789abcdef-0123"  # noqa: S105 - of the tests
    command = {
        "serve": ("cxr_core", "serve", "--bundle", tiny_bundle_dir, "--port"),
        "dashboard": ("streamlit", "run", "asgi_app.py", "--server.port"),
    }[kind]
    more = {"CXR_BUNDLE": str(tiny_bundle_dir), "CXR_API_TOKEN": token}
    with server(out, home, *command, **more) as (process, live):
        until(lambda: process.poll() is not None or answers(live))
        assert process.poll() is None, process.stdout.read().decode()
        if kind == "dashboard":
            assert live.ask("/_stcore/health").status == 200
        sent = {"Authorization": f"Bearer {token}"}
        answer = live.predict_raw(film(1), "?explain=true", headers=sent)
        assert (answer.status, answer.json["results"][0]["status"]) == (200, "ok")
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=60)[0].decode()
    for word in ("Traceback", "Read-only", "Permission denied"):
        assert word not in said, said
    assert list(out.iterdir()) == []


def answers(live):
    try:
        return live.ask("/readyz").status == 200
    except OSError:
        return False
