"""Screenshots of every page, dark and light, at two widths, with synthetic films only.

    python -m tools.make_screenshots --out docs/screenshots [--pages Compare Heatmaps]

Needs Chromium and the package playwright (`make test-all` installs both). The pictures are AVIF,
which browsers show, so that all of them together stay small.
"""

from __future__ import annotations

import argparse
import io
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from PIL import Image

from tools.dashboard import ROOT, dashboard

FILMS: Final = ("synthetic-pneumonia-1.png", "synthetic-covid19-2.png", "synthetic-normal-1.png")
PAGES: Final = {
    "Read films": 1700,
    "Compare": 2900,
    "Heatmaps": 1900,
    "Performance": 3300,
    "Calibration": 3300,
    "Shortcut audit": 3300,
    "Training curves": 1700,
    "Dataset": 1900,
    "Model card": 1600,
    "Worklist": 1200,
    "Reader study": 1500,
}
"""Page to the rows of its picture."""

WIDTHS_PX: Final = (1280, 1920)
SCHEMES: Final = ("dark", "light")
N_COLOURS: Final = 256
AVIF_QUALITY: Final = 60
IN_README: Final = frozenset({"front-dark-1280"})
"""Pictures that the README shows, written as PNG."""

SUFFIX: Final = {True: ".png", False: ".avif"}

_SETTLE_MS: Final = 5000


def main(argv: Sequence[str] | None = None) -> None:
    """Take the pictures.

    Args:
        argv: Arguments without the program's name; those of the process if `None`.
    """
    parser = argparse.ArgumentParser(prog="python -m tools.make_screenshots")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--pages", nargs="+", choices=list(PAGES), default=list(PAGES))
    arguments = parser.parse_args(argv)
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    arguments.out.mkdir(parents=True, exist_ok=True)
    with dashboard() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        for scheme in SCHEMES:
            for width in WIDTHS_PX:
                _session(browser, url, scheme, width, arguments.pages, arguments.out)
        browser.close()


def _session(
    browser: Any, url: str, scheme: str, width: int, pages: Sequence[str], out: Path
) -> None:
    """Read the films once and take one picture a page."""
    context = browser.new_context(viewport={"width": width, "height": 1000}, color_scheme=scheme)
    page = context.new_page()
    page.goto(url)
    page.wait_for_selector("text=No film yet", timeout=120_000)
    films = [str(ROOT / "assets" / "samples" / name) for name in FILMS]
    page.set_input_files("input[type=file]", films)
    page.wait_for_selector(".viewer[data-ready=true]", timeout=120_000)
    for name in pages:
        page.set_viewport_size({"width": width, "height": PAGES[name]})
        page.get_by_role("link", name=name).click()
        if name == "Worklist":
            page.get_by_role("button", name="Read the sample films").click()
            page.get_by_text("files:").wait_for(timeout=120_000)
        page.wait_for_timeout(_SETTLE_MS)
        stem = "front" if name == "Read films" else name.lower().replace(" ", "-")
        title = f"{stem}-{scheme}-{width}"
        path = out / f"{title}{SUFFIX[title in IN_README]}"
        _save(page.screenshot(), path)
        print(f"{path.name}: {path.stat().st_size / 1e3:.0f} kB")
    context.close()


def _save(data: bytes, path: Path) -> None:
    """Write a picture as AVIF, or with few colours as PNG, which every viewer of a README shows."""
    picture = Image.open(io.BytesIO(data)).convert("RGB")
    if path.suffix == ".avif":
        picture.save(path, "AVIF", quality=AVIF_QUALITY, speed=4)
        return
    few = picture.quantize(N_COLOURS, kmeans=2, dither=Image.Dither.NONE)
    few.save(path, "PNG", optimize=True)


if __name__ == "__main__":
    main()
