"""From a folder of films to a finished run: cached features, heads, ensembles, figures."""

from __future__ import annotations

import importlib.util
import json
import logging
import shlex
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cxr_core.dataset import Film, data_digest
from cxr_core.errors import ConfigError, TrainingDataError
from cxr_core.heads import MemberHead, head_from_arrays
from train.blind import read_blind
from train.config import TrainConfig
from train.ensembles import MemberOutput, member_output
from train.fit import Fitted, fit_head
from train.joint import (
    Joint,
    TrainedMember,
    describe_epochs,
    measured,
    summarise_system,
    unfold,
)
from train.material import ADDED, Material, Request, added_folds, gather
from train.member_data import MemberData, added_rows, fit_data, member_data, to_head
from train.network import COMPRESSION, Network
from train.parts import FIT, folds_of
from train.run import (
    FILMS_SUFFIX,
    check_settings,
    environment,
    network_path,
    read_record,
    system_folder,
    write_record,
)

LOG = logging.getLogger(__name__)


def train(request: Request) -> dict[str, Any]:
    """Train the systems of a preset and write the run; go on with a run that was killed.

    Args:
        request: What to do.

    Returns:
        The record that was written to `out/run.json`.

    Raises:
        TrainingDataError: If the folder cannot be used or a class has no readable film.
        ConfigError: If a backbone's weights are not named or not known.
        SpecMismatchError: If `out` holds a run of other settings.
    """
    config = request.config
    for defect in config.defects:
        LOG.warning("preset %s: %s", config.preset, defect)
    missing = [name for name in config.members if name not in request.weights]
    if missing:
        msg = f"`--backbone-weights` must name weights for {', '.join(missing)}. Received: none"
        hint = "Add --backbone-weights NAME=imagenet, NAME=random or NAME=FILE for each system."
        raise ConfigError(msg, hint=hint)
    if request.tensorboard and importlib.util.find_spec("tensorboard") is None:
        msg = "`--tensorboard` must have the tensorboard package. Received: it is not installed"
        raise ConfigError(msg, hint="pip install tensorboard, or leave the option out.")
    material = gather(request)
    _start(request, material)
    members: dict[str, TrainedMember] = {}
    films: Mapping[str, tuple[Film, ...]] = {}
    for name in config.members:
        data = member_data(name, request, material)
        members[name] = _train_member(name, request, material, data)
        if films and {k: len(v) for k, v in films.items()} != {
            k: len(v) for k, v in data.films.items()
        }:
            msg = "`data` must be the same films for every member. Received: other films"
            raise TrainingDataError(msg, hint="Start the command again; do not change the folder.")
        films = data.films
    systems = {name: member.record for name, member in members.items()}
    baselines = {}
    if len(members) > 1:
        joint = Joint(request, material, members, films)
        baselines = joint.baselines()
        for name in config.ensembles:
            systems[name] = joint.train(name)
    record = {
        **_heading(request),
        "environment": environment(),
        "data": {
            "digest": material.digest,
            "n_by_class": material.n_by_split,
            "n_unreadable": material.n_unreadable,
            "validation_split": config.validation,
            "n_left_out_for_added": material.n_left_out,
            **material.parts.to_dict(),
        },
        "sets": {
            name: {
                "n": len(found.films),
                "n_patients": len(set(found.patients)),
                "digest": data_digest(found.films),
                "n_of_patients_in": material.n_shared[name],
            }
            for name, found in material.sets.items()
        },
        "systems": systems,
        "baselines": baselines,
    }
    write_record(request.out / "run.json", record)
    return record


