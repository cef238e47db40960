"""Train a backbone end to end, or refine one: from settings and films to weights and a record."""

from __future__ import annotations

import json
import logging
import shlex
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cxr_core.errors import ConfigError, SpecMismatchError
from cxr_core.training_run.record import PRETRAINING_SCHEMA
from cxr_core.whole_file import write_whole
from train.checkpoint import Checkpoint, remove_checkpoint, save_weights
from train.precision import precision
from train.pretrain.config import FineTuneConfig, PretrainConfig
from train.pretrain.device import Devices, find_devices
from train.pretrain.images import Images
from train.pretrain.loop import Loop
from train.pretrain.measure import log_row
from train.pretrain.result import RECORD, WEIGHTS, file_digest, read_pretraining
from train.run import environment

if TYPE_CHECKING:
    from train.pretrain.network import Network

LOG = logging.getLogger(__name__)


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
    with precision(config.precision), devices.scope():
        network, history, final = _train(config, films, validation, out, devices)
    record = {
        "schema": PRETRAINING_SCHEMA,
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


def _train(
    config: PretrainConfig, films: Images, validation: Images, out: Path, devices: Devices
) -> tuple[Network, list[dict[str, Any]], dict[str, float]]:
    """Run the epochs that are left; return the network, the history and the figures."""
    import keras

    from train.pretrain import network as networks

    keras.utils.set_random_seed(config.seed)
    recipe = {**config.to_dict(), "n_films": len(films)}
    if isinstance(config, FineTuneConfig):
        network = networks.tuned_network(config)
        recipe["started_from"] = networks.digest_of(network.base)
    else:
        network = networks.new_network(config)
    steps = -(-config.rows_an_epoch(len(films)) // config.batch_size)
    networks.compile_network(network.model, config, steps)
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
    return file_digest(out / WEIGHTS)


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
