"""Which films are fitted, steer, calibrate and test; no patient stands in two of them."""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from cxr_core.dataset import Dataset, Film, carve, join_groups, read_manifest, scan_classes
from cxr_core.errors import TrainingDataError
from train.config import TrainConfig

LOG = logging.getLogger(__name__)

FIT: Final = "fit"
VALIDATION: Final = "val"
CALIBRATION: Final = "calibration"
TEST: Final = "test"
_SHOWN: Final = 10


@dataclass(frozen=True)
class Parts:
    """The films of a run by use.

    Attributes:
        films: `fit`, `val` and `test`, and `calibration` where films are kept for it.
        group_of: Digest of a film's bytes to the number of its patient's group.
        n_leaks: Training films that are copies of, or share a patient with, steering or test films.
        n_dropped: How many of them were left out.
        patients_from: What told the patients: `manifest`, `DICOM headers`, `file names` or `none`.
    """

    films: Mapping[str, tuple[Film, ...]]
    group_of: Mapping[str, int]
    n_leaks: int
    n_dropped: int
    patients_from: str

    @property
    def digest(self) -> str:
        """One digest of which film is in which part."""
        lines = [f"{film.sha256} {part}\n" for part, films in self.films.items() for film in films]
        return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()

    def groups(self, films: Sequence[Film]) -> list[int]:
        """Return the group of each film."""
        return [self.group_of[film.sha256] for film in films]

    def patients(self, *, split: str) -> set[str]:
        """Return the known patients of the films that come from a split."""
        films = [film for own in self.films.values() for film in own if film.split == split]
        return {film.patient for film in films} - {""}

    def without(self, patients: AbstractSet[str]) -> Parts:
        """Return the parts without the training films of some patients."""
        kept = {
            part: tuple(f for f in films if f.split != "train" or f.patient not in patients)
            for part, films in self.films.items()
        }
        return replace(self, films=kept)

    def to_dict(self) -> dict[str, Any]:
        """Return counts as JSON-ready values, without names."""
        return {
            "n_by_part": {
                part: dict(Counter(film.label for film in films))
                for part, films in self.films.items()
            },
            "n_patients_by_part": {
                part: len(set(self.groups(films))) for part, films in self.films.items()
            },
            "n_leaks": self.n_leaks,
            "n_dropped": self.n_dropped,
            "patients_from": self.patients_from,
        }


def divide(dataset: Dataset, config: TrainConfig, seen: AbstractSet[str] = frozenset()) -> Parts:
    """Divide the films of a data set as the recipe says.

    Args:
        dataset: A scanned training folder.
        config: The recipe: where validation films come from, what is carved, what leaks mean.
        seen: Digests of films that a backbone was fitted to. Nobody is carved of whom there is one.

    Returns:
        The parts.

    Raises:
        TrainingDataError: If a split is missing, has one patient only, or leaks and the recipe
            stops at that; if the backbones have seen every patient of a class that is to be carved.
    """
    group_of = {
        film.sha256: group for film, group in zip(dataset.films, dataset.groups, strict=True)
    }
    by_split: dict[str, list[Film]] = {}
    for film in dataset.films:
        by_split.setdefault(film.split, []).append(film)
    needed = ["train", "test"] + (["val"] if config.validation == "val" else [])
    for split in needed:
        if not by_split.get(split):
            msg = f"The folder must hold a split named {split}. Received: {sorted(by_split)}"
            raise TrainingDataError(msg)
    train = by_split["train"]
    part_of = _carved(train, group_of, config, seen)
    parts = {
        part: [film for film, own in zip(train, part_of, strict=True) if own == part]
        for part in (FIT, *config.carved_shares)
    }
    parts[TEST] = by_split["test"]
    if config.validation != "carved":
        parts[VALIDATION] = by_split[config.validation]
    held = {group_of[film.sha256] for film in parts[TEST]}
    if config.validation == "val":
        held |= {group_of[film.sha256] for film in parts[VALIDATION]}
    leaking = [film for film in train if group_of[film.sha256] in held]
    dropped = _judge(leaking, config.leaks)
    kept = {
        part: tuple(f for f in films if f.split != "train" or f.sha256 not in dropped)
        for part, films in parts.items()
    }
    return Parts(kept, group_of, len(leaking), len(dropped), dataset.patients_from)