def _heading(request: Request) -> dict[str, Any]:
    """Return what names a run."""
    return {
        "config": request.config.to_dict(),
        "command": shlex.join(request.command),
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def _start(request: Request, material: Material) -> None:
    """Write the run's settings, or check that a run is gone on with by the same ones."""
    request.out.mkdir(parents=True, exist_ok=True)
    path = request.out / "config.json"
    identity = {
        "config": request.config.to_dict(),
        "data_digest": material.digest,
        "parts_digest": material.parts.digest,
        "sets": {name: data_digest(found.films) for name, found in material.sets.items()},
    }
    if path.is_file():
        check_settings(path, identity)
    else:
        write_record(path, {**_heading(request), **identity})
    summary = json.dumps(material.summary, indent=1)
    (request.out / "dataset.json").write_text(summary + "\n", "utf-8")


def _train_member(
    name: str, request: Request, material: Material, data: MemberData
) -> TrainedMember:
    """Train one member, or load it if it is done; write its files."""
    from safetensors.numpy import load_file, save_file

    config = request.config
    folder = system_folder(request.out, name)
    done = folder / "run.json"
    if done.is_file():
        record = read_record(done)
        arrays = load_file(folder / "head.safetensors")
        head = head_from_arrays(
            arrays, pooling=config.pooling, feature_shape=data.network.engine.feature_shape
        )
        LOG.info("%s: finished before", name)
    else:
        folder.mkdir(parents=True, exist_ok=True)
        started = time.perf_counter()
        board = folder / "tensorboard" if request.tensorboard else None
        fitted = fit_head(
            name,
            config,
            fit_data(data, config, added=added_rows(material, data)),
            folder / "history.csv",
            tensorboard=board,
        )
        seconds = time.perf_counter() - started
        head = to_head(fitted, data, config)
        save_file(fitted.arrays, folder / "head.safetensors")
        record = _member_record(config, material, data, fitted, head, seconds)
    outputs = {part: member_output(head, pooled) for part, pooled in data.pooled.items()}
    fold_output = None
    if config.ensemble_data == "out_of_fold" and len(config.members) > 1 and config.ensembles:
        fold_output = _fold_output(name, config, material, data)
    blind = read_blind(name, config, material, data)
    _copy_network(request.out, data.network)
    if not done.is_file():
        probs = {part: out.probs for part, out in outputs.items()}
        record |= measured(material, data.films, probs)
        if blind:
            said = [fold.outputs[ADDED].probs for fold in blind]
            folded = unfold(added_folds(config, material), said)
            record["blind"] = summarise_system(material, ADDED, data.films[ADDED], folded)
        write_record(done, record)
        shutil.rmtree(folder / "state", ignore_errors=True)
    LOG.info("%s: test accuracy %.4f", name, record["test"]["accuracy"]["value"])
    return TrainedMember(head, outputs, fold_output, record, blind)


def _fold_output(
    name: str, config: TrainConfig, material: Material, data: MemberData
) -> MemberOutput:
    """Read each fitted film by a head that was fitted without its patient."""
    films = data.films[FIT]
    folds = np.array(
        folds_of(
            material.parts.groups(films),
            [film.sha256 for film in films],
            [film.label for film in films],
            config.folds,
            config.split_seed,
        )
    )
    probs, hidden = None, None
    for number in range(config.folds):
        LOG.info("%s: fold %d of %d", name, number + 1, config.folds)
        given = fit_data(data, config, rows=folds != number, added=added_rows(material, data))
        fitted = fit_head(name, config, given)
        out = member_output(to_head(fitted, data, config), data.pooled[FIT][folds == number])
        if probs is None or hidden is None:
            probs = np.zeros((len(films), out.probs.shape[1]), np.float32)
            hidden = np.zeros((len(films), out.hidden.shape[1]), np.float32)
        probs[folds == number], hidden[folds == number] = out.probs, out.hidden
    return MemberOutput(np.asarray(probs), np.asarray(hidden))


def _copy_network(out: Path, network: Network) -> None:
    """Put the served network into the run, and which films its weights were fitted to."""
    target = network_path(out, network.backbone.name)
    target.parent.mkdir(parents=True, exist_ok=True)
    for suffix in (".xml", ".bin"):
        shutil.copyfile(network.xml_path.with_suffix(suffix), target.with_suffix(suffix))
    if network.seen:
        digests = json.dumps(sorted(network.seen), indent=0)
        target.with_suffix(FILMS_SUFFIX).write_text(digests + "\n", "utf-8")


def _member_record(
    config: TrainConfig,
    material: Material,
    data: MemberData,
    fitted: Fitted,
    head: MemberHead,
    seconds: float,
) -> dict[str, Any]:
    """Describe one member."""
    network = data.network
    added = added_rows(material, data)
    return {
        "backbone": network.backbone.name,
        "feature_layer": network.backbone.feature_layer,
        "feature_shape": list(network.engine.feature_shape),
        "weights_origin": network.origin,
        "public_scaling": network.public_scaling,
        "is_own": network.is_own,
        "compression": COMPRESSION,
        "preprocess": network.preprocess.to_dict(),
        "pooling": config.pooling,
        "n_parameters": head.n_parameters,
        "n_fitted": len(data.films[FIT]) + (0 if added is None else int(added.sum())),
        "n_unreadable": len(data.unreadable),
        **describe_epochs(fitted, seconds, config),
    }
