"""The page Reader study: made, read, paused, reloaded, changed, finished, measured."""

from __future__ import annotations

import csv
import json
import shutil

import pytest
from streamlit.testing.v1 import AppTest

import ui.components.study_overview as overview_module
import ui.components.study_reading as reading_module
import ui.components.study_results as results_module
from cxr_core.reader_study import FolderShelf, Given, MemoryShelf, Study
from cxr_core.reader_study.shelf import pack, unpack
from tests.app.conftest import png
from tests.app.study_steps import answer, begin, button, labels, make, text, viewer
from ui.components.answer_panel import KEYS, QUESTION
from ui.components.study_overview import BEGIN, CLOSE, IN_MEMORY, RESULTS, SAVE
from ui.components.study_reading import BACK, DONE
from ui.components.study_setup import MAKE
from ui.study_desk import DROPPED

EMPTY = "Several readers read the same films in random order, names hidden"


@pytest.fixture
def films(tmp_path):
    """Two films of each class, one of them twice, and one that is damaged."""
    folder = tmp_path / "films"
    for k, name in enumerate(("COVID19", "NORMAL", "PNEUMONIA")):
        (folder / name).mkdir(parents=True)
        for n in range(2):
            (folder / name / f"Jane-Doe-{k}{n}.png").write_bytes(png(33 * n + 71 * k + 3))
    (folder / "NORMAL" / "again.png").write_bytes(png(74))
    (folder / "NORMAL" / "cut.png").write_bytes(png(74)[:60])
    return folder


@pytest.fixture
def asked(monkeypatch):
    """What the answer panel was asked last; AppTest cannot press into a component."""
    last = {}
    monkeypatch.setattr(reading_module, "answer_panel", lambda **given: last.update(given))
    return last


@pytest.fixture
def given_files(monkeypatch):
    """What the buttons would bring."""
    files = {}
    for module in (overview_module, results_module):
        monkeypatch.setattr(
            module.st, "download_button", lambda label, data, **_: files.update({label: data})
        )
    return files


@pytest.fixture
def page(app, predictor, asked):
    return app.switch_page("pages/10_Reader_study.py")


def test_the_empty_page(page):
    page.run()
    assert not page.exception
    assert EMPTY in text(page)
    assert "called COVID-19 by VGG16" in text(page)
    assert page.segmented_control(key="study-source").options == ["A folder", "The samples"]
    assert [radio.value for radio in page.radio] == ["sequential"]


def test_a_study_in_a_folder(page, films, tmp_path, asked):
    place = tmp_path / "new" / "study"
    make(page, films, place)
    assert "**6 films**, alone, then aided; aided by Ensemble of dense layers" in text(page)
    assert "The class is known of 6." in text(page)
    assert "called COVID-19 by VGG16" not in text(page)  # readers see this page
    assert page.query_params["study"] == str(place)
    begin(page, " R1 ")
    assert page.query_params["reader"] == "r1"
    assert page.get("progress")[0].proto.text == "Reader r1 · Film 1 of 6, alone"
    assert asked["said"] == asked["problem"] == ""

    answer(page, asked, "COVID19", 4)
    assert "with the system" in page.get("progress")[0].proto.text
    assert asked["said"] == "Alone you said: COVID-19, sure."
    answer(page, asked, "CANNOT_SAY", None)
    assert page.get("progress")[0].proto.text == "Reader r1 · Film 2 of 6, alone"
    assert asked["said"] == ""
    journal = Study(FolderShelf(place)).journal("r1")
    assert [(a.choice, a.confidence, a.time_s) for a in journal.answers] == [
        ("COVID19", 4, 2.5),
        ("CANNOT_SAY", None, 2.5),
    ]
    for path in place.iterdir():
        assert b"Jane" not in path.read_bytes(), path.name


def test_the_film_is_blind_and_the_system_is_hidden_until_its_turn(page, films, asked):
    make(page, films, heatmap=True, notes=True)
    begin(page)
    alone = viewer(page)
    whole = json.dumps(alone) + text(page)
    assert "Jane" not in whole
    assert not any(digest in whole for digest in _digests(page))
    assert alone["is_bare"]
    assert alone["has_digit_keys"] is False
    assert alone["systems"] == alone["scores"] == []
    assert alone["panels"][0]["map"] is None
    assert alone["panels"][0]["probs"] == {}
    assert "Refusal gate" not in text(page)

    answer(page, asked)
    aided = viewer(page)
    assert aided["key"] == alone["key"]  # window and place stay
    assert not aided["is_bare"]
    panel = aided["panels"][0]
    assert (panel["system"], panel["title"]) == ("ensemble_dense", "Ensemble of dense layers")
    assert sum(panel["probs"].values()) == pytest.approx(1)
    assert panel["class_name"] == max(panel["probs"], key=panel["probs"].get)
    assert len(panel["map"]["grid"]) == 7
    assert "Refusal gate" in text(page)
    assert "called COVID-19 by VGG16" in text(page)
    assert "Jane" not in json.dumps(aided) + text(page)


