"""The five systems in Keras: three members on frozen backbones, the heads of all five.

Every model is flat (no model inside a model), so any layer can be reached by name. Layers of a head
carry the name of their system: `vgg16_dense_0`, `vgg16_predictions`.

References:
    The heads are those of the public write-up "Chest X-ray (Covid-19 & Pneumonia)", sections 5
    and 6; its trainable parameters (1,106,179, 1,474,819, 598,403, 30, 579) are tested.
"""

from train.keras_system.ensemble import (
    ENSEMBLE_DENSE,
    ENSEMBLE_PROBS,
    build_ensemble_dense_head,
    build_ensemble_probs_head,
)
from train.keras_system.member import (
    DEFAULT_HIDDEN,
    MEMBER_HIDDEN,
    build_head,
    build_member,
    extract_head,
)

__all__ = [
    "DEFAULT_HIDDEN",
    "ENSEMBLE_DENSE",
    "ENSEMBLE_PROBS",
    "MEMBER_HIDDEN",
    "build_ensemble_dense_head",
    "build_ensemble_probs_head",
    "build_head",
    "build_member",
    "extract_head",
]
