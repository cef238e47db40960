"""A dashboard and a browser for the tests; both are started once a module."""

from __future__ import annotations

import shutil

import pytest

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
