"""The films behind a bundle's evidence: who calibrates a variant, and what its networks see."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cxr_core.blas import one_blas_thread
from cxr_core.bundle import Bundle, VariantEntry
from cxr_core.dataset import Dataset, Film, data_digest
from cxr_core.engine.openvino import OpenVinoEngine
from cxr_core.errors import ConfigError, SpecMismatchError, TrainingDataError
from cxr_core.evaluate.folder_reads import describe
from cxr_core.evaluate.reads import Collector, Reads
from cxr_core.heads import HeadSet, ensemble_from_arrays, head_from_arrays
from train.augment import AugmentSpec
from train.export import backbone_digest
from train.features import FeatureCache, FeatureKey, fill_cache
from train.parts import CALIBRATION, Parts, divide, scan_extra
from train.preset import from_values
from train.run import network_path, read_record, system_folder

_CHUNK: Final = 128


@dataclass(frozen=True, eq=False)
class Source:
    """Where a variant's calibration films come from.

    Attributes:
        parts: The training folder, divided.
        heads: The heads that read the calibration films: the variant's own, or its twin's.
        validation: Where the films that steered come from, as in `TrainConfig.validation`.
        is_twin: True for the heads of a twin.
    """

    parts: Parts
    heads: HeadSet
    validation: str
    is_twin: bool


@dataclass(frozen=True, eq=False)
class FilmSet:
    """A labelled folder beside the training films.

    Attributes:
        folder: The folder.
        films: Its films.
    """

    folder: Path
    films: Sequence[Film]


class Films:
    """Reads films through the published networks, each network once a film.

    Args:
        bundle: The bundle.
        cache: Folder of features, shared with training.
    """

    def __init__(self, bundle: Bundle, cache: Path) -> None:
        self._bundle = bundle
        self._cache = cache
        self._engines: dict[str, OpenVinoEngine] = {}

    def read(
        self, variant: VariantEntry, heads: HeadSet, films: Sequence[Film], folder: Path
    ) -> Reads:
        """Read films with every system of a variant.

        Args:
            variant: Names networks and preprocessing.
            heads: The heads to use.
            films: The films.
            folder: Where they lie; tells patients and groups.

        Returns:
            The reads, with hidden layers and pooled features.

        Raises:
            TrainingDataError: If a film cannot be read.
        """
        stores = {name: self._store(variant, name, films) for name in variant.members}
        collector = Collector(heads)
        digests = [film.sha256 for film in films]
        with one_blas_thread():
            for start in range(0, len(digests), _CHUNK):
                chunk = digests[start : start + _CHUNK]
                maps = {name: store.load(chunk) for name, store in stores.items()}
                for i in range(len(chunk)):
                    collector.add({name: rows[i] for name, rows in maps.items()})
        labels = [film.label for film in films]
        return collector.reads(describe(folder, [film.path for film in films], labels))

    def _store(self, variant: VariantEntry, name: str, films: Sequence[Film]) -> FeatureCache:
        """Fill and return the cache of one member's features."""
        member = variant.members[name]
        path = self._bundle.folder / member.network
        if member.network not in self._engines:
            self._engines[member.network] = OpenVinoEngine(path)
        key = FeatureKey(
            member.backbone, backbone_digest(path), member.preprocess, AugmentSpec(), 0, 0
        )
        store = FeatureCache(self._cache / "features", key, member.feature_shape)
        failed = fill_cache(store, films, self._engines[member.network])
        if failed:
            film, message = failed[0]
            msg = f"`{film.path.name}` must be a film that can be read. Received: {message}"
            raise TrainingDataError(msg, hint="Take the file out of the folder.")
        return store


def film_set(folder: Path, title: str) -> FilmSet:
    """List the films of a set.

    Args:
        folder: Holds one folder a class.
        title: Name of the set.

    Returns:
        The set.

    Raises:
        TrainingDataError: If there is no film.
    """
    return FilmSet(folder, scan_extra(folder, title).films)


def is_fitted_to(variant: VariantEntry, listed: FilmSet, extra: Path | None) -> bool:
    """Tell whether a variant's heads were fitted to a set, so that its own reads prove nothing.

    Args:
        variant: The variant.
        listed: The set.
        extra: Films that were added to training, or `None`.

    Returns:
        True if a film of the set was added.
    """
    if extra is None or not variant.training["config"]["extra_weight"]:
        return False
    added = {film.sha256 for film in scan_extra(extra, "added").films}
    return bool(added & {film.sha256 for film in listed.films})


