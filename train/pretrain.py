"""Train a backbone end to end on chest films, for where public weights cannot be had.

Films are cropped at random and grow from stage to stage. A network trained on crops of 160 pixels
sees structures at about the size at which it meets them later in whole films of 224, for half the
arithmetic (Touvron et al., "Fixing the train-test resolution discrepancy", 2019). At the end the
running means of BatchNorm are measured anew on whole films at the serving size.

Films that a later step needs unseen (validation, calibration) are left out; those that were fitted
are listed. The same loop refines networks that come with weights, public ones or its own.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from cxr_core import backbones
from cxr_core.errors import ArtifactIntegrityError, ConfigError, CxrError, SpecMismatchError
from cxr_core.io import read_path
from cxr_core.labels import class_index
from cxr_core.preprocess import PreprocessSpec, resize
from cxr_core.whole_file import write_whole
from train.checkpoint import Checkpoint, remove_checkpoint, save_weights
from train.pretrain_config import FineTuneConfig, PretrainConfig, Stage
from train.pretrain_loop import Devices, Loop, find_devices, log_row
from train.run import environment

if TYPE_CHECKING:
    from cxr_core.dataset import Film
    from train.pretrain_network import Network

LOG = logging.getLogger(__name__)
SCHEMA: Final = "cxr-pretraining/1"
WEIGHTS: Final = "backbone.weights.h5"
RECORD: Final = "pretraining.json"
__all__ = [
    "FineTuneConfig",
    "Images",
    "PretrainConfig",
    "Stage",
    "build_pretrained",
    "fine_tune",
    "load_images",
    "pretrain",
    "read_pretraining",
]


@dataclass(frozen=True, eq=False)
class Images:
    """Films in memory.

    Attributes:
        pixels: Shape (n, h, w), uint8.
        y_true: Class indices, shape (n,).
        digests: Digest of each film's bytes.
    """

    pixels: npt.NDArray[np.uint8]
    y_true: npt.NDArray[np.int64]
    digests: tuple[str, ...]

    def __len__(self) -> int:
        """Return the number of films."""
        return len(self.digests)

    @property
    def digest(self) -> str:
        """One digest of the films, their classes and their order."""
        pairs = zip(self.digests, self.y_true, strict=True)
        lines = [f"{digest} {label}\n" for digest, label in pairs]
        return hashlib.sha256("".join(lines).encode()).hexdigest()


def load_images(films: Sequence[Film], size_px: int = 224) -> Images:
    """Read films into memory; those that cannot be read are left out and named in the log.

    Args:
        films: Films of a training folder.
        size_px: Side of the square that each film is stretched to, as serving does.

    Returns:
        The films that could be read, in that order; `size_px` squared bytes each.
    """
    spec = PreprocessSpec(size_px, size_px)
    pixels, labels, digests = [], [], []
    for film in films:
        try:
            image = resize(read_path(film.path).image, spec)
        except CxrError as err:
            LOG.warning("left out: %s", err)
            continue
        pixels.append(np.round(image * 255).astype(np.uint8))
        labels.append(class_index(film.label))
        digests.append(film.sha256)
    stacked = np.stack(pixels) if pixels else np.empty((0, size_px, size_px), np.uint8)
    return Images(stacked, np.array(labels, np.int64), tuple(digests))


def pretrain(
    config: PretrainConfig,
    films: Images,
    validation: Images,
    *,
    out: Path,
    command: Sequence[str] = (),
    data: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Train a backbone and write its weights; go on where an earlier call was stopped.

    Args:
        config: The recipe; a `FineTuneConfig` starts from its weights instead of random ones.
        films: Films to fit.
        validation: Films whose loss is reported; they decide nothing.
        out: Folder for `backbone.weights.h5`, `pretraining.json` and, meanwhile, a checkpoint.
        command: What was typed, stored with the result.
        data: What is to be stored about the films.

    Returns:
        The record that was written; that of an earlier call with the same settings and films.

    Raises:
        ConfigError: If there are too few films, or a setting does not suit the machine.
        SpecMismatchError: If `out` holds the checkpoint or the result of another recipe.
        ArtifactIntegrityError: If weights cannot be fetched, or the checkpoint is damaged.
    """
    import keras

    if min(len(films), len(validation)) < 1 or not config.rows_an_epoch(len(films)):
        msg = (
            "there must be films to fit and to validate, at least one batch of them with several "
            f"devices. Received: {len(films)} and {len(validation)}"
        )
        raise ConfigError(msg, hint="Give more films, or a smaller batch.")
    done = _finished(out, config, films)
    if done is not None:
        return done
    devices = find_devices(config.strategy, config.batch_size)
    keras.mixed_precision.set_global_policy(config.precision)
    try:
        with devices.scope():
            network, history, final = _train(config, films, validation, out, devices)
    finally:
        keras.mixed_precision.set_global_policy("float32")
    record = {
        "schema": SCHEMA,
        "kind": "fine_tuning" if isinstance(config, FineTuneConfig) else "pretraining",
        "config": config.to_dict(),
        "graph": network.graph,
        "scaling": network.scaling,
        "origin": network.origin,
        "weights_sha256": _write_weights(network.base, out),
        "n_trained_parameters": sum(int(np.prod(v.shape)) for v in network.base.trainable_weights),
        "command": shlex.join(command),
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "environment": {**environment(), "backend": keras.backend.backend()},
        "data": dict(data or {}),
        "films": sorted({*films.digests, *network.seen}),
        "films_digest": films.digest,
        "history": history,
        "validation_at_serving_size": final,
    }
    write_whole(out / RECORD, (json.dumps(record, indent=1) + "\n").encode())
    remove_checkpoint(out)
    return record


