"""A reader study in a real browser: keys, the clock, a reload in the middle, going on, export."""

from __future__ import annotations

import csv
import json

import pytest

from cxr_core.reader_study import FolderShelf, Study
from tests.conftest import write_film

pytestmark = pytest.mark.browser


@pytest.fixture
def films(tmp_path):
    folder = tmp_path / "films"
    for n, name in enumerate(("COVID19", "NORMAL", "PNEUMONIA")):
        (folder / name).mkdir(parents=True)
        write_film(folder / name / f"Jane-Doe-{n}.png", seed=n)
    return folder


@pytest.fixture
def page(open_page):
    """The page on the tiny bundle; nothing goes elsewhere, no script fails."""
    opened = open_page("Reader_study", 1300)
    opened.get_by_role("heading", name="New study").wait_for(timeout=90_000)
    return opened


def fill(page, label, value):
    box = page.get_by_label(label, exact=True)
    box.fill(value)
    box.press("Tab")
    page.wait_for_timeout(500)


def make(page, films, place):
    fill(page, "Folder of films", str(films))
    fill(page, "Folder for the answers", str(place))
    page.get_by_text("Its heatmap").click()
    page.wait_for_timeout(500)
    page.get_by_role("button", name="Make the study").click()
    page.get_by_label("Your code", exact=True).wait_for(timeout=60_000)


def begin(page, code):
    page.get_by_label("Your code", exact=True).fill(code)
    page.get_by_role("button", name="Begin or go on").click()


def wait_for_question(page, words):
    page.get_by_text(words, exact=True).wait_for(timeout=30_000)
    page.wait_for_selector(".answer[data-open=true]", timeout=30_000)


def answer(page, *keys):
    for key in keys:
        page.keyboard.press(key)
    page.wait_for_selector(".save:not([disabled])", timeout=5_000)
    page.keyboard.press("Enter")


def answers(place):
    return Study(FolderShelf(place)).journal("r1").answers


def test_three_films_with_a_reload_in_the_middle(page, films, tmp_path):
    place = tmp_path / "study"
    make(page, films, place)
    begin(page, "r1")
    wait_for_question(page, "Reader r1 · Film 1 of 3, alone")
    assert page.locator(".viewer.bare").count() == 1
    assert not page.locator(".viewer .controls").is_visible()
    assert "Jane" not in page.content()

    # Keys reach the question although the film has the focus; the viewer keeps its own.
    page.locator(".viewer .stage").click()
    page.keyboard.press("i")
    invert = page.locator('[data-action="invert"]')
    assert invert.get_attribute("aria-pressed") == "true"
    window = page.locator(".viewer .presets").input_value()
    page.wait_for_timeout(600)
    answer(page, "c", "4")
    wait_for_question(page, "Reader r1 · Film 1 of 3, with the system")
    assert page.locator(".viewer .presets").input_value() == window
    assert invert.get_attribute("aria-pressed") == "true"  # the window stays
    page.get_by_text("Alone you said: COVID-19, sure.").wait_for()
    assert page.locator(".viewer .controls").is_visible()
    answer(page, "n", "2")
    wait_for_question(page, "Reader r1 · Film 2 of 3, alone")

    # A reload in the middle of a film: same film, same reader, and the clock goes on.
    page.keyboard.press("u")
    page.wait_for_timeout(1200)
    page.reload()
    wait_for_question(page, "Reader r1 · Film 2 of 3, alone")
    assert page.locator(".save").is_disabled()  # what was not saved is asked again
    answer(page, "x")
    wait_for_question(page, "Reader r1 · Film 2 of 3, with the system")
    page.get_by_text("Alone you said: Cannot say.").wait_for()
    answer(page, "u", "1")
    wait_for_question(page, "Reader r1 · Film 3 of 3, alone")

    page.get_by_role("button", name="Pause").click()
    page.get_by_text("4 of 6").wait_for(timeout=30_000)
    begin(page, "R1")
    wait_for_question(page, "Reader r1 · Film 3 of 3, alone")
    answer(page, "n", "5")
    wait_for_question(page, "Reader r1 · Film 3 of 3, with the system")
    page.get_by_role("radio", name="Pneumonia").check()
    page.get_by_role("radio", name="Fairly sure").check()
    page.get_by_role("button", name="Save and go on").click()
    page.get_by_text("All films are answered. Thank you.").wait_for(timeout=30_000)

    given = answers(place)
    assert [answer.choice for answer in given] == [
        *("COVID19", "NORMAL"),
        *("CANNOT_SAY", "PNEUMONIA"),
        *("NORMAL", "PNEUMONIA"),
    ]
    assert [answer.confidence for answer in given] == [4, 2, None, 1, 5, 3]
    assert [answer.n_loads for answer in given] == [1, 1, 2, 1, 2, 1]
    assert 0.6 <= given[0].time_s < 20
    assert 1.2 <= given[2].time_s < 20  # what passed before the reload is in it
    assert all(answer.hidden_s == 0 for answer in given)

    page.get_by_role("button", name="To the overview").click()
    page.get_by_text("Finished", exact=True).wait_for(timeout=30_000)
    page.get_by_text("Show results").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="All answers as CSV").click()
    lines = download.value.path().read_text("utf-8").splitlines()
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    assert [row["choice"] for row in rows] == [answer.choice for answer in given]
    with page.expect_download() as download:
        page.get_by_role("button", name="Statistics as JSON").click()
    assert json.loads(download.value.path().read_text("utf-8"))["readers"]["r1"]["is_finished"]


HIDE = """(isHidden) => {
  Object.defineProperty(document, "hidden", { value: isHidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


def test_time_in_another_tab_is_told_apart(page, films, tmp_path):
    place = tmp_path / "study"
    make(page, films, place)
    begin(page, "r1")
    wait_for_question(page, "Reader r1 · Film 1 of 3, alone")
    page.evaluate(HIDE, True)
    page.wait_for_timeout(2500)
    page.evaluate(HIDE, False)
    answer(page, "n", "3")
    wait_for_question(page, "Reader r1 · Film 1 of 3, with the system")
    (first,) = answers(place)
    assert 2.4 <= first.hidden_s < 4
    assert first.time_s < 2.4


def test_a_double_press_is_one_answer_and_early_keys_are_none(page, films, tmp_path):
    place = tmp_path / "study"
    make(page, films, place)
    begin(page, "r1")
    wait_for_question(page, "Reader r1 · Film 1 of 3, alone")
    page.keyboard.press("Enter")  # nothing chosen yet
    page.keyboard.press("n")
    page.keyboard.press("Enter")  # not said how sure
    page.keyboard.press("3")
    for key in ("Enter", "Enter", "u", "5", "Enter"):
        page.keyboard.press(key)
    wait_for_question(page, "Reader r1 · Film 1 of 3, with the system")
    page.wait_for_timeout(500)
    assert [(a.choice, a.confidence) for a in answers(place)] == [("NORMAL", 3)]
    assert page.locator(".answer input:checked").count() == 0
