"""The commands `python -m train pretrain` and `python -m train finetune`."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxr_core.dataset import Film, carve, data_digest, scan
from cxr_core.errors import TrainingDataError
from train.network import films_seen
from train.pretrain import FineTuneConfig, PretrainConfig, Stage, load_images, pretrain
from train.pretrain.config import AUGMENTATIONS, PRECISIONS, STRATEGIES

LOG = logging.getLogger(__name__)
CARVE_SEED = 0
"""The parts are the same for every `--seed`, so that later steps find the same films unseen."""


@dataclass(frozen=True)
class Parts:
    """The films of the folder's training split, shared out by patient.

    Attributes:
        fit: Films to fit.
        validation: Films whose loss is reported.
        n_calibration: Films left out for calibration.
        n_left_out: Films left out because their patient, or a copy of them, is in another split.
        n_shared: Such films that were kept.
        digest: `data_digest` of the training split.
    """

    fit: tuple[Film, ...]
    validation: tuple[Film, ...]
    n_calibration: int
    n_left_out: int
    n_shared: int
    digest: str

    def to_dict(self) -> dict[str, Any]:
        """Return what is stored about the films: numbers and one digest."""
        return {
            "digest": self.digest,
            "n_fit": len(self.fit),
            "n_validation": len(self.validation),
            "n_calibration": self.n_calibration,
            "n_left_out_as_leaks": self.n_left_out,
            "n_shared_with_other_splits": self.n_shared,
        }


def pretrain_main(argv: Sequence[str]) -> int:
    """Train a backbone from random weights.

    Args:
        argv: Arguments after `pretrain`.

    Returns:
        0.

    Raises:
        SystemExit: With 2, for wrong usage.
        CxrError: If it cannot be done; see `train.pretrain.pretrain`.
    """
    parser = _parser("pretrain", "train a backbone from random weights")
    arguments = parser.parse_args(argv)
    return _run(PretrainConfig(**_settings(arguments)), arguments, ["pretrain", *argv])


def finetune_main(argv: Sequence[str]) -> int:
    """Refine given weights of a backbone.

    Args:
        argv: Arguments after `finetune`.

    Returns:
        0.

    Raises:
        SystemExit: With 2, for wrong usage.
        CxrError: If it cannot be done; see `train.pretrain.fine_tune`.
    """
    parser = _parser("finetune", "refine given weights of a backbone")
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
    arguments = parser.parse_args(argv)
    config = FineTuneConfig(
        **_settings(arguments),
        weights=arguments.weights,
        from_layer=arguments.from_layer,
        last_blocks=arguments.last_blocks,
    )
    return _run(config, arguments, ["finetune", *argv])


def share_out(
    folder: Path,
    held_out: tuple[float, float],
    *,
    leave_out_leaks: bool,
    seen: AbstractSet[str] = frozenset(),
) -> Parts:
    """Read a training folder and carve validation and calibration films off its training split.

    Args:
        folder: Training folder, see `cxr_core.dataset.scan`.
        held_out: Shares of validation and of calibration in each class.
        leave_out_leaks: Leave out films whose patient, or a copy of them, is in another split.
        seen: Digests of films that the weights were fitted to; their patients are not held out.

    Returns:
        The parts.

    Raises:
        TrainingDataError: If the folder cannot be read or nothing is left of a part.
    """
    dataset = scan(folder)
    pairs = list(zip(dataset.films, dataset.groups, strict=True))
    elsewhere = {group for film, group in pairs if film.split != "train"}
    own = [(film, group) for film, group in pairs if film.split == "train"]
    n_shared = sum(group in elsewhere for _, group in own)
    if n_shared and not leave_out_leaks:
        LOG.warning("%d training films share a patient or a copy with another split", n_shared)
    shares = dict(zip(("validation", "calibration"), held_out, strict=True))
    films = [film for film, _ in own]
    parts = carve(
        [film.label for film in films],
        [group for _, group in own],
        [film.sha256 for film in films],
        {part: share for part, share in shares.items() if share > 0},
        seed=CARVE_SEED,
        kept={group for film, group in own if film.sha256 in seen},
    )
    by_part: dict[str, list[Film]] = {"fit": [], "validation": [], "calibration": []}
    for (film, group), part in zip(own, parts, strict=True):  # as `train.parts.divide` does
        if not (leave_out_leaks and group in elsewhere):
            by_part[part].append(film)
    if not (by_part["fit"] and by_part["validation"]):
        counts = {part: len(members) for part, members in by_part.items()}
        msg = f"`{folder.name}` must hold films to fit and to validate. Received: {counts}"
        raise TrainingDataError(msg)
    return Parts(
        tuple(by_part["fit"]),
        tuple(by_part["validation"]),
        len(by_part["calibration"]),
        n_shared if leave_out_leaks else 0,
        0 if leave_out_leaks else n_shared,
        data_digest([film for film, _ in pairs if film.split == "train"]),
    )


def _run(config: PretrainConfig, arguments: argparse.Namespace, command: Sequence[str]) -> int:
    """Read the films, train and say what came out."""
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
        command=["python", "-m", "train", *map(_without_folder, command)],
        data=parts.to_dict(),
    )
    final = record["validation_at_serving_size"]
    print(
        f"{config.backbone}: {len(record['history'])} epochs, validation accuracy "
        f"{final['val_accuracy']:.4f}, macro recall {final['val_macro_recall']:.4f} at "
        f"{config.serve_px} px, {arguments.out}"
    )
    return 0


def _parser(name: str, description: str) -> argparse.ArgumentParser:
    """Return the options that both commands have."""
    parser = argparse.ArgumentParser(prog=f"python -m train {name}", description=description)
    add = parser.add_argument
    add("--backbone", required=True, metavar="NAME", help="name in the registry, densenet201")
    add("--data", required=True, type=Path, metavar="DIR", help="folder with train/<CLASS>/")
    add("--out", required=True, type=Path, metavar="DIR", help="folder of the result")
    add("--stages", required=True, type=_stages, help="size:epochs of each stage, 96:7,160:2")
    add("--precision", choices=PRECISIONS, default="float32", help="half precision is for GPUs")
    add("--seed", type=int, default=0)
    add(
        "--held-out",
        type=_shares,
        default=(0.1, 0.1),
        metavar="V,C",
        help="shares of patients left out for validation and for calibration, 0.1,0.1",
    )
    add("--exclude-leaks", action="store_true", help="leave out films with a copy in another split")
    add("--batch-size", type=int, metavar="N", help="films a step, over all devices")
    add("--learning-rate", type=float, metavar="RATE", help="highest rate")
    add("--bn-momentum", type=float, metavar="SHARE", help="of BatchNorm's running means, 0.95")
    add(
        "--zero-residual",
        action="store_true",
        help="start residual branches at 0, for EfficientNet",
    )
    add("--augmentation", choices=AUGMENTATIONS, default="cv2")
    add("--strategy", choices=STRATEGIES, default="none", help="mirrored: all GPUs of the machine")
    return parser


def _settings(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the settings that were given; the others keep their defaults."""
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


def _without_folder(text: str) -> str:
    """Cut a path to its last part, so that none is stored."""
    name, separator, value = text.rpartition("=")
    source, colon, path = value.rpartition(":")
    return f"{name}{separator}{source}{colon}{Path(path).name if path else path}"
