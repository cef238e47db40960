"""What one million films cost: decoding, networks, Ray, and the arithmetic from these.

    python -m benchmarks.scale [--films 2000] [--times 24] [--work DIR] [--bundle DIR]

First each kind of film is read, decoded and brought to the networks' size, and the networks read
some, on one core each: the processor's own time is counted, so that other processes on the machine
do not. Then `benchmarks.scale_run` reads films with and without Ray, kills the run with Ray in the
middle, goes on, and compares the tables. The last tables are arithmetic: processor time by films,
machines of 16 cores, and bytes. `--films 0` leaves the runs out. Intervals are 95 %, of the mean.
"""

from __future__ import annotations

import argparse
import io
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from benchmarks.noisy_films import SAMPLES
from benchmarks.scale_run import RunResult, print_run, run_both
from cxr_core.batch import BytesItem
from cxr_core.batch.loader import Loader, MemoryStore
from cxr_core.bundle import DEFAULT_BUNDLE, Bundle
from cxr_core.io import LIMITS, read_path
from cxr_core.predict import Predictor
from cxr_core.preprocess import Shrunk, prepare, shrink

N_MILLION: Final = 1_000_000
N_CORES: Final = 16
MACHINES: Final = (1, 8, 64)
LINK_GBIT: Final = 10
GREY_BYTES: Final = 224 * 224 * 4
_NOISE: Final = 6
_SIZE: Final = 2000


@dataclass(frozen=True)
class Cost:
    """What one film costs.

    Attributes:
        title: Kind of film, or step.
        core_s: Seconds of one core, mean.
        low_s: Lower end of the interval of the mean.
        high_s: Upper end.
        n: Measurements.
        film_mb: Megabytes of a file; 0 where none is read.
    """

    title: str
    core_s: float
    low_s: float
    high_s: float
    n: int
    film_mb: float = 0.0


def main(argv: Sequence[str] | None = None) -> None:
    """Print the tables.

    Args:
        argv: Arguments without the program's name; those of the process if `None`.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale")
    parser.add_argument("--films", type=int, default=2000)
    parser.add_argument("--times", type=int, default=24)
    parser.add_argument("--work", type=Path, help="kept, and gone on with; a temporary folder")
    parser.add_argument("--bundle", type=Path, default=DEFAULT_BUNDLE)
    arguments = parser.parse_args(argv)
    bundle = Bundle.load(arguments.bundle)
    predictor = Predictor(bundle, n_threads=1)
    decoding = [decode_cost(predictor, *film, arguments.times) for film in films()]
    networks = network_cost(predictor, arguments.times)
    print_costs([*decoding, networks])
    result = None
    if arguments.films:
        with tempfile.TemporaryDirectory() as folder:
            work = arguments.work or Path(folder)
            result = run_both(work, arguments.films, bundle)
        print_run(result)
    print_million(decoding, networks, result)


def films() -> Iterator[tuple[str, list[bytes]]]:
    """Yield a title and some films of each kind.

    Yields:
        PNG and JPEG are synthetic samples with noise, enlarged; DICOM is RG1 of pydicom-data where
        that is installed, 1,955 by 1,841 pixels.
    """
    rng = np.random.default_rng(0)
    small, large = [], []
    for path in sorted(SAMPLES.glob("synthetic-*.png"))[:4]:
        sample = Image.open(path).convert("L")
        for some, picture in ((small, sample), (large, sample.resize((_SIZE, _SIZE)))):
            pixels = np.asarray(picture, np.int16)
            noisy = pixels + rng.integers(-_NOISE, _NOISE + 1, pixels.shape)
            some.append(Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)))
    yield "PNG, 512 by 512", [_saved(picture, "PNG") for picture in small]
    yield "PNG, 2,000 by 2,000", [_saved(picture, "PNG") for picture in large]
    yield "JPEG, 2,000 by 2,000", [_saved(picture, "JPEG", quality=92) for picture in large]
    try:
        from pydicom.data import get_testdata_file

        for name, title in (("RG1_UNCR", "uncompressed"), ("RG1_J2KR", "JPEG 2000 lossless")):
            path = Path(str(get_testdata_file(f"{name}.dcm", download=False)))
            yield f"DICOM, {title}", [path.read_bytes()]
    except (ImportError, OSError, ValueError):
        print("DICOM is left out: pydicom-data is not installed")


def _saved(picture: Image.Image, kind: str, **options: int) -> bytes:
    """Return a picture as the bytes of a file."""
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def decode_cost(predictor: Predictor, title: str, some: Sequence[bytes], n_times: int) -> Cost:
    """Time what is done to a film before the networks: digest, decoding, size, layout.

    Args:
        predictor: Says what it is done for.
        title: Kind of film.
        some: Files in turn.
        n_times: Films.

    Returns:
        The cost; reading from a disk or network is not in it.
    """
    shape = partial(shrink, specs=predictor.specs)
    loader: Loader[Shrunk] = Loader(shape, limits=LIMITS, store=MemoryStore())
    items = [BytesItem(f"{n}", data) for n, data in enumerate(some)]
    cost = _cost(title, lambda n: loader.decode(items[n % len(items)]), n_times)
    mb = float(np.mean([len(data) for data in some])) / 1e6
    return Cost(title, cost.core_s, cost.low_s, cost.high_s, cost.n, mb)


def network_cost(predictor: Predictor, n_times: int) -> Cost:
    """Time the networks, heads and trust model on one core.

    Args:
        predictor: Of one thread.
        n_times: Films.

    Returns:
        The cost.
    """
    paths = sorted(SAMPLES.glob("synthetic-*.png"))[:4]
    prepared = [prepare(read_path(path), predictor.specs) for path in paths]
    return _cost("networks", lambda n: predictor.answer(prepared[n % len(prepared)]), n_times)


def _cost(title: str, call: Callable[[int], object], n_times: int) -> Cost:
    """Take the processor's time of calls; the first one warms up and is left out."""
    times = []
    for n in range(n_times + 1):
        started = time.process_time()
        call(n)
        times.append(time.process_time() - started)
    measured = np.array(times[1:])
    rng = np.random.default_rng(0)
    means = measured[rng.integers(0, n_times, (2000, n_times))].mean(1)
    low, high = np.quantile(means, [0.025, 0.975])
    return Cost(title, float(measured.mean()), float(low), float(high), n_times)