def _digests(at):
    return [film.digest for film in at.session_state["reader-study"].study.films]


def test_probabilities_alone_show_no_map(page, films, predictor, asked):
    make(page, films)
    n_read = predictor.n_read
    begin(page)
    answer(page, asked)
    assert viewer(page)["is_bare"]
    assert viewer(page)["panels"][0]["probs"]
    assert "Refusal gate" not in text(page)
    assert predictor.n_read == n_read == 6


def test_a_reload_comes_back_to_the_same_film(page, films, tmp_path, asked):
    place = tmp_path / "study"
    make(page, films, place)
    begin(page)
    for _ in range(3):
        answer(page, asked)
    before = asked["token"]
    fresh = AppTest.from_file("../../streamlit_app.py", default_timeout=60)
    fresh.switch_page("pages/10_Reader_study.py")
    fresh.query_params["study"] = str(place)
    fresh.query_params["reader"] = "r1"
    fresh.run()
    assert not fresh.exception
    assert fresh.get("progress")[0].proto.text == "Reader r1 · Film 2 of 6, with the system"
    assert asked["token"] == before
    assert asked["said"] == "Alone you said: Normal, fairly sure."
    assert Study(FolderShelf(place)).journal("r1").n_sittings == 2


def test_an_address_that_leads_nowhere(page, tmp_path):
    page.query_params["study"] = str(tmp_path / "gone")
    page.run()
    assert not page.exception
    assert "The study of this address could not be opened" in text(page)
    assert EMPTY in text(page)
    assert "study" not in page.query_params


def test_a_path_that_the_system_refuses_is_a_plain_message(page, films, tmp_path):
    long = str(tmp_path / ("x" * 300))
    page.query_params["study"] = long
    page.run()
    assert not page.exception
    assert "The study of this address could not be opened" in text(page)
    assert f"must be a folder on the computer of this page. Received: '{long}'" in text(page)
    page.text_input(key="study-place").set_value(long)
    button(page, "Open").click().run()
    assert not page.exception
    assert "This study could not be opened" in text(page)
    make(page, films, long)
    assert "`folder` must be a folder that can be made" in text(page)
    make(page, long)
    assert "must be a folder on the computer that runs this page" in text(page)


def test_films_of_a_folder_that_the_system_refuses_are_missing(page, films, tmp_path):
    make(page, films)
    desk = page.session_state["reader-study"]
    desk.study.source = {"folder": str(tmp_path / ("x" * 300))}
    desk.let_go()
    page.run()
    button(page, "Look there").click().run()
    assert not page.exception
    assert "6 of 6 are missing or changed" in text(page)
    page.text_input(key="study-find-folder").set_value(str(tmp_path / ("x" * 300)))
    button(page, "Look there").click().run()
    assert not page.exception
    assert "6 of 6 are missing or changed" in text(page)


def test_a_study_whose_folder_is_gone_can_be_closed(page, films, tmp_path):
    place = tmp_path / "study"
    make(page, films, place)
    shutil.rmtree(place)
    page.run()
    assert not page.exception
    assert "The study cannot go on" in text(page)
    assert "`study` must be there and readable. Received: No such file or directory" in text(page)
    button(page, CLOSE).click().run()
    assert not page.exception
    assert EMPTY in text(page)


def test_a_folder_that_holds_a_study_is_refused_before_any_film_is_read(
    page, films, tmp_path, predictor
):
    place = tmp_path / "study"
    make(page, films, place)
    button(page, CLOSE).click().run()
    make(page, films, place)
    assert "`folder` must hold no study yet. Received: study.json is there" in text(page)
    assert predictor.n_read == 6


