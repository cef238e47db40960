"""No connection to another computer without being asked: commands, pages, and every dependency."""

from __future__ import annotations

import re
from importlib.metadata import packages_distributions

import pytest

from tests.conftest import write_film
from tests.io.dicom_files import dataset, gradient, written
from tests.security.watched import ROOT, run_alone, seen

COMMANDS = """
from cxr_core.__main__ import main
bundle = ["--bundle", {bundle!r}]
films, maps, figures = [{film!r}, {dicom!r}], {out!r} + "/maps", {out!r} + "/figures.json"
assert main(["predict", *films, "--json", "--explain", maps, *bundle]) == 0
assert main(["score", {folder!r}, "--out", {out!r} + "/table.csv", *bundle]) == 0
assert main(["evaluate", {folder!r} + "/train", "--out", figures, *bundle]) == 0
assert main(["inspect", {folder!r}]) == 0
assert main(["bundle", "verify", {bundle!r}]) == 0
"""

PAGES = """
import threading
from pathlib import Path
from streamlit.testing.v1 import AppTest
at = AppTest.from_file({app!r}, default_timeout=120).run()
assert not at.exception, at.exception
at.file_uploader[0].upload("film.png", Path({film!r}).read_bytes())
at.run()
pages = sorted(path.name for path in (Path({app!r}).parent / "pages").glob("*.py"))
for page in pages:
    at.switch_page(f"pages/{{page}}").run()
    assert not at.exception, (page, at.exception)
at.switch_page("pages/9_Worklist.py").run()
at.text_input(key="worklist-path-name").set_value({folder!r})
next(b for b in at.button if b.key and "worklist-read-path" in b.key).click().run()
for thread in threading.enumerate():
    if thread.name == "Reading":
        thread.join(60)
at.run()
assert not at.exception
assert any("**7 films** were read" in each.value or "7 files" in each.value for each in at.markdown)
"""

IMPORTS = """
import importlib
from cxr_core.engine.openvino import import_openvino
import_openvino()  # without its usage statistics
for name in {names!r}:
    importlib.import_module(name)
"""
HEAVY = {"tensorflow", "keras", "nncf", "efficientnet"}


@pytest.fixture
def folder(tmp_path):
    """Two films of each class, one of them in DICOM."""
    for i, label in enumerate(("COVID19", "NORMAL", "PNEUMONIA")):
        inner = tmp_path / "films" / "train" / label
        inner.mkdir(parents=True)
        write_film(inner / f"{i}a.png", seed=2 * i)
        write_film(inner / f"{i}b.png", seed=2 * i + 1)
    film = written(dataset(gradient((96, 80), bits=12), bits=12))
    (tmp_path / "films" / "train" / "NORMAL" / "c.dcm").write_bytes(film)
    return tmp_path / "films"


def assert_quiet(log, tries):
    """Nothing was asked of another computer, by Python or by native code."""
    assert seen(log, "network") == []
    assert tries in (0, None)


def test_commands_open_no_connection(tiny_bundle_dir, folder, tmp_path):
    log = tmp_path / "log"
    code = COMMANDS.format(
        bundle=str(tiny_bundle_dir),
        film=str(folder / "train" / "COVID19" / "0a.png"),
        dicom=str(folder / "train" / "NORMAL" / "c.dcm"),
        folder=str(folder),
        out=str(tmp_path),
    )
    printed, tries = run_alone(code, log)
    assert '"schema": "cxr-prediction/1"' in printed
    assert_quiet(log, tries)
    for path in {line.split(" from ")[0] for line in seen(log, "write")}:
        assert path.startswith(str(tmp_path)), path


def test_pages_open_no_connection_and_write_nothing(tiny_bundle_dir, folder, tmp_path):
    log = tmp_path / "log"
    code = PAGES.format(
        app=str(ROOT / "streamlit_app.py"),
        film=str(folder / "train" / "COVID19" / "0a.png"),
        folder=str(folder),
    )
    _, tries = run_alone(code, log, CXR_BUNDLE=str(tiny_bundle_dir), HOME=str(tmp_path / "home"))
    assert_quiet(log, tries)
    assert seen(log, "write") == []


def modules():
    """Modules of the packages that requirements.txt names."""
    named = re.findall(r"^([A-Za-z0-9_-]+)", (ROOT / "requirements.txt").read_text("utf-8"), re.M)
    wanted = {name.lower().replace("_", "-") for name in named}
    found = {
        module
        for module, packages in packages_distributions().items()
        if wanted & {package.lower().replace("_", "-") for package in packages}
    }
    return sorted(name for name in found if name.isidentifier() and not name.startswith("_"))


def test_importing_dependencies_opens_no_connection(tmp_path):
    names = [name for name in modules() if name not in HEAVY]
    assert {"streamlit", "openvino", "pydicom", "fpdf"} <= set(names)
    _, tries = run_alone(IMPORTS.format(names=names), tmp_path / "log")
    assert_quiet(tmp_path / "log", tries)


@pytest.mark.slow
def test_importing_what_trains_opens_no_connection(tmp_path):
    names = sorted(HEAVY & set(modules()))
    _, tries = run_alone(IMPORTS.format(names=names), tmp_path / "log")
    assert_quiet(tmp_path / "log", tries)


def test_the_watch_sees_python_and_native_code(tmp_path):
    code = """
import ctypes, os, socket
for act in (lambda: socket.create_connection(("192.0.2.1", 80), 1),
            lambda: socket.getaddrinfo("films.example", 80),
            lambda: socket.socket(type=socket.SOCK_DGRAM).connect(("8.8.8.8", 1))):
    try:
        act()
    except OSError:
        pass
library = ctypes.CDLL(None)
handle = library.socket(2, 1, 0)
library.connect(handle, bytes([2, 0, 0, 80, 192, 0, 2, 1]) + bytes(8), 16)
open(os.environ["CXR_WATCH"] + ".txt", "w").close()
"""
    _, tries = run_alone(code, tmp_path / "log")
    assert len(seen(tmp_path / "log", "network")) == 3
    assert tries in (1, None)
    assert len(seen(tmp_path / "log", "write")) == 1
