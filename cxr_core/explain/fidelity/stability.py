"""Does the map stay when nothing that matters has changed?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np

from cxr_core.array import Float32Array
from cxr_core.errors import NotApplicableError
from cxr_core.explain.cam import Cam
from cxr_core.explain.fidelity.likeness import Grid, require_map, spearman, ssim
from cxr_core.explain.fidelity.step import OnStep, Steps

_NOTE_FLAT_CHANGED = "Some maps of changed films were flat; they count as 0."


@dataclass(frozen=True)
class Change:
    """One small change of a film that no reader would care about.

    Attributes:
        rows: Shift downwards, in shares of the film's height; the edge is repeated.
        columns: Shift to the right, in shares of the film's width.
        noise: Standard deviation of normal noise, on the scale of [0, 1].
        seed: Seed of the noise.
    """

    rows: float = 0.0
    columns: float = 0.0
    noise: float = 0.0
    seed: int = 0

    @property
    def name(self) -> str:
        """Words for tables."""
        if self.noise:
            return f"noise {self.noise:g}"
        return f"shift {self.rows:+.3f}, {self.columns:+.3f}"

    def apply(self, image: Float32Array) -> Float32Array:
        """Change a film at the network's size.

        Args:
            image: Shape (h, w), float32 in [0, 1]; not changed.

        Returns:
            A new array of the same shape, float32 in [0, 1].
        """
        height, width = image.shape
        down, right = round(self.rows * height), round(self.columns * width)
        rows = np.clip(np.arange(height) - down, 0, height - 1)
        columns = np.clip(np.arange(width) - right, 0, width - 1)
        shifted: Float32Array = image[rows][:, columns]
        if self.noise:
            grain = np.random.default_rng(self.seed).normal(0.0, self.noise, image.shape)
            shifted = np.clip(shifted + grain, 0.0, 1.0).astype(np.float32)
        return shifted


QUARTER_CELL: Final = 1 / 28
"""Share of a film that is a quarter of a cell of a 7 by 7 map: 8 of 224 pixels."""

CHANGES: Final = (
    Change(rows=QUARTER_CELL),
    Change(rows=-QUARTER_CELL),
    Change(columns=QUARTER_CELL),
    Change(columns=-QUARTER_CELL),
    Change(noise=0.02, seed=0),
    Change(noise=0.02, seed=1),
)


@dataclass(frozen=True)
class Repeatability:
    """Likeness of a film's map and those of slightly changed copies.

    Attributes:
        changes: Words for each change.
        spearman: Rank correlation at each change, over the cells that both films show.
        mean: Their mean.
        least: Their smallest.
        notes: What a reader should know.
    """

    changes: tuple[str, ...]
    spearman: tuple[float, ...]
    mean: float
    least: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Agreement:
    """Likeness of maps that should tell the same: seeds, variants, members.

    Attributes:
        n_maps: Maps compared.
        spearman: Mean rank correlation over all pairs of maps.
        least: Smallest over the pairs.
        ssim: Mean structural similarity of the scaled maps over all pairs.
    """

    n_maps: int
    spearman: float
    least: float
    ssim: float


def repeatability(
    map_of: Callable[[Change], Grid],
    grid: Grid,
    *,
    changes: Sequence[Change] = CHANGES,
    on_step: OnStep | None = None,
) -> Repeatability:
    """Compare a map with the maps of slightly changed films, shifted back.

    A shift that is no whole number of cells is undone by bilinear interpolation; rows and columns
    that moved in from outside the film are left out of the comparison.

    Args:
        map_of: From a change to the map of the changed film, of the same score.
        grid: Map of the film itself, signed and unscaled.
        changes: At least one change.
        on_step: Progress and cancel, one step a change.

    Returns:
        Rank correlations.

    Raises:
        NotApplicableError: If the map is flat or not finite.
        CancelledCheckError: If the callback says so.
        ValueError: If there is no change.

    References:
        After repeatability in Arun et al. 2021, doi:10.1148/ryai.2021200267, who retrain instead;
        input changes as in Alvarez-Melis and Jaakkola 2018 (arXiv:1806.08049).
    """
    if not changes:
        msg = "`changes` must hold at least one change. Received: none"
        raise ValueError(msg)
    require_map(grid)
    steps = Steps(len(changes), on_step)
    found, n_flat = [], 0
    for change in changes:
        back, shown = shift_back(map_of(change), change)
        try:
            found.append(spearman(grid[shown], back[shown]))
        except NotApplicableError:
            found.append(0.0)
            n_flat += 1
        steps.advance()
    return Repeatability(
        tuple(change.name for change in changes),
        tuple(found),
        float(np.mean(found)),
        float(min(found)),
        (_NOTE_FLAT_CHANGED,) if n_flat else (),
    )


def shift_back(grid: Grid, change: Change) -> tuple[Grid, tuple[slice, slice]]:
    """Undo a shift of the film on its map.

    Args:
        grid: Map of the changed film, shape (h, w).
        change: What was done to the film.

    Returns:
        The map as it would lie on the unchanged film, a new array, and the rows and columns that
        both films show.
    """
    moved = np.asarray(grid, np.float64)
    shown = []
    for axis, share in enumerate((change.rows, change.columns)):
        cells = share * grid.shape[axis]
        wanted = np.arange(grid.shape[axis]) + cells
        low = np.clip(np.floor(wanted).astype(int), 0, grid.shape[axis] - 1)
        high = np.clip(low + 1, 0, grid.shape[axis] - 1)
        weight = np.expand_dims(wanted - np.floor(wanted), 1 - axis)
        moved = (1 - weight) * moved.take(low, axis) + weight * moved.take(high, axis)
        n_lost = int(np.ceil(abs(cells) - 1e-9))
        stop = grid.shape[axis]
        shown.append(slice(0, stop - n_lost) if cells > 0 else slice(n_lost, stop))
    return moved, (shown[0], shown[1])


def agreement(cams: Sequence[Cam], *, on_step: OnStep | None = None) -> Agreement:
    """Compare maps that should tell the same, each with each.

    Args:
        cams: Two or more maps of one size and one class, from other seeds, variants or members.
        on_step: Progress and cancel, one step a pair.

    Returns:
        Mean and smallest likeness.

    Raises:
        NotApplicableError: If there are fewer than two maps, their sizes or classes differ, or one
            is flat or not finite.
        CancelledCheckError: If the callback says so.
    """
    if len(cams) < 2:
        msg = f"`cams` must hold two or more maps. Received: {len(cams)}"
        raise NotApplicableError(msg)
    kinds = {(cam.class_name, cam.grid.shape) for cam in cams}
    if len(kinds) > 1:
        msg = f"`cams` must be of one class and one size. Received: {sorted(kinds, key=str)}"
        raise NotApplicableError(msg)
    pairs = list(combinations(cams, 2))
    steps = Steps(len(pairs), on_step)
    ranks, structures = [], []
    for one, other in pairs:
        ranks.append(spearman(one.grid, other.grid))
        structures.append(ssim(one.grid, other.grid))
        steps.advance()
    return Agreement(
        len(cams), float(np.mean(ranks)), float(min(ranks)), float(np.mean(structures))
    )
