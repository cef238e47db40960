"""Augmentation as Keras layers: for a `tf.data` pipeline, a model's first layers, or any backend.

Films are tensors of shape (n, h, w, c), float32 in [0, 1]. Every layer leaves them as they are with
`training=False`, draws anew for each film, and can be saved. What `train.augment` does with OpenCV
is faster on a CPU and repeatable film by film; these are repeatable batch by batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import keras
import numpy as np
from keras import ops

from cxr_core.errors import ConfigError
from train.augment import RadiographAugment

BLOCK: Final = 8
# fmt: off
LUMINANCE: Final = np.array([
    [16, 11, 10, 16, 24, 40, 51, 61],
    [12, 12, 14, 19, 26, 58, 60, 55],
    [14, 13, 16, 24, 40, 57, 69, 56],
    [14, 17, 22, 29, 51, 87, 80, 62],
    [18, 22, 37, 56, 68, 109, 103, 77],
    [24, 35, 55, 64, 81, 104, 113, 92],
    [49, 64, 78, 87, 103, 121, 120, 101],
    [72, 92, 95, 98, 112, 100, 103, 99],
], np.float32)
"""Quantisation steps of luminance, row by vertical frequency (ITU-T T.81, Annex K, Table K.1)."""
# fmt: on


class _FilmLayer(keras.layers.Layer):  # type: ignore[misc] # Keras has no types
    """A layer that changes films in training only, in float32 whatever the policy."""

    def __init__(self, *, seed: int | None = None, dtype: Any = "float32", **kwargs: Any) -> None:
        super().__init__(dtype=dtype, **kwargs)
        self.seed = seed
        self.generator = keras.random.SeedGenerator(seed)

    def call(self, images: Any, training: bool | None = None) -> Any:
        """Return one variant of each film.

        Args:
            images: Shape (n, h, w, c), float32 in [0, 1].
            training: Whether anything happens.

        Returns:
            The same shape and range.
        """
        return self.vary(images) if training else images

    def vary(self, images: Any) -> Any:
        """Change the films."""
        raise NotImplementedError

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the input's shape."""
        return input_shape

    def uniform(self, images: Any, low: float, high: float) -> Any:
        """Return one number a film, shape (n, 1, 1, 1)."""
        shape = (ops.shape(images)[0], 1, 1, 1)
        return keras.random.uniform(shape, low, high, dtype="float32", seed=self.generator)

    def get_config(self) -> dict[str, Any]:
        """Return what the layer is built from."""
        return {**super().get_config(), "seed": self.seed}


