"""How alike two maps are: ranks of the signed values, structure of the scaled ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from cxr_core.array import Float64Array, FloatArray
from cxr_core.errors import NotApplicableError
from cxr_core.explain.overlay import to_heatmap

Grid = FloatArray

SSIM_WINDOW: Final = 7
_K1, _K2 = 0.01, 0.03


@dataclass(frozen=True)
class PairBaseline:
    """How alike maps of different films are by nature; the bar of the randomisation check.

    Attributes:
        spearman: Mean over the pairs.
        ssim: Mean over the pairs.
        n_pairs: Pairs drawn.
        n_maps: Maps that they were drawn from.
    """

    spearman: float
    ssim: float
    n_pairs: int
    n_maps: int


def require_map(grid: Grid) -> None:
    """Refuse a map that no check can say anything about.

    Args:
        grid: Shape (h, w).

    Raises:
        NotApplicableError: If a value is not finite, or all are equal.
    """
    if grid.ndim != 2 or grid.size < 2:
        msg = f"`grid` must have shape (h, w) and two or more cells. Received: {grid.shape}"
        raise NotApplicableError(msg)
    if not np.isfinite(grid).all():
        n_bad = int((~np.isfinite(grid)).sum())
        msg = f"`grid` must be finite. Received: {n_bad} values that are not"
        raise NotApplicableError(msg)
    if (grid == grid.flat[0]).all():
        msg = f"`grid` must not be flat. Received: {grid.flat[0]:.4g} in every cell"
        raise NotApplicableError(msg)


def spearman(one: Grid, other: Grid) -> float:
    """Return the rank correlation of two signed, unscaled maps.

    Args:
        one: Shape (h, w).
        other: The same shape.

    Returns:
        In [-1, 1]; equal values share their mean rank.

    Raises:
        NotApplicableError: If a map is flat or not finite: it has no order.
        ValueError: If the shapes differ.

    References:
        Spearman 1904, doi:10.2307/1412159, as the Pearson correlation of the ranks.
    """
    _check_shapes(one, other)
    require_map(one)
    require_map(other)
    ranks = [_ranks(grid.ravel()) for grid in (one, other)]
    centred = [values - values.mean() for values in ranks]
    norm = np.sqrt((centred[0] ** 2).sum() * (centred[1] ** 2).sum())
    return float(np.clip((centred[0] * centred[1]).sum() / norm, -1, 1))


def ssim(one: Grid, other: Grid) -> float:
    """Return the structural similarity of two maps, each scaled for display.

    Args:
        one: Shape (h, w), signed; scaled by `to_heatmap` (positive part over its largest value).
        other: The same shape.

    Returns:
        In [-1, 1], the mean over windows of 7 by 7 cells; a smaller map is one window. Two maps
        without a positive cell are both black, hence 1.

    Raises:
        ValueError: If the shapes differ or a value is not finite.

    References:
        Wang et al. 2004, doi:10.1109/TIP.2003.819861, equation 13, with flat windows, population
        moments, L = 1, K1 = 0.01, K2 = 0.03.
    """
    _check_shapes(one, other)
    size = tuple(min(SSIM_WINDOW, side) for side in one.shape)
    x, y = (
        np.lib.stride_tricks.sliding_window_view(
            to_heatmap(np.asarray(grid, np.float32)).astype(np.float64), size
        )
        for grid in (one, other)
    )
    axes = (2, 3)
    mean_x, mean_y = x.mean(axes), y.mean(axes)
    cross = (x * y).mean(axes) - mean_x * mean_y
    c1, c2 = _K1**2, _K2**2
    luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    structure = (2 * cross + c2) / (x.var(axes) + y.var(axes) + c2)
    return float((luminance * structure).mean())


def pair_baseline(grids: Sequence[Grid], *, n_pairs: int = 50, seed: int = 0) -> PairBaseline:
    """Compare random pairs of maps of one trained system on different films.

    Args:
        grids: Maps of one system and method, one a film; flat ones are left out.
        n_pairs: Pairs to draw, each of two different maps.
        seed: Seed of the draw.

    Returns:
        Mean likeness over the pairs.

    Raises:
        NotApplicableError: If fewer than two maps are left.

    References:
        Arun et al. 2021, doi:10.1148/ryai.2021200267, figure 3: the baseline of a saliency method
        is "the average SSIMs of 50 randomly chosen pairs of saliency maps pertaining to the fully
        trained model".
    """
    usable = [grid for grid in grids if np.isfinite(grid).all() and np.ptp(grid) > 0]
    if len(usable) < 2:
        msg = f"`grids` must hold two or more maps that are not flat. Received: {len(usable)}"
        raise NotApplicableError(msg, hint="Check a folder of several films.")
    rng = np.random.default_rng(seed)
    pairs = [rng.choice(len(usable), 2, replace=False) for _ in range(n_pairs)]
    return PairBaseline(
        float(np.mean([spearman(usable[i], usable[j]) for i, j in pairs])),
        float(np.mean([ssim(usable[i], usable[j]) for i, j in pairs])),
        n_pairs,
        len(usable),
    )


def _ranks(values: npt.NDArray[Any]) -> Float64Array:
    """Return ranks from 1; equal values share their mean rank."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[inverse], np.float64)


def _check_shapes(one: Grid, other: Grid) -> None:
    """Refuse maps of two sizes."""
    if one.shape != other.shape or one.ndim != 2:
        msg = f"`one` and `other` must be maps of one size. Received: {one.shape}, {other.shape}"
        raise ValueError(msg)
