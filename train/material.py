"""What a run is made of: the request, and its films in parts and sets."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from cxr_core.array import BoolArray, IntArray
from cxr_core.dataset import Film, class_counts, data_digest, scan, summarise
from train.config import TrainConfig
from train.network import films_seen
from train.parts import TEST, ExtraFilms, Parts, divide, folds_of, scan_extra

LOG = logging.getLogger(__name__)
ADDED: Final = "added"


@dataclass(frozen=True, eq=False)
class Request:
    """What a run is asked to do.

    Attributes:
        config: The recipe.
        data: Training folder in the Kaggle layout.
        out: The run's folder; made if missing, gone on with if it holds an unfinished run.
        cache: Folder of exported networks and features; reused by later runs.
        weights: Backbone name to its weights, see `train.network.prepare_network`.
        extra: Folder of films to add to training with `config.extra_weight`, or `None`.
        measure: Set name to folder of labelled films on which every system is measured too.
        command: What was typed, stored with the run.
        tensorboard: Write event files for TensorBoard.
    """

    config: TrainConfig
    data: Path
    out: Path
    cache: Path
    weights: Mapping[str, str]
    extra: Path | None = None
    measure: Mapping[str, Path] = field(default_factory=dict)
    command: Sequence[str] = ()
    tensorboard: bool = False


@dataclass(frozen=True, eq=False)
class Material:
    """The films of a run: the parts of the training folder and the sets beside it.

    Attributes:
        parts: The training folder, divided.
        sets: Name to films beside it; `added` for those that are trained on too.
        n_by_split: Class counts of the folder's splits.
        digest: `data_digest` of the folder.
        summary: What `dataset.json` tells of the folder.
        n_unreadable: Files of the folder that were skipped.
        n_shared: Set name to how many of its films show a patient of the folder's `train` and
            `test`, as far as manifests tell.
        n_left_out: Training films left out because their patient is among the added ones.
    """

    parts: Parts
    sets: Mapping[str, ExtraFilms]
    n_by_split: Mapping[str, Mapping[str, int]]
    digest: str
    summary: Mapping[str, Any]
    n_unreadable: int
    n_shared: Mapping[str, Mapping[str, int]]
    n_left_out: int

    def films(self) -> dict[str, tuple[Film, ...]]:
        """Return part or set name to films."""
        return {**self.parts.films, **{name: found.films for name, found in self.sets.items()}}

    def patients(self, name: str, films: Sequence[Film]) -> list[Any]:
        """Return the patient of each of some films of a part or set."""
        if name not in self.sets:
            return list(self.parts.groups(films))
        found = self.sets[name]
        by_digest = dict(zip((f.sha256 for f in found.films), found.patients, strict=True))
        return [by_digest[film.sha256] for film in films]


def gather(request: Request) -> Material:
    """Scan the training folder and the sets beside it.

    Args:
        request: Names the folders.

    Returns:
        All films of the run.

    Raises:
        TrainingDataError: If a folder cannot be used.
    """
    dataset = scan(request.data)
    seen = [films_seen(name, request.weights[name]) for name in request.config.members]
    parts = divide(dataset, request.config, frozenset().union(*seen))
    sets = {name: scan_extra(path, name) for name, path in request.measure.items()}
    if request.extra is not None and request.config.extra_weight > 0:
        sets[ADDED] = scan_extra(request.extra, ADDED)
    n_shared = {name: _count_shared(parts, found) for name, found in sets.items()}
    n_before = sum(map(len, parts.films.values()))
    if ADDED in sets:
        parts = parts.without(set(sets[ADDED].names) - {""})
    n_left_out = n_before - sum(map(len, parts.films.values()))
    for name, shared in n_shared.items():
        if any(shared.values()):
            LOG.warning("films of %s that show a patient of the folder: %s", name, shared)
    splits = sorted({film.split for film in dataset.films})
    counts = {
        split: class_counts([film for film in dataset.films if film.split == split])
        for split in splits
    }
    for skipped in dataset.unreadable:
        LOG.warning("skipped %s: %s", skipped.file, skipped.message)
    LOG.info("films: %s, %d files skipped", counts, len(dataset.unreadable))
    digest = data_digest(dataset.films)
    return Material(
        parts,
        sets,
        counts,
        digest,
        summarise(dataset),
        len(dataset.unreadable),
        n_shared,
        n_left_out,
    )


def _count_shared(parts: Parts, found: ExtraFilms) -> dict[str, int]:
    """Count the films of a set that show a patient of the folder, by the folder's split."""
    known = {split: parts.patients(split=split) for split in ("train", "test")}
    return {split: sum(name in own for name in found.names) for split, own in known.items()}


def fitted_added(material: Material) -> BoolArray:
    """Tell which added films show no test patient, so that they may be fitted.

    Args:
        material: Holds the set `added`.

    Returns:
        Shape (n,).
    """
    tested = material.parts.patients(split=TEST)
    return np.array([name not in tested for name in material.sets[ADDED].names], bool)


def added_folds(config: TrainConfig, material: Material) -> IntArray:
    """Deal the patients of the added films to folds.

    Args:
        config: Number of folds and seed.
        material: Holds the set `added`.

    Returns:
        Fold of each added film, shape (n,).
    """
    found = material.sets[ADDED]
    numbers = {patient: i for i, patient in enumerate(dict.fromkeys(found.patients))}
    return np.array(
        folds_of(
            [numbers[patient] for patient in found.patients],
            [film.sha256 for film in found.films],
            [film.label for film in found.films],
            config.folds,
            config.split_seed,
        ),
        np.int64,
    )
