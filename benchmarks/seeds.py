"""The figures of several runs of one recipe side by side: every seed, and what they have in common.

    python -m benchmarks.seeds RUN [RUN ...]

Runs are folders that `python -m train --out` has written, the same preset with other seeds.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.cells import share
from cxr_core.labels import system_title
from train.run import read_record

TITLES = {"mean": "Plain mean", "weighted_mean": "Weighted mean"}
FIGURES = {
    "accuracy": "accuracy",
    "macro_auroc": "macro AUROC",
    "recall_COVID19": "COVID-19 recall",
}


def main(argv: Sequence[str] | None = None) -> None:
    """Print one table.

    Args:
        argv: Arguments without the program's name; those of the process if `None`.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.seeds")
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN")
    records = [read_record(run / "run.json") for run in parser.parse_args(argv).runs]
    presets = {record["config"]["preset"] for record in records}
    seeds = [record["config"]["seed"] for record in records]
    n_films = {
        record["systems"][name]["test"]["n"] for record in records for name in systems(record)
    }
    print(f"preset {', '.join(sorted(presets))}, seeds {seeds}, test films n = {sorted(n_films)}\n")
    sets = list(records[0]["sets"]) if records else []
    header = ["system", *FIGURES.values(), *(f"{name} called COVID-19" for name in sets)]
    print("| " + " | ".join(header) + " |\n|" + "---|" * len(header))
    for name in [*systems(records[0]), *records[0]["baselines"]]:
        results = [{**r["systems"], **r["baselines"]}[name] for r in records]
        cells = [share([r["test"]["figures"][key] for r in results], 4) for key in FIGURES]
        cells += [_called([_set_of(result, key) for result in results]) for key in sets]
        print(f"| {TITLES.get(name) or system_title(name)} | " + " | ".join(cells) + " |")


def systems(record: Mapping[str, Any]) -> list[str]:
    """Return the names of a run's systems.

    Args:
        record: A run's record.

    Returns:
        Names in the run's order.
    """
    return list(record["systems"])


def _set_of(result: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    """Return one set's summary; films that were trained on count by their blind reading only."""
    if name == "added":
        blind: Mapping[str, Any] | None = result.get("blind")
        return blind
    found: Mapping[str, Any] | None = result.get("sets", {}).get(name)
    return found


def _called(summaries: Sequence[Mapping[str, Any] | None]) -> str:
    """Return how many films each seed calls COVID-19."""
    found = [summary["called"]["COVID19"] for summary in summaries if summary]
    if not found:
        return "not measured"
    first, *others = found
    text = f"{first['n_hits']} of {first['n']} ({first['low']:.2f} to {first['high']:.2f})"
    return text + "".join(f", {called['n_hits']}" for called in others)


if __name__ == "__main__":
    main()