def test_clearing_the_films_lets_go_of_those_of_an_open_study(page, app, asked):
    page.run()
    page.switch_page("streamlit_app.py").run()
    page.file_uploader[0].upload("Jane-Doe.png", png(7))
    page.run()
    page.switch_page("pages/10_Reader_study.py").run()
    page.segmented_control(key="study-source").set_value("session").run()
    button(page, MAKE).click().run()
    begin(page)
    answer(page, asked, "COVID19", 4)
    desk = page.session_state["reader-study"]
    assert desk.finder is not None
    assert desk._pixels

    page.switch_page("streamlit_app.py").run()
    button(page, "Clear my films").click().run()
    assert not page.exception
    assert desk.finder is None
    assert not desk._pixels
    assert not desk._maps
    assert desk.study.standing("r1").n_done == 1

    page.switch_page("pages/10_Reader_study.py").run()
    assert not page.exception
    assert DROPPED in text(page)
    assert "Upload the films again on the page Read films" in text(page)
    page.switch_page("streamlit_app.py").run()
    page.file_uploader[0].upload("another-name.png", png(7))
    page.run()
    page.switch_page("pages/10_Reader_study.py").run()
    button(page, "Look there").click().run()
    assert page.get("progress")[0].proto.text == "Reader r1 · Film 1 of 1, with the system"


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"study.json": b"[" * 200_000}, "must be the manifest of a reader study"),
        ({"study.json": b'{"schema": "cxr-reader-study/1"}'}, "fields are missing"),
        ({"readings.json": b"{}"}, "must hold a reader study"),
    ],
)
def test_a_file_that_is_no_study_is_refused(page, files, words):
    page.run()
    page.file_uploader[0].upload("study.zip", pack(MemoryShelf(files)))
    button(page, "Open this file").click().run()
    assert not page.exception
    assert "This study could not be opened" in text(page)
    assert words in text(page)


def test_a_study_in_memory_is_saved_and_opened_again(page, films, asked, given_files):
    make(page, films)
    assert IN_MEMORY in text(page)
    assert "study" not in page.query_params
    begin(page)
    answer(page, asked)
    button(page, "Pause").click().run()
    data = given_files[SAVE]()
    assert Study(unpack(data)).standing("r1").n_done == 1
    button(page, CLOSE).click().run()
    assert EMPTY in text(page)
    page.file_uploader[0].upload("study.zip", data)
    button(page, "Open this file").click().run()
    assert not page.exception
    assert list(page.table[0].value["Answers"]) == ["1 of 12"]
    begin(page)
    assert "with the system" in page.get("progress")[0].proto.text


def test_films_that_were_changed_are_refused(page, films, tmp_path, asked):
    place = tmp_path / "study"
    make(page, films, place)
    button(page, CLOSE).click().run()
    moved = tmp_path / "moved"
    films.rename(moved)
    victim = next((moved / "COVID19").iterdir())
    whole = victim.read_bytes()
    victim.write_bytes(png(240))
    page.text_input(key="study-place").set_value(str(place))
    button(page, "Open").click().run()
    assert "The films of this study are not in reach" in text(page)
    assert "6 of 6 are missing or changed" in text(page)
    assert BEGIN not in labels(page)
    page.text_input(key="study-find-folder").set_value(str(moved))
    button(page, "Look there").click().run()
    assert "1 of 6 are missing or changed" in text(page)
    victim.write_bytes(whole)
    page.text_input(key="study-find-folder").set_value(str(moved))
    button(page, "Look there").click().run()
    assert "not in reach" not in text(page)
    begin(page)
    assert viewer(page)["label"] == "1 of the study"


def test_a_film_that_changes_while_it_is_read(page, films, asked):
    make(page, films)
    for path in films.rglob("*.png"):
        path.write_bytes(png(200))
    begin(page)
    assert "This film cannot be shown" in text(page)
    assert "its bytes are others by now" in text(page)


def test_an_edited_journal_is_said(page, films, tmp_path, asked):
    place = tmp_path / "study"
    make(page, films, place)
    begin(page)
    answer(page, asked)
    journal = place / "answers-r1.jsonl"
    journal.write_text(journal.read_text("utf-8").replace("NORMAL", "COVID19"), "utf-8")
    page.run()
    assert "The study cannot go on" in text(page)
    assert "line 3: it is not as it was written" in text(page)
    button(page, "Back to the overview").click().run()
    assert "A journal of this study was changed" in text(page)


def test_what_is_not_an_answer_is_refused_and_said(page, films, asked):
    make(page, films)
    begin(page)
    token = asked["token"]
    for change in ({"confidence": 9}, {"choice": "FINE"}, {"seen_ms": "x"}, {"seen_ms": None}):
        answer(page, asked, **change)
        assert "must" in asked["problem"]
        assert asked["token"] == token
    assert asked["attempt"] == 4
    answer(page, asked, token="that of another film")  # noqa: S106
    assert asked["token"] == token
    answer(page, asked)
    assert asked["problem"] == ""
    assert asked["token"] != token


