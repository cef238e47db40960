"""The settings of an end-to-end training, checked and frozen."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from cxr_core import backbones
from cxr_core.errors import ConfigError

PRECISIONS: Final = ("float32", "mixed_bfloat16", "mixed_float16")
AUGMENTATIONS: Final = ("cv2", "layers")
STRATEGIES: Final = ("none", "mirrored")
_LATER: Final = {
    "augmentation": "cv2",
    "strategy": "none",
    "bn_momentum": 0.99,
    "zero_residual": False,
}
"""Settings that older checkpoints do not have, and what they were; left out where they are so."""


@dataclass(frozen=True)
class Stage:
    """Some epochs at one size.

    Attributes:
        size_px: Side of the square input.
        epochs: Number of epochs.
    """

    size_px: int
    epochs: int


@dataclass(frozen=True)
class PretrainConfig:
    """Everything that decides a pre-training, besides the films.

    Attributes:
        backbone: Name in the registry.
        stages: Sizes and epochs, in order; one cosine runs over all of them.
        seed: Seed of weights, order, dropout and augmentation.
        batch_size: Films a step, over all devices.
        learning_rate: AdamW's highest rate, after the warm-up.
        weight_decay: AdamW's decay.
        warmup: Share of all steps in which the rate rises from 0.
        label_smoothing: Share of the target spread over all classes.
        dropout: Share of pooled channels dropped before the classifier.
        recalibrate_films: Whole films on which BatchNorm is measured anew at `serve_px`.
        serve_px: Side of the input that the network is served with.
        precision: Keras policy, `float32`, `mixed_bfloat16` or `mixed_float16`. On a GPU half
            precision is the faster one; `mixed_float16` scales the loss so that small gradients
            survive, `mixed_bfloat16` does not need that.
        augmentation: `cv2` for `train.augment.draw`, `layers` for `train.augment_layers`.
        bn_momentum: Momentum of BatchNorm's running means. A short run needs a lower one than the
            0.99 that the networks come with.
        zero_residual: Start the last BatchNorm of every residual branch at 0, so that a deep
            network starts as a shallow one (Goyal and others 2017, arXiv 1706.02677, section 5.1).
            EfficientNets do not learn in few epochs without.
        strategy: `none` for one device, `mirrored` for all GPUs of the machine (TensorFlow).
    """

    backbone: str
    stages: tuple[Stage, ...]
    seed: int = 0
    batch_size: int = 32
    learning_rate: float = 1.5e-3
    weight_decay: float = 0.05
    warmup: float = 0.08
    label_smoothing: float = 0.05
    dropout: float = 0.2
    recalibrate_films: int = 512
    serve_px: int = 224
    precision: str = "float32"
    augmentation: str = "cv2"
    strategy: str = "none"
    bn_momentum: float = 0.99
    zero_residual: bool = False

    def __post_init__(self) -> None:
        """Refuse settings that cannot be trained."""
        backbones.find(self.backbone)
        sizes = [stage.size_px for stage in self.stages]
        if not sizes or min(sizes) < backbones.MIN_SIDE_PX or min(self.stages_epochs) < 1:
            msg = f"`stages` must be sizes of at least 32 and epochs. Received: {self.stages}"
            raise ConfigError(msg, hint="Write for example --stages 96:7,160:2.")
        for name, allowed in (
            ("precision", PRECISIONS),
            ("augmentation", AUGMENTATIONS),
            ("strategy", STRATEGIES),
        ):
            if getattr(self, name) not in allowed:
                msg = f"`{name}` must be one of {allowed}. Received: {getattr(self, name)!r}"
                raise ConfigError(msg)
        for name in ("batch_size", "learning_rate", "serve_px"):
            if not getattr(self, name) > 0:
                msg = f"`{name}` must be above 0. Received: {getattr(self, name)}"
                raise ConfigError(msg)

    @property
    def stages_epochs(self) -> tuple[int, ...]:
        """Epochs of each stage."""
        return tuple(stage.epochs for stage in self.stages)

    @property
    def epochs(self) -> int:
        """Epochs of all stages."""
        return sum(self.stages_epochs)

    def stage_of(self, epoch: int) -> Stage:
        """Return the stage of an epoch.

        Args:
            epoch: Its number, from 0.

        Returns:
            The stage.

        Raises:
            IndexError: If the stages have fewer epochs.
        """
        left = epoch
        for stage in self.stages:
            if left < stage.epochs:
                return stage
            left -= stage.epochs
        raise IndexError(epoch)

    def rows_an_epoch(self, n_films: int) -> int:
        """Return how many films an epoch sees.

        Args:
            n_films: Films to fit.

        Returns:
            Those that fill whole batches, others each time: a batch of another size would be
            compiled anew, a minute and a half for an EfficientNetB7. On one device all of them
            where they fill none.
        """
        whole = n_films - n_films % self.batch_size
        return whole if whole or self.strategy != "none" else n_films

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON-ready values."""
        values = asdict(self)
        return {key: value for key, value in values.items() if _LATER.get(key) != value}


@dataclass(frozen=True)
class FineTuneConfig(PretrainConfig):
    """Everything that decides a refinement of given weights, besides the films.

    BatchNorm stays in inference mode. Of the rest all layers learn, or those from a named one on,
    or the last blocks; at a lower rate than from nothing.

    Attributes:
        weights: As `cxr_core.backbones.build` takes them; `pretrained-here:FOLDER` for what
            `pretrain` wrote; `bundle:FOLDER` for the network of a published bundle.
        from_layer: First layer that learns, by name; `None` if it is not told so.
        last_blocks: Number of blocks that learn, see `train.pretrain.network.blocks_of`; `None` if
            it is not told so.
    """

    learning_rate: float = 1e-4
    recalibrate_films: int = 0
    weights: str = "imagenet"
    from_layer: str | None = None
    last_blocks: int | None = None

    def __post_init__(self) -> None:
        """Refuse settings that contradict each other."""
        super().__post_init__()
        if self.from_layer is not None and self.last_blocks is not None:
            msg = (
                "`from_layer` must be left out where `last_blocks` is given. Received: "
                f"from_layer={self.from_layer!r}, last_blocks={self.last_blocks}"
            )
            raise ConfigError(msg)
        if self.last_blocks is not None and self.last_blocks < 1:
            msg = f"`last_blocks` must be 1 or more. Received: last_blocks={self.last_blocks}"
            raise ConfigError(msg)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON-ready values; of a path only the last part."""
        source, colon, path = self.weights.rpartition(":")
        return {**super().to_dict(), "weights": f"{source}{colon}{Path(path).name}"}
