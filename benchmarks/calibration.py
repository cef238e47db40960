"""What temperatures and prediction sets of a bundle are worth, measured on its test films.

    python -m benchmarks.calibration [--bundle DIR] [--resplits N]

For each variant: the temperatures; log loss, Brier score and calibration errors raw and calibrated,
with 95 % intervals of 2,000 resamples of whole patients; the mean COVID-19 score of sets without a
COVID-19 film; coverage of the prediction sets by class beside its exact 99 % band; and the share of
random resplits of calibration and test films that fall into that band.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.cells import share
from cxr_core.bundle import DEFAULT_BUNDLE, Bundle
from cxr_core.errors import NotApplicableError
from cxr_core.evaluate.reads import Reads
from cxr_core.labels import CLASS_TITLES, system_title
from cxr_core.trust.calibration import Temperature, fit_temperature
from cxr_core.trust.calibration_error import CalibrationError
from cxr_core.trust.conformal import LEVELS, fit_conformal
from cxr_core.trust.coverage import BAND, N_RESPLITS, coverage, resplit_coverage
from cxr_core.trust.measure import CalibrationEffect, calibration_effect, mean_score

CALIBRATION: Final = "calibration"
TEST: Final = "test"

Temperatures = Mapping[str, Temperature | None]


def main(argv: Sequence[str] | None = None) -> None:
    """Print the tables of every variant.

    Args:
        argv: Arguments without the program's name; those of the process if `None`.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.calibration")
    parser.add_argument("--bundle", type=Path, default=DEFAULT_BUNDLE)
    parser.add_argument("--resplits", type=int, default=N_RESPLITS)
    arguments = parser.parse_args(argv)
    bundle = Bundle.load(arguments.bundle)
    for variant in bundle.variants:
        sets = {title: bundle.reads(title, variant) for title in bundle.read_sets(variant)}
        found = {title: reads for title, reads in sets.items() if reads is not None}
        print(f"\nVariant {variant}")
        if {CALIBRATION, TEST} <= set(found):
            report(found, n_resplits=arguments.resplits)
        else:
            print("\nnot measured: the bundle lacks its calibration or test reads")


def report(sets: Mapping[str, Reads], *, n_resplits: int = N_RESPLITS) -> None:
    """Print the tables of one variant.

    Args:
        sets: Title to reads; `calibration` and `test` are needed, of others those without a
            COVID-19 film are reported.
        n_resplits: Number of resplits.
    """
    calibration, test = sets[CALIBRATION], sets[TEST]
    temperatures = {name: temperature_of(calibration, name) for name in test.systems}
    print(f"\nTemperatures ({_films(calibration)})\n")
    show(temperature_rows(temperatures))
    print(f"\nScores ({_films(test)})\n")
    show(score_rows(test, temperatures))
    for title, reads in sets.items():
        if len(reads) and not reads.films.n_by_class["COVID19"]:
            print(f"\nMean COVID-19 score of {title} ({_films(reads)}); none of them shows it\n")
            show(mean_rows(reads, temperatures))
    print(f"\nPrediction sets ({_films(test)}); band: exact, {BAND:.0%}\n")
    show(coverage_rows(calibration, test))
    print(f"\nResplits of calibration and test films, {n_resplits:,} each\n")
    show(resplit_rows(calibration, test, n_resplits))


def temperature_of(calibration: Reads, system: str) -> Temperature | None:
    """Fit the temperature of one system, or return nothing where the films do not allow it.

    Args:
        calibration: Films that no model was fitted to.
        system: Name of the system.

    Returns:
        The temperature.
    """
    try:
        return fit_temperature(
            calibration.logits[system], calibration.y_true, patients=calibration.patient
        )
    except NotApplicableError:
        return None


def temperature_rows(temperatures: Temperatures) -> Iterator[dict[str, str]]:
    """Yield one row a system with its temperature and the log loss that decided on it.

    Args:
        temperatures: System to temperature.

    Yields:
        Column to cell.
    """
    for name, found in temperatures.items():
        if found is not None:
            yield {
                "system": system_title(name),
                "fitted": f"{found.fitted:.3f}",
                "in use": f"{found.value:.3f}",
                "log loss at 1": f"{found.log_loss_before:.4f}",
                "at the fitted one": f"{found.log_loss_after:.4f}",
                "of films left out": f"{found.log_loss_held_out:.4f}",
            }


