"""Films with lung masks: read in pairs, shared out by patient."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cxr_core.array import ByteArray, Float32Array
from cxr_core.dataset import carve, find_split
from cxr_core.dataset.film import SUFFIXES, children
from cxr_core.errors import CxrError, TrainingDataError
from cxr_core.evaluate.patients import patient_keys
from cxr_core.io import read_path
from cxr_core.preprocess import PreprocessSpec, resize

LOG = logging.getLogger(__name__)
CARVE_SEED = 0
_HINT = "Give MASKS/<SPLIT>/<CLASS>/<film>.png for films of DIR/<SPLIT>/<CLASS>/<film>.jpg."


@dataclass(frozen=True, eq=False)
class LungFilms:
    """Films and masks in memory.

    Attributes:
        pixels: Shape (n, size, size), uint8.
        masks: Shape (n, size, size), uint8, 1 in the lungs.
        labels: Name of each film's folder, usually its class.
        digests: SHA-256 of each film's bytes.
        mask_digests: SHA-256 of each mask's bytes.
        patients: A word for the patient of each film, good for comparing only.
        patients_from: What told the patients: `manifest`, `DICOM headers`, `file names` or `none`.
    """

    pixels: ByteArray
    masks: ByteArray
    labels: tuple[str, ...]
    digests: tuple[str, ...]
    mask_digests: tuple[str, ...]
    patients: tuple[str, ...]
    patients_from: str

    def __len__(self) -> int:
        """Return the number of films."""
        return len(self.digests)

    @property
    def digest(self) -> str:
        """One digest of films and masks, whatever their order."""
        pairs = zip(self.digests, self.mask_digests, strict=True)
        lines = sorted(f"{film} {mask}\n" for film, mask in pairs)
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    @property
    def batch(self) -> Float32Array:
        """The films as networks take them, shape (n, size, size, 1), float32 in [0, 1]."""
        return (self.pixels.astype(np.float32) / np.float32(255))[..., None]

    def take(self, rows: Sequence[int]) -> LungFilms:
        """Return some of the films.

        Args:
            rows: Their numbers.

        Returns:
            New arrays.
        """
        index = list(rows)

        def pick(values: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(values[i] for i in index)

        return LungFilms(
            self.pixels[index],
            self.masks[index],
            pick(self.labels),
            pick(self.digests),
            pick(self.mask_digests),
            pick(self.patients),
            self.patients_from,
        )


def find_pairs(data: Path, masks: Path, split: str) -> list[tuple[Path, Path]]:
    """Find the film of every mask of a split.

    Args:
        data: Folder that holds the split, with or without a `Data/` level.
        masks: Folder that holds the split with the masks, one folder a class.
        split: `train` or `test`.

    Returns:
        Film and mask, in the order of class and name; films without a mask are left out.

    Raises:
        TrainingDataError: If a split is missing, holds no mask, or a mask has no film.
    """
    films, of_masks = find_split(data, split), find_split(masks, split)
    pairs = []
    for mask in sorted(of_masks.glob("*/*.png")):
        same = [
            path
            for folder in children(films, mask.parent.name)
            for path in sorted(folder.glob(f"{_escaped(mask.stem)}.*"))
            if path.suffix.lower() in SUFFIXES and path.stem == mask.stem
        ]
        if not same:
            msg = f"Every mask must have a film of its name. Received: none for one of {split}"
            raise TrainingDataError(msg, hint=_HINT)
        pairs.append((same[0], mask))
    if not pairs:
        msg = f"`{masks.name}` must hold masks in {split}/<CLASS>/. Received: none"
        raise TrainingDataError(msg, hint=_HINT)
    return pairs


def load_films(data: Path, masks: Path, split: str, size_px: int) -> LungFilms:
    """Read the films of a split that have a mask.

    Args:
        data: See `find_pairs`.
        masks: See `find_pairs`. A pixel above half of the mask's range is lung.
        split: `train` or `test`.
        size_px: Side of the square that film and mask are stretched to, as serving does.

    Returns:
        The films.

    Raises:
        TrainingDataError: As `find_pairs`, or if a file cannot be read.
    """
    pairs = find_pairs(data, masks, split)
    spec = PreprocessSpec(size_px, size_px)
    nearest = PreprocessSpec(size_px, size_px, resampling="nearest")
    pixels, targets = [], []
    for film, mask in pairs:
        try:
            pixels.append(np.round(resize(read_path(film).image, spec) * 255).astype(np.uint8))
            targets.append((resize(read_path(mask).image, nearest) > 0.5).astype(np.uint8))
        except CxrError as err:
            msg = f"A film and its mask must be readable. Received: {err}"
            raise TrainingDataError(msg, hint=err.hint) from err
    patients, told_by = patient_keys(find_split(data, split), [film for film, _ in pairs])
    LOG.info("%s: %d films with masks, %d patients", split, len(pairs), len(set(patients)))
    return LungFilms(
        np.stack(pixels),
        np.stack(targets),
        tuple(film.parent.name for film, _ in pairs),
        tuple(_sha256(film) for film, _ in pairs),
        tuple(_sha256(mask) for _, mask in pairs),
        tuple(patients),
        told_by,
    )


def divide(films: LungFilms, share: float) -> tuple[LungFilms, LungFilms]:
    """Carve validation films out of the training films, whole patients at a time.

    Args:
        films: Films of the training split.
        share: Share of the validation films.

    Returns:
        Films to fit and films to validate; the same for every seed of a training.

    Raises:
        TrainingDataError: If one of the parts would be empty.
    """
    numbers = {patient: i for i, patient in enumerate(dict.fromkeys(films.patients))}
    groups = [numbers[patient] for patient in films.patients]
    shares = {"validation": share}
    parts = carve(films.labels, groups, films.digests, shares, seed=CARVE_SEED)
    fit, validation = (
        films.take([i for i, part in enumerate(parts) if part == name])
        for name in ("fit", "validation")
    )
    if not (len(fit) and len(validation)):
        msg = (
            "There must be films to fit and to validate. "
            f"Received: {len(fit)} and {len(validation)}"
        )
        raise TrainingDataError(msg, hint="Give masks of more patients, or another share.")
    return fit, validation


def counts(films: LungFilms) -> dict[str, Any]:
    """Return what is stored about the films: numbers and one digest.

    Args:
        films: Any films.

    Returns:
        JSON-ready values without names.
    """
    return {"n": len(films), "n_patients": len(set(films.patients)), "digest": films.digest}


def _escaped(stem: str) -> str:
    """Return a stem in which `glob` sees no wildcards."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in stem)


def _sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes as hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
