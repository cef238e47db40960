"""Changes to a film, each a pure function of an image and a level."""

from __future__ import annotations

from typing import Final

import numpy as np

from cxr_core.array import Float32Array

_NOISE_SEED: Final = 0
_MARKER_MARGIN: Final = 0.04


def paste_marker(image: Float32Array, level: float) -> Float32Array:
    """Write a white R into the upper left corner, `level` of the film high."""
    import cv2

    height = max(3, round(level * image.shape[0]))
    font, thickness = cv2.FONT_HERSHEY_SIMPLEX, max(1, round(height / 8))
    scale = cv2.getFontScaleFromHeight(font, height, thickness)
    margin = round(_MARKER_MARGIN * min(image.shape))
    letter = np.zeros(image.shape, np.uint8)  # OpenCV writes on 8 bits only
    place = (margin, margin + height)
    cv2.putText(letter, "R", place, font, scale, 255, thickness, cv2.LINE_AA)
    return np.maximum(image, letter.astype(np.float32) / 255)


def blacken_border(image: Float32Array, level: float) -> Float32Array:
    """Paint the outer `level` of each side black."""
    rows, columns = (min(round(level * side), (side - 1) // 2) for side in image.shape)
    framed = np.zeros_like(image)
    inner = (slice(rows, image.shape[0] - rows), slice(columns, image.shape[1] - columns))
    framed[inner] = image[inner]
    return framed


def crop(image: Float32Array, level: float) -> Float32Array:
    """Cut `level` of each side off."""
    rows, columns = (min(round(level * side), (side - 1) // 2) for side in image.shape)
    return image[rows : image.shape[0] - rows, columns : image.shape[1] - columns].copy()


def stretch_contrast(image: Float32Array, level: float) -> Float32Array:
    """Multiply the distance from the mean grey by `level`."""
    mean = np.float32(image.mean())
    return mean + np.float32(level) * (image - mean)


def brighten(image: Float32Array, level: float) -> Float32Array:
    """Raise grey values to the power of `level`: below 1 brightens, above 1 darkens."""
    return np.power(image, np.float32(level))


def compress(image: Float32Array, level: float) -> Float32Array:
    """Save the film as a JPEG of quality `level` and read it again."""
    import cv2

    plain = np.round(image * 255).astype(np.uint8)
    quality = [cv2.IMWRITE_JPEG_QUALITY, round(level)]
    _, data = cv2.imencode(".jpg", plain, quality)
    decoded = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
    return np.asarray(decoded, np.float32) / np.float32(255)


def rotate(image: Float32Array, level: float) -> Float32Array:
    """Turn the film by `level` degrees, counter-clockwise; its edge is repeated outside."""
    import cv2

    height, width = image.shape
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), level, 1.0)
    return np.asarray(
        cv2.warpAffine(
            np.ascontiguousarray(image),
            turn,
            (width, height),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
    )


def soften(image: Float32Array, level: float) -> Float32Array:
    """Blur by a Gaussian whose standard deviation is `level` of each side; the edge is repeated."""
    import cv2

    down, across = (max(level * side, 1e-3) for side in image.shape)
    plain = np.ascontiguousarray(image)
    blurred = cv2.GaussianBlur(
        plain, (0, 0), sigmaX=across, sigmaY=down, borderType=cv2.BORDER_REPLICATE
    )
    return np.asarray(blurred)


def add_noise(image: Float32Array, level: float) -> Float32Array:
    """Add grain of standard deviation `level`, the same for the same size."""
    grain = np.random.default_rng(_NOISE_SEED).normal(0.0, level, image.shape)
    return image + grain.astype(np.float32)
