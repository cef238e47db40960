"""Films from a DICOM server on the front page and in the worklist; results back to it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from cxr_core.io.dicomweb.store import Stored
from tests.dicomweb.conftest import SERIES, STUDY, fake, film
from tests.dicomweb.fake_server import send
from ui import server
from ui.components.send_back import STORE
from ui.components.send_back import TITLE as SEND_BACK
from ui.components.server_intake import NOTHING, SHOW, TITLE
from ui.worklist_job import Task

__all__ = ["fake"]
IDENTIFYING = ("P 4711", "P 12", "Doe", "Jane", "A-77", STUDY, SERIES, "2024")


@pytest.fixture
def page(app, predictor, fake, monkeypatch):
    """The front page with the fake server in the environment."""
    monkeypatch.setenv("CXR_DICOMWEB_URL", fake.url)
    server._client.cache_clear()
    yield app
    server.connect().close()
    server._client.cache_clear()


def text(at):
    return "\n".join(part.value for part in (*at.markdown, *at.caption, *at.text)).replace("\\", "")


def button(at, words):
    return next(found for found in at.button if words in found.label)


def searched(at, **values):
    """Search on the page that is open."""
    at.run()
    for label, value in values.items():
        next(w for w in at.text_input if w.label == label.replace("_", " ")).set_value(value)
    button(at, "Search").click().run()
    assert not at.exception
    return at


def chosen(at, *positions, words="Open the films"):
    """Choose studies of the table and open them."""
    generation = at.session_state[server._KEY].generation
    prefix = "worklist-server" if words.startswith("Read") else "server"
    selected = {"rows": list(positions), "columns": [], "cells": []}
    at.session_state[f"{prefix}-{generation}-studies"] = {"selection": selected}
    at.run()
    button(at, words).click().run()
    assert not at.exception
    return at


def test_without_a_server_nothing_is_offered(app, predictor, monkeypatch):
    monkeypatch.delenv("CXR_DICOMWEB_URL", raising=False)
    at = app.run()
    assert TITLE not in [part.label for part in at.expander]
    at.switch_page("pages/9_Worklist.py").run()
    assert TITLE not in [part.label for part in at.expander]


def test_wrong_settings_are_said(app, predictor, monkeypatch):
    monkeypatch.setenv("CXR_DICOMWEB_URL", "http://pacs.example:8042/dicom-web")
    monkeypatch.setenv("CXR_DICOMWEB_TOKEN", "s3cret")
    at = app.run()
    assert not at.exception
    assert "`CXR_DICOMWEB_URL` must begin with https" in text(at)
    assert "pacs" not in text(at)
    assert "s3cret" not in text(at)


def test_a_plain_connection_to_another_machine_is_told(app, predictor, monkeypatch):
    monkeypatch.setenv("CXR_DICOMWEB_URL", "http://pacs.example:8042/dicom-web")
    assert any("not encrypted" in part.value for part in app.run().warning)


def test_secrets_name_the_server_where_the_environment_does_not(fake, monkeypatch):
    monkeypatch.delenv("CXR_DICOMWEB_URL", raising=False)
    held = {"dicomweb": {"url": fake.url, "user": "u", "password": "p"}}
    secrets = SimpleNamespace(load_if_toml_exists=lambda: True, get=held.get)
    monkeypatch.setattr(server, "st", SimpleNamespace(secrets=secrets))
    assert server.settings().user == "u"
    held["dicomweb"] = "text"
    with pytest.raises(server.ServerSettingError, match="must be a section"):
        server.settings()
    assert server.is_configured()
    del held["dicomweb"]
    assert server.settings() is None


def test_identifiers_are_masked_until_they_are_asked_for(page):
    at = searched(page)
    table = at.dataframe[0].value
    assert list(table["Modality"]) == ["CR", "DX"]
    assert set(table[["Date", "Patient ID", "Name", "Accession number"]].to_numpy().ravel()) == {
        "masked"
    }
    shown = text(at) + str(table)
    assert not [word for word in IDENTIFYING if word in shown]
    next(part for part in at.toggle if part.label == SHOW).set_value(True).run()
    assert list(at.dataframe[0].value["Patient ID"]) == ["P 4711", "P 12"]
    assert list(at.dataframe[0].value["Name"]) == ["Doe Jane"] * 2


def test_what_is_typed_is_searched(page, fake):
    at = searched(page, Patient_ID="P 12")
    assert len(at.dataframe[0].value) == 1
    assert fake.requests[0].query["limit"] == "50"
    assert NOTHING in text(searched(at, Patient_ID="P 13"))


def test_an_error_of_the_server_is_a_quiet_box(page, fake):
    fake.behave = lambda handler: send(handler, 401) is None
    at = searched(page)
    assert "The server must let us in" in text(at)
    assert "CXR" in text(at)
    assert not at.dataframe
    fake.behave = None
    assert len(searched(at).dataframe[0].value) == 2


def test_films_are_opened_under_names_that_tell_nothing(page):
    at = chosen(searched(page), 0, 1)
    films = at.session_state["films"].films
    assert [part.label for part in films] == ["Server study 1, film 1", "Server study 2, film 1"]
    assert [part.value for part in at.header if "Server" in part.value]
    assert "1 image was left out" in text(at)
    shown = "\n".join(part.value for part in (*at.markdown, *at.header, *at.caption))
    assert not [word for word in IDENTIFYING if word in shown]


def test_a_film_that_does_not_come_is_told_and_others_are_opened(page, fake):
    lost = f"instances/{SERIES}.1"
    fake.behave = lambda h: send(h, 404) is None if h.path.endswith(lost) else False
    at = chosen(searched(page), 0, 1)
    assert len(at.session_state["films"].films) == 1
    assert "Server study 1, film 1 was not opened" in text(at).replace("\\", "")


def test_a_few_films_are_opened_at_once(page, fake, monkeypatch):
    monkeypatch.setattr(server, "MAX_AT_ONCE", 1)
    at = chosen(searched(page), 0, 1)
    assert len(at.session_state["films"].films) == 1
    assert "1 film was left out: at most 1" in text(at)


def test_clearing_drops_what_was_found(page):
    at = chosen(searched(page, Patient_ID="P 4711"), 0)
    assert server._KEY in at.session_state
    button(at, "Clear my films").click().run()
    assert at.session_state[server._KEY].found is None
    assert all(part.value == "" for part in at.text_input)
    assert not [part for part in at.text_input if part.value]


def test_the_worklist_reads_films_of_the_server(page, monkeypatch):
    monkeypatch.setattr(Task, "start", Task._run)
    page.run()
    page.switch_page("pages/9_Worklist.py")
    at = chosen(searched(page), 0, 1, words="Read the films")
    rows = at.dataframe[-1].value
    assert list(rows["File"]) == ["study-0001-film-01", "study-0002-film-01"]
    assert list(rows["Status"]) == ["Read", "Read"]


@pytest.mark.parametrize("words", ["", "the server has no room"])
def test_results_are_stored_after_a_second_click(page, monkeypatch, words):
    given = []

    def store(film, reading, predictor, shown):
        given.append((film.digest, shown))
        return Stored(not words, words), Stored(is_stored=True)

    monkeypatch.setattr(server, "store_results", store)
    at = chosen(searched(page), 0)
    assert not given
    button(at, STORE).click().run()
    assert not at.exception
    digest = at.session_state["films"].films[0].digest
    assert given == [(digest, ("ensemble_dense", None))]
    at.selectbox(key=f"dicom-class-{digest[:16]}").set_value("COVID19").run()
    button(at, STORE).click().run()
    assert given[1] == (digest, ("ensemble_dense", "COVID19"))
    assert bool(at.success) == (not words)
    assert ("The film with a heatmap was not stored: the server has no room" in text(at)) == bool(
        words
    )


def test_nothing_goes_back_without_identifiers(page):
    at = chosen(searched(page), 0)
    digest = at.session_state["films"].films[0].digest
    at.toggle(key=f"dicom-clean-{digest[:16]}").set_value(True).run()
    (popover,) = [part for part in at.get("popover") if part.proto.popover.label == SEND_BACK]
    assert popover.proto.popover.disabled


def test_results_of_pictures_are_not_offered(page):
    at = page.run()
    at.file_uploader[0].upload("film.dcm", film(1)).run()
    assert any(part.label == STORE for part in at.button)
    button(at, "Read all samples").click().run()
    assert [part.label for part in at.button].count(STORE) == 1
