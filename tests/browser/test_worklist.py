"""The worklist in a real browser: sixty films read while other pages are open, one opened."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from tests.conftest import write_film

pytestmark = pytest.mark.browser
N_FILMS = 60


@pytest.fixture
def films(tmp_path):
    folder = tmp_path / "films"
    folder.mkdir()
    for n in range(N_FILMS):
        write_film(folder / f"film-{n:02}.png", seed=n)
    return folder


@pytest.fixture
def page(open_page):
    """The worklist page on the tiny bundle; nothing goes elsewhere, no script fails."""
    opened = open_page("", 1200)
    opened.wait_for_selector("text=No film yet", timeout=60_000)
    opened.get_by_role("link", name="Worklist").click()
    opened.wait_for_selector("text=No worklist yet", timeout=60_000)
    return opened


def click_row(page, number):
    box = page.get_by_test_id("stDataFrame").bounding_box()
    page.mouse.click(box["x"] + 150, box["y"] + 36 + 48 * number + 24)


def test_read_sort_open_and_export(page, films):
    page.get_by_test_id("stTextInputField").fill(str(films))
    page.get_by_role("button", name="Read these films").nth(1).click()
    page.get_by_text(f"{N_FILMS} files").wait_for(timeout=60_000)  # at work, or done
    page.get_by_role("link", name="Heatmaps").click()
    page.wait_for_selector("text=No film yet", timeout=60_000)
    page.get_by_role("link", name="Worklist").click()
    page.get_by_text(f"{N_FILMS} files:").wait_for(timeout=120_000)
    page.wait_for_timeout(1000)

    click_row(page, 1)
    page.get_by_role("heading", name="film-01.png").wait_for(timeout=60_000)
    page.wait_for_selector(".viewer[data-ready=true]", timeout=60_000)
    page.get_by_role("link", name="Its heatmaps side by side").click()
    page.get_by_role("heading", name="Heatmaps", level=1).wait_for(timeout=60_000)
    page.wait_for_selector(".viewer[data-ready=true]", timeout=60_000)
    page.get_by_role("link", name="Worklist").click()
    page.get_by_role("heading", name="film-01.png").wait_for(timeout=60_000)

    with page.expect_download() as download:
        page.get_by_role("button", name="CSV", exact=True).click()
    lines = download.value.path().read_text("utf-8").splitlines()
    assert len(lines) == N_FILMS + 1
    picture = Image.open(io.BytesIO(page.get_by_test_id("stDataFrame").screenshot()))
    assert picture.getextrema()[0] != (0, 0)


def test_five_hundred_uploads_are_no_hurdle(page, films):
    """The same sixty films again and again: the browser sends them all, the networks read sixty."""
    paths = sorted(films.iterdir())
    copies = films.parent / "copies"
    copies.mkdir()
    for n in range(500):
        (copies / f"{n:03}.png").write_bytes(paths[n % N_FILMS].read_bytes())
    page.set_input_files("input[type=file]", sorted(map(str, copies.iterdir())))
    page.get_by_text("499.png").wait_for(state="attached", timeout=120_000)
    page.wait_for_timeout(2000)
    page.get_by_role("button", name="Read these films").nth(0).click()
    page.get_by_text("500 files:").wait_for(timeout=120_000)
