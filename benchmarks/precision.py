"""What a faster precision changes on real films, and whether it may be used.

    python -m benchmarks.precision --data DIR [--bundle DIR] [--variants NAME...] [--n 0]
                                   [--eight-bits MEMBER...]

Every test film is read twice by every variant, in f32 and in bf16. `--eight-bits` names networks
whose values are rounded to 8 bits besides, see `benchmarks.eight_bits`. A precision passes if, for
every system of every variant, at most .5 % of the labels flip, the calibration error (plug-in, of
calibrated probabilities) moves by at most .5 points, and the Grad-CAM maps of the named class
correlate with those of f32 by at least .98 on the mean film. The debiased calibration error stands
beside it. `--n` films are drawn with a fixed seed; 0 is all.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.eight_bits import RoundedEngine
from benchmarks.gate_reads import predictors
from cxr_core.bundle import DEFAULT_BUNDLE, Bundle
from cxr_core.dataset import Film, scan
from cxr_core.engine import FeatureEngine
from cxr_core.engine.openvino import OpenVinoEngine
from cxr_core.evaluate.metrics import wilson
from cxr_core.io import read_path
from cxr_core.labels import CLASSES
from cxr_core.predict import Predictor
from cxr_core.preprocess import preprocess_batch
from cxr_core.radiograph import Radiograph
from cxr_core.trust.calibration_error import expected_calibration_error

N_MEASURED: Final = 200
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
    parser.add_argument("--variants", nargs="*", help="all of the bundle if left out")
    parser.add_argument("--n", type=int, default=0)
    parser.add_argument("--eight-bits", nargs="*", default=(), metavar="MEMBER")
    arguments = parser.parse_args(argv)
    bundle = Bundle.load(arguments.bundle)
    listed = scan(arguments.data).films
    films = _drawn([film for film in listed if film.split == "test"], arguments.n)
    names = tuple(arguments.variants or bundle.variants)
    usual = predictors(bundle, names)
    if arguments.eight_bits:
        precision = f"8 bits in {', '.join(arguments.eight_bits)}, bf16 elsewhere,"
        training = _drawn([film for film in listed if film.split == "train"], N_MEASURED)
        faster = {name: _rounded(bundle, name, arguments.eight_bits, training) for name in names}
    else:
        precision = "bf16"
        faster = predictors(bundle, names, precision=precision)
    found: dict[tuple[str, str], Compared] = {}
    times = []
    for film in films:
        radiograph = read_path(film.path)
        # variants share networks, so the first one waits for them
        pairs = [_compare(usual[name], faster[name], radiograph, found) for name in names]
        times.append(pairs[0])
    print_table(found, films, precision)
    medians = np.median(times, axis=0)
    print(f"\nNetworks, median ms: f32 {medians[0]:.1f}, {precision} {medians[1]:.1f}.")


def _drawn(films: Sequence[Film], n: int) -> list[Film]:
    """Return some films, the same in every run; 0 for all."""
    chosen = np.random.default_rng(0).permutation(len(films))[: n or len(films)]
    return [films[index] for index in sorted(chosen)]


def _rounded(
    bundle: Bundle, variant: str, rounded: Sequence[str], training: Sequence[Film]
) -> Predictor:
    """Return a predictor some of whose networks round their values to 8 bits."""
    engines: dict[str, FeatureEngine] = {}
    for name, member in bundle.variant(variant).members.items():
        xml_path = bundle.folder / member.network
        if name in rounded:
            batch = preprocess_batch([read_path(f.path) for f in training], member.preprocess)
            engines[name] = RoundedEngine(xml_path, batch)
        else:
            engines[name] = OpenVinoEngine(xml_path, precision="bf16")
    return Predictor(bundle, variant=variant, engines=engines)


def _compare(
    usual: Predictor,
    faster: Predictor,
    radiograph: Radiograph,
    found: dict[tuple[str, str], Compared],
) -> tuple[float, float]:
    """Read one film twice; return the milliseconds of both by the networks."""
    one, other = usual.read(radiograph), faster.read(radiograph)
    for system in usual.systems:
        label = one.systems[system].label
        grids = (
            usual.explain(one, system, label).grid,
            faster.explain(other, system, label).grid,
        )
        compared = found.setdefault((usual.variant, system), Compared())
        compared.probs.append((one.systems[system].probs, other.systems[system].probs))
        varies = [grid.std() > 0 for grid in grids]
        if all(varies):
            compared.correlations.append(float(np.corrcoef(*(g.ravel() for g in grids))[0, 1]))
        elif any(varies):  # one of them is flat: nothing is left of the other
            compared.correlations.append(0.0)
        compared.verdicts.append((one.trust.ood_verdict, other.trust.ood_verdict))
    return one.timing_ms["engine"], other.timing_ms["engine"]


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
        "| ECE, f32 | ECE | debiased, f32 | debiased "
        "| map correlation: mean, 1st percentile, least, n "
        "| verdicts of the gate that change |"
    )
    print("|---|---|---|---|---:|---:|---:|---:|---|---:|")
    failures = []
    for (variant, system), compared in found.items():
        probs = np.array(compared.probs)
        labels = probs.argmax(axis=2)
        flips = wilson(int((labels[:, 0] != labels[:, 1]).sum()), len(films))
        moves = np.abs(probs[:, 0] - probs[:, 1]).max(axis=1)
        errors = [expected_calibration_error(y_true, probs[:, k], n_resamples=0) for k in range(2)]
        ece = [error.plug_in for error in errors]
        correlations = np.array(compared.correlations)
        n_verdicts = sum(one != other for one, other in compared.verdicts)
        print(
            f"| {variant} | {system} | {flips.n_hits} ({flips.low:.4f} to {flips.high:.4f}) "
            f"| {moves.max():.4f}, {np.median(moves):.5f} | {ece[0]:.4f} | {ece[1]:.4f} "
            f"| {errors[0].value:.4f} | {errors[1].value:.4f} "
            f"| {correlations.mean():.5f}, {np.percentile(correlations, 1):.5f}, "
            f"{correlations.min():.4f}, {len(correlations):,} | {n_verdicts} |"
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
