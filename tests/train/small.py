"""A small network in place of a backbone, and films that it can learn."""

from __future__ import annotations

from typing import Any

import numpy as np

from train.pretrain import Images, PretrainConfig, Stage

HAS_NORM = True


def build_small(
    name: str,
    *,
    weights: Any = None,
    input_shape: tuple[int, int, int] = (32, 32, 3),
    input_tensor: Any = None,
    graph: str | None = None,
) -> Any:
    """Stand in for `cxr_core.backbones.build`: two convolutions with BatchNorm between them."""
    import keras

    film = keras.Input(input_shape, name="film") if input_tensor is None else input_tensor
    # a bias before BatchNorm would follow rounding noise alone
    x = keras.layers.Conv2D(6, 5, strides=4, use_bias=not HAS_NORM, name="block1_conv")(film)
    if HAS_NORM:
        x = keras.layers.BatchNormalization(name="block1_norm")(x)
    x = keras.layers.ReLU(name="block1_relu")(x)
    x = keras.layers.Conv2D(8, 3, strides=2, activation="relu", name="block2_conv")(x)
    model = keras.Model(film, x, name=name)
    if weights is not None:
        model.load_weights(weights)
    return model


def small_films(count: int, seed: int = 0, side: int = 40) -> Images:
    """Return films whose class is the third that is bright."""
    rng = np.random.default_rng(seed)
    y_true = np.arange(count) % 3
    pixels = rng.integers(0, 120, (count, side, side)).astype(np.uint8)
    for film, label in zip(pixels, y_true, strict=True):
        film[label * side // 3 : (label + 1) * side // 3] += 100
    digests = tuple(f"{seed:02d}{number:062d}" for number in range(count))
    return Images(pixels, y_true.astype(np.int64), digests)


def small_settings(**changes: Any) -> PretrainConfig:
    """Return a recipe of three epochs at one size."""
    values = {
        "stages": (Stage(32, 3),),
        "batch_size": 8,
        "recalibrate_films": 16,
        "serve_px": 32,
    }
    return PretrainConfig("mobilenetv2", **{**values, **changes})


FIT = small_films(20)
HELD_OUT = small_films(9, seed=1)
