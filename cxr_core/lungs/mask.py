"""The lungs of one film: a mask, its outlines, and why it may not be the two lungs."""

from __future__ import annotations

from dataclasses import dataclass

from cxr_core.array import BoolArray, Float32Array
from cxr_core.lungs.shape import (
    Polygon,
)
from cxr_core.radiograph import Notice


@dataclass(frozen=True, eq=False)
class LungMask:
    """The lungs of one film.

    Attributes:
        mask: Shape (h, w) of the network's input, bool, read-only. The film was stretched to it.
        probability: The network's own output, shape (h, w), float32 in [0, 1], read-only.
        area_share: Share of the film that the mask covers.
        polygons: Outlines for display, see `cxr_core.lungs.shape.outline`.
        notes: Why this may not be the two lungs; empty for a plausible mask.
    """

    mask: BoolArray
    probability: Float32Array
    area_share: float
    polygons: tuple[Polygon, ...]
    notes: tuple[Notice, ...] = ()

    @property
    def is_plausible(self) -> bool:
        """True if nothing speaks against the mask."""
        return not self.notes
