"""`pretrain`: a backbone from random weights; `finetune` takes the same options and more."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import Any

from train.network import films_seen
from train.pretrain import FineTuneConfig, PretrainConfig, Stage, load_images, pretrain
from train.pretrain.config import AUGMENTATIONS, PRECISIONS, STRATEGIES
from train.pretrain.parts import share_out

LOG = logging.getLogger(__name__)


def add(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    add = parser.add_argument
    add("--backbone", required=True, metavar="NAME", help="network to train, as densenet201")
    add("--data", required=True, type=Path, metavar="DIR", help="folder with train/<CLASS>/")
    add("--out", required=True, type=Path, metavar="DIR", help="folder of the result")
    add(
        "--stages",
        required=True,
        type=_stages,
        metavar="STAGES",
        help="size:epochs of each stage, as 96:7,160:2",
    )
    add(
        "--precision",
        choices=PRECISIONS,
        default="float32",
        help="half precision is for GPUs (float32)",
    )
    add("--seed", type=int, default=0, metavar="S", help="of weights, order and augmentation (0)")
    add(
        "--held-out",
        type=_shares,
        default=(0.1, 0.1),
        metavar="V,C",
        help="shares of patients left out for validation and for calibration (0.1,0.1)",
    )
    add("--exclude-leaks", action="store_true", help="leave out films with a copy in another split")
    add("--batch-size", type=int, metavar="N", help="films a step, over all devices")
    add("--learning-rate", type=float, metavar="RATE", help="highest rate")
    add("--bn-momentum", type=float, metavar="SHARE", help="of BatchNorm's running means, as 0.95")
    add(
        "--zero-residual",
        action="store_true",
        help="start residual branches at 0, for EfficientNet",
    )
    add(
        "--augmentation",
        choices=AUGMENTATIONS,
        default="cv2",
        help="cv2 is faster on processors, layers run on GPUs too (cv2)",
    )
    add(
        "--strategy",
        choices=STRATEGIES,
        default="none",
        help="mirrored: all GPUs of the machine (none)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Train a backbone from random weights.

    Args:
        arguments: Those of `add`, and `command`.

    Returns:
        0.

    Raises:
        CxrError: If it cannot be done; see `train.pretrain.pretrain`.
    """
    return train_backbone(PretrainConfig(**settings_of(arguments)), arguments)


def train_backbone(config: PretrainConfig, arguments: argparse.Namespace) -> int:
    """Read the films, train and say what came out.

    Args:
        config: Settings of the training.
        arguments: `data`, `held_out`, `exclude_leaks`, `out`, `command`.

    Returns:
        0.

    Raises:
        CxrError: If it cannot be done; see `train.pretrain.pretrain`.
    """
    seen = (
        films_seen(config.backbone, config.weights)
        if isinstance(config, FineTuneConfig)
        else frozenset[str]()
    )
    parts = share_out(
        arguments.data, arguments.held_out, leave_out_leaks=arguments.exclude_leaks, seen=seen
    )
    LOG.info("films: %s", parts.to_dict())
    size_px = max([config.serve_px, *(stage.size_px for stage in config.stages)])
    record = pretrain(
        config,
        load_images(parts.fit, size_px),
        load_images(parts.validation, size_px),
        out=arguments.out,
        command=arguments.command,
        data=parts.to_dict(),
    )
    final = record["validation_at_serving_size"]
    print(
        f"{config.backbone}: {len(record['history'])} epochs, validation accuracy "
        f"{final['val_accuracy']:.4f}, macro recall {final['val_macro_recall']:.4f} at "
        f"{config.serve_px} px, {arguments.out}"
    )
    return 0


def settings_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the settings that were given; the others keep their defaults.

    Args:
        arguments: Those of `add`.

    Returns:
        Name to value.
    """
    names = ("backbone", "stages", "precision", "seed", "augmentation", "strategy")
    values = {name: getattr(arguments, name) for name in names}
    if arguments.zero_residual:
        values["zero_residual"] = True
    for name in ("batch_size", "learning_rate", "bn_momentum"):
        if getattr(arguments, name) is not None:
            values[name] = getattr(arguments, name)
    return values


def _stages(text: str) -> tuple[Stage, ...]:
    """Read `96:7,160:2`."""
    try:
        pairs = [tuple(map(int, part.split(":"))) for part in text.split(",")]
        return tuple(Stage(size_px, epochs) for size_px, epochs in pairs)
    except ValueError as err:
        msg = f"must be size:epochs,... Received: {text!r}"
        raise argparse.ArgumentTypeError(msg) from err


def _shares(text: str) -> tuple[float, float]:
    """Read `0.1,0.1`."""
    try:
        validation, calibration = map(float, text.split(","))
    except ValueError as err:
        msg = f"must be two shares. Received: {text!r}"
        raise argparse.ArgumentTypeError(msg) from err
    if not (0 < validation < 1 and 0 <= calibration < 1 - validation):
        msg = f"must leave films to fit, and some to validate. Received: {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return validation, calibration
