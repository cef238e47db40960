"""One film, its reading and all its maps: ours beside the usual ways, in one run.

    python -m benchmarks.latency [--films 30] [--bundle DIR] [--variant NAME] [--ours-only]
                                 [--torch PYTHON]

Every way answers for the same films in turn, so that a busy moment of the machine hits all of them.
Ours reads with all systems and makes the map of every system and class; the usual ways do as much
or less, as their titles say. `--torch` names an interpreter with torch, torchvision, grad-cam, onnx
and onnxruntime (they need gigabytes, so they stay apart): it runs `benchmarks/ways/torch_way.py`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.noisy_films import SAMPLES
from cxr_core.bundle import DEFAULT_BUNDLE, Bundle
from cxr_core.explain.cam import DEFAULT_METHOD, METHODS
from cxr_core.io import read_path
from cxr_core.predict import Predictor, Reading
from cxr_core.radiograph import Radiograph

TORCH_WAY: Final = Path(__file__).resolve().parent / "ways" / "torch_way.py"
OURS: Final = "ours: reading + Grad-CAM, every system and class"
OURS_FASTER: Final = "ours in bf16: the same"
MAPS: Final = "ours: Grad-CAM of every system and class, from the reading"
HEAD_TAPE: Final = "eager GradientTape over the heads alone, the same maps"

_REST_S: Final = 0.3  # for the threads of the way before to stop waiting for work

Timer = Callable[[int], None]


def main(argv: Sequence[str] | None = None) -> None:
    """Print the tables.

    Args:
        argv: Arguments without the program's name; those of the process if `None`.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.latency")
    parser.add_argument("--films", type=int, default=30)
    parser.add_argument("--bundle", type=Path, default=DEFAULT_BUNDLE)
    parser.add_argument("--variant", help="the bundle's default if left out")
    parser.add_argument("--ours-only", action="store_true", help="without the usual ways")
    parser.add_argument("--torch", type=Path, metavar="PYTHON", help="an interpreter with torch")
    arguments = parser.parse_args(argv)
    warnings.simplefilter("ignore")
    radiographs = [read_path(path) for path in sorted(SAMPLES.glob("*.png"))]
    radiographs = [radiographs[i % len(radiographs)] for i in range(arguments.films)]
    bundle = Bundle.load(arguments.bundle)
    predictor = Predictor(bundle, variant=arguments.variant)
    readings = [predictor.read(radiograph) for radiograph in radiographs]
    whole = our_ways(bundle, predictor, radiographs)
    explaining: dict[str, Timer] = {
        MAPS: lambda film: explain(predictor, readings[film], [DEFAULT_METHOD]),
        f"ours: all {len(METHODS)} methods": lambda film: explain(
            predictor, readings[film], tuple(METHODS)
        ),
    }
    if not arguments.ours_only:
        from benchmarks.ways.keras_way import HeadTape, KerasWays

        whole |= KerasWays(predictor.members, radiographs).ways()
        explaining[HEAD_TAPE] = HeadTape(predictor, readings)
    if arguments.torch:
        whole |= torch_ways(arguments.torch)
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, {arguments.films} films, one at a time, "
        f"variant {predictor.variant}: {', '.join(predictor.systems)}\n"
    )
    print_table("one film, start to end", interleaved(whole, arguments.films), OURS)
    print()
    print_table("the maps alone", interleaved(explaining, arguments.films), MAPS)


def our_ways(
    bundle: Bundle, predictor: Predictor, radiographs: Sequence[Radiograph]
) -> dict[str, Timer]:
    """Return what we do with one film.

    Args:
        bundle: A bundle.
        predictor: One of its variants, in f32.
        radiographs: The films that are counted.

    Returns:
        Title to what reads film `i`.
    """
    faster = Predictor(bundle, variant=predictor.variant, precision="bf16")

    def run(reader: Predictor, methods: Sequence[str]) -> Timer:
        return lambda film: explain(reader, reader.read(radiographs[film]), methods)

    return {
        "ours: reading": run(predictor, ()),
        OURS: run(predictor, [DEFAULT_METHOD]),
        f"ours: reading + {len(METHODS)} methods, every system and class": run(
            predictor, tuple(METHODS)
        ),
        "ours in bf16: reading": run(faster, ()),
        OURS_FASTER: run(faster, [DEFAULT_METHOD]),
    }


def explain(predictor: Predictor, reading: Reading, methods: Sequence[str]) -> None:
    """Make every map of every system.

    Args:
        predictor: Whose reading it is.
        reading: A reading.
        methods: Keys of `METHODS`.
    """
    for system in predictor.systems:
        for method in methods:
            predictor.explain_classes(reading, system, method=method)


def torch_ways(python: Path) -> dict[str, Timer]:
    """Start another interpreter and return the ways that it serves.

    Args:
        python: Its path.

    Returns:
        Title to what runs it once; the time of a line over a pipe is part of it.
    """
    process = subprocess.Popen(  # noqa: S603 - the caller's own interpreter
        [python, TORCH_WAY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    if process.stdin is None or process.stdout is None:
        msg = "`python` must be started with pipes. Received: none"
        raise RuntimeError(msg)
    stdin, stdout = process.stdin, process.stdout

    def run(title: str) -> Timer:
        def once(film: int) -> None:  # noqa: ARG001 - one random image serves for all
            print(title, file=stdin, flush=True)
            stdout.readline()

        return once

    return {title: run(title) for title in json.loads(stdout.readline())}


def interleaved(ways: Mapping[str, Timer], n_films: int) -> dict[str, list[float]]:
    """Time every way on every film in turn, after one run of each that is not counted.

    Args:
        ways: Title to what is timed.
        n_films: Number of films.

    Returns:
        Title to milliseconds by film.
    """
    for run in ways.values():
        run(0)
    samples: dict[str, list[float]] = {title: [] for title in ways}
    titles = list(ways)
    for film in range(n_films):
        first = film % len(titles)  # none always comes after the same one
        for title in titles[first:] + titles[:first]:
            time.sleep(_REST_S)
            started = time.perf_counter()
            ways[title](film)
            samples[title].append((time.perf_counter() - started) * 1e3)
    return samples


def print_table(what: str, samples: Mapping[str, Sequence[float]], reference: str) -> None:
    """Print one table, and how many times as long as `reference` each row takes.

    Args:
        what: Title of the first column.
        samples: Row title to milliseconds.
        reference: The row that counts as 1; ratios are medians of the ratios by film.
    """
    print(f"| {what} | median, ms | least to most | times ours | least to most |")
    print("|---|---:|---|---:|---|")
    base = np.asarray(samples[reference])
    for title, values in samples.items():
        ratios = np.asarray(values) / base
        print(
            f"| {title} | {statistics.median(values):,.1f} "
            f"| {min(values):,.1f} to {max(values):,.1f} | "
            f"{np.median(ratios):.2f} | {ratios.min():.2f} to {ratios.max():.2f} |"
        )


if __name__ == "__main__":
    main()
