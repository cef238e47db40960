"""The command `python -m train lungs`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from cxr_core.dataset.film import children
from train.lungs import LungConfig, train_lungs
from train.lungs.films import divide, load_films
from train.pretrain.config import PRECISIONS


def lungs_main(argv: Sequence[str]) -> int:
    """Train the network that finds the lungs.

    Args:
        argv: Arguments after `lungs`.

    Returns:
        0.

    Raises:
        SystemExit: With 2, for wrong usage.
        CxrError: If it cannot be done; see `train.lungs.train_lungs`.
    """
    arguments = _parser().parse_args(argv)
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
        command=["python", "-m", "train", "lungs", *(Path(text).name for text in argv)],
        origin=arguments.origin,
    )
    for part, figure in record["figures"]["dice"].items():
        print(
            f"{part}: Dice {figure['value']:.4f} ({figure['low']:.4f} to {figure['high']:.4f}), "
            f"n = {figure['n']} films of {figure['n_patients']} patients"
        )
    n_bytes = sum(entry["bytes"] for entry in record["files"].values())
    print(f"{record['compression']}, {n_bytes / 1e6:.2f} MB, {arguments.out}")
    return 0


def _parser() -> argparse.ArgumentParser:
    """Return the parser of the command."""
    parser = argparse.ArgumentParser(
        prog="python -m train lungs", description="Train the network that finds the lungs."
    )
    add = parser.add_argument
    add("--data", required=True, type=Path, metavar="DIR", help="holds train/<CLASS>/ (and test/)")
    add("--masks", required=True, type=Path, metavar="MASKS", help="holds train/<CLASS>/<film>.png")
    add("--out", required=True, type=Path, metavar="FOLDER", help="folder of the network")
    add("--origin", default="", metavar="TEXT", help="where films and masks come from, in words")
    add("--epochs", type=int, metavar="N")
    add("--size-px", type=int, metavar="N", help="side of the input, a multiple of 32; 224")
    add("--width", type=int, metavar="N", help="channels of the first depth; 16")
    add("--batch-size", type=int, metavar="N")
    add("--learning-rate", type=float, metavar="RATE")
    add("--seed", type=int)
    add("--precision", choices=PRECISIONS)
    add("--validation-share", type=float, metavar="SHARE", help="of the films, by patient; 0.15")
    return parser
