"""A Gaussian in principal components: the fit to few large rows, and truncated draws."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .align import Floats


@dataclass(frozen=True, eq=False)
class Components:
    """A Gaussian in principal components.

    Args:
        mean: (p,) float32.
        axes: (k, p) float32, orthonormal rows, by falling spread.
        spread: (k,) float64, standard deviation along each axis.
        share: (k,) float64, cumulative share of the variance.
    """

    mean: Floats
    axes: Floats
    spread: NDArray[np.float64]
    share: NDArray[np.float64]


def fit_components(data: Floats, n_components: int) -> Components:
    """Fit principal components through the Gram matrix, which is small for few large rows.

    Args:
        data: (n, p) float32, n of at least 2.
        n_components: At most n - 1 are kept.

    Returns:
        The components; each axis is signed so that its largest entry is positive.
    """
    mean = data.mean(axis=0)
    centred = data - mean
    gram = (centred @ centred.T).astype(np.float64) / (len(data) - 1)
    values, vectors = np.linalg.eigh(gram)
    order = np.argsort(values)[::-1][: min(n_components, len(data) - 1)]
    spread = np.sqrt(np.maximum(values[order], 1e-12))
    axes = (vectors[:, order].T / (spread[:, None] * np.sqrt(len(data) - 1))) @ centred
    peaks = axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)]
    axes *= np.sign(peaks)[:, None]
    share = np.cumsum(values[order]) / max(float(np.trace(gram)), 1e-12)
    return Components(mean, axes.astype(np.float32), spread, share)


def draw_normal(rng: np.random.Generator, n: int, limit: float) -> NDArray[np.float64]:
    """Draw standard normal numbers, each again until it lies within `limit`.

    Args:
        rng: Source of randomness; advanced.
        n: How many.
        limit: Largest absolute value, above 0.

    Returns:
        (n,) float64 in [-limit, limit].

    Raises:
        ValueError: If `limit` is not above 0.
    """
    if not limit > 0:
        msg = f"`limit` must be above 0. Received: limit={limit}"
        raise ValueError(msg)
    values = rng.standard_normal(n)
    while (wrong := np.abs(values) > limit).any():
        values[wrong] = rng.standard_normal(int(wrong.sum()))
    return values
