"""How far readings differ between processors: all that this one can, and AVX2 alone.

    python -m benchmarks.scale_processor [--bundle DIR] [--variant NAME]

The synthetic samples are read with one thread, with two, and in a process of its own whose networks
may use AVX2 only, as on older machines of a cluster.
"""

from __future__ import annotations

import argparse
import io
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.noisy_films import SAMPLES
from cxr_core.array import Float64Array
from cxr_core.bundle import DEFAULT_BUNDLE, Bundle
from cxr_core.io import read_path
from cxr_core.predict import Predictor

ROOT = Path(__file__).resolve().parents[1]


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table.

    Args:
        argv: Arguments without the program's name; those of the process if `None`.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale_processor")
    parser.add_argument("--bundle", type=Path, default=DEFAULT_BUNDLE)
    parser.add_argument("--variant")
    parser.add_argument("--write", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    bundle = Bundle.load(arguments.bundle)
    if arguments.write:
        np.save(sys.stdout.buffer, readings(bundle, arguments.variant, 1))
        return
    first = readings(bundle, arguments.variant, 1)
    others = {
        "two threads": readings(bundle, arguments.variant, 2),
        "one thread, AVX2 alone": _elsewhere(sys.argv[1:] if argv is None else argv),
    }
    print(f"{len(first)} films, against one thread with all that the processor can:\n")
    print("| | largest difference of a probability | of the distance of the gate |")
    print("|---|---:|---:|")
    for title, other in others.items():
        far = np.abs(other - first).max(0)
        print(f"| {title} | {far[:-1].max():.1e} | {far[-1]:.1e} |")


def readings(bundle: Bundle, variant: str | None, n_threads: int) -> Float64Array:
    """Read the samples.

    Args:
        bundle: The models.
        variant: Its set of heads.
        n_threads: Of each network.

    Returns:
        A row a film: all probabilities, then the distance.
    """
    predictor = Predictor(bundle, variant=variant, n_threads=n_threads)
    rows = []
    for path in sorted(SAMPLES.glob("synthetic-*.png")):
        reading = predictor.read(read_path(path))
        probs = [system.probs for system in reading.systems.values()]
        rows.append([*np.concatenate(probs), reading.trust.ood_score or 0.0])
    return np.array(rows)


def _elsewhere(argv: Sequence[str]) -> Float64Array:
    """Read them in a process whose networks may use AVX2 alone."""
    done = subprocess.run(  # noqa: S603 - this very script
        [sys.executable, "-m", "benchmarks.scale_processor", *argv, "--write"],
        cwd=ROOT,
        env={**os.environ, "ONEDNN_MAX_CPU_ISA": "AVX2"},
        stdout=subprocess.PIPE,
        check=True,
    )
    found: Float64Array = np.load(io.BytesIO(done.stdout))
    return found


if __name__ == "__main__":
    main()
