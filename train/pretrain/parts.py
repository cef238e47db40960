"""Which films of a folder a backbone is fitted to, and which are left unseen for later steps."""

from __future__ import annotations

import logging
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxr_core.dataset import Film, carve, data_digest, scan
from cxr_core.errors import TrainingDataError

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
