"""Uploads: Streamlit would keep their bytes until the session ends."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

import ui.components.intake
import ui.components.worklist_intake
import ui.uploads
from tests.app.conftest import png
from ui.components.intake import CLEAR
from ui.components.worklist_intake import READ


@pytest.fixture
def manager(monkeypatch):
    """Streamlit's own, with an upload of this session and one of another."""
    manager = MemoryUploadedFileManager("/upload")
    for session in ("mine", "theirs"):
        manager.add_file(session, UploadedFileRec("f", "a.png", "image/png", b"film"))
    context = SimpleNamespace(session_id="mine", uploaded_file_mgr=manager)
    monkeypatch.setattr(ui.uploads, "get_script_run_ctx", lambda: context)
    return manager


def test_the_uploads_of_this_session_go_and_no_others(manager):
    ui.uploads.drop_uploads()
    assert not manager.get_files("mine", ["f"])
    assert [record.data for record in manager.get_files("theirs", ["f"])] == [b"film"]
    ui.uploads.drop_uploads()


def test_files_that_are_held_elsewhere_go_one_by_one(manager):
    manager.add_file("mine", UploadedFileRec("g", "b.png", "image/png", b"other"))
    ui.uploads.drop_files([SimpleNamespace(file_id="f")])
    assert [record.data for record in manager.get_files("mine", ["f", "g"])] == [b"other"]
    assert manager.get_files("theirs", ["f"])


def test_a_worklist_holds_its_uploads_alone(app, predictor, monkeypatch):
    dropped = []
    monkeypatch.setattr(ui.components.worklist_intake, "drop_files", dropped.extend)
    app.run()
    page = app.switch_page("pages/9_Worklist.py").run()
    page.file_uploader[0].upload("a.png", png(1))
    next(button for button in page.button if button.label == READ).click().run()
    assert not page.exception
    assert [file.name for file in dropped] == ["a.png"]


def test_without_a_session_nothing_happens(monkeypatch):
    monkeypatch.setattr(ui.uploads, "get_script_run_ctx", lambda: None)
    ui.uploads.drop_uploads()
    ui.uploads.drop_files([SimpleNamespace(file_id="f")])


def test_clear_my_films_drops_them(app, predictor, monkeypatch):
    dropped = []
    monkeypatch.setattr(ui.components.intake, "drop_uploads", lambda: dropped.append(1))
    app.run().file_uploader[0].upload("a.png", png(1))
    app.run()
    assert not dropped
    next(button for button in app.button if button.label == CLEAR).click().run()
    assert not app.exception
    assert dropped
    app.file_uploader[0].upload("b.png", png(2))
    app.run()
    assert not app.exception
    assert [film.name for film in app.session_state["films"].films] == ["b.png"]
