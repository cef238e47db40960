"""What a server costs: memory, seconds until it is ready, films a second over HTTP.

    python -m benchmarks.server [--films 96] [--bundle DIR] [--precision f32|bf16]

Starts `python -m cxr_core serve`, then dashboard and interface in one process, and reads the memory
of each from `/proc` (Linux). The films are the synthetic samples, and for the peak one as large as
a detector's and one as large as the limit, at 16 bits. The predictor alone, in this process, is
timed on the same films.
"""

from __future__ import annotations

import argparse
import http.client
import io as byte_io
import os
import platform
import statistics
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.process_memory import ProcessMemory
from benchmarks.serving import ROOT, ask, serving
from cxr_core import io
from cxr_core.bundle import DEFAULT_BUNDLE
from cxr_core.explain.cam import METHODS
from cxr_core.lungs import load_lungs
from cxr_core.predict import PublishedModels

TOKEN = "a-token-of-the-benchmark"  # noqa: S105 - of a server that ends with this script
_CLIENTS = (1, 4, 16)
_LARGE = ((3000, 2500), (10_000, 10_000))


def main(argv: Sequence[str] | None = None) -> None:
    """Print the tables.

    Args:
        argv: Arguments without the program's name; those of the process if `None`.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.server")
    parser.add_argument("--films", type=int, default=96)
    parser.add_argument("--bundle", type=Path, default=DEFAULT_BUNDLE)
    parser.add_argument("--precision", choices=("f32", "bf16"), default="f32")
    arguments = parser.parse_args(argv)
    films = [path.read_bytes() for path in sorted((ROOT / "assets" / "samples").glob("*.png"))]
    films = [films[i % len(films)] for i in range(arguments.films)]
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, {len(films)} films, {arguments.precision}\n"
    )
    serve = ["-m", "cxr_core", "serve", "--port", "0", "--bundle", str(arguments.bundle)]
    token = {"CXR_API_TOKEN": TOKEN}
    with serving([*serve, "--precision", arguments.precision], environment=token) as served:
        print(f"`serve` is ready after {served.ready_s:.1f} s.\n")
        _memory_of_serve(served.pid, served.port, films, arguments.precision)
    dashboard = ["-m", "streamlit", "run", "asgi_app.py", "--server.port", "0"]
    with serving(dashboard, environment=token) as served:
        print(f"\nDashboard and interface in one process, ready after {served.ready_s:.1f} s:")
        _predict(served.port, films[0])
        print(f"after one film {ProcessMemory.of(served.pid).resident_mb:.0f} MB.")
    _predictor_alone(films, arguments.bundle, arguments.precision)


def _memory_of_serve(pid: int, port: int, films: Sequence[bytes], precision: str) -> None:
    """Print memory after each step, and rates."""
    print("| `serve` | resident, MB | of it not files, MB | peak so far, MB |")
    print("|---|---:|---:|---:|")
    _row("ready, no film read", pid)
    _predict(port, films[0])
    _row("one film", pid)
    rates = []
    for n_clients in _CLIENTS:
        rates.append((n_clients, *_timed(port, films, n_clients)))
        _row(f"{len(films)} films, {n_clients} at once", pid)
    for height, width in _LARGE:
        _predict(port, _large_film(height, width))
        _row(f"a film of {width:,} by {height:,} pixels, 16 bits", pid)
    _predict(port, films[0], f"?explain={','.join(METHODS)}")
    _row("every map of a film", pid)
    other = "bf16" if precision == "f32" else "f32"
    _predict(port, films[0], f"?precision={other}")
    _row(f"the same networks in {other} too", pid)
    print("\n| clients | films a second | median, ms | p95, ms |\n|---:|---:|---:|---:|")
    for n_clients, rate, median, p95 in rates:
        print(f"| {n_clients} | {rate:.2f} | {median:.0f} | {p95:.0f} |")


def _predictor_alone(films: Sequence[bytes], bundle: Path, precision: str) -> None:
    """Print the rate without HTTP: decoding and reading, one film after the other."""
    lungs = load_lungs()
    predictor = PublishedModels(bundle, lungs=lungs).predictor(None, precision)
    predictor.read(io.read(films[0], name="film"))
    started = time.perf_counter()
    for film in films:
        predictor.read(io.read(film, name="film"))
    rate = len(films) / (time.perf_counter() - started)
    print(f"\nThe predictor alone, one film after the other: {rate:.2f} films a second.")


def _timed(port: int, films: Sequence[bytes], n_clients: int) -> tuple[float, float, float]:
    """Send all films from several clients; films a second, median and 95th percentile in ms."""

    def ask(film: bytes) -> float:
        begun = time.perf_counter()
        _predict(port, film)
        return (time.perf_counter() - begun) * 1e3

    started = time.perf_counter()
    with ThreadPoolExecutor(n_clients) as pool:
        took_ms = list(pool.map(ask, films))
    rate = len(films) / (time.perf_counter() - started)
    return rate, statistics.median(took_ms), float(np.percentile(took_ms, 95))


def _predict(port: int, film: bytes, query: str = "") -> None:
    """Have one film read."""
    headers = {"Content-Type": "image/png", "Authorization": f"Bearer {TOKEN}"}
    status = http.client.SERVICE_UNAVAILABLE
    while status == http.client.SERVICE_UNAVAILABLE:  # its turn did not come: ask again
        status, body, _ = ask(port, "POST", f"/api/predict{query}", film, headers)
    if status != http.client.OK:
        msg = f"a film must be read. Received: {status} {body[:300]!r}"
        raise RuntimeError(msg)


def _row(words: str, pid: int) -> None:
    """Print the memory of a process."""
    memory = ProcessMemory.of(pid)
    values = (memory.resident_mb, memory.anonymous_mb, memory.peak_mb)
    print(f"| {words} | {' | '.join(f'{value:.0f}' for value in values)} |")


def _large_film(height: int, width: int) -> bytes:
    """Draw a film as large as a detector's, or as the limit."""
    rows = np.arange(height, dtype=np.uint16)[:, None]
    columns = np.arange(width, dtype=np.uint16)[None]
    pixels = (rows // 3 + columns // 2) * np.uint16(5)
    buffer = byte_io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


if __name__ == "__main__":
    main()
