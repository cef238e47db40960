"""Masks, films and a network that gives what it is told."""

from __future__ import annotations

import numpy as np

from cxr_core.lungs import (
    LungMask,
    LungSegmenter,
    LungShare,
)
from cxr_core.lungs.shape import LungLimits
from cxr_core.preprocess import PreprocessSpec
from cxr_core.radiograph import Radiograph

LIMITS = LungLimits(least_area=0.1, most_area=0.7, least_ratio=0.4, most_unsure=1.0)
LEFT, RIGHT = (slice(4, 16), slice(2, 8)), (slice(4, 16), slice(12, 18))


class FakeEngine:
    """Gives one probability map whatever the film."""

    def __init__(self, probability: np.ndarray) -> None:
        self.probability = probability.astype(np.float32)
        self.feature_shape = (*probability.shape, 1)

    def run(self, batch: np.ndarray) -> np.ndarray:
        assert batch.shape[1:] == self.feature_shape
        assert batch.dtype == np.float32
        return np.repeat(self.probability[None, :, :, None], len(batch), axis=0)


def segmenter_of(probability: np.ndarray) -> LungSegmenter:
    height, width = probability.shape
    spec = PreprocessSpec(height, width)
    engine = FakeEngine(probability)
    return LungSegmenter(engine, preprocess_spec=spec, threshold=0.5, limits=LIMITS, record={})


def film(height: int = 30, width: int = 40) -> Radiograph:
    pixels = np.linspace(0, 255, height * width).reshape(height, width).astype(np.uint8)
    return Radiograph(pixels, 0, 255, "film.png", "0" * 64, "PNG")


def mask_of(*regions: tuple[slice, slice], side: int = 20) -> LungMask:
    probability = np.zeros((side, side))
    for region in regions:
        probability[region] = 1.0
    return segmenter_of(probability).segment(film())


def codes(found: LungMask | LungShare) -> list[str]:
    return [note.code for note in found.notes]
