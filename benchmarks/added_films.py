"""What added films of other sources buy and cost: their share called COVID-19 against recall.

    python -m benchmarks.added_films --data DIR --extra ADULTS --weights NAME=SOURCE... --out DIR
        [--preset mixed] [--added-weights 0 1 3 10 30] [--seeds 0 1 2]

The films of ADULTS show no COVID-19 and come from the publications that the COVID-19 films come
from. For each weight they are added to training; each of them is judged by models that never saw
its patient (five-fold cross-validation), COVID-19 recall is measured on the test patients. Weight 0
is the recipe without them. Every step is a run that is kept in DIR and gone on with after a kill.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.cells import share
from cxr_core.labels import system_title
from train.command.option import DEFAULT_CACHE
from train.material import ADDED, Request
from train.pipeline import train
from train.preset import load_preset

MEASURED = "adults"


def main(argv: Sequence[str] | None = None) -> None:
    """Train every step, print the table and write `tradeoff.json`.

    Args:
        argv: Arguments without the program's name; those of the process if `None`.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.added_films")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--extra", type=Path, required=True)
    parser.add_argument("--weights", nargs="+", required=True, metavar="NAME=SOURCE")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--preset", default="mixed")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--cache", type=Path, default=DEFAULT_CACHE)
    parser.add_argument("--added-weights", type=float, nargs="+", default=[0, 1, 3, 10, 30])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    arguments = parser.parse_args(argv)
    logging.basicConfig(level=logging.WARNING)
    rows = [
        _row(arguments, weight, seed)
        for weight in arguments.added_weights
        for seed in arguments.seeds
    ]
    out = arguments.out / "tradeoff.json"
    out.write_text(json.dumps({"schema": "cxr-tradeoff/1", "rows": rows}, indent=1) + "\n", "utf-8")
    _print(rows, arguments.seeds)


def _row(arguments: argparse.Namespace, weight: float, seed: int) -> dict[str, Any]:
    """Train one step; return what it gives for every system."""
    overrides = [*arguments.set, f"extra_weight={weight}", f"seed={seed}"]
    weights = dict(text.split("=", 1) for text in arguments.weights)
    config = load_preset(arguments.preset, overrides, systems=list(weights))
    record = train(
        Request(
            config=config,
            data=arguments.data,
            out=arguments.out / f"weight-{weight:g}-seed-{seed}",
            cache=arguments.cache,
            weights=weights,
            extra=arguments.extra,
            measure={MEASURED: arguments.extra} if weight == 0 else {},
            command=["python", "-m", "benchmarks.added_films"],
        )
    )
    systems = {
        name: {
            "accuracy": result["test"]["figures"]["accuracy"],
            "macro_auroc": result["test"]["figures"]["macro_auroc"],
            "recall_COVID19": result["test"]["recall"]["COVID19"],
            "adults_called_COVID19": _adults(result)["called"]["COVID19"],
        }
        for name, result in record["systems"].items()
    }
    return {"weight": weight, "seed": seed, "systems": systems}


def _adults(result: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the blind reading of the added films, or the plain one where none were added."""
    found: Mapping[str, Any] = result["blind"] if "blind" in result else result["sets"][MEASURED]
    return found


def _print(rows: Sequence[Mapping[str, Any]], seeds: Sequence[int]) -> None:
    """Print one table a system: the first seed with intervals, the other seeds after it."""
    for name in rows[0]["systems"]:
        print(f"\n{system_title(name)}, seeds {list(seeds)}\n")
        print(
            f"| weight of an {ADDED} film | accuracy | COVID-19 recall | adults called COVID-19 |"
        )
        print("|---:|---|---|---|")
        for weight in dict.fromkeys(row["weight"] for row in rows):
            found = [row["systems"][name] for row in rows if row["weight"] == weight]
            cells = [
                share([each[key] for each in found])
                for key in ("accuracy", "recall_COVID19", "adults_called_COVID19")
            ]
            print(f"| {weight:g} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
