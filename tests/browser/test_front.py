"""The front page in a real browser: read films, change the map without the server, clear."""

from __future__ import annotations

import pytest

from cxr_core.bundle import Bundle
from cxr_core.labels import system_title
from tools.dashboard import ROOT, dashboard

SAMPLES = ROOT / "assets" / "samples"

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address():
    """A dashboard of its own on a free loopback port."""
    with dashboard("streamlit_app.py") as url:
        yield url


@pytest.fixture
def page(browser, address):
    """The empty front page; afterwards: nothing went to another host, no script failed."""
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    page = context.new_page()
    external, failed = [], []
    page.on(
        "request",
        lambda r: None if r.url.startswith((address, "data:", "blob:")) else external.append(r.url),
    )
    page.on("pageerror", lambda error: failed.append(str(error)))
    page.goto(address)
    page.wait_for_selector("text=No film yet", timeout=60_000)
    yield page
    context.close()
    assert external == []
    assert failed == []


def upload(page, *paths):
    page.set_input_files("input[type=file]", [str(path) for path in paths])
    page.wait_for_selector(".viewer .picture", timeout=30_000)


def test_a_film_is_read_and_cleared(page):
    upload(page, SAMPLES / "synthetic-normal-1.png")
    label = page.locator(".viewer .picture").get_attribute("aria-label")
    assert "HiResCAM" in label
    assert system_title(next(iter(Bundle.load().variant().members))) in label
    page.get_by_role("button", name="Clear my films").click()
    page.wait_for_selector("text=No film yet", timeout=30_000)
    assert page.locator(".viewer").count() == 0


def test_a_bad_file_stands_beside_a_good_one(page, tmp_path):
    bad = tmp_path / "letter.png"
    bad.write_text("this is a letter", "utf-8")
    upload(page, bad, SAMPLES / "synthetic-covid19-1.png")
    page.wait_for_selector("text=letter.png")
    assert page.locator(".viewer .picture").count() == 1
    assert "Traceback" not in page.content()


def test_the_map_changes_without_the_server(page):
    upload(page, SAMPLES / "synthetic-pneumonia-1.png")
    page.wait_for_timeout(2000)
    frames = []
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.on("Network.webSocketFrameSent", lambda event: frames.append(event))
    viewer = page.locator(".viewer").first
    before = viewer.locator(".picture").get_attribute("aria-label")
    viewer.locator(".controls .class").select_option("NORMAL")
    viewer.locator(".method").select_option("gradcam")
    viewer.locator(".colours").select_option("cividis")
    viewer.locator(".opacity").fill("80")
    viewer.locator(".smooth").check()
    after = viewer.locator(".picture").get_attribute("aria-label")
    page.wait_for_timeout(500)
    assert before != after
    assert "Grad-CAM" in after
    assert frames == []


def test_the_map_can_be_chosen_by_keyboard(page):
    upload(page, SAMPLES / "synthetic-normal-2.png")
    pressed = page.locator(".viewer .score[aria-pressed=true]")
    before = pressed.get_attribute("aria-label")
    pressed.focus()
    page.keyboard.press("ArrowRight")
    assert page.locator(".viewer .score[aria-pressed=true]").get_attribute("aria-label") != before


def test_films_survive_a_change_of_page(page):
    upload(page, SAMPLES / "synthetic-normal-3.png")
    page.wait_for_selector(".viewer[data-ready]")
    page.locator(".viewer .colours").select_option("viridis")
    page.locator(".viewer .signed").check()
    page.locator(".viewer .presets").select_option(label="Bone")
    page.locator(".viewer [data-action=flipH]").click()
    page.get_by_role("link", name="Model card").click()
    page.wait_for_selector("text=Read this before any figure", timeout=30_000)
    page.get_by_role("link", name="Read films").click()
    page.wait_for_selector(".viewer[data-ready]", timeout=30_000)
    assert page.locator(".viewer .picture").count() == 1
    assert page.locator(".viewer .colours").input_value() == "viridis"
    assert page.locator(".viewer .signed").is_checked()
    assert page.locator(".viewer .presets option:checked").inner_text() == "Bone"
    assert page.locator(".viewer .corner.top-left").inner_text() == "MIRRORED"
