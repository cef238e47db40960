"""What the numbers of this session come from, for everything that leaves the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cxr_core.provenance import Provenance
from ui import reading_cache

if TYPE_CHECKING:
    from cxr_core.predict import Predictor


def provenance_of(predictor: Predictor) -> Provenance:
    """Return what numbers on screen were made with.

    Args:
        predictor: The predictor from `ui.model_cache.load`.

    Returns:
        The provenance, with the session's choice of probabilities before or after calibration.
    """
    return Provenance.of(predictor, is_raw=reading_cache.shows_raw())