def find_source(
    bundle: Bundle,
    variant: VariantEntry,
    dataset: Dataset,
    *,
    twin: Path | None = None,
    extra: Path | None = None,
) -> Source:
    """Find the films that calibrate a variant, and the heads that never saw them.

    Args:
        bundle: The bundle.
        variant: One of its variants.
        dataset: Its training folder, scanned.
        twin: A run of the same recipe that kept films apart; used where the variant kept none.
        extra: Films that were added to its training, or `None`.

    Returns:
        The divided folder and the heads.

    Raises:
        TrainingDataError: If the folder is not the one that the variant was trained on.
        ConfigError: If the variant kept no films apart and has no twin.
        SpecMismatchError: If the twin is of another recipe or other networks.
    """
    config = from_values(variant.training["config"])
    seen = _films_seen(bundle, variant)
    if config.calibration_share > 0:
        parts = divide(dataset, config, seen)
        if config.extra_weight > 0:
            parts = parts.without(_added_patients(variant, extra))
        _check_parts(variant, parts, dataset)
        return Source(parts, bundle.heads(variant.name), config.validation, is_twin=False)
    if twin is None:
        msg = f"Variant {variant.name} must have films for calibration. Received: none kept apart"
        hint = (
            f"Train it once more with --set calibration_share=0.1 and name that run with --twin "
            f"{variant.name}=RUN."
        )
        raise ConfigError(msg, hint=hint)
    record = read_record(twin / "run.json")
    recipe = from_values(record["config"])
    changed = {
        key
        for key, value in recipe.to_dict().items()
        if value != config.to_dict()[key] and key != "calibration_share"
    }
    if changed:
        msg = f"`--twin` must be of the recipe of {variant.name}. Received: other {sorted(changed)}"
        raise SpecMismatchError(msg, hint="Train the twin with the same preset and settings.")
    parts = divide(dataset, recipe, seen)
    return Source(parts, _run_heads(bundle, variant, twin, record), recipe.validation, is_twin=True)


def _films_seen(bundle: Bundle, variant: VariantEntry) -> frozenset[str]:
    """Return the digests of the films that a variant's networks were fitted to."""
    networks = {member.network for member in variant.members.values()}
    seen: set[str] = set()
    for backbone in bundle.backbones.values():
        if backbone.network in networks and backbone.films is not None:
            seen |= set(json.loads((bundle.folder / backbone.films).read_bytes()))
    return frozenset(seen)


def _added_patients(variant: VariantEntry, extra: Path | None) -> set[str]:
    """Return the patients of the films that were added to a variant's training."""
    if extra is None:
        msg = f"`--extra` must name the films that {variant.name} was given. Received: none"
        raise ConfigError(msg, hint="Name the folder that training was given with --extra.")
    return set(scan_extra(extra, "added").names) - {""}


def _check_parts(variant: VariantEntry, parts: Parts, dataset: Dataset) -> None:
    """Refuse a folder that is divided otherwise than in training."""
    recorded = variant.training["data"]
    if recorded["digest"] != data_digest(dataset.films):
        msg = f"`--data` must be what {variant.name} was trained on. Received: other films"
        raise TrainingDataError(msg, hint="Name the folder that the runs were trained with.")
    if recorded["n_by_part"] != parts.to_dict()["n_by_part"]:
        msg = (
            f"`--data` must be divided as it was for {variant.name}, "
            f"{recorded['n_by_part'].get(CALIBRATION)}. "
            f"Received: {parts.to_dict()['n_by_part'].get(CALIBRATION)}"
        )
        raise TrainingDataError(msg, hint="Put manifest.csv where it was when the runs were made.")


def _run_heads(
    bundle: Bundle, variant: VariantEntry, run: Path, record: Mapping[str, Any]
) -> HeadSet:
    """Load the heads of a run that has the variant's networks."""
    from safetensors.numpy import load_file

    members, ensembles = {}, {}
    for name, member in variant.members.items():
        own = backbone_digest(bundle.folder / member.network)
        if backbone_digest(network_path(run, member.backbone)) != own:
            msg = f"`--twin` must have the network {name} of the bundle. Received: another"
            raise SpecMismatchError(msg, hint="Train the twin on --backbone-weights bundle:FOLDER.")
        members[name] = head_from_arrays(
            load_file(system_folder(run, name) / "head.safetensors"),
            pooling=record["systems"][name]["pooling"],
            feature_shape=member.feature_shape,
        )
    for name in variant.ensembles:
        arrays = load_file(system_folder(run, name) / "head.safetensors")
        ensembles[name] = ensemble_from_arrays(arrays)
    return HeadSet(members, ensembles)
