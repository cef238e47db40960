"""Which folders may be named on the pages, and that no page opens another one."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from types import SimpleNamespace

import pytest
import streamlit as st

import ui.components.run_choice
from cxr_core.errors import ForbiddenFolderError
from tests.app.conftest import png
from tests.app.test_pages import PAGES, text
from ui import reader_study
from ui.folder import films_below
from ui.folder_policy import FolderPolicy, folder_policy, is_for_this_computer, named_path
from ui.words import FOLDERS_CLOSED

ROOT = Path(__file__).resolve().parents[2]
SAY_SO = ["pages/6_Training_curves.py", "pages/7_Dataset.py", "pages/9_Worklist.py"]


@pytest.fixture
def options(monkeypatch):
    """Settings of the server that a test may change."""
    found = {"server.address": "127.0.0.1", "server.allowedHosts": ["localhost", "127.0.0.1"]}
    monkeypatch.setattr(st, "get_option", found.__getitem__)
    monkeypatch.delenv("CXR_FOLDERS", raising=False)
    return found


@pytest.fixture
def allowed(tmp_path, monkeypatch):
    """A folder that may be named, with a film in it, and nothing else that may."""
    folder = tmp_path / "allowed"
    (folder / "films").mkdir(parents=True)
    (folder / "films" / "a.png").write_bytes(png(5))
    monkeypatch.setenv("CXR_FOLDERS", str(folder))
    return folder


def test_as_shipped_the_page_is_for_this_computer_and_folders_are_open(monkeypatch):
    monkeypatch.delenv("CXR_FOLDERS", raising=False)
    assert is_for_this_computer()
    assert folder_policy() == FolderPolicy(None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("server.address", None),
        ("server.address", "0.0.0.0"),  # noqa: S104 - that is what must close
        ("server.address", "192.168.1.4"),
        ("server.address", "unix:/run/films"),
        ("server.allowedHosts", []),
        ("server.allowedHosts", ["*"]),
        ("server.allowedHosts", ["localhost", "films.example"]),
    ],
)
def test_as_soon_as_others_can_open_the_page_folders_are_closed(options, name, value):
    options[name] = value
    assert folder_policy() == FolderPolicy(())
    assert folder_policy().is_closed


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.0.1", "::1", "[::1]", "LOCALHOST"])
def test_names_of_this_computer(options, address):
    options["server.address"] = address
    assert is_for_this_computer()


def test_whoever_runs_the_page_decides(options, monkeypatch, tmp_path):
    options["server.address"] = "0.0.0.0"  # noqa: S104 - listened to by nobody
    for words, roots in [
        ("any", None),
        (" ANY ", None),
        ("off", ()),
        (f"{tmp_path}:{tmp_path}/b", (tmp_path.resolve(), tmp_path.resolve() / "b")),
        (f"{tmp_path}: ", (tmp_path.resolve(),)),
        ("on", ()),
        ("films:../x", ()),
    ]:
        monkeypatch.setenv("CXR_FOLDERS", words)
        assert folder_policy().roots == roots, words


def test_what_lies_below_an_allowed_folder_may_be_named(allowed):
    assert named_path(str(allowed)) == allowed
    assert named_path(f" {allowed}/films/a.png ") == allowed / "films" / "a.png"
    assert named_path(str(allowed / "not there")) == allowed / "not there"


@pytest.mark.parametrize(
    "name", ["", "/", "~", "/etc", "{allowed}/..", "{allowed}-2", "{allowed}/../allowed-2", "a\0b"]
)
def test_nothing_else_may_and_the_answer_says_nothing_of_it(allowed, name):
    (allowed.parent / "allowed-2").mkdir()
    words = r"must be one that this page may open\. Received: one that was not allowed$"
    with pytest.raises(ForbiddenFolderError, match=words) as caught:
        named_path(name.format(allowed=allowed))
    assert caught.value.hint == f"Name a folder below {allowed}, or upload the films."


def test_a_link_leads_out_of_nothing(allowed, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "b.png").write_bytes(png(6))
    (allowed / "inner").symlink_to(allowed / "films")
    assert named_path(str(allowed / "inner")) == allowed / "films"
    (allowed / "away").symlink_to(outside)
    with pytest.raises(ForbiddenFolderError, match="Received: one that was not allowed"):
        named_path(str(allowed / "away"))
    with pytest.raises(ForbiddenFolderError, match="must not hold links that lead out"):
        named_path(str(allowed))
    (allowed / "away").unlink()
    (allowed / "films" / "b.png").symlink_to(outside / "b.png")
    with pytest.raises(ForbiddenFolderError, match="must not hold links that lead out"):
        named_path(str(allowed / "films"))
    (allowed / "films" / "b.png").unlink()
    (allowed / "films" / "ring").symlink_to(allowed / "films" / "ring")
    with pytest.raises(ForbiddenFolderError, match="must not hold links that lead out"):
        named_path(str(allowed / "films"))
    with pytest.raises(ForbiddenFolderError, match="Received: one that was not allowed"):
        named_path(str(allowed / "films" / "ring"))


def test_no_other_code_of_the_pages_opens_what_was_typed():
    for path in [*(ROOT / "ui").rglob("*.py"), *(ROOT / "pages").glob("*.py")]:
        if path.name != "folder_policy.py":
            assert "expanduser" not in path.read_text("utf-8"), path.name


@pytest.mark.parametrize("page", [None, *PAGES])
def test_closed_means_that_no_page_asks_for_a_folder(app, predictor, monkeypatch, page):
    monkeypatch.setenv("CXR_FOLDERS", "off")
    app.run().button[0].click().run()
    if page is not None:
        app.switch_page(page).run()
    assert not app.exception
    asked = [each.label for each in app.text_input if "computer" in (each.help or "")]
    assert asked == []
    words = text(app) + "\n".join(each.value for each in app.caption)
    if page in SAY_SO:
        assert FOLDERS_CLOSED in words
    assert all("A bundle in another folder" not in each.options for each in app.selectbox)


@pytest.mark.parametrize(
    ("page", "key", "button"),
    [
        ("7_Dataset", "dataset-folder-name", "Scan the folder"),
        ("9_Worklist", "worklist-path-name", "worklist-read-path"),
        ("6_Training_curves", "curves-folder", None),
    ],
)
def test_a_page_refuses_a_folder_outside(app, predictor, allowed, page, key, button):
    app.run().switch_page(f"pages/{page}.py").run()
    app.text_input(key=key).set_value("/etc")
    if button is not None:
        (next(b for b in app.button if button in (b.label, b.key))).click()
    app.run()
    assert not app.exception
    assert "must be one that this page may open" in text(app)
    assert "or upload the films\\." in text(app)


def test_runs_of_the_default_folder_are_shown_all_the_same(monkeypatch, allowed, tmp_path):
    runs = tmp_path / "runs"
    runs.mkdir()
    monkeypatch.setenv("CXR_RUNS", str(runs))
    assert not ui.components.run_choice.folder_runs(str(runs)).runs
    with pytest.raises(ForbiddenFolderError):
        ui.components.run_choice.folder_runs(str(tmp_path))


def test_films_are_found_by_digest_without_reading_them_whole(tmp_path):
    folder = tmp_path / "films"
    folder.mkdir()
    with (folder / "huge").open("wb") as file:
        file.truncate(64 << 20)
    tracemalloc.start()
    found = films_below(folder, on_file=lambda *_: None)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert list(found.values()) == [folder / "huge"]
    assert peak < 8 << 20


def test_a_study_from_a_file_or_a_link_opens_no_folder_outside(app, predictor, allowed, tmp_path):
    assert reader_study._films_of(SimpleNamespace(source={"folder": "/etc"})) == ()
    assert len(reader_study._films_of(SimpleNamespace(source={"folder": str(allowed)}))) == 1
    with pytest.raises(ForbiddenFolderError):
        reader_study.shelf_named(str(tmp_path / "answers"))
    assert not (tmp_path / "answers").exists()
    reader_study.shelf_named(str(allowed / "answers"))
    assert (allowed / "answers").is_dir()
    app.query_params["study"] = "/etc"
    page = next(name for name in PAGES if "study" in name.lower())
    app.run().switch_page(page)
    app.query_params["study"] = "/etc"
    app.run()
    assert not app.exception
    assert "must be one that this page may open" in text(app)
