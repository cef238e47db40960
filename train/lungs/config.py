"""The settings of a training of the lung network, checked and frozen."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from cxr_core.errors import ConfigError
from train.lungs.augment import LungAugment
from train.pretrain.config import PRECISIONS


@dataclass(frozen=True)
class LungConfig:
    """Everything that decides a training of the lung network, besides the films.

    Attributes:
        epochs: Passes over the films, each of another variant.
        size_px: Side of the square input, a multiple of 32.
        width: Channels of the first depth.
        batch_size: Films a step.
        learning_rate: AdamW's highest rate, after the warm-up.
        weight_decay: AdamW's decay.
        warmup: Share of all steps in which the rate rises from 0.
        seed: Seed of weights, order and augmentation.
        precision: Keras policy; the network is exported in float32 whatever it was trained in.
        validation_share: Share of the films whose patients are left out to validate.
        augment: What happens to a film.
    """

    epochs: int = 80
    size_px: int = 224
    width: int = 16
    batch_size: int = 16
    learning_rate: float = 2e-3
    weight_decay: float = 0.01
    warmup: float = 0.05
    seed: int = 0
    precision: str = "float32"
    validation_share: float = 0.15
    augment: LungAugment = field(default_factory=LungAugment)

    def __post_init__(self) -> None:
        """Refuse settings that cannot be trained."""
        for name in ("epochs", "width", "batch_size", "learning_rate"):
            if not getattr(self, name) > 0:
                msg = f"`{name}` must be above 0. Received: {getattr(self, name)}"
                raise ConfigError(msg)
        if self.size_px < 32 or self.size_px % 32:
            msg = f"`size_px` must be a multiple of 32. Received: {self.size_px}"
            raise ConfigError(msg, hint="Use 224, the size of the other networks.")
        if self.precision not in PRECISIONS:
            msg = f"`precision` must be one of {PRECISIONS}. Received: {self.precision!r}"
            raise ConfigError(msg)
        if not 0 < self.validation_share < 1:
            msg = f"`validation_share` must be in (0, 1). Received: {self.validation_share}"
            raise ConfigError(msg)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON-ready values."""
        return asdict(self)
