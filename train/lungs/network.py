"""The network that finds the lungs: a small U-Net on Keras alone, so that any backend can train it.

References:
    Ronneberger et al. 2015, "U-Net" (arXiv:1505.04597); Milletari et al. 2016, "V-Net"
    (arXiv:1606.04797), equation of section 3 for the Dice loss, here without the squares.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import keras
from keras import ops

from train.optimizer import warmed_adamw
from train.precision import precision

if TYPE_CHECKING:
    from train.lungs import LungConfig

FACTORS: Final = (1, 2, 4, 6)
"""Channels of each depth, in units of the width; the film is halved before the first."""
BOTTOM: Final = 8


def build_network(config: LungConfig) -> Any:
    """Build the network with random weights.

    Args:
        config: Size and width.

    Returns:
        A `keras.Model` from films (n, size, size, 1) in [0, 1] to logits of the same shape. It
        works at half the film's size; the logits are interpolated.
    """
    film = keras.Input((config.size_px, config.size_px, 1), name="film")
    x = _convolve(film, config.width, "stem", strides=2)
    kept = []
    for depth, factor in enumerate(FACTORS):
        x = _block(x, factor * config.width, f"down{depth}")
        kept.append(x)
        x = keras.layers.MaxPooling2D(name=f"pool{depth}")(x)
    x = _block(x, BOTTOM * config.width, "bottom")
    for depth, factor in reversed(list(enumerate(FACTORS))):
        x = keras.layers.UpSampling2D(interpolation="nearest", name=f"up{depth}_size")(x)
        x = keras.layers.Concatenate(name=f"up{depth}_join")([x, kept[depth]])
        x = _block(x, factor * config.width, f"up{depth}")
    x = keras.layers.Conv2D(1, 1, name="half_logits", dtype="float32")(x)
    logits = keras.layers.UpSampling2D(interpolation="bilinear", name="logits", dtype="float32")(x)
    return keras.Model(film, logits, name="lungs")


def served_network(config: LungConfig, trained: Any) -> Any:
    """Return the network as it is exported: float32, with probabilities as output.

    Args:
        config: The recipe it was trained with.
        trained: Network of `build_network`; not changed.

    Returns:
        A new `keras.Model` with the same weights.
    """
    with precision("float32"):
        model = build_network(config)
        model.set_weights(trained.get_weights())
        probability = keras.layers.Activation("sigmoid", name="probability")(model.output)
        return keras.Model(model.input, probability, name="lungs")


def compile_network(model: Any, config: LungConfig, steps: int) -> None:
    """Set loss and optimizer: AdamW, linear warm-up, then one cosine to zero.

    Args:
        model: The network.
        config: The recipe.
        steps: Steps an epoch.
    """
    model.compile(warmed_adamw(config, steps), DiceCrossEntropy())
    model.optimizer.build(model.trainable_variables)


class DiceCrossEntropy(keras.losses.Loss):  # type: ignore[misc] # Keras has no types
    """Cross-entropy of the pixels plus 1 less the films' mean soft Dice, from logits."""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return one value a film.

        Args:
            y_true: Masks (n, h, w, 1) in [0, 1].
            y_pred: Logits of the same shape.

        Returns:
            Shape (n,), float32.
        """
        target, logits = ops.cast(y_true, "float32"), ops.cast(y_pred, "float32")
        entropy = ops.mean(ops.softplus(logits) - target * logits, axis=(1, 2, 3))
        probability = ops.sigmoid(logits)
        common = ops.sum(probability * target, axis=(1, 2, 3))
        both = ops.sum(probability, axis=(1, 2, 3)) + ops.sum(target, axis=(1, 2, 3))
        return entropy + 1.0 - (2.0 * common + 1.0) / (both + 1.0)


def _block(x: Any, channels: int, name: str) -> Any:
    """Add two convolutions."""
    return _convolve(_convolve(x, channels, f"{name}_1"), channels, f"{name}_2")


def _convolve(x: Any, channels: int, name: str, *, strides: int = 1) -> Any:
    """Add a convolution with BatchNorm and ReLU."""
    x = keras.layers.Conv2D(
        channels, 3, strides=strides, padding="same", use_bias=False, name=f"{name}_conv"
    )(x)
    x = keras.layers.BatchNormalization(momentum=0.95, name=f"{name}_norm")(x)
    return keras.layers.ReLU(name=f"{name}_relu")(x)
