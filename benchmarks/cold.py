"""Cold start and memory: seconds to the first answer and to the first page, megabytes after films.

    python -m benchmarks.cold [--repeats 10] [--films 500] [--no-browser] [--only start|memory]

Command line: from the start of the process to its end, `predict` with one film, and `--help`.
Dashboard: from `streamlit run` until its address answers, until the first run of the front page has
arrived over the websocket, and until Chromium shows it. Each with the files in the system's cache,
and, where this script may drop that cache (root), from the disk. Memory: the dashboard's process
after each step; films are sent one by one over the websocket, as a browser sends them.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from benchmarks.noisy_films import SAMPLES, noisy_films
from benchmarks.process_memory import ProcessMemory
from benchmarks.serving import DASHBOARD, ROOT, serving
from benchmarks.visitor import Visitor

FILM: Final = SAMPLES / "synthetic-pneumonia-1.png"
EMPTY: Final = "No film yet"
_HEALTH: Final = "/_stcore/health"
_DROP: Final = Path("/proc/sys/vm/drop_caches")
_PATIENCE_MS: Final = 120_000
_FULL_SESSION: Final = 200

Part = Callable[[], dict[str, float]]
"""Starts something anew; returns seconds by what was waited for."""


def main(argv: Sequence[str] | None = None) -> None:
    """Print the tables.

    Args:
        argv: Arguments without the program's name; those of the process if `None`.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cold")
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--films", type=int, default=500)
    parser.add_argument("--no-browser", action="store_true")
    parser.add_argument("--only", choices=("start", "memory"))
    arguments = parser.parse_args(argv)
    print(f"{platform.machine()}, {os.cpu_count()} cores\n")
    if arguments.only != "memory":
        print_starts(arguments.repeats, with_browser=not arguments.no_browser)
    if arguments.only != "start":
        print_memory(arguments.films)


def print_starts(repeats: int, *, with_browser: bool) -> None:
    """Print how long everything takes from its start.

    Args:
        repeats: Starts of each, with the files in memory; as many more from the disk.
        with_browser: Whether Chromium opens the page too.
    """
    parts: list[Part] = [_predict, _help, _dashboard]
    if with_browser:
        parts.append(_in_chromium)
    print(
        f"| {repeats} starts each | files in memory: median, s | worst | from disk: median, s "
        "| worst |\n|---|---:|---:|---:|---:|"
    )
    for part in parts:
        warm = _repeated(part, repeats)
        cold = _repeated(part, repeats, before=_drop_caches) if os.access(_DROP, os.W_OK) else {}
        for name, times in warm.items():
            cells = [f"{statistics.median(times):.2f} | {max(times):.2f}"]
            from_disk = cold.get(name)
            cells.append(
                f"{statistics.median(from_disk):.2f} | {max(from_disk):.2f}" if from_disk else "|"
            )
            print(f"| {name} | {' | '.join(cells)} |", flush=True)


def print_memory(n_films: int) -> None:
    """Print what the dashboard holds after each step.

    Args:
        n_films: Films, of 1024 by 1024 pixels, in each of two ways.
    """
    print("\n| dashboard | resident, MB | PSS | of it not files | peak so far |")
    print("|---|---:|---:|---:|---:|")
    with serving(DASHBOARD, ready=_HEALTH) as served:
        _row("started, no page opened", served.pid)
        with Visitor(served.port) as visitor:
            visitor.open()
            _row("front page, models loaded", served.pid)
            for n, film in enumerate(noisy_films(n_films, enlarge=2), start=1):
                visitor.upload(film)
                if n in (1, 10, 100) or n == n_films:
                    _row(
                        f"{n} {'film' if n == 1 else 'films'}, each taken away for the next",
                        served.pid,
                    )
            visitor.clear()
            for n, film in enumerate(noisy_films(n_films, seed=1, enlarge=2), start=1):
                visitor.upload(film, keep=True)
                if n % _FULL_SESSION == 0:
                    _row(
                        f"{n} more, {_FULL_SESSION} of them kept: all that a session holds",
                        served.pid,
                    )
                    visitor.clear()
            _row(f"{n_films} more, cleared after every {_FULL_SESSION}", served.pid)
        _row("the visitor has left", served.pid)


def _repeated(
    part: Part, repeats: int, *, before: Callable[[], None] = lambda: None
) -> dict[str, list[float]]:
    """Start something several times; one start before them is not counted."""
    times: dict[str, list[float]] = {}
    part()
    for _ in range(repeats):
        before()
        for name, seconds in part().items():
            times.setdefault(name, []).append(seconds)
    return times


def _drop_caches() -> None:
    """Let the system forget the contents of all files."""
    os.sync()
    _DROP.write_text("3\n", "ascii")


def _predict() -> dict[str, float]:
    """Read one film."""
    return {"`predict`, one film, to the end of the process": _command_s("predict", str(FILM))}


def _help() -> dict[str, float]:
    """Ask for help."""
    return {"`--help`": _command_s("--help")}


def _command_s(*words: str) -> float:
    """Return how long our command line takes from start to end."""
    started = time.perf_counter()
    subprocess.run(  # noqa: S603 - our own interpreter and modules
        [sys.executable, "-m", "cxr_core", *words],
        cwd=ROOT,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return time.perf_counter() - started


def _dashboard() -> dict[str, float]:
    """Start the dashboard and open its front page without a browser."""
    started = time.perf_counter()
    with serving(DASHBOARD, ready=_HEALTH) as served, Visitor(served.port) as visitor:
        visitor.open()
        page_s = time.perf_counter() - started
        return {
            "dashboard: its address answers": served.ready_s,
            "dashboard: the front page has arrived, models loaded": page_s,
        }


def _in_chromium() -> dict[str, float]:
    """Start the dashboard and open its front page in a browser that runs already."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = chromium.new_page(viewport={"width": 1280, "height": 1000})
        started = time.perf_counter()
        with serving(DASHBOARD, ready=_HEALTH) as served:
            page.goto(f"http://127.0.0.1:{served.port}", wait_until="commit")
            page.wait_for_selector("text=Research use only", timeout=_PATIENCE_MS)
            first_s = time.perf_counter() - started
            page.wait_for_selector(f"text={EMPTY}", timeout=_PATIENCE_MS)
            whole_s = time.perf_counter() - started
        chromium.close()
    return {
        "dashboard: Chromium shows its first words": first_s,
        "dashboard: Chromium shows the whole front page, models loaded": whole_s,
    }


def _row(words: str, pid: int) -> None:
    """Print the memory of a process."""
    memory = ProcessMemory.of(pid)
    values = (
        memory.resident_mb,
        memory.proportional_mb,
        memory.anonymous_mb,
        memory.peak_mb,
    )
    print(f"| {words} | {' | '.join(f'{value:,.0f}' for value in values)} |", flush=True)


if __name__ == "__main__":
    main()
