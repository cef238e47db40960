"""`finetune`: given weights of a backbone, refined on the films of a folder."""

from __future__ import annotations

import argparse

from train.command import pretrain
from train.pretrain import FineTuneConfig


def add(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    pretrain.add(parser)
    parser.add_argument(
        "--weights",
        required=True,
        metavar="SOURCE",
        help="imagenet, noisy-student, a weights file, SOURCE:PATH, pretrained-here:FOLDER, or "
        "bundle:FOLDER",
    )
    first = parser.add_mutually_exclusive_group()
    first.add_argument("--from-layer", metavar="NAME", help="first layer that learns")
    first.add_argument("--last-blocks", type=int, metavar="N", help="only the last N blocks learn")


def run(arguments: argparse.Namespace) -> int:
    """Refine given weights of a backbone.

    Args:
        arguments: Those of `add`, and `command`.

    Returns:
        0.

    Raises:
        CxrError: If it cannot be done; see `train.pretrain.pretrain`.
    """
    config = FineTuneConfig(
        **pretrain.settings_of(arguments),
        weights=arguments.weights,
        from_layer=arguments.from_layer,
        last_blocks=arguments.last_blocks,
    )
    return pretrain.train_backbone(config, arguments)
