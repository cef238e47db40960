"""The methods by name, and what a map made by one of them is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from cxr_core.array import Float32Array


@dataclass(frozen=True)
class Method:
    """One way to turn a feature map and its gradient into a map.

    Attributes:
        title: Words on screen.
        note: One sentence on what the numbers are.
        is_class_specific: False for a map without any class in it.
    """

    title: str
    note: str
    is_class_specific: bool = True


METHODS: Final[Mapping[str, Method]] = MappingProxyType(
    {
        "gradcam": Method("Grad-CAM", "Channels weighted by their mean gradient."),
        "hirescam": Method(
            "HiResCAM", "Each cell's exact share of the logit; cells and bias add up to it."
        ),
        "layercam": Method("LayerCAM", "Positive gradients only, cell by cell."),
        "gradcampp": Method(
            "Grad-CAM++", "Channels weighted by equation 19 of its paper, on the logit."
        ),
        "ablationcam": Method(
            "Ablation-CAM", "Channels weighted by the exact fall of the logit without them."
        ),
        "eigencam": Method(
            "Eigen-CAM",
            "First principal component of the feature map; no class takes part in it.",
            is_class_specific=False,
        ),
    }
)
DEFAULT_METHOD: Final = "hirescam"


@dataclass(frozen=True, eq=False)
class Cam:
    """One map, raw and signed.

    Attributes:
        system: System whose score was explained.
        class_name: Class whose logit was explained; `None` where the method has no class.
        method: Key of `METHODS`.
        grid: Shape (h, w), float32, unscaled.
        score: The explained logit, or difference of logits.
        bias: HiResCAM only: what of the score is not in the map (biases of active units).
        notes: What a reader of this map should know.
    """

    system: str
    class_name: str | None
    method: str
    grid: Float32Array
    score: float
    bias: float | None = None
    notes: tuple[str, ...] = ()
