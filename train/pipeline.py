"""From a folder of films to a finished run: export, cached features, heads, figures."""

from __future__ import annotations

import hashlib
import logging
import shlex
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from cxr_core import backbones
from cxr_core.engine.openvino import OpenVinoEngine
from cxr_core.errors import ConfigError, TrainingDataError
from cxr_core.evaluate.metrics import classification_summary, confusion_matrix
from cxr_core.heads import MemberHead, head_from_arrays, pool_matrix
from cxr_core.labels import class_index
from cxr_core.preprocess import PreprocessSpec
from train.config import PUBLIC, TrainConfig
from train.data import Film, class_counts, data_digest, scan_split
from train.export import backbone_digest, export_backbone
from train.features import FeatureCache, FeatureKey, fill_cache
from train.fit import FitData, Fitted, fit_head
from train.run import environment, network_path, system_folder, write_record

LOG = logging.getLogger(__name__)
RANDOM: Final = "random"
_CHUNK = 256


@dataclass(frozen=True)
class Splits:
    """The films of a run.

    Attributes:
        train: Films the heads are fitted to.
        validation: Films that steer learning rate and stopping.
        test: Films the figures are measured on.
    """

    train: tuple[Film, ...]
    validation: tuple[Film, ...]
    test: tuple[Film, ...]

    @classmethod
    def scan(cls, folder: Path, validation: str) -> Splits:
        """List the films of a training folder.

        Args:
            folder: Kaggle layout.
            validation: `test` or `val`.

        Returns:
            The splits; with `test`, the test films steer too.

        Raises:
            TrainingDataError: If a split or a class is missing.
        """
        test = tuple(scan_split(folder, "test"))
        steering = test if validation == "test" else tuple(scan_split(folder, validation))
        return cls(tuple(scan_split(folder, "train")), steering, test)


@dataclass(frozen=True)
class Network:
    """An exported backbone that is ready to run.

    Attributes:
        backbone: Its description.
        preprocess: How films are prepared for it.
        xml_path: The exported network.
        origin: Where its weights come from, in words, without a path.
        engine: The serving engine.
    """

    backbone: backbones.Backbone
    preprocess: PreprocessSpec
    xml_path: Path
    origin: str
    engine: OpenVinoEngine


def train(
    config: TrainConfig,
    *,
    data: Path,
    out: Path,
    cache: Path,
    weights: Mapping[str, str],
    command: Sequence[str] = (),
) -> dict[str, Any]:
    """Train the systems of a preset and write the run.

    Args:
        config: The recipe.
        data: Training folder in the Kaggle layout.
        out: The run's folder; made if missing.
        cache: Folder of exported networks and features; reused by later runs.
        weights: Backbone name to its weights, as `cxr_core.backbones.build` takes them.
        command: What was typed, stored with the run.

    Returns:
        The record that was written to `out/run.json`.

    Raises:
        TrainingDataError: If the folder cannot be used or a class has no readable film.
        ConfigError: If a backbone's weights are not named or not known.
    """
    for defect in config.defects:
        LOG.warning("preset %s: %s", config.preset, defect)
    missing = [name for name in config.systems if name not in weights]
    if missing:
        msg = f"`--backbone-weights` must name weights for {', '.join(missing)}. Received: none"
        hint = "Add --backbone-weights NAME=imagenet, NAME=random or NAME=FILE for each system."
        raise ConfigError(msg, hint=hint)
    splits = Splits.scan(data, config.validation)
    counts = {split: class_counts(getattr(splits, split)) for split in ("train", "test")}
    LOG.info("films: %s", counts)
    results = {
        name: _train_member(name, config, splits, weights[name], out=out, cache=cache)
        for name in config.systems
    }
    record = {
        "config": config.to_dict(),
        "command": shlex.join(command),
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "environment": environment(),
        "data": {
            "digest": data_digest([*splits.train, *splits.test]),
            "n_by_class": counts,
            "validation_split": config.validation,
        },
        "systems": results,
    }
    write_record(out / "run.json", record)
    return record


def _train_member(
    name: str, config: TrainConfig, splits: Splits, weights: str, *, out: Path, cache: Path
) -> dict[str, Any]:
    """Train one member and write its files; return its part of the record."""
    network = prepare_network(name, config, weights, cache=cache)
    passes: dict[int, npt.NDArray[np.float32]] = {}
    unreadable: dict[str, str] = {}
    for number in config.passes:
        stored = _cached(config, network, cache, splits.train, number, unreadable)
        passes[number] = _pooled(stored, splits.train, config.pooling, unreadable)
    steering = _cached(config, network, cache, splits.validation, 0, unreadable)
    tested = _cached(config, network, cache, splits.test, 0, unreadable)
    readable = {
        split: _readable(getattr(splits, split), unreadable)
        for split in ("train", "validation", "test")
    }
    for split, films in readable.items():
        empty = [label for label, count in class_counts(films).items() if not count]
        if empty:
            msg = f"`{split}` must have readable films of every class. Received: none of {empty}"
            raise TrainingDataError(msg)
    fit_data = FitData(
        passes,
        _labels(readable["train"]),
        _pooled(steering, splits.validation, config.pooling, unreadable),
        _labels(readable["validation"]),
    )
    folder = system_folder(out, name)
    folder.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    fitted = fit_head(name, config, fit_data, folder / "history.csv")
    seconds = time.perf_counter() - started
    head = head_from_arrays(
        fitted.arrays, pooling=config.pooling, feature_shape=network.engine.feature_shape
    )
    summary = _evaluate_head(head, tested, readable["test"])
    LOG.info("%s: test accuracy %.4f", name, summary["accuracy"]["value"])
    return _write_member(name, config, network, fitted, head, summary, unreadable, seconds, out)


