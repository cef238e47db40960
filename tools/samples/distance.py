"""How near a synthetic film comes to the training films, and the rule that refuses near copies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from .align import smooth

METRIC: Final = (
    "root mean square difference of the 224 px films, each standardised to mean 0 and standard "
    "deviation 1; equals sqrt(2 - 2 r), r the correlation of the pixels"
)
"""The distance in words, as the manifest states it."""

DETAIL_PX: Final = 4.0
"""Standard deviation of the Gaussian that is taken away before details are compared."""

DETAIL_METRIC: Final = (
    f"the same after taking away each film's own blur (Gaussian, {DETAIL_PX:g} px), so that fine "
    "structure alone is compared"
)
"""The second distance in words; layout and exposure, which all films share, do not enter."""

PERCENTILE: Final = 5
"""A synthetic film must be no nearer to a film than this percentile of the films' own nearest."""

RULE: Final = (
    f"A film is refused if it, or its detail alone, is nearer to a training film of any class than "
    f"percentile {PERCENTILE} (`min_typical`) of the distances from each training film of its own "
    f"class to the nearest other one; `typical_distance` is the median of these."
)
"""What `check_near` refuses, in words."""

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Spacing:
    """Distances from each film of a class to its nearest other film, over all classes.

    Args:
        typical: Median.
        minimum: The `PERCENTILE`-th percentile; what is nearer counts as a near copy.
    """

    typical: float
    minimum: float


def standardise(films: Pixels, *, is_detail: bool = False, side: int = 224) -> NDArray[np.float32]:
    """Return films as rows of length 1 and mean 0, so that a product of two is their correlation.

    Args:
        films: (n, h, w) uint8.
        is_detail: Whether to take the blurred film away first.
        side: Side length in px to which films are reduced first.

    Returns:
        (n, side * side) float32; a constant film gives zeros.
    """
    size = (side, side)
    if films.shape[1:] != size:
        films = np.stack([cv2.resize(f, size, interpolation=cv2.INTER_AREA) for f in films])
    images = films.astype(np.float32)
    if is_detail:
        images = np.stack([image - smooth(image, DETAIL_PX) for image in images])
    rows = images.reshape(len(images), -1)
    rows -= rows.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    unit = np.zeros_like(rows)
    np.divide(rows, norms, out=unit, where=norms > 0)
    return unit


def nearest(
    queries: Pixels,
    films: Pixels,
    *,
    is_same: bool = False,
    is_detail: bool = False,
    block: int = 512,
) -> NDArray[np.float64]:
    """Return each query's distance to its nearest film.

    Args:
        queries: (q, h, w) uint8.
        films: (n, h, w) uint8.
        is_same: Whether query `i` is film `i`, which is then left out.
        is_detail: Whether details alone are compared.
        block: Films compared at a time; bounds the memory.

    Returns:
        (q,) float64, in [0, 2]; see `METRIC` and `DETAIL_METRIC`.
    """
    best = np.full(len(queries), -1.0)
    for start in range(0, len(films), block):
        part = standardise(films[start : start + block], is_detail=is_detail)
        for first in range(0, len(queries), block):
            rows = slice(first, min(first + block, len(queries)))
            r = standardise(queries[rows], is_detail=is_detail) @ part.T
            if is_same:
                own, other = np.meshgrid(
                    np.arange(rows.start, rows.stop),
                    np.arange(start, start + len(part)),
                    indexing="ij",
                )
                r[own == other] = -1
            best[rows] = np.maximum(best[rows], r.max(axis=1))
    return np.asarray(np.sqrt(np.maximum(2 - 2 * best, 0)), np.float64)


def measure_spacing(films: Mapping[str, Pixels], *, is_detail: bool = False) -> dict[str, Spacing]:
    """Measure how near real films of each class come to other real films of any class.

    Args:
        films: Class name to (n, h, w) uint8.
        is_detail: Whether details alone are compared.

    Returns:
        Class name to its spacing.
    """
    spacing = {}
    for name, own in films.items():
        others = [
            nearest(own, other, is_same=key == name, is_detail=is_detail)
            for key, other in films.items()
        ]
        distances = np.min(others, axis=0)
        spacing[name] = Spacing(
            float(np.median(distances)), float(np.percentile(distances, PERCENTILE))
        )
    return spacing


def check_distance(name: str, distance: float, minimum: float) -> None:
    """Refuse a film that lies too near to a training film.

    Args:
        name: File name of the synthetic film, for the message.
        distance: Its distance to the nearest training film.
        minimum: The smallest distance allowed.

    Raises:
        ValueError: If `distance` is below `minimum`.
    """
    if not distance >= minimum:
        msg = (
            f"`distance` of {name} to the nearest training film must be at least {minimum:.4f}. "
            f"Received: distance={distance:.4f}. Draw with another seed."
        )
        raise ValueError(msg)


class Neighbours:
    """The training films, and how far apart they are; measures how near a drawn film comes.

    Args:
        films: Class name to (n, 224, 224) uint8.
    """

    def __init__(self, films: Mapping[str, Pixels]) -> None:
        self.films = films
        self.spacing = measure_spacing(films)
        self.detail_spacing = measure_spacing(films, is_detail=True)

    def measure(self, drawn: Pixels, name: str) -> list[dict[str, Any]]:
        """Return for each drawn film how near a film of any class comes, and what is usual.

        Args:
            drawn: (n, h, w) uint8.
            name: Class whose spacing is the measure.

        Returns:
            One entry a film, as the manifest holds it.
        """
        whole = self._entries(drawn, METRIC, self.spacing[name], is_detail=False)
        detail = self._entries(drawn, DETAIL_METRIC, self.detail_spacing[name], is_detail=True)
        return [own | {"detail": fine} for own, fine in zip(whole, detail, strict=True)]

    def _entries(
        self, drawn: Pixels, metric: str, spacing: Spacing, *, is_detail: bool
    ) -> list[dict[str, Any]]:
        """Return the numbers of one metric, rounded for the manifest."""
        found = [nearest(drawn, own, is_detail=is_detail) for own in self.films.values()]
        return [
            {
                "distance": round(float(distance), 4),
                "metric": metric,
                "correlation": round(1 - float(distance) ** 2 / 2, 4),
                "typical_distance": round(spacing.typical, 4),
                "min_typical": round(spacing.minimum, 4),
            }
            for distance in np.min(found, axis=0)
        ]


def check_near(file: str, near: Mapping[str, Any]) -> None:
    """Refuse a near copy by either metric.

    Args:
        file: File name, for the message.
        near: As `Neighbours.measure` returns it.

    Raises:
        ValueError: If the film, or its detail alone, lies too near to a training film.
    """
    for numbers in (near, near["detail"]):
        check_distance(file, numbers["distance"], numbers["min_typical"])
