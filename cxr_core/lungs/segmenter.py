"""`LungSegmenter`: a small published network that finds the lungs on a film."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from cxr_core.array import Float32Array
from cxr_core.engine import FeatureEngine
from cxr_core.errors import SpecMismatchError
from cxr_core.lungs.mask import LungMask
from cxr_core.lungs.record import NETWORK, RECORD, RESTORE_HINT, SCHEMA, read_record
from cxr_core.lungs.shape import (
    LungLimits,
    clean,
    outline,
    plausibility_notes,
    unsure_share,
)
from cxr_core.preprocess import PreprocessSpec, preprocess
from cxr_core.radiograph import Radiograph

DEFAULT_LUNGS: Final = Path(__file__).resolve().parents[2] / "assets" / "lungs"
"""The network that comes with the repository."""


class LungSegmenter:
    """Finds the lungs on films; safe to share between threads.

    Args:
        engine: Network from (n, height, width, 1) to probabilities of the same shape.
        preprocess_spec: How a film is prepared for it.
        threshold: Least probability of a lung.
        limits: What a plausible mask looks like.
        record: The published record: origin, figures, films.

    Raises:
        SpecMismatchError: If the network's output is not one number a pixel of its input.
    """

    def __init__(
        self,
        engine: FeatureEngine,
        *,
        preprocess_spec: PreprocessSpec,
        threshold: float,
        limits: LungLimits,
        record: Mapping[str, Any],
    ) -> None:
        expected = (preprocess_spec.height_px, preprocess_spec.width_px, 1)
        if engine.feature_shape != expected:
            msg = f"The lung network must give shape {expected}. Received: {engine.feature_shape}"
            raise SpecMismatchError(msg, hint=RESTORE_HINT)
        self._engine = engine
        self._spec = preprocess_spec
        self._threshold = threshold
        self._limits = limits
        self.record = record

    @classmethod
    def load(cls, folder: str | Path = DEFAULT_LUNGS) -> LungSegmenter:
        """Check a published network against its record and compile it.

        Args:
            folder: Holds `lungs.json`, `lungs.xml` and `lungs.bin`.

        Returns:
            The segmenter.

        Raises:
            ArtifactIntegrityError: If a file is missing or changed; the message names it.
            SpecMismatchError: If the record is of another schema or lacks a field.
        """
        from cxr_core.engine.openvino import OpenVinoEngine

        folder = Path(folder)
        record = read_record(folder)
        try:
            spec = PreprocessSpec.from_dict(record["preprocess"])
            threshold = float(record["threshold"])
            limits = LungLimits.from_dict(record["limits"])
        except (KeyError, TypeError, ValueError) as err:
            msg = f"`{RECORD}` must have every field of {SCHEMA}. Received: {err!r}"
            raise SpecMismatchError(msg, hint=RESTORE_HINT) from err
        engine = OpenVinoEngine(folder / NETWORK)
        return cls(engine, preprocess_spec=spec, threshold=threshold, limits=limits, record=record)

    def segment(self, radiograph: Radiograph) -> LungMask:
        """Find the lungs on one film.

        Args:
            radiograph: The film, of any size and shape.

        Returns:
            The mask at the network's size with its outline, and notes where it is not plausible.
        """
        batch = preprocess(radiograph, self._spec)[None, :, :, :1]
        return self.from_probability(self._engine.run(np.ascontiguousarray(batch))[0, :, :, 0])

    def from_probability(self, probability: Float32Array) -> LungMask:
        """Make the mask of a probability in every pixel.

        Args:
            probability: Shape (h, w), float32 in [0, 1]; not changed.

        Returns:
            The mask.
        """
        mask, regions = clean(probability, self._threshold)
        area_share = float(mask.mean())
        unsure = unsure_share(probability, mask)
        kept = probability.copy()
        for array in (mask, kept):
            array.flags.writeable = False
        return LungMask(
            mask=mask,
            probability=kept,
            area_share=area_share,
            polygons=outline(probability, mask, self._threshold),
            notes=plausibility_notes(regions, area_share, unsure, self._limits),
        )


def load_lungs() -> LungSegmenter | None:
    """Load the published network that finds the lungs.

    Returns:
        The network, or `None` in a checkout without it.
    """
    return LungSegmenter.load() if DEFAULT_LUNGS.is_dir() else None
