"""The dashboard as the image runs it: nothing to write to, no training packages, no tools."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import write_film
from tests.deploy.dockerfile import ROOT, command, image, left_out
from tests.http.live import Live, status_of, until

TOKEN = "0123456789abcdef-0123"  # noqa: S105 - of the tests
MODULES = {"tensorflow-cpu": "tensorflow"}
STRANGER = """GET /_stcore/stream HTTP/1.1
Host: x
Origin: https://another.example
Connection: Upgrade
Upgrade: websocket
Sec-WebSocket-Version: 13
Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="""
TOOLS = ("pip", "setuptools", "pkg_resources", "openvino_telemetry")
READ_ONLY = """
for each in "$1" "$2"; do
  mount --bind "$each" "$each" && mount -o remount,bind,ro "$each" || exit 9
done
shift 2
cd "$PWD"
exec "$@"
"""


def blocked(folder: Path) -> Path:
    """A folder that, on the path of modules, makes those absent which the image does not have."""
    names = {MODULES.get(name, name) for name in left_out()} | set(TOOLS)
    lines = ["import sys", f"for name in {sorted(names)!r}:", "    sys.modules[name] = None"]
    folder.mkdir()
    (folder / "sitecustomize.py").write_text("\n".join(lines), "utf-8")
    return folder


def listing():
    """Every file of the repository with its time, but for those that tests and tools write."""
    skip = {".git", ".venv", ".cache", ".mypy_cache", ".pytest_cache", ".ruff_cache", "__pycache__"}
    found = {}
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in skip]
        found |= {Path(folder, name): Path(folder, name).stat().st_mtime_ns for name in files}
    return found


def read_only(home):
    """What runs a command where repository and home are mounted so that nobody can write there."""
    wrapper = ["unshare", "-rm", "sh", "-c", READ_ONLY, "sh", str(ROOT), str(home)]
    try:
        done = subprocess.run([*wrapper, "true"], capture_output=True, check=False)
    except FileNotFoundError:
        return []
    return wrapper if done.returncode == 0 else []  # what was written is looked for all the same


@contextlib.contextmanager
def as_in_the_image(bundle, home, modules):
    """Start the image's command with the image's environment."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    final = image()[1]
    environment = {
        **final.environment,
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "HOME": str(home),
        "TMPDIR": str(home),
        "PYTHONPATH": str(modules),
        "STREAMLIT_SERVER_PORT": str(port),
        "STREAMLIT_SERVER_SCRIPT_HEALTH_CHECK_ENABLED": "true",
        "CXR_BUNDLE": str(bundle),
        "CXR_API_TOKEN": TOKEN,
    }
    (start,) = final.all("CMD")
    running = subprocess.Popen(
        [*read_only(home), sys.executable, "-m", *command(start)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        yield running, Live(port, None)
    finally:
        running.kill()
        running.communicate()


@pytest.mark.slow
def test_the_dashboard_needs_nothing_to_write_to(tiny_bundle_dir, tmp_path):
    home = tmp_path / "home"
    home.mkdir(mode=0o555)
    film = write_film(tmp_path / "film.png", seed=3).read_bytes()
    before = listing()
    with as_in_the_image(tiny_bundle_dir, home, blocked(tmp_path / "modules")) as (running, live):
        until(lambda: running.poll() is not None or is_ready(live))
        assert running.poll() is None, running.stdout.read().decode()
        assert live.ask("/_stcore/health").status == 200
        assert live.ask("/_stcore/script-health-check").status == 200
        assert b"<title>" in live.ask("/").body
        with live.raw_socket(STRANGER) as link:
            assert status_of(link) == 403
        sent = {"Authorization": f"Bearer {TOKEN}"}
        answer = live.predict(("film.png", film), headers=sent, explain="true")
        assert (answer.status, answer.json["results"][0]["status"]) == (200, "ok")
        assert live.predict(("film.png", film)).status == 401
        (check,) = image()[1].all("HEALTHCHECK")
        asked = [sys.executable, *command(check)[1:3], f"http://127.0.0.1:{live.port}/readyz"]
        assert subprocess.run(asked, cwd=ROOT, check=False).returncode == 0
        running.send_signal(signal.SIGTERM)
        output, _ = running.communicate(timeout=30)
        assert running.returncode in (0, -signal.SIGTERM)
    for word in ("Traceback", "Warning", "ScriptRunContext", "Error", "external IP", "External"):
        assert word not in output.decode(), output.decode()
    assert list(home.rglob("*")) == []
    assert listing() == before


def is_ready(live):
    """Whether it answers, and with 200."""
    try:
        return live.ask("/readyz").status == 200
    except OSError:
        return False


def test_without_a_token_the_interface_is_off(monkeypatch):
    monkeypatch.delenv("CXR_API_TOKEN", raising=False)
    from ui.api import interface

    routes, _ = interface()
    assert [route.path for route in routes] == ["/healthz", "/readyz", "/api/{path:path}"]
    monkeypatch.setenv("CXR_API_TOKEN", TOKEN)
    routes, _ = interface()
    assert "/api/predict" in [route.path for route in routes]
