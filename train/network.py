"""The backbones of a run: exported from weights, or taken from a bundle as they are served."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cxr_core import backbones
from cxr_core.bundle import Bundle
from cxr_core.engine.openvino import OpenVinoEngine
from cxr_core.errors import ConfigError, TrainingDataError
from cxr_core.preprocess import PreprocessSpec
from cxr_core.whole_file import write_whole
from train.config import PUBLIC, TrainConfig
from train.export import backbone_digest, export_backbone

RANDOM: Final = "random"
PRETRAINED_HERE: Final = "pretrained-here"
BUNDLE: Final = "bundle"
COMPRESSION: Final = "8-bit weights per channel, f32 arithmetic"


@dataclass(frozen=True)
class Network:
    """An exported backbone that is ready to run.

    Attributes:
        backbone: Its description.
        preprocess: How films are prepared for it.
        xml_path: The exported network.
        digest: `train.export.backbone_digest` of it.
        origin: Where its weights come from, in words, without a path.
        public_scaling: The scaling that its weights expect.
        engine: The serving engine.
        seen: Digests of the films that its weights were fitted to here, where that is known.
        is_own: True if its weights were trained on chest films.
    """

    backbone: backbones.Backbone
    preprocess: PreprocessSpec
    xml_path: Path
    digest: str
    origin: str
    public_scaling: str
    engine: OpenVinoEngine
    seen: frozenset[str] = frozenset()
    is_own: bool = False


@dataclass(frozen=True)
class _Weights:
    """What a `--backbone-weights` value turned out to be."""

    key: str
    origin: str
    scaling: str
    is_own: bool = False
    seen: frozenset[str] = frozenset()


def prepare_network(name: str, config: TrainConfig, weights: str, *, cache: Path) -> Network:
    """Export a backbone, or find it in the cache or a bundle, and compile it.

    Args:
        name: Backbone.
        config: Input size, resampling and scaling.
        weights: As `cxr_core.backbones.build` takes them; `pretrained-here:FOLDER` for what
            `python -m train pretrain` or `finetune` wrote; `bundle:FOLDER` for the network of a
            published bundle, byte for byte.
        cache: Exported networks are kept in its folder `backbones`.

    Returns:
        The network.

    Raises:
        ConfigError: If the weights are not known.
        SpecMismatchError: If a folder holds something else than its word says.
    """
    backbone = backbones.find(name)
    size = config.image_size_px
    word, _, place = weights.partition(":")
    if word == BUNDLE:
        found, xml_path = _from_bundle(name, Path(place), cache)
    else:
        found = _identify(backbone, weights, config.seed)
        xml_path = cache / "backbones" / f"{name}-{size}-{found.key}.xml"
        if not xml_path.with_suffix(".bin").is_file():
            _export(backbone, weights, size, config.seed, xml_path)
    wanted = found.scaling if config.scaling == PUBLIC or found.is_own else config.scaling
    spec = PreprocessSpec(size, size, config.resampling, wanted, config.filter)
    engine = OpenVinoEngine(xml_path)
    if engine.input_shape != (size, size, 3):
        msg = f"`image_size_px` must be that of the network of {name}, {engine.input_shape[0]}. "
        raise ConfigError(f"{msg}Received: {size}")
    return Network(
        backbone,
        spec,
        xml_path,
        backbone_digest(xml_path),
        found.origin,
        found.scaling,
        engine,
        found.seen,
        found.is_own,
    )


def films_seen(name: str, weights: str) -> frozenset[str]:
    """Return which films weights were fitted to, without loading them.

    Args:
        name: Backbone.
        weights: As `prepare_network` takes them.

    Returns:
        Digests of the films' bytes; empty for weights that were not trained here.

    Raises:
        SpecMismatchError: If a folder holds something else than its word says.
    """
    from train.pretrain import read_pretraining

    word, _, place = weights.partition(":")
    if word == PRETRAINED_HERE:
        return frozenset(read_pretraining(Path(place), name)["films"])
    if word == BUNDLE:
        return _seen_of_bundle(Bundle.load(Path(place)), name)
    return frozenset()


def _seen_of_bundle(bundle: Bundle, name: str) -> frozenset[str]:
    """Return which films a published network was fitted to."""
    films = bundle.backbone(name).films
    return (
        frozenset()
        if films is None
        else frozenset(json.loads((bundle.folder / films).read_bytes()))
    )


def check_unseen(network: Network, digests: Sequence[str], part: str) -> int:
    """Refuse test films that a backbone was fitted to.

    Args:
        network: The backbone.
        digests: Digests of the films of a part.
        part: Its name; only `test` is refused.

    Returns:
        How many of the films it was fitted to.

    Raises:
        TrainingDataError: If they are test films.
    """
    n_seen = len(network.seen & set(digests))
    if n_seen and part == "test":
        msg = f"`test` must be films that {network.backbone.name} has not seen. Received: {n_seen}"
        raise TrainingDataError(msg, hint="Pre-train it again without those films.")
    return n_seen


def _identify(backbone: backbones.Backbone, weights: str, seed: int) -> _Weights:
    """Tell key, origin and scaling of weights that are still to be exported."""
    word, separator, rest = weights.partition(":")
    if word == PRETRAINED_HERE:
        return _own(backbone.name, Path(rest))
    scaling = backbone.scaling_for(weights)
    if weights == RANDOM:
        return _Weights(f"random{seed}", f"random, seed {seed}", scaling)
    path = Path(rest if separator else weights)
    if not path.is_file():
        return _Weights(weights.replace("/", "_"), weights, scaling)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    named = f"{word}, " if separator else ""
    return _Weights(digest, f"{named}file {path.name}, SHA-256 {digest}", scaling)


def _own(name: str, folder: Path) -> _Weights:
    """Describe weights that were trained here."""
    from train.pretrain import WEIGHTS, read_pretraining

    record = read_pretraining(folder, name)
    digest = hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()[:12]
    films, config = record["films"], record["config"]
    stages = ", ".join(_stage_words(stage) for stage in config["stages"])
    origin = (
        f"{_learnt_words(config)} on {len(films):,} chest films ({stages}) from "
        f"{record.get('origin', 'random')} weights, SHA-256 {digest}"
    )
    return _Weights(digest, origin, record["scaling"], is_own=True, seen=frozenset(films))


def _stage_words(stage: Mapping[str, int]) -> str:
    """Say how long a stage was."""
    epochs = stage["epochs"]
    return f"{epochs} epoch{'' if epochs == 1 else 's'} at {stage['size_px']} px"


def _learnt_words(config: Mapping[str, Any]) -> str:
    """Say how much of a network learnt."""
    if config.get("last_blocks"):
        return f"last {config['last_blocks']} blocks refined here"
    if config.get("from_layer"):
        return f"refined here from layer {config['from_layer']} on"
    return "refined here end to end" if "weights" in config else "trained here end to end"


def _from_bundle(name: str, folder: Path, cache: Path) -> tuple[_Weights, Path]:
    """Copy a published network into the cache."""
    bundle = Bundle.load(folder)
    entry = bundle.backbone(name)
    source = bundle.folder / entry.network
    target = cache / "backbones" / f"{name}-bundle-{backbone_digest(source)[:12]}.xml"
    if not target.with_suffix(".bin").is_file():
        for suffix in (".xml", ".bin"):  # whose name says that both are there
            write_whole(target.with_suffix(suffix), source.with_suffix(suffix).read_bytes())
    scaling = entry.public_scaling or backbones.find(name).public_scaling
    seen = _seen_of_bundle(bundle, name)
    return _Weights("", entry.weights_origin, scaling, entry.is_own, seen), target


def _export(
    backbone: backbones.Backbone, weights: str, size: int, seed: int, xml_path: Path
) -> None:
    """Build the Keras network and write the one that is served."""
    import keras

    keras.utils.set_random_seed(seed)
    word, _, place = weights.partition(":")
    shape = (size, size, 3)
    model: Any
    if word == PRETRAINED_HERE:
        from train.pretrain import build_pretrained

        model = build_pretrained(Path(place), backbone.name, input_shape=shape)
    else:
        model = backbones.build(backbone.name, weights=weights, input_shape=shape)
    export_backbone(model, xml_path)
