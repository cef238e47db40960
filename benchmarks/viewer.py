"""The viewer: how small a film and its maps are on the way, how fast they stand on the screen.

    python -m benchmarks.viewer [--films 5] [--no-browser]

Films are a synthetic sample enlarged, with noise, so that they pack no better than real ones. In
the browser (Chromium, the dashboard on this machine) a film of 2000 by 2000 pixels is uploaded and
the clock runs until its five readings and the first map are drawn; the first film, which also
loads the bundle, is not counted.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cxr_core.bundle import DEFAULT_BUNDLE, Bundle
from cxr_core.io import read_path
from cxr_core.predict import Predictor
from cxr_core.radiograph import Radiograph
from tools.dashboard import dashboard
from ui.film_pixels import FilmPixels
from ui.film_view import film_view

SAMPLE = Path(__file__).resolve().parents[1] / "assets" / "samples" / "synthetic-pneumonia-1.png"
REPEATS = 7
NOISE = {8: 1.5, 12: 12.0, 16: 200.0}


def main(argv: Sequence[str] | None = None) -> None:
    """Print the tables.

    Args:
        argv: Arguments without the program's name; those of the process if `None`.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.viewer")
    parser.add_argument("--films", type=int, default=5, help="uploads that are counted")
    parser.add_argument("--no-browser", action="store_true")
    arguments = parser.parse_args(argv)
    _packing()
    _maps()
    if not arguments.no_browser:
        _browser(arguments.films)


def _film(side: int, bits: int, seed: int = 0) -> npt.NDArray[Any]:
    """Return the sample at that size and depth, with noise."""
    import cv2

    grey = read_path(SAMPLE).image
    large = cv2.resize(grey, (side, side), interpolation=cv2.INTER_CUBIC) * (2**bits - 1)
    noise = np.random.default_rng(seed).standard_normal(large.shape, np.float32)
    noisy = np.clip(large + np.float32(NOISE[bits]) * noise, 0, 2**bits - 1)
    return noisy.astype(np.uint8 if bits == 8 else np.uint16)


def _png(pixels: npt.NDArray[Any]) -> bytes:
    """Return a film as a PNG."""
    import cv2

    return bytes(cv2.imencode(".png", pixels)[1].tobytes())


def _packing() -> None:
    """Print size and time of packing."""
    print("| film | sent as | kB | pack, ms (median of 7) |\n| --- | --- | --- | --- |")
    for side, bits in ((1024, 8), (1024, 12), (1024, 16), (2000, 8), (2000, 16), (10_000, 16)):
        film = Radiograph(_film(side, bits), 0.0, 2.0**bits - 1, "x.png", "0" * 64, "PNG")
        times = []
        for _ in range(REPEATS):
            start = time.perf_counter()
            packed = FilmPixels.from_radiograph(film)
            times.append((time.perf_counter() - start) * 1000.0)
        sent = f"{packed.width_px} by {packed.height_px}, {packed.bits} bits"
        size = len(packed.packed) / 1000.0
        name = f"{side} by {side}, {bits} bits"
        print(f"| {name} | {sent} | {size:,.0f} | {statistics.median(times):.0f} |")


def _maps() -> None:
    """Print the size of all maps of a film."""
    predictor = Predictor(Bundle.load(DEFAULT_BUNDLE))
    view = film_view(predictor.read(read_path(SAMPLE)), predictor.explain_classes)
    size = len(json.dumps(view.maps, separators=(",", ":"))) / 1000.0
    n_systems = len(view.maps)
    print(f"\nAll maps of a film, {n_systems} systems: {size:.1f} kB of JSON")


def _browser(n_films: int) -> None:
    """Print the times from upload to picture, with the parts that the page knows."""
    from playwright.sync_api import sync_playwright

    rows = []
    with dashboard() as url, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = chromium.new_page(viewport={"width": 1280, "height": 1000})
        page.goto(url)
        page.wait_for_selector("text=No film yet", timeout=120_000)
        for i in range(n_films + 1):
            rows.append(_upload(page, _png(_film(2000, 8, seed=i))))
            page.get_by_role("button", name="Clear my films").click()
            page.wait_for_selector("text=No film yet", timeout=30_000)
        chromium.close()
    print(f"\nFrom upload to five readings and a map, {n_films} films of 2000 by 2000, 8 bits:")
    print("\n| part | median, ms | largest, ms |\n| --- | --- | --- |")
    for part in rows[0]:
        times = [row[part] for row in rows[1:]]
        print(f"| {part} | {statistics.median(times):,.0f} | {max(times):,.0f} |")


def _upload(page: Any, data: bytes) -> dict[str, float]:
    """Upload one film; return the parts of the time in milliseconds."""
    start = time.perf_counter()
    page.set_input_files(
        "input[type=file]", {"name": "film.png", "mimeType": "image/png", "buffer": data}
    )
    page.wait_for_selector(".viewer[data-ready]", timeout=120_000)
    total = (time.perf_counter() - start) * 1000.0
    page.wait_for_selector("text=Time taken", timeout=30_000)
    words = page.get_by_text("Time taken").last.inner_text()
    server, networks, heatmaps = (
        float(text.replace(",", "")) for text in re.findall(r"([\d,]+) ms", words)
    )
    unpacked = page.evaluate("() => performance.getEntriesByName('cxr-film').at(-1).duration")
    return {
        "upload to picture": total,
        "of it reading and heatmaps on the server": server,
        "networks alone": networks,
        "heatmaps and packing alone": heatmaps,
        "of it unpacking and painting the film in the browser": float(unpacked),
    }


if __name__ == "__main__":
    main()
