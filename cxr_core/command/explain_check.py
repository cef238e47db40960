"""`explain-check`: are the maps of a folder's films to be believed?"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from cxr_core.command.option import (
    add_model_options,
    load_predictor,
    natural,
    positive,
    refuse_given,
)
from cxr_core.command.terminal import (
    OK,
    SOME_ERROR,
    as_wrong_usage,
    make_room,
    print_lines,
    write_json,
)
from cxr_core.errors import NotApplicableError
from cxr_core.explain.cam import METHODS
from cxr_core.explain.fidelity.check import CHECKS, N_FILMS, Settings
from cxr_core.explain.fidelity.order import N_ORDERS


def add(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="holds films at any depth")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="where the figures go, as JSON"
    )
    parser.add_argument(
        "--systems", nargs="+", metavar="NAME", help="systems to check (all of the variant)"
    )
    for option, known in (("methods", tuple(METHODS)), ("checks", CHECKS)):
        parser.add_argument(
            f"--{option}",
            nargs="+",
            choices=known,
            default=known,
            metavar="NAME",
            help=f"some of {', '.join(known)} (all)",
        )
    parser.add_argument(
        "--n",
        type=positive,
        default=N_FILMS,
        metavar="N",
        help=f"films to draw, the same number of each class ({N_FILMS})",
    )
    parser.add_argument(
        "--orders",
        type=positive,
        metavar="N",
        help=f"random orders beside deletion and insertion ({N_ORDERS})",
    )
    parser.add_argument(
        "--seed", type=natural, default=0, metavar="S", help="seed of all draws (0)"
    )
    add_model_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Put the maps of a folder's films to the checks, write the figures and print them as tables.

    Args:
        arguments: `folder`, `out`, `bundle`, `variant`, `precision`, `systems`, `methods`,
            `checks`, `n`, `seed`, and `orders`, `None` where it was not given.

    Returns:
        0 if every film was checked, 1 if some film is in error.

    Raises:
        WrongUsageError: If the variant, a system or a method is not there, or options do not go
            together.
        CxrError: If the bundle or the folder cannot be used, or nothing can be written.
    """
    from cxr_core.explain.fidelity.folder import Plan, check_folder
    from cxr_core.explain.fidelity.table import table_lines

    started = time.perf_counter()

    def tell(n_done: int, n_films: int) -> None:
        elapsed_s = time.perf_counter() - started
        sys.stderr.write(f"{n_done} of {n_films} films checked, {elapsed_s:.0f} s\n")

    if "order" not in arguments.checks:
        refuse_given(arguments, ("orders",), "with `order` among --checks")
    make_room(arguments.out)  # said now, not after a quarter of an hour
    with as_wrong_usage(NotApplicableError):
        predictor = load_predictor(arguments)
        plan = Plan(
            tuple(arguments.systems or predictor.systems),
            tuple(arguments.methods),
            tuple(arguments.checks),
            arguments.n,
            Settings(n_orders=arguments.orders or N_ORDERS, seed=arguments.seed),
        )
        checked = check_folder(predictor, arguments.folder, plan, on_film=tell)
    write_json(arguments.out, checked)
    for entry in checked["unreadable"]:
        sys.stderr.write(f"not checked: {entry['file']}: {entry['message']}\n")
    print_lines(table_lines(checked))
    return SOME_ERROR if checked["unreadable"] else OK
