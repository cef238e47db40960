"""From a probability in every pixel to a plausible lung mask: regions, outlines, plain notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from cxr_core.array import BoolArray, Float32Array
from cxr_core.radiograph import Notice

Polygon = tuple[tuple[float, float], ...]

SPECK_SHARE: Final = 0.05
"""Regions below this share of the largest one are dropped as specks."""
_FINE: Final = 4
"""Outlines are drawn on a grid this much finer than the mask."""
_NOT_TWO: Final = "Two lungs were not found"


@dataclass(frozen=True)
class LungLimits:
    """What a lung mask looked like on the films that the network was made with, with a margin.

    Attributes:
        least_area: Least share of the film.
        most_area: Largest share of the film.
        least_ratio: Least ratio of the smaller to the larger lung's area.
        most_unsure: Largest `unsure_share`.
    """

    least_area: float
    most_area: float
    least_ratio: float
    most_unsure: float

    def to_dict(self) -> dict[str, float]:
        """Return the fields as JSON-ready values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> LungLimits:
        """Build the limits from `to_dict`'s output.

        Args:
            values: Exactly the fields of this class.

        Returns:
            The equal limits.

        Raises:
            TypeError: If a field is missing or unknown.
        """
        return cls(**{name: float(value) for name, value in values.items()})


@dataclass(frozen=True)
class Region:
    """One connected part of a mask.

    Attributes:
        area_share: Its share of the film.
        left: Least column, as a share of the width.
        right: Largest column, as a share of the width.
    """

    area_share: float
    left: float
    right: float


def clean(probability: Float32Array, threshold: float) -> tuple[BoolArray, tuple[Region, ...]]:
    """Threshold a probability, drop specks and fill holes.

    Args:
        probability: Shape (h, w), in [0, 1].
        threshold: Least probability of a lung.

    Returns:
        Mask of shape (h, w), and its regions from the left of the film to the right.
    """
    import cv2

    raw = (probability >= threshold).astype(np.uint8)
    n_labels, labels, stats, _ = cv2.connectedComponentsWithStats(raw, connectivity=8)
    areas = stats[1:n_labels, cv2.CC_STAT_AREA]
    mask = np.zeros(raw.shape, np.uint8)
    regions = []
    for index in np.flatnonzero(areas >= SPECK_SHARE * areas.max(initial=0)) + 1:
        contours, _ = cv2.findContours(
            (labels == index).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
        )
        own = cv2.drawContours(np.zeros_like(raw), contours, -1, 1, cv2.FILLED)
        mask[own > 0] = 1
        columns = np.flatnonzero(own.any(axis=0))
        width = raw.shape[1]
        regions.append(
            Region(float(own.mean()), float(columns[0] / width), float((columns[-1] + 1) / width))
        )
    return mask.astype(bool), tuple(sorted(regions, key=lambda region: region.left + region.right))


def outline(probability: Float32Array, mask: BoolArray, threshold: float) -> tuple[Polygon, ...]:
    """Return a mask's outer edges, finer than its pixels, for display.

    Args:
        probability: Shape (h, w), in [0, 1].
        mask: Shape (h, w), of `clean`.
        threshold: What it was made with.

    Returns:
        One closed polygon a region, the first point not repeated: (x, y) in [0, 1] of the film's
        width and height, x to the right, y down.
    """
    import cv2

    height, width = mask.shape
    near = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    field = np.where(mask, np.maximum(probability, threshold), np.where(near, probability, 0.0))
    # a speck that touches the widened mask must not come back
    field = np.where(near & ~mask, np.minimum(field, threshold * 0.999), field)
    size = (width * _FINE, height * _FINE)
    fine = cv2.resize(field.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
    contours, _ = cv2.findContours(
        (fine >= threshold * 0.9995).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
    )
    polygons = []
    for contour in contours:
        points = cv2.approxPolyDP(contour, _FINE / 4, True)[:, 0, :]  # noqa: FBT003 -- OpenCV's own
        if len(points) > 2:
            scaled = (points + 0.5) / np.array(size)
            polygons.append(tuple((round(float(x), 4), round(float(y), 4)) for x, y in scaled))
    return tuple(sorted(polygons, key=lambda polygon: min(polygon)))


def unsure_share(probability: Float32Array, mask: BoolArray) -> float:
    """Return how much of the film is neither lung nor not lung, against the mask's area.

    Args:
        probability: Shape (h, w), in [0, 1].
        mask: Shape (h, w).

    Returns:
        Pixels with a probability in [0.1, 0.9] over the mask's pixels; 0 for an empty mask.
    """
    n_unsure = int(((probability >= 0.1) & (probability <= 0.9)).sum())
    return n_unsure / int(mask.sum()) if mask.any() else 0.0


def plausibility_notes(
    regions: Sequence[Region], area_share: float, unsure: float, limits: LungLimits
) -> tuple[Notice, ...]:
    """Say in plain words why a mask may not be the two lungs of a film.

    Args:
        regions: Of `clean`.
        area_share: The mask's share of the film.
        unsure: Of `unsure_share`.
        limits: What is usual.

    Returns:
        Notices with the codes `no_lungs`, `not_two_regions`, `unequal_regions`,
        `not_side_by_side`, `unusual_area` and `unsure_edge`; none for a plausible mask.
    """
    if not regions:
        return (Notice("no_lungs", "No lungs were found on this film."),)
    notes = []
    if len(regions) != 2:
        count = "one region" if len(regions) == 1 else f"{len(regions)} regions"
        notes.append(Notice("not_two_regions", f"{_NOT_TWO}: the outline is {count}."))
    else:
        small, large = sorted(region.area_share for region in regions)
        if small < limits.least_ratio * large:
            text = f"{_NOT_TWO}: one region is {small / large:.0%} of the size of the other."
            notes.append(Notice("unequal_regions", text))
        left, right = regions
        if left.right - right.left > 0.5 * min(left.right - left.left, right.right - right.left):
            text = f"{_NOT_TWO}: the two regions do not lie side by side."
            notes.append(Notice("not_side_by_side", text))
    if not limits.least_area <= area_share <= limits.most_area:
        text = (
            f"The outline covers {area_share:.0%} of the film; {limits.least_area:.0%} to "
            f"{limits.most_area:.0%} is usual for two lungs."
        )
        notes.append(Notice("unusual_area", text))
    if unsure > limits.most_unsure:
        text = "The network that drew the outline is unsure about much of its edge on this film."
        notes.append(Notice("unsure_edge", text))
    return tuple(notes)
