"""Every page in a real browser: what is on it, sessions apart, nothing fetched, accessible."""

from __future__ import annotations

from pathlib import Path

import pytest

from cxr_core.bundle import Bundle
from tools.dashboard import ROOT, dashboard

pytestmark = pytest.mark.browser
SAMPLES = ROOT / "assets" / "samples"
PAGES = (
    "Read films",
    "Compare",
    "Heatmaps",
    "Performance",
    "Training curves",
    "Dataset",
    "Model card",
    "Worklist",
    "Reader study",
)


@pytest.fixture(scope="module")
def address():
    """The dashboard."""
    with dashboard("streamlit_app.py") as url:
        yield url


def is_ours(message):
    """Errors on the console, but not that of a deep link.

    Streamlit asks for its own address below the page's name first, where nothing is.
    """
    return message.type == "error" and "/_stcore/" not in message.location["url"]


@pytest.fixture
def visit(browser, address):
    """Open sessions; afterwards: nothing went to another host, no script failed."""
    contexts, external, failed = [], [], []

    def opened(scheme="dark"):
        context = browser.new_context(viewport={"width": 1280, "height": 1000}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.on(
            "request",
            lambda r: (
                None if r.url.startswith((address, "data:", "blob:")) else external.append(r.url)
            ),
        )
        page.on("pageerror", lambda error: failed.append(str(error)))
        page.on("console", lambda m: failed.append(m.text) if is_ours(m) else None)
        page.goto(address)
        page.wait_for_selector("text=No film yet", timeout=60_000)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert external == []
    assert failed == []


def upload(page, *names):
    page.set_input_files("input[type=file]", [str(SAMPLES / name) for name in names])
    page.wait_for_selector(".viewer[data-ready=true]", timeout=60_000)


def go(page, name):
    page.get_by_role("link", name=name).click()
    page.get_by_role(
        "heading", name="CXR Reading Room" if name == PAGES[0] else name, level=1
    ).wait_for()
    page.wait_for_timeout(3000)


def test_five_viewports_and_two_films(visit):
    page = visit()
    upload(page, "synthetic-pneumonia-1.png", "synthetic-normal-1.png")
    go(page, "Compare")
    page.wait_for_selector(".viewer[data-ready=true]", timeout=60_000)
    assert page.locator(".viewer .picture").count() == len(Bundle.load().systems)
    heading = page.get_by_role("heading", name="synthetic-pneumonia-1.png")
    heading.wait_for()
    page.locator(".viewer .stage").first.focus()
    page.keyboard.press("ArrowRight")
    page.get_by_role("heading", name="synthetic-normal-1.png").wait_for(timeout=30_000)
    go(page, "Heatmaps")
    page.wait_for_selector(".viewer[data-ready=true]", timeout=60_000)
    assert page.get_by_text("together the score of").count() >= 3
    go(page, "Compare")
    page.get_by_role("heading", name="synthetic-normal-1.png").wait_for(timeout=30_000)


def test_a_link_carries_system_class_and_method(visit, address):
    page = visit()
    upload(page, "synthetic-pneumonia-1.png")
    go(page, "Heatmaps")
    page.get_by_test_id("stButtonGroup").get_by_role("button", name="Grad-CAM", exact=True).click()
    page.wait_for_function("() => location.search.includes('method=')")
    link = page.url
    other = visit()
    other.goto(link)
    other.get_by_text("No film yet").wait_for(timeout=60_000)
    assert "method=" in other.url


def test_two_sessions_are_apart(visit, tmp_path):
    mine, theirs = visit(), visit()
    own = tmp_path / "only-mine.png"
    own.write_bytes((SAMPLES / "synthetic-covid19-2.png").read_bytes())
    mine.set_input_files("input[type=file]", [str(own)])
    mine.get_by_role("heading", name="only-mine.png").wait_for(timeout=60_000)
    theirs.reload()
    theirs.get_by_text("No film yet").wait_for(timeout=60_000)
    for name in ("Compare", "Heatmaps"):
        go(theirs, name)
        assert theirs.get_by_text("No film yet").count() == 1
        assert "only-mine" not in theirs.content()


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_axe_finds_nothing_serious(visit, scheme):
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="make test-all installs it"
    ).Axe()
    page = visit(scheme)
    upload(page, "synthetic-normal-2.png")
    serious = []
    for name in PAGES:
        go(page, name)
        found = axe.run(page).response["violations"]
        serious += [
            (name, each["id"], each["nodes"][0]["html"][:200])
            for each in found
            if each["impact"] in ("serious", "critical")
        ]
    assert serious == []


def test_a_name_of_a_film_stays_text(visit, tmp_path):
    page = visit()
    odd = tmp_path / "<img src=x onerror=alert(1)> `a` $b$ *c*.png"
    odd.write_bytes((SAMPLES / "synthetic-normal-1.png").read_bytes())
    page.set_input_files("input[type=file]", [str(Path(odd))])
    page.wait_for_selector(".viewer[data-ready=true]", timeout=60_000)
    page.get_by_role("heading", name="<img src=x onerror=alert(1)> `a` $b$ *c*.png").wait_for()