def test_an_answer_in_another_window_is_counted_once(page, films, tmp_path, asked):
    place = tmp_path / "study"
    make(page, films, place)
    begin(page)
    Study(FolderShelf(place)).answer("r1", 0, Given("PNEUMONIA", 5, 1.0))
    answer(page, asked)
    assert "answered in another window" in asked["problem"]
    assert asked["said"] == "Alone you said: Pneumonia, certain."
    assert Study(FolderShelf(place)).standing("r1").n_done == 1


def test_going_back(page, films, asked):
    make(page, films, back=True)
    begin(page)
    assert BACK not in labels(page)
    answer(page, asked)
    answer(page, asked)
    button(page, BACK).click().run()
    assert page.get("progress")[0].proto.text.endswith("with the system · changing the answer")
    assert asked["said"] == "You said: Normal, fairly sure."
    assert BACK not in labels(page)
    answer(page, asked, "COVID19")
    assert page.get("progress")[0].proto.text == "Reader r1 · Film 2 of 6, alone"
    study = page.session_state["reader-study"].study
    assert [a.revision for a in study.journal("r1").answers] == [0, 0, 1]


def test_two_sessions_wait(page, films, asked):
    make(page, films, arm="crossover")
    assert "28 days between the sessions" in text(page)
    begin(page)
    for n in range(6):
        assert f"Session 1, film {n + 1} of 6" in page.get("progress")[0].proto.text
        answer(page, asked)
    assert "**The first session is done. Thank you.** The second one opens" in text(page)


def test_codes_that_are_none(page, films, asked):
    make(page, films)
    for typed in ("", "Jane Doe"):
        begin(page, typed)
        assert "Nobody can begin with this code" in text(page)
    assert page.session_state["reader-study"].reader is None


@pytest.mark.parametrize(
    ("films_name", "place", "words"),
    [
        ("gone", "", "must be a folder on the computer"),
        ("empty", "", "`films` must be 1 to 5,000"),
        ("films", "here/there", "must be a whole path"),
    ],
)
def test_studies_that_cannot_be_made(page, films, tmp_path, films_name, place, words):
    (tmp_path / "empty").mkdir()
    make(page, tmp_path / films_name, place)
    assert "The study could not be made" in text(page)
    assert words in text(page)
    assert "reader-study" not in page.session_state


def test_samples_have_no_known_class(page, asked):
    page.run()
    page.segmented_control(key="study-source").set_value("samples").run()
    button(page, MAKE).click().run()
    assert "**3 films**" in text(page)
    assert "The class is known of no film." in text(page)


def test_results_of_several_readers(page, films, asked, given_files):
    make(page, films)
    study = page.session_state["reader-study"].study
    for code in ("r1", "r2", "r3"):
        begin(page, code)
        for index in range(11):
            study.answer(code, index, Given("NORMAL" if code == "r1" else "COVID19", 3, 2.0))
        page.run()
        answer(page, asked, "NORMAL" if code == "r1" else "COVID19")
        assert DONE in text(page)
        button(page, "To the overview").click().run()
    assert list(page.table[0].value["State"]) == ["Finished"] * 3
    assert len(page.table) == 1
    page.toggle(key="study-results").set_value(True).run()
    assert not page.exception
    assert RESULTS in [toggle.label for toggle in page.toggle]
    tables = [table.value for table in page.table]
    right = tables[1]
    assert list(right.iloc[:, 0]) == ["Reader r1", "Reader r2", "Reader r3", "All readers"]
    assert right["Right alone"].iloc[0] == "2 of 6, too few"
    assert not any("nan" in str(cell).lower() for table in tables for cell in table.values.ravel())
    shown = given_files["All answers as CSV"]().decode()
    rows = list(csv.DictReader(line for line in shown.splitlines() if not line.startswith("#")))
    assert len(rows) == 36
    assert json.loads(given_files["Statistics as JSON"]())["n_films"] == 6
    assert "Jane" not in shown


def test_the_panel_says_its_keys_and_words(page, films, monkeypatch):
    from ui.components.answer_panel import answer_panel

    monkeypatch.setattr(reading_module, "answer_panel", answer_panel)
    make(page, films)
    begin(page)
    data = json.loads(page.get("bidi_component")[1].proto.json)[0]
    assert data["question"] == QUESTION
    assert [choice["key"] for choice in data["choices"]] == list(KEYS.values()) == list("cnux")
    assert [level["key"] for level in data["confidences"]] == list("12345")
    assert data["viewer_key"] == viewer(page)["key"]
