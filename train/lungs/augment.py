"""What may happen to a film and its lung mask while the lung network learns."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from cxr_core.array import ByteArray, Float32Array, Float64Array
from cxr_core.film_filter import FILTERS

_FILTERED: Final = ("equalise", "clahe")
_MAX_OPACITIES: Final = 3


@dataclass(frozen=True)
class LungAugment:
    """Ranges of the changes, wide enough for children's, cropped and framed films.

    Films are mirrored: what a lung is does not depend on its side, and the outline names no side.
    The classifiers' training does not do that, since there the heart would move to the right.

    Attributes:
        rotation_deg: Rotation in degrees, uniform either way.
        min_scale: Least size of the film in the frame (zoom out), log-uniform.
        max_scale: Largest size of the film in the frame (zoom in).
        aspect: Width over height varies by this factor either way.
        shift: Shift as a share of the frame, uniform either way.
        contrast: Factor on the distance from the mean, uniform in [1 - contrast, 1 + contrast].
        brightness: Added, uniform either way.
        gamma: Exponent, log-uniform in [1 / (1 + gamma), 1 + gamma].
        shade: Strength of a linear change of brightness over the frame.
        opacity: Strength of bright blobs, which stand for consolidated lung; the mask stays.
        filtered: Share of the films with equal or locally equal histograms.
        blur_px: Largest standard deviation of a Gaussian blur.
        noise: Largest standard deviation of Gaussian noise.
        flip: True to mirror half of the films.
    """

    rotation_deg: float = 10.0
    min_scale: float = 0.6
    max_scale: float = 1.5
    aspect: float = 1.25
    shift: float = 0.1
    contrast: float = 0.35
    brightness: float = 0.15
    gamma: float = 0.6
    shade: float = 0.2
    opacity: float = 0.35
    filtered: float = 0.2
    blur_px: float = 1.2
    noise: float = 0.04
    flip: bool = True

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON-ready values."""
        return asdict(self)


def vary(
    pixels: ByteArray,
    mask: ByteArray,
    spec: LungAugment,
    rng: np.random.Generator,
) -> tuple[Float32Array, Float32Array]:
    """Return one random variant of a film and of its mask.

    Args:
        pixels: Shape (h, w), uint8.
        mask: Shape (h, w), uint8, 1 in the lungs.
        spec: What may happen.
        rng: Source of randomness.

    Returns:
        New arrays of the same shape, float32 in [0, 1]; the mask's edges are soft.
    """
    matrix = _geometry(pixels.shape, spec, rng)
    image = _warp(pixels.astype(np.float32) / np.float32(255), matrix, _border(rng))
    target = _warp(mask.astype(np.float32), matrix, 0.0)
    image = _add_opacities(image, spec.opacity, rng)
    return _vary_intensity(image, spec, rng), target


def _geometry(shape: tuple[int, ...], spec: LungAugment, rng: np.random.Generator) -> Float64Array:
    """Draw the map from the variant's pixels to the film's."""
    height, width = shape
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    theta = np.deg2rad(rng.uniform(-spec.rotation_deg, spec.rotation_deg))
    rotation = np.array([[np.cos(theta), -np.sin(theta)], [np.sin(theta), np.cos(theta)]])
    scale = np.exp(rng.uniform(np.log(spec.min_scale), np.log(spec.max_scale)))
    half_aspect = np.exp(rng.uniform(-1, 1) * np.log(spec.aspect) / 2)
    factors = np.array([1 / (scale * half_aspect), half_aspect / scale])
    if spec.flip and rng.uniform() < 0.5:
        factors[0] = -factors[0]
    linear = rotation @ np.diag(factors)
    moved = centre + rng.uniform(-spec.shift, spec.shift, size=2) * np.array([width, height])
    return np.column_stack([linear, centre - linear @ moved])


def _border(rng: np.random.Generator) -> float | None:
    """Draw what lies beyond the film: black, one grey, or (`None`) its edge repeated."""
    kind = rng.integers(3)
    return None if kind == 0 else float(rng.uniform(0, 1)) if kind == 1 else 0.0


def _warp(image: Float32Array, matrix: Float64Array, border: float | None) -> Float32Array:
    """Resample an image; beyond its edge lies `border`."""
    import cv2

    warped = cv2.warpAffine(
        image,
        matrix,
        (image.shape[1], image.shape[0]),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE if border is None else cv2.BORDER_CONSTANT,
        borderValue=border or 0.0,
    )
    return np.asarray(warped, np.float32)


def _add_opacities(image: Float32Array, strength: float, rng: np.random.Generator) -> Float32Array:
    """Brighten a few soft blobs towards white."""
    height, width = image.shape
    rows, columns = np.arange(height), np.arange(width)
    for _ in range(rng.integers(_MAX_OPACITIES + 1)):
        y, x = rng.uniform(0.1, 0.9, 2) * (height, width)
        spread_y, spread_x = rng.uniform(0.04, 0.2, 2) * (height, width)
        profile = np.exp(-(((rows - y) / spread_y) ** 2) / 2) * rng.uniform(0, strength)
        blob = np.outer(profile, np.exp(-(((columns - x) / spread_x) ** 2) / 2))
        image = image + (1 - image) * blob.astype(np.float32)
    return image


def _vary_intensity(
    image: Float32Array, spec: LungAugment, rng: np.random.Generator
) -> Float32Array:
    """Change contrast, brightness, gamma, shading, sharpness and noise."""
    import cv2

    if rng.uniform() < spec.filtered:
        name = _FILTERED[rng.integers(len(_FILTERED))]
        image = FILTERS[name](np.clip(image, 0.0, 1.0))
    height, width = image.shape
    mean = float(image.mean())
    image = (image - mean) * rng.uniform(1 - spec.contrast, 1 + spec.contrast) + mean
    slope_y, slope_x = rng.uniform(-spec.shade, spec.shade, 2)
    image = image + np.linspace(-slope_y / 2, slope_y / 2, height, dtype=np.float32)[:, None]
    image = image + np.linspace(-slope_x / 2, slope_x / 2, width, dtype=np.float32)[None, :]
    image = np.clip(image + rng.uniform(-spec.brightness, spec.brightness), 0.0, 1.0)
    image = image ** float(np.exp(rng.uniform(-1, 1) * np.log1p(spec.gamma)))
    sigma = rng.uniform(0, spec.blur_px)
    if sigma > 0.3:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.float32)
    level = np.float32(rng.uniform(0, spec.noise))
    noisy = image + level * rng.standard_normal(image.shape, np.float32)
    return np.asarray(np.clip(noisy, 0.0, 1.0), np.float32)