@keras.saving.register_keras_serializable(package="cxr")
class RandomBorderCrop(_FilmLayer):
    """Cut a random border off, differently at each side, and stretch what is left to full size.

    Args:
        min_side: Least share of width and of height that is kept, in (0, 1].
        seed: Seed; `None` for another one each time.
        **kwargs: As `keras.layers.Layer` takes them.
    """

    def __init__(self, min_side: float = 0.8, *, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(seed=seed, **kwargs)
        if not 0 < min_side <= 1:
            msg = f"`min_side` must be in (0, 1]. Received: min_side={min_side}"
            raise ConfigError(msg)
        self.min_side = min_side

    def vary(self, images: Any) -> Any:
        """Return the crops; bilinear, edges repeated."""
        height, width = ops.shape(images)[1], ops.shape(images)[2]
        rows = []
        for length in (width, height):  # x first, as the transform has it
            side = self.uniform(images, self.min_side, 1.0)[:, 0, 0, 0]
            place = self.uniform(images, 0.0, 1.0)[:, 0, 0, 0]
            span = ops.cast(length - 1, "float32")
            rows.append((side, place * (1.0 - side) * span))
        (a, shift_x), (e, shift_y) = rows
        zero = ops.zeros_like(a)
        matrix = ops.stack([a, zero, shift_x, zero, e, shift_y, zero, zero], axis=1)
        return ops.image.affine_transform(
            images,
            matrix,
            interpolation="bilinear",
            fill_mode="nearest",
            data_format="channels_last",
        )

    def get_config(self) -> dict[str, Any]:
        """Return what the layer is built from."""
        return {**super().get_config(), "min_side": self.min_side}


@keras.saving.register_keras_serializable(package="cxr")
class RandomNoise(_FilmLayer):
    """Add Gaussian noise of a random strength, the same in every channel.

    Args:
        max_std: Most standard deviation, 0 or more, in shares of the range.
        seed: Seed; `None` for another one each time.
        **kwargs: As `keras.layers.Layer` takes them.
    """

    def __init__(self, max_std: float = 0.02, *, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(seed=seed, **kwargs)
        if not max_std >= 0:
            msg = f"`max_std` must be 0 or more. Received: max_std={max_std}"
            raise ConfigError(msg)
        self.max_std = max_std

    def vary(self, images: Any) -> Any:
        """Return the films with noise, clipped to [0, 1]."""
        std = self.uniform(images, 0.0, self.max_std)
        shape = ops.shape(images)
        noise = keras.random.normal((*shape[:3], 1), dtype="float32", seed=self.generator)
        return ops.clip(images + noise * std, 0.0, 1.0)

    def get_config(self) -> dict[str, Any]:
        """Return what the layer is built from."""
        return {**super().get_config(), "max_std": self.max_std}


@keras.saving.register_keras_serializable(package="cxr")
class RandomJpegQuality(_FilmLayer):
    """Quantise films as a JPEG of random quality would; see `jpeg`.

    Args:
        quality: Least and highest quality, whole numbers in [1, 100].
        seed: Seed; `None` for another one each time.
        **kwargs: As `keras.layers.Layer` takes them.
    """

    def __init__(
        self, quality: Sequence[int] = (50, 95), *, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        low, high = quality
        if not 1 <= low <= high <= 100:
            msg = f"`quality` must be two rising numbers in [1, 100]. Received: quality={quality}"
            raise ConfigError(msg)
        self.quality = (low, high)

    def vary(self, images: Any) -> Any:
        """Return the films as they would come back from a file."""
        low, high = self.quality
        drawn = ops.floor(self.uniform(images, low, high + 1.0))
        return jpeg(images, ops.minimum(drawn, float(high))[:, 0, 0, 0])

    def get_config(self) -> dict[str, Any]:
        """Return what the layer is built from."""
        return {**super().get_config(), "quality": list(self.quality)}


def jpeg(images: Any, quality: Any) -> Any:
    """Return films as baseline JPEG gives them back, each channel as a grey film.

    With x the stored byte less 128, D the orthonormal 8-point DCT and Q the steps, a block becomes
    D' (round(D x D' / Q) Q) D; then 128 is added, rounded and clipped. D x D' is rounded to eighths
    and halves away from 0, as the Independent JPEG Group's library does; without that one
    coefficient in some hundred falls to the other side. The steps follow from the quality q as
    there: floor((s LUMINANCE + 50) / 100), at least 1 and at most 255, with s = 5000 / q rounded
    down below 50 and s = 200 - 2 q from there on.
    Sides that are no multiple of 8 are continued by their last pixel. Entropy coding loses nothing
    and is left out; colour is not treated. There is no useful gradient.

    Args:
        images: Shape (n, h, w, c), float32 in [0, 1]; h and w known when it is built.
        quality: Shape (n,), whole numbers in [1, 100].

    Returns:
        The same shape, float32 in [0, 1], whole multiples of 1 / 255.

    References:
        ITU-T T.81 (1992), A.3.1 to A.3.4 and Annex K.1.
    """
    n_films = ops.shape(images)[0]
    height, width, n_channels = images.shape[1:]
    padded = _continued(ops.round(images * 255.0) - 128.0, -height % BLOCK, -width % BLOCK)
    n_down, n_across = -(-height // BLOCK), -(-width // BLOCK)
    blocks = ops.reshape(padded, (n_films, n_down, BLOCK, n_across, BLOCK, n_channels))
    blocks = ops.transpose(blocks, (0, 1, 3, 5, 2, 4))
    transform = ops.convert_to_tensor(_dct(), "float32")
    steps = _steps(quality)[:, None, None, None]
    frequencies = ops.matmul(ops.matmul(transform, blocks), ops.transpose(transform))
    frequencies = _rounded(_rounded(frequencies * 8.0) / 8.0 / steps) * steps
    blocks = ops.matmul(ops.matmul(ops.transpose(transform), frequencies), transform)
    blocks = ops.transpose(blocks, (0, 1, 4, 2, 5, 3))
    pixels = ops.reshape(blocks, (n_films, n_down * BLOCK, n_across * BLOCK, n_channels))
    pixels = pixels[:, :height, :width]
    return ops.clip(ops.round(pixels + 128.0), 0.0, 255.0) / 255.0


def radiograph_layers(
    spec: RadiographAugment = RadiographAugment(),  # noqa: B008 -- frozen
    *,
    zoom: float = 0.08,
    jpeg_quality: Sequence[int] = (50, 95),
    seed: int | None = None,
) -> Any:
    """Return the augmentation for radiographs: what scanners, views and archives vary.

    Border, rotation, zoom, shift, contrast, brightness, noise and JPEG quality; no mirroring, and
    of `spec` no `aspect` (the zoom has it) and no `gamma`.

    Args:
        spec: Shares, angles and strengths.
        zoom: Width and height are scaled independently by a factor in [1 - zoom, 1 + zoom].
        jpeg_quality: Least and highest quality.
        seed: Seed of the first layer, one more for each after it; `None` for others each time.

    Returns:
        A `keras.Sequential`.
    """
    seeds = _seeds(seed, 8)
    unit: dict[str, Any] = {"value_range": (0.0, 1.0), "dtype": "float32"}
    layers = [
        RandomBorderCrop(spec.min_side, seed=seeds[0]),
        _rotation(spec.rotation_deg, seeds[1]),
        _zoom(zoom, seeds[2]),
        keras.layers.RandomTranslation(
            spec.shift, spec.shift, fill_mode="nearest", seed=seeds[3], dtype="float32"
        ),
        keras.layers.RandomContrast(spec.contrast, seed=seeds[4], **unit),
        keras.layers.RandomBrightness(spec.brightness, seed=seeds[5], **unit),
        RandomNoise(spec.noise, seed=seeds[6]),
        RandomJpegQuality(jpeg_quality, seed=seeds[7]),
    ]
    return keras.Sequential(layers, name="augment_radiograph")


def _rotation(degrees: float, seed: int | None) -> Any:
    """Return a layer that rotates either way, edges repeated."""
    return keras.layers.RandomRotation(
        degrees / 360.0, fill_mode="nearest", seed=seed, dtype="float32"
    )


def _zoom(share: float, seed: int | None) -> Any:
    """Return a layer that scales width and height independently, edges repeated."""
    limits = (-share, share)
    return keras.layers.RandomZoom(limits, limits, fill_mode="nearest", seed=seed, dtype="float32")


def _seeds(seed: int | None, count: int) -> list[int | None]:
    """Return one seed a layer."""
    return [None if seed is None else seed + i for i in range(count)]


def _dct() -> Any:
    """Return the orthonormal 8-point DCT: row u holds c(u) / 2 cos((2 x + 1) u pi / 16)."""
    u, x = np.mgrid[:BLOCK, :BLOCK]
    rows = np.cos((2 * x + 1) * u * np.pi / (2 * BLOCK)) / 2
    rows[0] /= np.sqrt(2)
    return rows


def _rounded(values: Any) -> Any:
    """Round to whole numbers, halves away from 0."""
    return ops.sign(values) * ops.floor(ops.abs(values) + 0.5)


def _steps(quality: Any) -> Any:
    """Return the quantisation steps of each film, shape (n, 8, 8)."""
    quality = ops.cast(quality, "float32")[:, None, None]
    percent = ops.where(quality < 50.0, ops.floor(5000.0 / quality), 200.0 - 2.0 * quality)
    return ops.clip(ops.floor((percent * LUMINANCE + 50.0) / 100.0), 1.0, 255.0)


def _continued(images: Any, n_rows: int, n_columns: int) -> Any:
    """Repeat the last row and column."""
    if n_rows:
        images = ops.concatenate([images, ops.repeat(images[:, -1:], n_rows, axis=1)], axis=1)
    if n_columns:
        last = ops.repeat(images[:, :, -1:], n_columns, axis=2)
        images = ops.concatenate([images, last], axis=2)
    return images
