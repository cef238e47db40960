"""Does the interval of a calibration error hold the truth? Labels drawn from known probabilities.

    python -m benchmarks.calibration_interval [--bundle DIR] [--trials N]

Patients of the test films are drawn with replacement, and each film's label follows the softmax of
its logits divided by a known temperature, so the error of the raw scores is known. Films of a drawn
patient are alike: they share their luck. Printed: how often the interval holds the truth, and how
often all of it lies above or below it.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from cxr_core.bundle import DEFAULT_BUNDLE, Bundle
from cxr_core.evaluate.reads import Reads
from cxr_core.heads import softmax
from cxr_core.labels import system_title
from cxr_core.trust.calibration_error import N_BINS, bin_index, expected_calibration_error

TEMPERATURES: Final = (1.0, 1.15, 0.8)
N_TRIALS: Final = 200
N_RESAMPLES: Final = 400


def main(argv: Sequence[str] | None = None) -> None:
    """Print one table.

    Args:
        argv: Arguments without the program's name; those of the process if `None`.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.calibration_interval")
    parser.add_argument("--bundle", type=Path, default=DEFAULT_BUNDLE)
    parser.add_argument("--trials", type=int, default=N_TRIALS)
    arguments = parser.parse_args(argv)
    reads = Bundle.load(arguments.bundle).reads("test")
    if reads is None:
        print("not measured: the bundle lacks its test reads")
        return
    report(reads, arguments.trials)


def report(reads: Reads, n_trials: int = N_TRIALS) -> None:
    """Print one row a system and true temperature.

    Args:
        reads: Test films.
        n_trials: Samples a row.
    """
    print(
        "| system | true temperature | true ECE | mean plug-in | mean debiased | holds | ", end=""
    )
    print("all of it above | all of it below |\n|" + "---|" * 8)
    for system in reads.systems:
        for temperature in TEMPERATURES:
            cells = trial(reads, system, temperature, n_trials)
            print(f"| {system_title(system)} | {temperature} | " + " | ".join(cells) + " |")


def trial(reads: Reads, system: str, temperature: float, n_trials: int) -> list[str]:
    """Draw samples whose truth is known and count the intervals that hold it.

    Args:
        reads: Test films.
        system: Name of the system.
        temperature: What the labels follow; 1 makes the scores perfectly calibrated.
        n_trials: Number of samples.

    Returns:
        Cells of the table.
    """
    rng = np.random.default_rng(0)
    known, probs = softmax(reads.logits[system] / temperature), reads.probs(system)
    rows_of = [np.flatnonzero(reads.patient == p) for p in np.unique(reads.patient)]
    truth = _truth(known, probs)
    found = []
    for _ in range(n_trials):
        drawn = [rows_of[i] for i in rng.integers(len(rows_of), size=len(rows_of))]
        rows, patient = (
            np.concatenate(drawn),
            np.repeat(np.arange(len(drawn)), list(map(len, drawn))),
        )
        luck = rng.random(len(drawn))[patient][:, None]
        y_true = np.minimum((luck > known[rows].cumsum(axis=1)).sum(axis=1), 2)
        found.append(
            expected_calibration_error(
                y_true, probs[rows], patients=patient, n_resamples=N_RESAMPLES
            )
        )
    above = np.mean([f.low is not None and f.low > truth + 1e-12 for f in found])
    below = np.mean([f.high is not None and f.high < truth - 1e-12 for f in found])
    return [
        f"{truth:.4f}",
        f"{np.mean([f.plug_in for f in found]):.4f}",
        f"{np.mean([f.value for f in found]):.4f}",
        f"{1 - above - below:.0%}",
        f"{above:.0%}",
        f"{below:.0%}",
    ]


def _truth(known: np.ndarray, probs: np.ndarray) -> float:
    """Return the error of the scores if every label came out as often as it should."""
    top = probs.argmax(axis=1)
    gap = known[np.arange(len(top)), top] - probs.max(axis=1)
    total = np.abs(np.bincount(bin_index(probs.max(axis=1)), gap, N_BINS)).sum()
    return float(total / len(top))


if __name__ == "__main__":
    main()
