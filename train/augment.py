"""Augmentation of training films, repeatable for each film and pass."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class AugmentSpec:
    """What may happen to a training film before it is scaled for the network.

    Attributes:
        zoom: Width and height are scaled independently by a factor in [1 - zoom, 1 + zoom].
        rotation_deg: Rotation in degrees, uniform in [-rotation_deg, rotation_deg].
        horizontal_flip: Mirror half of the films. This puts the heart on the right; it is here
            because the write-up does it.

    References:
        `keras.preprocessing.image.ImageDataGenerator(zoom_range, rotation_range, horizontal_flip)`,
        whose fill mode "nearest" and linear interpolation are used here too.
    """

    zoom: float = 0.0
    rotation_deg: float = 0.0
    horizontal_flip: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON-ready values."""
        return asdict(self)


def augment(
    image: npt.NDArray[np.float32], spec: AugmentSpec, rng: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Return one random variant of a film.

    Args:
        image: Shape (h, w), float32 in [0, 1].
        spec: What may happen.
        rng: Source of randomness; always five draws, so that variants stay comparable.

    Returns:
        A new array of the same shape and range.
    """
    import cv2

    angle = rng.uniform(-spec.rotation_deg, spec.rotation_deg)
    zoom_x, zoom_y = rng.uniform(1 - spec.zoom, 1 + spec.zoom, size=2)
    flip = spec.horizontal_flip and rng.uniform() < 0.5
    height, width = image.shape
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    theta = np.deg2rad(angle)
    rotation = np.array([[np.cos(theta), -np.sin(theta)], [np.sin(theta), np.cos(theta)]])
    linear = rotation @ np.diag([-zoom_x if flip else zoom_x, zoom_y])
    matrix = np.column_stack([linear, centre - linear @ centre])
    warped = cv2.warpAffine(
        image,
        matrix,
        (width, height),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(warped, np.float32)


def film_rng(seed: int, augmentation_pass: int, film_sha256: str) -> np.random.Generator:
    """Return the generator of one film in one pass, whatever the order of the films.

    Args:
        seed: The run's seed.
        augmentation_pass: Number of the pass, from 1.
        film_sha256: Hex digest of the film's bytes.

    Returns:
        A generator that depends on nothing else.
    """
    text = f"{seed}/{augmentation_pass}/{film_sha256}"
    return np.random.default_rng(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big"))
