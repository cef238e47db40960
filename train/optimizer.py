"""The optimizer of end-to-end trainings: AdamW with a warm-up and one cosine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from train.lungs import LungConfig
    from train.pretrain.config import PretrainConfig


def warmed_adamw(config: PretrainConfig | LungConfig, steps: int) -> Any:
    """Return AdamW with a linear warm-up, then one cosine to zero; biases and norms do not decay.

    Args:
        config: Epochs, warm-up, highest rate and decay.
        steps: Steps an epoch.

    Returns:
        A new Keras optimizer.
    """
    import keras

    total = steps * config.epochs
    warmup = max(1, round(config.warmup * total))
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, max(1, total - warmup), warmup_target=config.learning_rate, warmup_steps=warmup
    )
    optimizer = keras.optimizers.AdamW(rate, weight_decay=config.weight_decay, clipnorm=1.0)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer
