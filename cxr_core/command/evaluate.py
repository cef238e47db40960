"""`evaluate`: figures of every system on a labelled folder, as tables and as JSON."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from cxr_core.command.option import add_model_options, load_predictor, positive
from cxr_core.command.terminal import (
    OK,
    SOME_ERROR,
    make_room,
    print_lines,
    say_films_read,
    write_json,
)


def add(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument(
        "folder", type=Path, metavar="FOLDER", help="films in one folder a class: FOLDER/NORMAL/..."
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="where the evaluation goes, as JSON"
    )
    parser.add_argument(
        "--resamples",
        type=positive,
        default=2000,
        metavar="N",
        help="resamples of patients for the intervals (2000)",
    )
    add_model_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Measure the systems on a labelled folder and write the evaluation.

    Args:
        arguments: `folder`, `out`, `resamples`, `bundle`, `variant`, `precision`.

    Returns:
        0 if every film was read, 1 if some file is in error.

    Raises:
        WrongUsageError: If the variant is unknown.
        CxrError: If the bundle or the folder cannot be used, or nothing can be written.
    """
    from cxr_core.evaluate.folder_evaluation import evaluate_folder
    from cxr_core.evaluate.folder_reads import labelled_paths
    from cxr_core.evaluate.table import table_lines

    make_room(arguments.out)  # said now, not after a quarter of an hour
    predictor = load_predictor(arguments)
    n_films = sum(1 for _ in labelled_paths(arguments.folder))
    evaluation = evaluate_folder(
        predictor,
        arguments.folder,
        n_resamples=arguments.resamples,
        on_film=lambda n_done: say_films_read(n_done, n_films),
        on_system=lambda n_done, n_all: _say_measured(n_done, n_all),
    )
    evaluation["bundle"]["digest"] = predictor.bundle.digest
    write_json(arguments.out, evaluation)
    for entry in evaluation["unreadable"]:
        sys.stderr.write(f"not measured: {entry['file']}: {entry['message']}\n")
    print_lines(table_lines(evaluation))
    return SOME_ERROR if evaluation["unreadable"] else OK


def _say_measured(n_done: int, n_all: int) -> None:
    """Say how many systems and baselines have their intervals."""
    sys.stderr.write(f"intervals: {n_done} of {n_all}\n")
