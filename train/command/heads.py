"""What `python -m train` does without a command's name: heads and ensembles on frozen backbones."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from cxr_core.errors import ConfigError
from cxr_core.evaluate.figure_text import figure_text
from train.command.option import DEFAULT_CACHE, pairs, paths
from train.preset import load_preset

KAGGLE: Final = "kaggle"


def add(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument(
        "--preset",
        default="clean",
        metavar="NAME",
        help="clean, seed, seed_augmented, mixed, smoke or a TOML file (clean)",
    )
    parser.add_argument(
        "--data",
        required=True,
        metavar="DIR",
        help="folder that holds train/ and test/, or `kaggle` to fetch it",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the run")
    parser.add_argument(
        "--systems", nargs="+", metavar="NAME", help="systems to train (the preset's)"
    )
    parser.add_argument(
        "--backbone-weights",
        action="append",
        default=[],
        metavar="NAME=SOURCE",
        help="imagenet, noisy-student, random, a file, imagenet:FILE, pretrained-here:FOLDER or "
        "bundle:FOLDER; once for each system",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="override a setting of the preset",
    )
    parser.add_argument(
        "--extra", type=Path, metavar="DIR", help="films to add, with weight extra_weight"
    )
    parser.add_argument(
        "--measure",
        action="append",
        default=[],
        metavar="NAME=DIR",
        help="measure on these labelled films too",
    )
    parser.add_argument("--tensorboard", action="store_true", help="write TensorBoard event files")
    parser.add_argument(
        "--cache",
        type=Path,
        default=DEFAULT_CACHE,
        metavar="DIR",
        help=f"networks and features ({DEFAULT_CACHE})",
    )


def run(arguments: argparse.Namespace) -> int:
    """Train the systems of a preset.

    Args:
        arguments: Those of `add`, and `command`.

    Returns:
        0.

    Raises:
        CxrError: If it cannot be done; see `train.pipeline.train`.
    """
    settings = {"systems": arguments.systems} if arguments.systems else {}
    config = load_preset(arguments.preset, arguments.set, **settings)
    if config.extra_weight > 0 and arguments.extra is None:
        msg = f"`--extra` must name the films that preset {config.preset} adds. Received: none"
        raise ConfigError(msg, hint="Name a folder of films by class, or --set extra_weight=0.")
    from train.material import Request
    from train.pipeline import train

    record = train(
        Request(
            config=config,
            data=_data_folder(arguments.data),
            out=arguments.out,
            cache=arguments.cache,
            weights=pairs("--backbone-weights", arguments.backbone_weights),
            extra=arguments.extra,
            measure=paths("--measure", arguments.measure),
            command=arguments.command,
            tensorboard=arguments.tensorboard,
        )
    )
    for name, result in {**record["systems"], **record["baselines"]}.items():
        figures = result["test"]["figures"]
        texts = [
            f"{key} {figure_text(figures[key], digits=4)}" for key in ("accuracy", "macro_auroc")
        ]
        if "recall_COVID19" in figures:
            texts.append(f"recall COVID19 {figure_text(figures['recall_COVID19'], digits=4)}")
        print(f"{name}: test {', '.join(texts)}, n = {figures['n']}")
    return 0


def _data_folder(text: str) -> Path:
    """Return the training folder, fetched first if the user asked for that."""
    if text != KAGGLE:
        return Path(text)
    from train.kaggle import fetch_kaggle

    return fetch_kaggle()
