"""`publish`: finished runs as one bundle."""

from __future__ import annotations

import argparse
from pathlib import Path

from cxr_core import __version__
from train.command.option import paths


def add(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument(
        "runs", type=Path, nargs="+", metavar="RUN", help="folders of finished runs, one a variant"
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder of the bundle"
    )
    parser.add_argument(
        "--default",
        metavar="VARIANT",
        help="variant that is used unless another is named (that of the first run)",
    )
    parser.add_argument(
        "--name", default="cxr-reading-room", help="name of the bundle (cxr-reading-room)"
    )
    parser.add_argument(
        "--version", default=__version__, help=f"version of the bundle ({__version__})"
    )
    parser.add_argument(
        "--evaluate",
        action="append",
        default=[],
        metavar="NAME=DIR",
        help="measure the bundle on a labelled folder; the set named test is checked",
    )
    parser.add_argument(
        "--tradeoff", type=Path, metavar="FILE", help="tradeoff.json of benchmarks.added_films"
    )


def run(arguments: argparse.Namespace) -> int:
    """Publish runs as a bundle.

    Args:
        arguments: Those of `add`, and `command`.

    Returns:
        0.

    Raises:
        CxrError: If it cannot be done; see `train.publish.publish`.
    """
    from train.publish import publish

    bundle = publish(
        arguments.runs,
        arguments.out,
        name=arguments.name,
        version=arguments.version,
        default=arguments.default,
        tradeoff=arguments.tradeoff,
        evaluate=paths("--evaluate", arguments.evaluate),
        command=arguments.command,
    )
    print(
        f"{bundle.name} {bundle.version}: {', '.join(bundle.variants)} "
        f"({', '.join(bundle.systems)}), digest {bundle.digest}"
    )
    return 0
