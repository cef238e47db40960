"""`lungs`: the network that finds the lungs."""

from __future__ import annotations

import argparse
from pathlib import Path

from cxr_core.dataset.film import children
from cxr_core.evaluate.figure_text import figure_text
from train.lungs import LungConfig, train_lungs
from train.lungs.films import divide, load_films
from train.pretrain.config import PRECISIONS


def add(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    add = parser.add_argument
    add("--data", required=True, type=Path, metavar="DIR", help="holds train/<CLASS>/ (and test/)")
    add("--masks", required=True, type=Path, metavar="DIR", help="holds train/<CLASS>/<film>.png")
    add("--out", required=True, type=Path, metavar="DIR", help="folder of the network")
    add("--origin", default="", metavar="TEXT", help="where films and masks come from, in words")
    add("--epochs", type=int, metavar="N", help="passes over the films (80)")
    add("--size-px", type=int, metavar="N", help="side of the input, a multiple of 32 (224)")
    add("--width", type=int, metavar="N", help="channels of the first depth (16)")
    add("--batch-size", type=int, metavar="N", help="films a step (16)")
    add("--learning-rate", type=float, metavar="RATE", help="highest rate (0.002)")
    add("--seed", type=int, metavar="S", help="of weights, order and augmentation (0)")
    add("--precision", choices=PRECISIONS, help="half precision is for GPUs (float32)")
    add("--validation-share", type=float, metavar="SHARE", help="of the films, by patient (0.15)")


def run(arguments: argparse.Namespace) -> int:
    """Train the network that finds the lungs.

    Args:
        arguments: Those of `add`, and `command`.

    Returns:
        0.

    Raises:
        CxrError: If it cannot be done; see `train.lungs.train_lungs`.
    """
    names = ("epochs", "size_px", "width", "batch_size", "learning_rate", "seed", "precision")
    given = {name: getattr(arguments, name) for name in (*names, "validation_share")}
    config = LungConfig(**{name: value for name, value in given.items() if value is not None})
    films = load_films(arguments.data, arguments.masks, "train", config.size_px)
    fit, validation = divide(films, config.validation_share)
    has_test = any(
        children(p, "test") for p in (arguments.masks, *children(arguments.masks, "data"))
    )
    test = load_films(arguments.data, arguments.masks, "test", config.size_px) if has_test else None
    record = train_lungs(
        config,
        fit,
        validation,
        test,
        out=arguments.out,
        command=arguments.command,
        origin=arguments.origin,
    )
    for part, figure in record["figures"]["dice"].items():
        print(
            f"{part}: Dice {figure_text(figure, digits=4)}, "
            f"n = {figure['n']} films of {figure['n_patients']} patients"
        )
    n_bytes = sum(entry["bytes"] for entry in record["files"].values())
    print(f"{record['compression']}, {n_bytes / 1e6:.2f} MB, {arguments.out}")
    return 0