def _carved(
    train: Sequence[Film],
    group_of: Mapping[str, int],
    config: TrainConfig,
    seen: AbstractSet[str],
) -> list[str]:
    """Return the part of each training film."""
    if not config.carved_shares:
        return [FIT] * len(train)
    groups = [group_of[film.sha256] for film in train]
    if len(set(groups)) < 1 + len(config.carved_shares):
        msg = f"`train` must have several patients to carve. Received: {len(set(groups))}"
        hint = "Add films of other patients, or set validation=val and calibration_share=0."
        raise TrainingDataError(msg, hint=hint)
    kept = {group_of[film.sha256] for film in train if film.sha256 in seen}
    spent = {f.label for f in train} - {f.label for f in train if group_of[f.sha256] not in kept}
    if spent:
        msg = (
            "`train` must hold patients of every class whom no backbone was fitted to. Received: "
            f"none of {', '.join(sorted(spent))}"
        )
        raise TrainingDataError(msg, hint="Pre-train again with --held-out.")
    return carve(
        [film.label for film in train],
        groups,
        [film.sha256 for film in train],
        config.carved_shares,
        seed=config.split_seed,
        rest=FIT,
        kept=kept,
    )


def _judge(leaking: Sequence[Film], leaks: str) -> set[str]:
    """Report training films that leak; return the digests of those to leave out."""
    if not leaking:
        return set()
    names = ", ".join(film.path.name for film in leaking[:_SHOWN])
    more = f" and {len(leaking) - _SHOWN} more" if len(leaking) > _SHOWN else ""
    text = f"{len(leaking)} training films share a patient or an exposure with held-out films"
    if leaks == "stop":
        msg = f"`train` must share no patient with held-out films. Received: {names}{more}"
        hint = "Leave them out with --set leaks=drop, or keep them with --set leaks=report."
        raise TrainingDataError(msg, hint=hint)
    LOG.warning("%s: %s%s (%s)", text, names, more, leaks)
    return {film.sha256 for film in leaking} if leaks == "drop" else set()


def folds_of(
    groups: Sequence[int], digests: Sequence[str], labels: Sequence[str], n_folds: int, seed: int
) -> list[int]:
    """Deal whole groups to folds, each class in about equal shares.

    Args:
        groups: Group of each film.
        digests: Digest of each film's bytes.
        labels: Class of each film.
        n_folds: Number of folds, at least 2.
        seed: Another seed deals otherwise.

    Returns:
        Fold of each film, from 0.

    Raises:
        TrainingDataError: If there are fewer groups than folds.
    """
    if len(set(groups)) < n_folds:
        msg = f"`folds` must not exceed the number of patients, {len(set(groups))}. "
        raise TrainingDataError(f"{msg}Received: {n_folds}")
    remaining = list(range(len(groups)))
    fold = [n_folds - 1] * len(groups)
    for number in range(n_folds - 1):
        parts = carve(
            [labels[i] for i in remaining],
            [groups[i] for i in remaining],
            [digests[i] for i in remaining],
            {"fold": 1 / (n_folds - number)},
            seed=seed + number,
        )
        for i, part in zip(remaining, parts, strict=True):
            if part == "fold":
                fold[i] = number
        remaining = [i for i, part in zip(remaining, parts, strict=True) if part != "fold"]
    empty = [number for number in range(n_folds) if number not in fold]
    if empty:
        msg = f"`folds` must each have films. Received: {n_folds} folds of {len(fold)} films"
        raise TrainingDataError(msg, hint="Use fewer folds, or more patients of every class.")
    return fold


@dataclass(frozen=True)
class ExtraFilms:
    """Labelled films beside the training folder: to add, or to measure on.

    Attributes:
        films: The films.
        patients: Patient of each film, by a word of this set.
        names: Patient of each film as the manifest names it; empty if unknown.
    """

    films: tuple[Film, ...]
    patients: tuple[str, ...]
    names: tuple[str, ...]


def scan_extra(folder: Path, name: str) -> ExtraFilms:
    """List the films of one folder a class, any of the classes.

    Args:
        folder: Holds folders named like classes, and a manifest with patients if there is one.
        name: Name of the set, stored as the films' split.

    Returns:
        The films and their patients; without a manifest every file is a patient of its own.

    Raises:
        TrainingDataError: If there is no film.
    """
    films = tuple(scan_classes(folder, split=name, required=()))
    if not films:
        msg = f"`{folder.name}` must hold films in folders named like classes. Received: none"
        raise TrainingDataError(msg)
    manifest = read_manifest(folder)
    known = manifest or {}
    rows = [
        known.get(film.sha256) or known.get(film.path.relative_to(folder).as_posix())
        for film in films
    ]
    names = tuple(row.patient if row else "" for row in rows)
    keys = [patient or film.sha256 for patient, film in zip(names, films, strict=True)]
    groups = join_groups(keys, [])
    return ExtraFilms(films, tuple(f"{name}-{group}" for group in groups), names)
