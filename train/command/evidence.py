"""`evidence`: what tells when to believe a bundle, fitted and measured."""

from __future__ import annotations

import argparse
from pathlib import Path

from cxr_core.command.option import positive
from cxr_core.evaluate.resample import N_RESAMPLES
from train.command.option import DEFAULT_CACHE, paths


def add(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument(
        "bundle", type=Path, metavar="BUNDLE", help="folder of the bundle, rewritten in place"
    )
    parser.add_argument(
        "--data", type=Path, required=True, metavar="DIR", help="training folder of its variants"
    )
    parser.add_argument(
        "--evaluate",
        action="append",
        default=[],
        metavar="NAME=DIR",
        help="measure every variant on a labelled folder; it decides nothing",
    )
    parser.add_argument(
        "--twin",
        action="append",
        default=[],
        metavar="VARIANT=RUN",
        help="run of the same recipe with --set calibration_share=0.1, for a variant without",
    )
    parser.add_argument(
        "--extra", type=Path, metavar="DIR", help="films that were added to a variant's training"
    )
    parser.add_argument(
        "--audit", type=Path, metavar="FILE", help="audit.json of `cxr_core inspect`"
    )
    parser.add_argument(
        "--fingerprints",
        type=Path,
        metavar="FILE",
        help="index by which copies are known, of `cxr_core inspect`",
    )
    parser.add_argument(
        "--gate-table", type=Path, metavar="FILE", help="gate.json of benchmarks.gate"
    )
    parser.add_argument(
        "--map-checks",
        type=Path,
        nargs="*",
        default=(),
        metavar="FILE",
        help="files of `explain-check --out`",
    )
    parser.add_argument(
        "--resamples",
        type=positive,
        default=N_RESAMPLES,
        metavar="N",
        help=f"resamples of patients for the intervals ({N_RESAMPLES:,})",
    )
    parser.add_argument(
        "--cache",
        type=Path,
        default=DEFAULT_CACHE,
        metavar="DIR",
        help=f"features ({DEFAULT_CACHE})",
    )


def run(arguments: argparse.Namespace) -> int:
    """Fit calibration, prediction sets and gate of a bundle, and measure it.

    Args:
        arguments: Those of `add`, and `command`.

    Returns:
        0.

    Raises:
        CxrError: If it cannot be done; see `train.evidence.add_evidence`.
    """
    from train.evidence import Request, add_evidence

    bundle = add_evidence(
        Request(
            bundle=arguments.bundle,
            data=arguments.data,
            cache=arguments.cache,
            sets=paths("--evaluate", arguments.evaluate),
            twins=paths("--twin", arguments.twin),
            extra=arguments.extra,
            audit=arguments.audit,
            gate_table=arguments.gate_table,
            fingerprints=arguments.fingerprints,
            map_checks=arguments.map_checks,
            n_resamples=arguments.resamples,
            command=arguments.command,
        )
    )
    print(f"{bundle.name} {bundle.version}: digest {bundle.digest}")
    return 0