def fine_tune(
    config: FineTuneConfig,
    films: Images,
    validation: Images,
    *,
    out: Path,
    command: Sequence[str] = (),
    data: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Refine given weights on chest films; arguments, result and folder are those of `pretrain`.

    Args:
        config: The recipe.
        films: Films to fit.
        validation: Films whose loss is reported; they decide nothing.
        out: Folder for the result.
        command: What was typed, stored with the result.
        data: What is to be stored about the films.

    Returns:
        The record that was written.

    Raises:
        ConfigError: As `pretrain`, or if the layer or block does not exist.
        SpecMismatchError: As `pretrain`.
        ArtifactIntegrityError: As `pretrain`.
    """
    return pretrain(config, films, validation, out=out, command=command, data=data)


def _train(
    config: PretrainConfig, films: Images, validation: Images, out: Path, devices: Devices
) -> tuple[Network, list[dict[str, Any]], dict[str, float]]:
    """Run the epochs that are left; return the network, the history and the figures."""
    import keras

    from train import pretrain_network

    keras.utils.set_random_seed(config.seed)
    recipe = {**config.to_dict(), "n_films": len(films)}
    if isinstance(config, FineTuneConfig):
        network = pretrain_network.tuned_network(config)
        recipe["started_from"] = pretrain_network.digest_of(network.base)
    else:
        network = pretrain_network.new_network(config)
    steps = -(-config.rows_an_epoch(len(films)) // config.batch_size)
    pretrain_network.compile_network(network.model, config, steps)
    checkpoint = Checkpoint(out, network.model, recipe, films.digest)
    history = checkpoint.resume()
    loop = Loop(network.model, network.base, config, films, network.scaling, devices)
    for epoch in range(len(history), config.epochs):
        row = loop.epoch(epoch)
        row.update(loop.validate(validation, config.stage_of(epoch).size_px))
        history.append(row)
        log_row(config.backbone, row)
        checkpoint.save(history)
    loop.recalibrate()
    final = loop.validate(validation, config.serve_px)
    LOG.info("%s at %d px: %s", config.backbone, config.serve_px, final)
    return network, history, final


def _write_weights(base: Any, out: Path) -> str:
    """Write the backbone's weights whole; return the digest of the file."""
    temporary = out / f"new.{WEIGHTS}"
    save_weights(base, temporary)
    temporary.replace(out / WEIGHTS)
    return _sha256(out / WEIGHTS)


def _finished(out: Path, config: PretrainConfig, films: Images) -> dict[str, Any] | None:
    """Return the record of an earlier call that got to its end, if it is of the same recipe."""
    if not ((out / RECORD).is_file() and (out / WEIGHTS).is_file()):
        return None
    record = read_pretraining(out, config.backbone)
    same = record["config"] == json.loads(json.dumps(config.to_dict()))
    known = record.get("films_digest", films.digest)
    if not (same and known == films.digest and {*films.digests} <= {*record["films"]}):
        msg = f"`{out.name}` must be new or of these settings. Received: a result of others"
        raise SpecMismatchError(msg, hint="Name another --out, or delete that folder.")
    LOG.info("%s is finished already: %s", config.backbone, out)
    remove_checkpoint(out)
    return record


def build_pretrained(
    folder: Path, name: str, input_shape: tuple[int, int, int] = (224, 224, 3)
) -> Any:
    """Build the network that a pre-training or a refinement has written, for inference.

    Args:
        folder: What `pretrain` or `fine_tune` wrote.
        name: Backbone that it must be of.
        input_shape: Height, width and 3 channels.

    Returns:
        A new `keras.Model` of `cxr_core.backbones.build`, float32. It expects films in the range
        that the record's `scaling` names.

    Raises:
        SpecMismatchError: If there is no such result, or it is of another backbone.
        ArtifactIntegrityError: If the weights are missing, changed or do not fit.
    """
    record = read_pretraining(folder, name)
    weights = weights_of(folder, record)
    return backbones.build(name, weights=weights, input_shape=input_shape, graph=record["graph"])


def weights_of(folder: Path, record: Mapping[str, Any]) -> Path:
    """Return the weights file of a result, after comparing its digest with the record's.

    Args:
        folder: The result's folder.
        record: Its record; older ones have no digest, then the file only has to exist.

    Returns:
        The file.

    Raises:
        ArtifactIntegrityError: If the file is missing or changed.
    """
    path = folder / WEIGHTS
    expected = record.get("weights_sha256")
    found = _sha256(path) if path.is_file() else None
    if found is None or expected not in (None, found):
        msg = f"`{path.name}` must have SHA-256 {expected}. Received: {found}"
        raise ArtifactIntegrityError(msg, hint="Run the pre-training again.")
    return path


def read_pretraining(folder: Path, backbone: str) -> dict[str, Any]:
    """Read the record of a finished pre-training.

    Args:
        folder: What `pretrain` wrote.
        backbone: Name that it must be of.

    Returns:
        The record.

    Raises:
        SpecMismatchError: If there is none, or it is of another backbone or schema.
    """
    hint = "Name the folder that `python -m train pretrain --out` has written."
    try:
        record: dict[str, Any] = json.loads((folder / RECORD).read_text("utf-8"))
    except (OSError, ValueError) as err:
        msg = f"`{folder.name}` must hold a finished pre-training. Received: {err}"
        raise SpecMismatchError(msg, hint=hint) from err
    found = (record.get("schema"), record.get("config", {}).get("backbone"))
    if found != (SCHEMA, backbone):
        msg = f"`{folder.name}` must be a pre-training of {backbone} ({SCHEMA}). Received: {found}"
        raise SpecMismatchError(msg, hint=hint)
    return record


def _sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes as hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
