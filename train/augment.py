"""Augmentation of training films, repeatable for each film and pass."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from cxr_core.array import ByteArray, Float32Array


@dataclass(frozen=True)
class AugmentSpec:
    """What may happen to a training film before it is scaled for the network.

    Attributes:
        zoom: Width and height are scaled independently by a factor in [1 - zoom, 1 + zoom].
        rotation_deg: Rotation in degrees, uniform in [-rotation_deg, rotation_deg].
        horizontal_flip: Mirror half of the films. This puts the heart on the right; it is here
            because the write-up does it.
        intensity: Strength of changes of contrast (factor in 1 +- intensity), brightness (+- half
            of it), gamma (up to 1 + intensity either way) and noise (standard deviation up to a
            tenth of it).
        jpeg_quality: Least quality of a JPEG that the film goes through, 1 to 95; the best is 95.
            0 for none.

    References:
        `keras.preprocessing.image.ImageDataGenerator(zoom_range, rotation_range, horizontal_flip)`,
        whose fill mode "nearest" and linear interpolation are used here too.
    """

    zoom: float = 0.0
    rotation_deg: float = 0.0
    horizontal_flip: bool = False
    intensity: float = 0.0
    jpeg_quality: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON-ready values; later ones only where they are used."""
        unused = {"intensity": 0.0, "jpeg_quality": 0}
        return {k: v for k, v in asdict(self).items() if k not in unused or v != unused[k]}


def augment(image: Float32Array, spec: AugmentSpec, rng: np.random.Generator) -> Float32Array:
    """Return one random variant of a film.

    Args:
        image: Shape (h, w), float32 in [0, 1].
        spec: What may happen.
        rng: Source of randomness.

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
    varied = np.asarray(warped, np.float32)
    if spec.intensity > 0:
        varied = _vary_intensity(varied, spec.intensity, rng)
    if spec.jpeg_quality > 0:
        varied = _through_jpeg(varied, int(rng.integers(spec.jpeg_quality, 96)))
    return varied


def _vary_intensity(image: Float32Array, strength: float, rng: np.random.Generator) -> Float32Array:
    """Change contrast, brightness and gamma of a film, and add noise."""
    mean = float(image.mean())
    varied = (image - mean) * rng.uniform(1 - strength, 1 + strength) + mean
    varied = np.clip(varied + rng.uniform(-strength, strength) / 2, 0.0, 1.0)
    varied = varied ** np.exp(rng.uniform(-1, 1) * np.log1p(strength))
    varied = varied + rng.normal(0.0, rng.uniform(0, strength / 10), varied.shape)
    return np.asarray(np.clip(varied, 0.0, 1.0), np.float32)


def _through_jpeg(image: Float32Array, quality: int) -> Float32Array:
    """Write a film as JPEG and read it back."""
    import cv2

    pixels = np.round(image * 255).astype(np.uint8)
    _, encoded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE), np.float32) / np.float32(255)


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


@dataclass(frozen=True)
class RadiographAugment:
    """What may happen to a film in end-to-end training; nothing that no radiograph does.

    There is no mirroring: it puts the heart on the right.

    Attributes:
        min_side: Least side of the square-ish crop, as a share of the film's, in (0, 1].
        aspect: Width over height of the crop varies by this factor either way, >= 1.
        rotation_deg: Rotation in degrees, uniform either way.
        shift: The crop's centre may leave the film's middle by this share beyond what the crop
            leaves free.
        contrast: Factor on the distance from the mean, uniform in [1 - contrast, 1 + contrast].
        brightness: Added, uniform in [-brightness, brightness].
        gamma: Exponent, log-uniform in [1 / (1 + gamma), 1 + gamma].
        noise: Most standard deviation of Gaussian noise.
    """

    min_side: float = 0.6
    aspect: float = 1.15
    rotation_deg: float = 8.0
    shift: float = 0.03
    contrast: float = 0.25
    brightness: float = 0.1
    gamma: float = 0.3
    noise: float = 0.02


def draw(
    pixels: ByteArray, spec: RadiographAugment, rng: np.random.Generator, size_px: int
) -> Float32Array:
    """Return one random crop of a film at the size of the network's input.

    Args:
        pixels: Shape (h, w), uint8.
        spec: What may happen.
        rng: Source of randomness.
        size_px: Side of the result.

    Returns:
        Shape (`size_px`, `size_px`), float32 in [0, 1].
    """
    import cv2

    height, width = pixels.shape
    side = np.sqrt(rng.uniform(spec.min_side**2, 1.0))
    aspect = np.exp(rng.uniform(-1, 1) * np.log(spec.aspect) / 2)
    crop = np.array([width * side * aspect, height * side / aspect])
    room = np.maximum(0.0, np.array([width, height]) - crop) / 2
    centre = np.array([width - 1, height - 1]) / 2 + rng.uniform(-1, 1, size=2) * (
        room + spec.shift * np.array([width, height])
    )
    theta = np.deg2rad(rng.uniform(-spec.rotation_deg, spec.rotation_deg))
    rotation = np.array([[np.cos(theta), -np.sin(theta)], [np.sin(theta), np.cos(theta)]])
    fine = 2 * size_px if 2 * size_px <= max(height, width) else size_px
    linear = rotation @ np.diag(crop / fine)
    matrix = np.column_stack([linear, centre - linear @ np.full(2, (fine - 1) / 2)])
    warped = cv2.warpAffine(
        pixels.astype(np.float32) / 255,
        matrix,
        (fine, fine),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    if fine != size_px:
        warped = cv2.resize(warped, (size_px, size_px), interpolation=cv2.INTER_AREA)
    mean = float(warped.mean())
    warped = (warped - mean) * rng.uniform(1 - spec.contrast, 1 + spec.contrast) + mean
    warped += rng.uniform(-spec.brightness, spec.brightness)
    warped = np.clip(warped, 0.0, 1.0) ** np.exp(rng.uniform(-1, 1) * np.log1p(spec.gamma))
    warped += rng.normal(0.0, rng.uniform(0, spec.noise), warped.shape)
    return np.asarray(np.clip(warped, 0.0, 1.0), np.float32)
