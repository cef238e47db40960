"""A film as 575 bits by which a copy is known again, however it was saved, scaled or cropped.

Chest films are alike, so a hash of the picture itself tells one film from another badly: with 64
bits most films of other patients are within five. These bits tell where a film differs from the
mean film. Grey values are replaced by their ranks (so that brightness, contrast and inversion do
not matter), then turned into frequencies; a bit says whether a frequency is stronger than in the
mean of the films that the index was made of. No picture can be made of the bits again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from cxr_core.array import Float32Array

SIDE: Final = 32
N_FREQUENCIES: Final = 24
N_BITS: Final = N_FREQUENCIES**2 - 1
"""The first frequency is the mean, which ranks make the same for all films."""

_WORKING_SIDE: Final = 96
_FINE_SIDE: Final = 64
_N_GREYS: Final = 4096

Coefficients = Float32Array


@dataclass(frozen=True)
class Placement:
    """Which part of a film is looked at, in shares of its sides; the film itself by default.

    Attributes:
        left: Cut off at the left; negative for a margin that is added.
        top: Cut off at the top.
        right: Cut off at the right.
        bottom: Cut off at the bottom.
        angle_deg: Turn about the centre, in degrees.
        is_mirrored: Left and right exchanged.
    """

    left: float = 0.0
    top: float = 0.0
    right: float = 0.0
    bottom: float = 0.0
    angle_deg: float = 0.0
    is_mirrored: bool = False

    def moved(self, name: str, by: float) -> Placement:
        """Return the placement with one of its numbers changed."""
        return replace(self, **{name: getattr(self, name) + by})


AS_IT_IS: Final = Placement()
EDGES: Final = ("left", "top", "right", "bottom")


def working_copy(image: Float32Array) -> Float32Array:
    """Reduce a film once, for all placements.

    Args:
        image: Shape (h, w), float32, any range.

    Returns:
        Shape (96, 96), float32 in [0, 1]; the film is stretched to it, in place and in greys. All 0
        for a film of one grey.
    """
    import cv2

    plain = np.array(image, np.float32)
    plain -= plain.min()
    plain /= plain.max() or np.float32(1)
    size = (_WORKING_SIDE, _WORKING_SIDE)
    return np.asarray(cv2.resize(plain, size, interpolation=cv2.INTER_AREA), np.float32)


def coefficients(copy: Float32Array, placement: Placement = AS_IT_IS) -> Coefficients:
    """Return the frequencies of a film's ranks.

    Args:
        copy: Of `working_copy`.
        placement: The part that is looked at; beyond the film its edge is repeated.

    Returns:
        Shape (575,), float32.

    References:
        After perceptual hashes on the discrete cosine transform (C. Zauner, "Implementation and
        Benchmarking of Perceptual Image Hash Functions", 2010), here against the mean film.
    """
    import cv2

    seen = np.round(_seen(copy, placement).ravel() * _N_GREYS)  # rounding errors get no rank
    _, inverse, counts = np.unique(seen, return_inverse=True, return_counts=True)
    below = np.cumsum(counts) - counts
    ranks = ((below + counts / 2) / seen.size - 0.5)[inverse]
    frequencies = cv2.dct(ranks.reshape(SIDE, SIDE))[:N_FREQUENCIES, :N_FREQUENCIES]
    return np.asarray(frequencies.ravel()[1:], np.float32)


def trimmed(copy: Float32Array) -> Placement | None:
    """Return the part of a film inside margins of one grey, or `None` where it has none.

    Args:
        copy: Of `working_copy`.

    Returns:
        The placement.
    """
    least = 0.02 * float(copy.max() - copy.min())
    rows = np.flatnonzero(copy.std(axis=1) > least)
    columns = np.flatnonzero(copy.std(axis=0) > least)
    side = _WORKING_SIDE
    if min(len(rows), len(columns)) < side / 2:
        return None
    found = Placement(
        left=float(columns[0] / side),
        top=float(rows[0] / side),
        right=1 - float((columns[-1] + 1) / side),
        bottom=1 - float((rows[-1] + 1) / side),
    )
    return None if found == AS_IT_IS else found


def _seen(copy: Float32Array, at: Placement) -> Float32Array:
    """Return a placement of a film at the size that frequencies are taken of."""
    import cv2

    width, height = (
        _WORKING_SIDE * (1 - at.left - at.right),
        _WORKING_SIDE * (1 - at.top - at.bottom),
    )
    centre = np.array(
        [
            _WORKING_SIDE * at.left + width / 2 - 0.5,
            _WORKING_SIDE * at.top + height / 2 - 0.5,
        ]
    )
    cosine, sine = np.cos(np.deg2rad(at.angle_deg)), np.sin(np.deg2rad(at.angle_deg))
    sign = -1.0 if at.is_mirrored else 1.0
    across, down = sign * width / _FINE_SIDE, height / _FINE_SIDE
    turn = np.array([[cosine * across, -sine * down], [sine * across, cosine * down]])
    shift = centre - turn @ np.full(2, (_FINE_SIDE - 1) / 2)
    fine = cv2.warpAffine(
        copy,
        np.hstack([turn, shift[:, None]]),
        (_FINE_SIDE, _FINE_SIDE),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(cv2.resize(fine, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.float32)