def score_rows(test: Reads, temperatures: Temperatures) -> Iterator[dict[str, str]]:
    """Yield two rows a system: its scores raw and calibrated.

    Args:
        test: Test films.
        temperatures: System to temperature.

    Yields:
        Column to cell.
    """
    for name, temperature in temperatures.items():
        effect = calibration_effect(test, name, temperature)
        for kind, quality in (("raw", effect.raw), ("calibrated", effect.calibrated)):
            yield {
                "system": f"{system_title(name)}, {kind}",
                "log loss": share([quality.log_loss], 4),
                "calibrated less raw": "" if kind == "raw" else _change(effect),
                "Brier": share([quality.brier], 4),
                "ECE, class named": _error(quality.top_label),
                "ECE, by class": _error(quality.classwise),
            }


def mean_rows(reads: Reads, temperatures: Temperatures) -> Iterator[dict[str, str]]:
    """Yield one row a system: its mean COVID-19 score on films that do not show it.

    Args:
        reads: The films.
        temperatures: System to temperature.

    Yields:
        Column to cell.
    """
    for name, temperature in temperatures.items():
        yield {
            "system": system_title(name),
            "raw": share([mean_score(reads, name, None, "COVID19")]),
            "calibrated": share([mean_score(reads, name, temperature, "COVID19")]),
        }


def coverage_rows(calibration: Reads, test: Reads) -> Iterator[dict[str, str]]:
    """Yield one row a system and level: coverage by class, sizes of the sets.

    Args:
        calibration: Films that the thresholds are fitted to.
        test: Films they are judged by.

    Yields:
        Column to cell.
    """
    for name in test.systems:
        model = fit_conformal(calibration.probs(name), calibration.y_true)
        for level in LEVELS:
            found = coverage(model, test.probs(name), test.y_true, level)
            row = {"system": f"{system_title(name)}, {level:.0%}", "all": _cell(found.overall)}
            for label, title in CLASS_TITLES.items():
                band = found.bands[label]
                row[title] = _cell(found.by_class[label])
                if label in model.too_few(level):
                    row[title] += ", never ruled out"
                elif band is not None:
                    value = found.by_class[label].value or 0.0
                    where = "in" if band[0] <= value <= band[1] else "**outside**"
                    row[title] += f", {where} {band[0]:.3f} to {band[1]:.3f}"
            row["sets of 0, 1, 2, 3"] = ", ".join(f"{n:,}" for n in found.n_by_size)
            yield row


def resplit_rows(calibration: Reads, test: Reads, n_resplits: int) -> Iterator[dict[str, str]]:
    """Yield one row a system and level: resplits inside the exact band, by film and by patient.

    Args:
        calibration: Calibration films.
        test: Test films; their patients are others.
        n_resplits: Number of resplits.

    Yields:
        Column to cell.
    """
    y_true = np.concatenate([calibration.y_true, test.y_true])
    is_calibration = np.arange(len(y_true)) < len(calibration)
    offset = int(calibration.patient.max()) + 1 if len(calibration) else 0
    patients = np.concatenate([calibration.patient, test.patient + offset])
    for name in test.systems:
        probs = np.concatenate([calibration.probs(name), test.probs(name)])
        for level in LEVELS:
            row = {"system": f"{system_title(name)}, {level:.0%}"}
            for dealt, units in (("by film", None), ("by patient", patients)):
                found = resplit_coverage(
                    probs, y_true, is_calibration, level, patients=units, n_resplits=n_resplits
                )
                for label, result in found.items():
                    row[f"{CLASS_TITLES[label]}, {dealt}"] = (
                        f"mean {result.mean:.3f} (theory {result.expected:.3f}), "
                        f"inside {result.inside.value:.1%}"
                    )
            yield row


def show(rows: Iterator[dict[str, str]]) -> None:
    """Print rows as a Markdown table.

    Args:
        rows: Column to cell, the same columns in each.
    """
    listed = list(rows)
    header = list(listed[0]) if listed else []
    for cells in (header, ["---"] * len(header), *(list(row.values()) for row in listed)):
        print("| " + " | ".join(cells) + " |")


def _films(reads: Reads) -> str:
    """Return how many films and patients there are, by class."""
    counts = " / ".join(
        f"{reads.films.n_by_class[label]:,} {title}" for label, title in CLASS_TITLES.items()
    )
    return f"n = {len(reads):,} films of {reads.films.n_patients:,} patients: {counts}"


def _change(effect: CalibrationEffect) -> str:
    """Return what calibration changes of the log loss; nothing at a temperature of 1."""
    return "0" if effect.temperature == 1.0 else share([effect.log_loss_change], 4)


def _error(found: CalibrationError) -> str:
    """Return the debiased error with its interval, and the plug-in one."""
    ends = "" if found.low is None else f" ({found.low:.3f} to {found.high:.3f})"
    return f"{found.value:.3f}{ends}, plug-in {found.plug_in:.3f}"


def _cell(found: Any) -> str:
    """Return a share with its counts."""
    return "no film" if found.value is None else f"{found.value:.3f} ({found.n_hits}/{found.n})"


if __name__ == "__main__":
    main()
