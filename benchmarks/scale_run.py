"""Films read with and without Ray, the run with Ray killed in the middle, the tables compared.

Called by `benchmarks.scale`. Each run is the command line in a process of its own.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from pyarrow import parquet

from benchmarks.process_tree import ProcessTree
from benchmarks.throughput import write_films
from cxr_core.bundle import Bundle

ROOT: Final = Path(__file__).resolve().parents[1]
_RAY: Final = ("--ray", "--ray-block", "25")
_LOOK_S: Final = 0.5
_WARM: Final = 2
"""Looks that are left out of the rate: the networks are compiled meanwhile."""


@dataclass(frozen=True)
class Rate:
    """Something a film, with the interval of its mean, from parts."""

    mean: float
    low: float
    high: float

    def words(self, factor: float, digits: int) -> str:
        """Write it."""
        values = (f"{value * factor:.{digits}f}" for value in (self.mean, self.low, self.high))
        return "{} ({} to {})".format(*values)


@dataclass(frozen=True)
class RunResult:
    """What came of the runs.

    Attributes:
        n_films: Films.
        plain_s: Seconds of the run without Ray, start and end too.
        plain_cpu_s: Its seconds of one core.
        film_s: Seconds a film with Ray, after the first parts.
        film_cpu_s: Seconds of one core a film with Ray, all processes, after the first parts.
        start_s: Seconds from the command to the first part.
        start_cpu_s: Seconds of one core until then.
        n_kept: Readings on the disk after the kill.
        n_read_again: Films that the networks read twice, before and after the kill.
        is_equal: Whether the tables are equal byte for byte.
        difference: Largest difference of a number between the tables.
        part_bytes: Of all parts.
        table_bytes: Of the table.
    """

    n_films: int
    plain_s: float
    plain_cpu_s: float
    film_s: Rate
    film_cpu_s: Rate
    start_s: float
    start_cpu_s: float
    n_kept: int
    n_read_again: int
    is_equal: bool
    difference: float
    part_bytes: int
    table_bytes: int


def run_both(work: Path, n_films: int, bundle: Bundle) -> RunResult:
    """Read films without and with Ray.

    Args:
        work: Folder for films and tables; a table without Ray that is there already is kept.
        n_films: Synthetic films with noise, one more of them damaged.
        bundle: The models.

    Returns:
        What came of it.
    """
    films, plain, out = work / "films", work / "plain.parquet", work / "ray.parquet"
    if not films.is_dir():
        films.mkdir(parents=True)
        write_films(films, n_films)
        whole = (films / "film-00000.png").read_bytes()
        (films / "film-00000-cut.png").write_bytes(whole[: len(whole) // 2])
    plain_s, plain_cpu_s = _plain(films, plain, bundle)
    shutil.rmtree(_parts(out), ignore_errors=True)
    out.unlink(missing_ok=True)
    looks = _run_and_kill(films, out, bundle, n_films // 2)
    before = _part_files(out)
    _command(films, out, bundle, *_RAY, "--resume").wait()
    again = [path for path in _part_files(out) if path not in before]
    old, new = _digests(before), _digests(again)
    return RunResult(
        n_films=n_films,
        plain_s=plain_s,
        plain_cpu_s=plain_cpu_s,
        film_s=_rate(looks, 1),
        film_cpu_s=_rate(looks, 2),
        start_s=looks[0][1],
        start_cpu_s=looks[0][2],
        n_kept=len(old),
        n_read_again=len(set(old) & set(new)),
        is_equal=out.read_bytes() == plain.read_bytes(),
        difference=_difference(out, plain),
        part_bytes=sum(path.stat().st_size for path in _part_files(out)),
        table_bytes=out.stat().st_size,
    )


def _plain(films: Path, plain: Path, bundle: Bundle) -> tuple[float, float]:
    """Read the films without Ray, unless they were; return seconds, and those of one core."""
    said = plain.with_name("plain-seconds.txt")
    if not (plain.is_file() and said.is_file()):
        started = time.monotonic()
        process = _command(films, plain, bundle)
        tree = ProcessTree(process.pid)
        while process.poll() is None:
            cpu_s = tree.cpu_s()
            time.sleep(_LOOK_S)
        said.write_text(f"{time.monotonic() - started} {cpu_s}", "utf-8")
    plain_s, plain_cpu_s = said.read_text("utf-8").split()
    return float(plain_s), float(plain_cpu_s)


def _run_and_kill(
    films: Path, out: Path, bundle: Bundle, n_enough: int
) -> list[tuple[int, float, float]]:
    """Read films with Ray until there are enough; return films, seconds, core seconds a look."""
    started = time.monotonic()
    process = _command(films, out, bundle, *_RAY)
    tree = ProcessTree(process.pid)
    looks = [(0, 0.0, 0.0)]
    while process.poll() is None and looks[-1][0] < n_enough:
        n_done = sum(parquet.read_metadata(path).num_rows for path in _part_files(out))
        cpu_s = tree.cpu_s()
        if n_done > looks[-1][0]:
            looks.append((n_done, time.monotonic() - started, cpu_s))
        time.sleep(_LOOK_S)
    process.send_signal(signal.SIGKILL)
    process.wait()
    return looks[1:]


def _command(films: Path, out: Path, bundle: Bundle, *options: str) -> subprocess.Popen[bytes]:
    """Start `score`."""
    command = [sys.executable, "-m", "cxr_core", "score", str(films), "--out", str(out)]
    return subprocess.Popen(  # noqa: S603 - our own command
        [*command, "--bundle", str(bundle.folder), *options],
        cwd=ROOT,
        stdout=sys.stderr,
        start_new_session=True,
    )


def _parts(out: Path) -> Path:
    """Return the folder of parts of a table."""
    return out.with_name(f"{out.name}.parts")


def _part_files(out: Path) -> list[Path]:
    """Return the parts, oldest first."""
    return sorted(_parts(out).glob("part-*.parquet"), key=lambda path: path.stat().st_mtime)


def _digests(paths: Sequence[Path]) -> list[str]:
    """Return the digests of the films of some parts."""
    columns = [parquet.read_table(path, columns=["sha256"]).column(0) for path in paths]
    return [digest for column in columns for digest in column.to_pylist()]


def _rate(looks: Sequence[tuple[int, float, float]], column: int) -> Rate:
    """Return what a film takes of one column, from the gaps between looks."""
    table = np.array(looks[_WARM:], np.float64)
    films, taken = np.diff(table[:, 0]), np.diff(table[:, column])
    drawn = np.random.default_rng(0).integers(0, len(films), (2000, len(films)))
    low, high = np.quantile(taken[drawn].sum(1) / films[drawn].sum(1), [0.025, 0.975])
    return Rate(float(taken.sum() / films.sum()), float(low), float(high))


def _difference(one: Path, other: Path) -> float:
    """Return the largest difference of a number; infinite where anything else differs."""
    tables = [parquet.read_table(path) for path in (one, other)]
    if len({(table.schema, table.num_rows) for table in tables}) != 1:
        return float("inf")
    largest = 0.0
    for name in tables[0].column_names:
        columns = [table.column(name) for table in tables]
        if columns[0].equals(columns[1]):
            continue
        if str(columns[0].type) != "double":
            return float("inf")
        arrays = [np.asarray(column.to_numpy(), np.float64) for column in columns]
        largest = max(largest, float(np.nanmax(np.abs(arrays[0] - arrays[1]))))
    return largest


def print_run(result: RunResult) -> None:
    """Print what came of the runs.

    Args:
        result: From `run_both`.
    """
    print(f"\n| {result.n_films:,} films of 512 by 512 and a damaged one | |\n|---|---:|")
    start = f"{result.start_s:.0f}, {result.start_cpu_s:.0f}"
    plain = f"{result.plain_s / result.n_films * 1e3:.0f}"
    plain_cpu = f"{result.plain_cpu_s / result.n_films * 1e3:.0f}"
    rows = (
        ("without Ray, start and end too, ms a film", plain),
        ("the same, ms of one core a film", plain_cpu),
        ("with Ray, after the start, ms a film (interval)", result.film_s.words(1e3, 0)),
        ("the same, ms of one core a film (interval)", result.film_cpu_s.words(1e3, 0)),
        ("with Ray, until the first part: seconds, seconds of one core", start),
        ("killed (signal 9) with so many readings on the disk", f"{result.n_kept:,}"),
        ("of those read again after --resume", f"{result.n_read_again:,}"),
        ("the two tables are equal byte for byte", "yes" if result.is_equal else "no"),
        ("largest difference of a number between them", f"{result.difference:g}"),
    )
    for title, value in rows:
        print(f"| {title} | {value} |")
