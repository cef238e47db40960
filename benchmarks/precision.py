"""What a faster precision changes on real films, and whether it may be used.

    python -m benchmarks.precision --data DIR [--bundle DIR] [--precision bf16]
                                   [--variants NAME...] [--n 0]

Every test film is read twice by every variant, in f32 and in the other precision. A precision
passes if, for every system of every variant, at most .5 % of the labels flip, the debiased
calibration error moves by at most .5 points, and the Grad-CAM maps of the named class correlate
with those of f32 by at least .98 on the mean film. `--n` films are drawn with a fixed seed; 0 is
all.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.gate_reads import predictors
from cxr_core.bundle import DEFAULT_BUNDLE, Bundle
from cxr_core.dataset import Film, scan
from cxr_core.evaluate.metrics import wilson
from cxr_core.io import read_path
from cxr_core.labels import CLASSES
from cxr_core.predict import Predictor
from cxr_core.radiograph import Radiograph
from cxr_core.trust.calibration_error import expected_calibration_error

MAX_FLIPS: Final = 0.005
MAX_ECE_MOVE: Final = 0.005
MIN_CORRELATION: Final = 0.98


@dataclass
class Compared:
    """What two precisions say of the same films by one system.

    Attributes:
        probs: Probabilities in f32 and in the other precision, one pair a film.
        correlations: Of the maps of the class that f32 names.
        verdicts: Verdicts of the gate, one pair a film; the same for every system of a variant.
    """

    probs: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)
    correlations: list[float] = field(default_factory=list)
    verdicts: list[tuple[str, str]] = field(default_factory=list)


def main(argv: Sequence[str] | None = None) -> None:
    """Print the tables.

    Args:
        argv: Arguments without the program's name; those of the process if `None`.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.precision")
    parser.add_argument("--data", type=Path, required=True, help="holds `test`")
    parser.add_argument("--bundle", type=Path, default=DEFAULT_BUNDLE)
    parser.add_argument("--precision", default="bf16")
    parser.add_argument("--variants", nargs="*", help="all of the bundle if left out")
    parser.add_argument("--n", type=int, default=0)
    arguments = parser.parse_args(argv)
    bundle = Bundle.load(arguments.bundle)
    films = [film for film in scan(arguments.data).films if film.split == "test"]
    if arguments.n:
        order = np.random.default_rng(0).permutation(len(films))[: arguments.n]
        films = [films[index] for index in sorted(order)]
    names = tuple(arguments.variants or bundle.variants)
    usual = predictors(bundle, names)
    faster = predictors(bundle, names, precision=arguments.precision)
    found: dict[tuple[str, str], Compared] = {}
    for film in films:
        radiograph = read_path(film.path)
        for variant in names:
            _compare(usual[variant], faster[variant], radiograph, found)
    print_table(found, films, arguments.precision)


def _compare(
    usual: Predictor,
    faster: Predictor,
    radiograph: Radiograph,
    found: dict[tuple[str, str], Compared],
) -> None:
    """Read one film twice."""
    one, other = usual.read(radiograph), faster.read(radiograph)
    for system in usual.systems:
        label = one.systems[system].label
        grids = (
            usual.explain(one, system, label).grid,
            faster.explain(other, system, label).grid,
        )
        compared = found.setdefault((usual.variant, system), Compared())
        compared.probs.append((one.systems[system].probs, other.systems[system].probs))
        if grids[0].std() > 0 and grids[1].std() > 0:
            compared.correlations.append(float(np.corrcoef(*(g.ravel() for g in grids))[0, 1]))
        compared.verdicts.append((one.trust.ood_verdict, other.trust.ood_verdict))


def print_table(
    found: dict[tuple[str, str], Compared], films: Sequence[Film], precision: str
) -> None:
    """Print one row a variant and system, and the verdict.

    Args:
        found: What was compared.
        films: The films, in the order of the comparison.
        precision: Name of the faster precision.
    """
    y_true = np.array([CLASSES.index(film.label) for film in films])
    print(f"{precision} against f32, n = {len(films)} films\n")
    print(
        "| variant | system | labels that flip | largest, median change of a probability "
        "| ECE, f32 | ECE | map correlation: mean, 1st percentile, least | verdicts of the gate "
        "that change |"
    )
    print("|---|---|---|---|---:|---:|---|---:|")
    failures = []
    for (variant, system), compared in found.items():
        probs = np.array(compared.probs)
        labels = probs.argmax(axis=2)
        flips = wilson(int((labels[:, 0] != labels[:, 1]).sum()), len(films))
        moves = np.abs(probs[:, 0] - probs[:, 1]).max(axis=1)
        ece = [
            expected_calibration_error(y_true, probs[:, k], n_resamples=0).value for k in range(2)
        ]
        correlations = np.array(compared.correlations)
        n_verdicts = sum(one != other for one, other in compared.verdicts)
        print(
            f"| {variant} | {system} | {flips.n_hits} ({flips.low:.4f} to {flips.high:.4f}) "
            f"| {moves.max():.4f}, {np.median(moves):.5f} | {ece[0]:.4f} | {ece[1]:.4f} "
            f"| {correlations.mean():.5f}, {np.percentile(correlations, 1):.5f}, "
            f"{correlations.min():.4f} | {n_verdicts} |"
        )
        if flips.n_hits > MAX_FLIPS * len(films):
            failures.append(f"{variant} {system}: {flips.n_hits} labels flip")
        if abs(ece[0] - ece[1]) > MAX_ECE_MOVE:
            failures.append(f"{variant} {system}: ECE moves by {abs(ece[0] - ece[1]):.4f}")
        if correlations.mean() < MIN_CORRELATION:
            failures.append(f"{variant} {system}: maps correlate by {correlations.mean():.4f}")
    print(f"\n{precision} " + (f"fails: {'; '.join(failures)}" if failures else "passes."))


if __name__ == "__main__":
    main()
