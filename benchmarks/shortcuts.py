"""What can be done about the source of a film without films of other sources, each against nothing.

    python -m benchmarks.shortcuts --data DIR --adults ADULTS --weights NAME=SOURCE --out DIR
        [--seeds 0 1 2] [--only NAME ...]

Each line is the preset `clean` with one setting changed. ADULTS are films without COVID-19 from the
publications that the COVID-19 films come from; they are measured on and never trained on. Every
step is a run that is kept in DIR and gone on with after a kill.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from benchmarks.cells import share
from cxr_core.labels import system_title
from train.command.option import DEFAULT_CACHE
from train.material import Request
from train.pipeline import train
from train.preset import load_preset

MEASURED: Final = "adults"
INTERVENTIONS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "nothing": (),
        "sources of a class weigh alike": ("balance=source",),
        "must not tell the source": ("auxiliary=source_adversary",),
        "must tell bacteria from virus": ("auxiliary=subtype",),
        "equal histograms": ("filter=equalise",),
        "local histogram equalisation (CLAHE)": ("filter=clahe",),
        "border blanked": ("filter=blank_border",),
        "softened to 64 px": ("filter=soften",),
        "strong intensity and JPEG variants": (
            "augment_intensity=0.5",
            "augment_jpeg_quality=20",
            "augment_passes=2",
        ),
    }
)
"""Words to settings that differ from the preset."""


def main(argv: Sequence[str] | None = None) -> None:
    """Train every step and print the table.

    Args:
        argv: Arguments without the program's name; those of the process if `None`.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.shortcuts")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--adults", type=Path, required=True)
    parser.add_argument("--weights", required=True, metavar="NAME=SOURCE")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--cache", type=Path, default=DEFAULT_CACHE)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=list(INTERVENTIONS))
    arguments = parser.parse_args(argv)
    logging.basicConfig(level=logging.WARNING)
    name = arguments.weights.split("=", 1)[0]
    print(f"{system_title(name)}, preset clean, seeds {arguments.seeds}\n")
    print("| changed | accuracy | macro AUROC | COVID-19 recall | adults called COVID-19 |")
    print("|---|---|---|---|---|")
    for number, (words, settings) in enumerate(INTERVENTIONS.items()):
        if arguments.only and words not in arguments.only:
            continue
        results = [_result(arguments, number, settings, seed) for seed in arguments.seeds]
        print(f"| {words} | {_line(results)} |", flush=True)


def _result(
    arguments: argparse.Namespace, number: int, settings: Sequence[str], seed: int
) -> Mapping[str, Any]:
    """Train one step with one seed; return the member's record."""
    name, source = arguments.weights.split("=", 1)
    overrides = [*arguments.set, *settings, f"seed={seed}"]
    record = train(
        Request(
            config=load_preset("clean", overrides, systems=[name], ensembles=[]),
            data=arguments.data,
            out=arguments.out / f"{name}-{number}-seed-{seed}",
            cache=arguments.cache,
            weights={name: source},
            measure={MEASURED: arguments.adults},
            command=["python", "-m", "benchmarks.shortcuts"],
        )
    )
    found: Mapping[str, Any] = record["systems"][name]
    return found


def _line(results: Sequence[Mapping[str, Any]]) -> str:
    """Return the cells of one line: the first seed with intervals, the other seeds after it."""
    cells = []
    for key in ("accuracy", "macro_auroc", "recall_COVID19"):
        figures = [result["test"]["figures"][key] for result in results]
        cells.append(share(figures))
    cells.append(share([result["sets"][MEASURED]["called"]["COVID19"] for result in results]))
    return " | ".join(cells)


if __name__ == "__main__":
    main()
