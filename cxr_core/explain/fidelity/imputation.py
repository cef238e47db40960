"""ROAD: cover cells by what lies around them, so that the cover itself gives less away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from cxr_core.array import BoolArray, Float32Array
from cxr_core.errors import NotApplicableError
from cxr_core.explain.fidelity.likeness import Grid
from cxr_core.explain.fidelity.order import (
    NOTE_TIES,
    NOTE_UNMOVED,
    Score,
    cell_order,
    finite_score,
    seen_after,
)
from cxr_core.explain.fidelity.step import OnStep, Steps

NOISE: Final = 0.01
SHARES: Final = (0.2, 0.5)

_COARSEST_PX = 16
_MAX_ITERATIONS = 2000


@dataclass(frozen=True)
class Road:
    """Scores with the most and the least relevant cells imputed.

    Attributes:
        shares: Share of the cells imputed.
        most_relevant_first: Score at each share, best cells imputed; low speaks for the map.
        least_relevant_first: Score at each share, worst cells imputed; high speaks for the map.
        gap: Mean of the second less mean of the first; above 0 speaks for the map, 0 is chance.
        notes: What a reader should know.
    """

    shares: tuple[float, ...]
    most_relevant_first: tuple[float, ...]
    least_relevant_first: tuple[float, ...]
    gap: float
    notes: tuple[str, ...] = ()


def road(
    score: Score,
    grid: Grid,
    *,
    shares: Sequence[float] = SHARES,
    seed: int = 0,
    on_step: OnStep | None = None,
) -> Road:
    """Measure a map by ROAD, most and least relevant first.

    Args:
        score: Score of the film with some cells imputed (see `impute`).
        grid: The map, signed and unscaled.
        shares: Shares of the cells to impute, each above 0 and under 1.
        seed: Seed of the order among equal values.
        on_step: Progress and cancel, one step an imputed film.

    Returns:
        Scores and their gap.

    Raises:
        NotApplicableError: If the map is flat or not finite, or a score is not finite.
        CancelledCheckError: If the callback says so.
        ValueError: If a share is out of range.

    References:
        Rong et al. 2022 (arXiv:2202.00449). The gap is twice the combined score
        of the pytorch-grad-cam package.
    """
    if not shares or not all(0 < share < 1 for share in shares):
        msg = f"`shares` must be above 0 and under 1. Received: shares={tuple(shares)}"
        raise ValueError(msg)
    order = cell_order(grid, seed=seed)
    shape = (grid.shape[0], grid.shape[1])
    counts = [min(max(round(share * grid.size), 1), grid.size - 1) for share in shares]
    steps = Steps(2 * len(counts), on_step)
    sides: list[tuple[float, ...]] = []
    for ordered in (order, order[::-1]):
        scores = []
        for count in counts:
            scores.append(finite_score(score, seen_after(ordered, count, shape)))
            steps.advance()
        sides.append(tuple(scores))
    most, least = sides
    notes = [NOTE_TIES] if len(np.unique(grid)) < grid.size else []
    if len({*most, *least}) == 1:
        notes.append(NOTE_UNMOVED)
    gap = float(np.mean(least) - np.mean(most))
    return Road(tuple(shares), most, least, gap, tuple(notes))


def impute(
    image: Float32Array,
    seen: BoolArray,
    *,
    noise: float = NOISE,
    seed: int = 0,
) -> Float32Array:
    """Fill the pixels that are not seen by noisy linear imputation.

    Each missing pixel is the weighted mean of its eight neighbours, 1/6 for those beside it and
    1/12 for the diagonal ones; over the edge of the film the other weights are scaled up. All of
    them together are one linear system; normal noise is added to its solution.

    Args:
        image: Shape (h, w), float32 in [0, 1].
        seen: Shape (h, w), true where the pixel is kept.
        noise: Standard deviation of the noise, on the scale of the image; values are clipped to
            [0, 1] afterwards.
        seed: Seed of the noise.

    Returns:
        A new array of shape (h, w), float32 in [0, 1]; kept pixels are equal bit for bit.

    Raises:
        NotApplicableError: If no pixel is seen: the system has no solution.
        ValueError: If the shapes differ.

    References:
        Rong et al. 2022 (arXiv:2202.00449), noisy linear imputation; noise of 0.01 as in their
        code. Solved by conjugate gradients from the solution of a coarser grid, to within 1e-3 of
        the range of grey values (a test compares with a direct solution).
    """
    if image.shape != seen.shape:
        msg = f"`seen` must have the image's shape {image.shape}. Received: {seen.shape}"
        raise ValueError(msg)
    if not seen.any():
        msg = "`seen` must be true somewhere. Received: no pixel to impute from"
        raise NotApplicableError(msg)
    if seen.all():
        return image.copy()
    solved = _solve(np.asarray(image, np.float32), seen)
    grain = np.random.default_rng(seed).normal(0.0, noise, image.shape) if noise else 0.0
    filled = np.clip(solved + grain, 0.0, 1.0).astype(np.float32)
    return np.where(seen, image, filled)


def _solve(image: Float32Array, seen: BoolArray) -> Float32Array:
    """Solve the linear system of the missing pixels, weights times six; from coarse to fine."""
    missing = (~seen).astype(np.float32)
    padded = np.zeros((image.shape[0] + 2, image.shape[1] + 2), np.float32)
    inner = padded[1:-1, 1:-1]
    inner[...] = 1.0
    degree = _neighbour_sum(padded)
    inner[...] = image * seen
    right = _neighbour_sum(padded) * missing
    solution = _coarse_guess(image, seen) * missing
    inner[...] = solution
    residual = right - (degree * inner - _neighbour_sum(padded)) * missing
    inner[...] = residual  # from here on, the direction of the search
    power = float(np.vdot(residual, residual))
    # the slowest error of a hole of width L shrinks the residual by about (pi / L)^2
    limit = 6e-2 * (np.pi / max(image.shape)) ** 2
    for _ in range(_MAX_ITERATIONS):
        if np.abs(residual).max() <= limit:
            break
        moved = (degree * inner - _neighbour_sum(padded)) * missing
        step = power / float((inner * moved).sum())
        solution += step * inner
        residual -= step * moved
        before, power = power, float(np.vdot(residual, residual))
        inner *= power / before
        inner += residual
    return np.where(seen, image, solution)


def _coarse_guess(image: Float32Array, seen: BoolArray) -> Float32Array:
    """Solve on blocks of 2 by 2 pixels and repeat; the mean of what is seen at the bottom."""
    height, width = image.shape
    if min(height, width) < _COARSEST_PX or height % 2 or width % 2:
        return np.full_like(image, image[seen].mean())
    blocks = (height // 2, 2, width // 2, 2)
    n_seen = seen.reshape(blocks).sum(axis=(1, 3)).astype(np.float32)
    total = (image * seen).reshape(blocks).sum(axis=(1, 3))
    coarse = _solve(total / np.maximum(n_seen, 1), n_seen > 0)
    return coarse.repeat(2, axis=0).repeat(2, axis=1)


def _neighbour_sum(padded: Float32Array) -> Float32Array:
    """Return the sum of each pixel's neighbours, the diagonal ones by half; borders hold zeros."""
    above_below = padded[:-2] + padded[2:]
    columns = padded[1:-1] + 0.5 * above_below
    return np.asarray(columns[:, :-2] + columns[:, 2:] + above_below[:, 1:-1])
