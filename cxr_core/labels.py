"""The class order, the system names and how both are written on screen; typed once, here."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

CLASSES: Final[tuple[str, ...]] = ("COVID19", "NORMAL", "PNEUMONIA")
"""Class names in the order of every probability vector (alphabetical, as the training folders)."""

N_CLASSES: Final[int] = len(CLASSES)

CLASS_TITLES: Final = MappingProxyType(
    {"COVID19": "COVID-19", "NORMAL": "Normal", "PNEUMONIA": "Pneumonia"}
)
"""Class name to the words shown to a person."""

CLASS_NOTES: Final = MappingProxyType(
    {
        "COVID19": "looks to the model like the COVID-19 films it was trained on",
        "NORMAL": "neither of the other two; never a statement that the film is clear",
        "PNEUMONIA": "looks to the model like the pneumonia films it was trained on",
    }
)
"""Class name to what a high score means, and what it does not."""

CLASS_COLOURS: Final = MappingProxyType(
    {"COVID19": "#E69F00", "NORMAL": "#56B4E9", "PNEUMONIA": "#CC79A7"}
)
"""Class name to a colour of Okabe and Ito; no red or green, which would read as a verdict."""

MEMBERS: Final[tuple[str, ...]] = ("densenet201", "efficientnetb7", "vgg16")
"""Names of the three single networks, in the order in which the ensembles concatenate them."""

ENSEMBLES: Final[tuple[str, ...]] = ("ensemble_probs", "ensemble_dense")
"""Names of the two trained ensembles."""

SYSTEMS: Final[tuple[str, ...]] = MEMBERS + ENSEMBLES
"""Names of all five systems, in display order."""

SYSTEM_TITLES: Final = MappingProxyType(
    {
        "densenet201": "DenseNet201",
        "efficientnetb7": "EfficientNetB7",
        "vgg16": "VGG16",
        "ensemble_probs": "Ensemble of probabilities",
        "ensemble_dense": "Ensemble of dense layers",
    }
)
"""System name to the words shown to a person."""


def system_title(name: str) -> str:
    """Return the words for a system, also for a member that is not one of the five.

    Args:
        name: System name, or name of any backbone in the registry.

    Returns:
        The words; the name itself where nothing else is known.
    """
    if name in SYSTEM_TITLES:
        return SYSTEM_TITLES[name]
    from cxr_core.backbones import BACKBONES

    return BACKBONES[name].title if name in BACKBONES else name


def class_index(name: str) -> int:
    """Return the position of a class in every probability vector.

    Args:
        name: One of `CLASSES`, exactly as written there.

    Returns:
        Index in [0, 3).

    Raises:
        ValueError: If `name` is not a class.
    """
    try:
        return CLASSES.index(name)
    except ValueError:
        msg = f"`name` must be one of {CLASSES}. Received: name={name!r}"
        raise ValueError(msg) from None
