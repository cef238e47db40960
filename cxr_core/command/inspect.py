"""`inspect`: class balance, patients, copies and leaks of a labelled folder, and its audit."""

from __future__ import annotations

import argparse
from pathlib import Path

from cxr_core.command import audit
from cxr_core.command.option import add_model_options
from cxr_core.command.terminal import OK, SOME_ERROR, print_json, print_lines, say_films_read


def add(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument(
        "folder",
        type=Path,
        metavar="FOLDER",
        help="holds train/, val/ or test/, each with one folder a class, or Data/ with these",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    audit.add(parser)
    add_model_options(parser)
    parser.set_defaults(bundle=None, precision=None)  # so that it is known what was given


def run(arguments: argparse.Namespace) -> int:
    """Print class balance, weights, patients, duplicates and leaks of a labelled folder.

    Args:
        arguments: `folder`, `json`; with `audit` or `fingerprints` see `cxr_core.command.audit`.
            What was not given is `None`, or `False` for a switch.

    Returns:
        0, or 1 if some film cannot be read. Leaks are no error.

    Raises:
        WrongUsageError: If options do not go together.
        CxrError: If the folder cannot be used.
    """
    audit.check(arguments)
    if audit.is_asked(arguments):
        return audit.run(arguments)
    from cxr_core.dataset import scan
    from cxr_core.dataset.inspection import inspection_lines, inspection_object

    dataset = scan(arguments.folder, on_film=lambda n_done, _: say_films_read(n_done))
    if arguments.json:
        print_json(inspection_object(dataset))
    else:
        print_lines(inspection_lines(dataset))
    return SOME_ERROR if dataset.unreadable else OK
