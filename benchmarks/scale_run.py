"""Films read with and without Ray, the run with Ray killed in the middle, the tables compared.

Called by `benchmarks.scale`. Each run is the command line in a process of its own.
"""

from __future__ import annotations

import os
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

from benchmarks.throughput import write_films
from cxr_core.bundle import Bundle

ROOT: Final = Path(__file__).resolve().parents[1]
_WARM: Final = 2
"""Parts that are left out of the rate: the networks are compiled meanwhile."""


@dataclass(frozen=True)
class RunResult:
    """What came of the runs.

    Attributes:
        n_films: Films.
        n_cores: Cores of the machine.
        plain_s: Seconds of the run without Ray, start and end too.
        ray_rate: Films a second with Ray, between the first parts and the last.
        low_rate: Lower end of its interval, from blocks.
        high_rate: Upper end.
        start_s: Seconds from the command to the first part.
        n_kept: Readings on the disk after the kill.
        n_read_again: Films that the networks read twice, before and after the kill.
        is_equal: Whether the tables are equal byte for byte.
        difference: Largest difference of a number between the tables.
        part_bytes: Of all parts.
        table_bytes: Of the table.
    """

    n_films: int
    n_cores: int
    plain_s: float
    ray_rate: float
    low_rate: float
    high_rate: float
    start_s: float
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
    started = time.monotonic()
    if not plain.is_file():
        _command(films, plain, bundle).wait()
    plain_s = time.monotonic() - started
    shutil.rmtree(_parts(out), ignore_errors=True)
    out.unlink(missing_ok=True)
    started_s = time.time()
    process = _command(films, out, bundle, "--ray", "--ray-block", "25")
    while process.poll() is None and len(_part_files(out)) * 25 < n_films // 2:
        time.sleep(0.5)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = _part_files(out)
    _command(films, out, bundle, "--ray", "--ray-block", "25", "--resume").wait()
    again = [path for path in _part_files(out) if path not in before]
    old, new = _digests(before), _digests(again)
    low, rate, high = _rate(before)
    return RunResult(
        n_films=n_films,
        n_cores=os.cpu_count() or 1,
        plain_s=plain_s,
        ray_rate=rate,
        low_rate=low,
        high_rate=high,
        start_s=min(path.stat().st_mtime for path in before) - started_s,
        n_kept=len(old),
        n_read_again=len(set(old) & set(new)),
        is_equal=out.read_bytes() == plain.read_bytes(),
        difference=_difference(out, plain),
        part_bytes=sum(path.stat().st_size for path in _part_files(out)),
        table_bytes=out.stat().st_size,
    )


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


def _rate(paths: Sequence[Path]) -> tuple[float, float, float]:
    """Return films a second with its interval, from when parts were written."""
    times = np.array([path.stat().st_mtime for path in paths])[_WARM:]
    counts = np.array([parquet.read_metadata(path).num_rows for path in paths])[_WARM + 1 :]
    gaps = np.diff(times)
    drawn = np.random.default_rng(0).integers(0, len(gaps), (2000, len(gaps)))
    rates = counts[drawn].sum(1) / gaps[drawn].sum(1)
    low, high = np.quantile(rates, [0.025, 0.975])
    return float(low), float(counts.sum() / gaps.sum()), float(high)


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
    rate = f"{result.ray_rate:.2f} ({result.low_rate:.2f} to {result.high_rate:.2f})"
    print(f"\n| {result.n_films:,} films and a damaged one, {result.n_cores} cores | |")
    print("|---|---:|")
    rows = (
        (
            "without Ray, start and end too, films a second",
            f"{result.n_films / result.plain_s:.2f}",
        ),
        ("with Ray, between parts, films a second (interval)", rate),
        ("with Ray, seconds to the first part of 25 films", f"{result.start_s:.0f}"),
        ("killed (signal 9) with so many readings on the disk", f"{result.n_kept:,}"),
        ("of those read again after --resume", f"{result.n_read_again:,}"),
        ("the two tables are equal byte for byte", "yes" if result.is_equal else "no"),
        ("largest difference of a number between them", f"{result.difference:g}"),
    )
    for title, value in rows:
        print(f"| {title} | {value} |")
