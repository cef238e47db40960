"""A dashboard and a browser for the tests; both are started once a module."""

from __future__ import annotations

import contextlib
import shutil

import pytest

from tests.browser.shown import Shown
from tools.dashboard import dashboard

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="module")
def browser():
    """Chromium, as the system brings it."""
    api = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed: make test-all installs it"
    )
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine: install the package")
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
    with api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def address():
    """The page of the drawn films."""
    with dashboard("tests/browser/grid_page.py") as url:
        yield url


@pytest.fixture
def show(browser, address):
    """Open a film; afterwards: nothing went to another host, nothing was complained about."""
    contexts, external, complaints = [], [], []

    def open_film(query="", **options):
        size = {"width": 1280, "height": 1000}
        context = browser.new_context(viewport=size, accept_downloads=True, **options)
        contexts.append(context)
        page = context.new_page()
        own = (address, "data:", "blob:")
        page.on("request", lambda r: None if r.url.startswith(own) else external.append(r.url))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
        page.goto(f"{address}/?{query}")
        page.wait_for_selector(".viewer[data-ready]", timeout=60_000)
        page.wait_for_timeout(1000)
        frames = []
        session = context.new_cdp_session(page)
        session.send("Network.enable")
        session.on("Network.webSocketFrameSent", lambda event: frames.append(event))
        shown = Shown(page, frames)
        shown.settle()
        return shown

    yield open_film
    for context in contexts:
        context.close()
    assert external == []
    assert complaints == []


@pytest.fixture
def open_page(browser, tiny_bundle_dir, monkeypatch):
    """Open a page of the app on the tiny bundle: nothing goes elsewhere, no script fails."""
    monkeypatch.setenv("CXR_BUNDLE", str(tiny_bundle_dir))
    with contextlib.ExitStack() as stack:
        external, failed = [], []

        def open_at(path, height_px):
            url = stack.enter_context(dashboard("streamlit_app.py"))
            context = browser.new_context(viewport={"width": 1280, "height": height_px})
            stack.callback(context.close)
            page = context.new_page()
            own = (url, "data:", "blob:")
            page.on("request", lambda r: None if r.url.startswith(own) else external.append(r.url))
            page.on("pageerror", lambda error: failed.append(str(error)))
            page.goto(f"{url}/{path}")
            return page

        yield open_at
    assert external == []
    assert failed == []
