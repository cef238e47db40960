"""From upload to five readings with a map on screen, in a browser, with the parts named.

    python -m benchmarks.screen [--n 10] [--side 2000]

Starts the dashboard, lets headless Chromium (which must be installed, with the package playwright)
upload drawn films of SIDE by SIDE pixels one after the other, and takes the time from the upload to
the frame in which the viewer has drawn film and map. The first film warms caches up and is not
counted. Networks and heatmaps are the times that the page itself states; the rest is upload,
decoding, packing, transport and drawing.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image, ImageFilter

ROOT: Final = Path(__file__).resolve().parents[1]
_TIMES: Final = re.compile(r"networks ([\d,]+) ms, heatmaps ([\d,]+) ms")
_READY: Final = """(n) => [...document.querySelectorAll('.viewer')]
    .filter((viewer) => viewer.dataset.ready === 'true').length === n"""


def main(argv: Sequence[str] | None = None) -> None:
    """Upload films and print the table.

    Args:
        argv: Arguments without the program's name; those of the process if `None`.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.screen")
    parser.add_argument("--n", type=int, default=10)
    parser.add_argument("--side", type=int, default=2000)
    arguments = parser.parse_args(argv)
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with _dashboard() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        page.goto(url)
        page.wait_for_selector("text=No film yet", timeout=120_000)
        rows = [_one(page, arguments.side, number) for number in range(arguments.n + 1)][1:]
        browser.close()
    _print(rows, arguments.side)


def film(side: int, seed: int) -> bytes:
    """Draw a film: two dark fields on a bright ground, with noise.

    Args:
        side: Rows and columns.
        seed: Another seed gives other bytes.

    Returns:
        A grey 8-bit PNG.
    """
    rows, columns = np.mgrid[0:side, 0:side] / side
    fields = sum(
        np.exp(-(((columns - x) / 0.16) ** 2) - ((rows - 0.48) / 0.3) ** 2) for x in (0.3, 0.7)
    )
    noise = np.random.default_rng(seed).normal(0, 6, (side, side))
    grey = np.clip(205 - 130 * fields + noise, 0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(grey).filter(ImageFilter.GaussianBlur(1)).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _one(page: Any, side: int, number: int) -> dict[str, float]:
    """Upload one film, wait until it is drawn, drop it; return milliseconds by part."""
    upload = {
        "name": f"drawn-{number}.png",
        "mimeType": "image/png",
        "buffer": film(side, number),
    }
    started = time.perf_counter()
    page.set_input_files("input[type=file]", [upload])
    page.wait_for_function(_READY, arg=1, polling="raf", timeout=120_000)
    total = (time.perf_counter() - started) * 1e3
    page.wait_for_selector("text=Time taken", timeout=30_000)
    found = _TIMES.search(page.inner_text("body"))
    if found is None:
        msg = "the page must state the times of networks and heatmaps"
        raise RuntimeError(msg)
    networks, heatmaps = (float(text.replace(",", "")) for text in found.groups())
    page.get_by_role("button", name="Clear my films").click()
    page.wait_for_selector("text=No film yet", timeout=30_000)
    return {
        "upload to screen": total,
        "networks": networks,
        "heatmaps": heatmaps,
        "upload, decoding, packing, transport, drawing": total - networks - heatmaps,
    }


@contextlib.contextmanager
def _dashboard() -> Iterator[str]:
    """Run the dashboard on a free loopback port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py"]
    server = subprocess.Popen(  # noqa: S603 - our own command
        [*command, "--server.port", str(port)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(120):
            health = f"{url}/_stcore/health"
            with contextlib.suppress(OSError), urllib.request.urlopen(health):  # noqa: S310 - http
                break
            time.sleep(0.5)
        yield url
    finally:
        server.terminate()
        server.wait(10)


def _print(rows: Sequence[dict[str, float]], side: int) -> None:
    """Print median and 95th percentile of every part."""
    print(f"{side} by {side} pixels, {len(rows)} films, one at a time\n")
    print("| part | median, ms | p95, ms |\n|---|---:|---:|")
    for name in rows[0]:
        values = np.array([row[name] for row in rows])
        print(f"| {name} | {np.median(values):.0f} | {np.percentile(values, 95):.0f} |")


if __name__ == "__main__":
    main()