def prepare_network(name: str, config: TrainConfig, weights: str, *, cache: Path) -> Network:
    """Export a backbone, or find it in the cache, and compile it.

    Args:
        name: Backbone.
        config: Input size, resampling and scaling.
        weights: As `cxr_core.backbones.build` takes them.
        cache: Exported networks are kept in its folder `backbones`.

    Returns:
        The network.
    """
    backbone = backbones.find(name)
    size = config.image_size_px
    scaling = backbone.scaling_for(weights) if config.scaling == PUBLIC else config.scaling
    key, origin = _weights_identity(weights, config.seed)
    xml_path = cache / "backbones" / f"{name}-{size}-{key}.xml"
    if not xml_path.with_suffix(".bin").is_file():
        import keras

        keras.utils.set_random_seed(config.seed)
        model = backbones.build(name, weights=weights, input_shape=(size, size, 3))
        export_backbone(model, xml_path)
    spec = PreprocessSpec(size, size, config.resampling, scaling)
    return Network(backbone, spec, xml_path, origin, OpenVinoEngine(xml_path))


def _weights_identity(weights: str, seed: int) -> tuple[str, str]:
    """Return a short key of the weights for file names, and their origin in words."""
    if weights == RANDOM:
        return f"random{seed}", f"random, seed {seed}"
    source, separator, rest = weights.partition(":")
    path = Path(rest if separator else weights)
    if not path.is_file():
        return weights.replace("/", "_"), weights
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    named = f"{source}, " if separator else ""
    return digest[:12], f"{named}file {path.name}, SHA-256 {digest[:12]}"


def _cached(
    config: TrainConfig,
    network: Network,
    cache: Path,
    films: Sequence[Film],
    number: int,
    unreadable: dict[str, str],
) -> FeatureCache:
    """Fill and return the cache of one pass; add the films that could not be read."""
    key = FeatureKey(
        network.backbone.name,
        backbone_digest(network.xml_path),
        network.preprocess,
        config.augment,
        config.seed,
        number,
    )
    stored = FeatureCache(cache / "features", key, network.engine.feature_shape)
    for film, message in fill_cache(stored, films, network.engine):
        if film.sha256 not in unreadable:
            LOG.warning("skipped %s: %s", film.path.name, message)
        unreadable[film.sha256] = message
    return stored


def _readable(films: Sequence[Film], unreadable: Mapping[str, str]) -> list[Film]:
    """Return the films that could be read."""
    return [film for film in films if film.sha256 not in unreadable]


def _labels(films: Sequence[Film]) -> npt.NDArray[np.int64]:
    """Return the films' class indices, shape (n,)."""
    return np.array([class_index(film.label) for film in films], np.int64)


def _pooled(
    stored: FeatureCache, films: Sequence[Film], pooling: str, unreadable: Mapping[str, str]
) -> npt.NDArray[np.float32]:
    """Return the pooled features of the readable films, shape (n, n_pooled, c)."""
    height, width, channels = stored.feature_shape
    pool = pool_matrix(pooling, height, width).astype(np.float32)
    digests = [film.sha256 for film in _readable(films, unreadable)]
    pooled = np.empty((len(digests), len(pool), channels), np.float32)
    for start in range(0, len(digests), _CHUNK):
        rows = stored.load(digests[start : start + _CHUNK])
        pooled[start : start + len(rows)] = pool @ rows.reshape(len(rows), -1, channels)
    return pooled


def _evaluate_head(head: MemberHead, tested: FeatureCache, films: Sequence[Film]) -> dict[str, Any]:
    """Measure a head on the test films' features, in numpy as it will be served."""
    predicted = [int(head.forward(tested.load([film.sha256])[0]).logits.argmax()) for film in films]
    return classification_summary(confusion_matrix(_labels(films), np.array(predicted, np.int64)))


def _write_member(
    name: str,
    config: TrainConfig,
    network: Network,
    fitted: Fitted,
    head: MemberHead,
    summary: dict[str, Any],
    unreadable: Mapping[str, str],
    seconds: float,
    out: Path,
) -> dict[str, Any]:
    """Write one member's arrays, network and record; return the record."""
    from safetensors.numpy import save_file

    folder = system_folder(out, name)
    save_file(fitted.arrays, folder / "head.safetensors")
    target = network_path(out, network.backbone.name)
    target.parent.mkdir(parents=True, exist_ok=True)
    for suffix in (".xml", ".bin"):
        shutil.copyfile(network.xml_path.with_suffix(suffix), target.with_suffix(suffix))
    record = {
        "backbone": network.backbone.name,
        "feature_layer": network.backbone.feature_layer,
        "feature_shape": list(network.engine.feature_shape),
        "weights_origin": network.origin,
        "compression": "8-bit weights per channel, f32 arithmetic",
        "preprocess": network.preprocess.to_dict(),
        "pooling": config.pooling,
        "n_parameters": head.n_parameters,
        "n_epochs": len(fitted.history),
        "best_epoch": fitted.best_epoch,
        "chosen_epoch": fitted.best_epoch if config.restore_best else len(fitted.history),
        "chosen_by": f"loss on the {config.validation} films",
        "fit_seconds": round(seconds, 1),
        "n_unreadable": len(unreadable),
        "test": summary,
    }
    write_record(folder / "run.json", record)
    return record