def print_costs(costs: Sequence[Cost]) -> None:
    """Print what one film costs.

    Args:
        costs: Kinds of films and the networks.
    """
    print("| step | MB a file | core ms a film (interval) | films a second and core | n |")
    print("|---|---:|---:|---:|---:|")
    for cost in costs:
        size = f"{cost.film_mb:.2f}" if cost.film_mb else ""
        ms = f"{cost.core_s * 1e3:.0f} ({cost.low_s * 1e3:.0f} to {cost.high_s * 1e3:.0f})"
        print(f"| {cost.title} | {size} | {ms} | {1 / cost.core_s:.1f} | {cost.n} |")


def million_rows(
    decoding: Sequence[Cost], networks: Cost, used: float
) -> list[tuple[str, float, float, tuple[float, ...], float]]:
    """Return what one million films cost.

    Args:
        decoding: Kinds of films.
        networks: All networks.
        used: Share of the processor's time that goes into the two, in (0, 1].

    Returns:
        Kind, core hours for decoding, core hours in all, hours with each number of `MACHINES`, and
        terabytes to read.
    """
    rows = []
    for cost in decoding:
        decode_h = cost.core_s * N_MILLION / 3600
        all_h = (cost.core_s + networks.core_s) * N_MILLION / 3600 / used
        hours = tuple(all_h / (N_CORES * machines) for machines in MACHINES)
        rows.append((cost.title, decode_h, all_h, hours, cost.film_mb * N_MILLION / 1e6))
    return rows


def print_million(decoding: Sequence[Cost], networks: Cost, result: RunResult | None) -> None:
    """Print the arithmetic for one million films.

    Args:
        decoding: Kinds of films.
        networks: All networks.
        result: Of the runs, or `None` where there were none.
    """
    used = 1.0
    if result is not None:
        film_s = decoding[0].core_s + networks.core_s
        used = min(1.0, film_s / result.film_cpu_s.mean)
        print(f"\nDecoding and networks are {used:.0%} of the processor's time that Ray takes.")
    print(f"\nOne million films, machines of {N_CORES} such cores, at that share:\n")
    titles = " | ".join(f"hours, {n} machine{'s' if n > 1 else ''}" for n in MACHINES)
    print(
        f"| films | core hours, decoding | core hours in all | {titles} | TB to read | "
        f"hours to read it at {LINK_GBIT} Gbit/s |"
    )
    print("|---|---:|---:|" + "---:|" * (len(MACHINES) + 2))
    for title, decode_h, all_h, hours, terabytes in million_rows(decoding, networks, used):
        each = " | ".join(f"{value:.2f}" for value in hours)
        link_h = terabytes * 8e3 / LINK_GBIT / 3600
        print(
            f"| {title} | {decode_h:.1f} | {all_h:.0f} | {each} | {terabytes:.2f} | {link_h:.2f} |"
        )
    print("\nReading and computing go on at the same time: the longer of the two counts.")
    grey = GREY_BYTES * N_MILLION / 1e9
    print(f"Grey images that go from decoding to networks, mostly within a machine: {grey:.0f} GB.")
    if result is not None:
        for title, n_bytes in (("Parts", result.part_bytes), ("Table", result.table_bytes)):
            gb = n_bytes / result.n_films * N_MILLION / 1e9
            print(f"{title} on the disk: {gb:.2f} GB.")


if __name__ == "__main__":
    main()
