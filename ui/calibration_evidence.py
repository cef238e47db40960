"""What the Calibration page is drawn from: reads of test films, temperatures, limits of sets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cxr_core.array import Float64Array
from cxr_core.trust.calibration import Temperature
from ui.evidence import reads_of
from ui.model_cache import models_key

if TYPE_CHECKING:
    from cxr_core.evaluate.reads import Reads
    from cxr_core.predict import Predictor
    from cxr_core.trust.conformal import ConformalModel


TEST: Final = "test"
CALIBRATION: Final = "calibration"


@dataclass(frozen=True, eq=False)
class CalibrationEvidence:
    """What the page is drawn from.

    Attributes:
        key: What tells this evidence from any other; key of the caches.
        test: Test films, which nothing was fitted to.
        others: Title to reads of the sets without a COVID-19 film.
        temperatures: System to temperature; systems that could not be calibrated are absent.
        conformal: System to the thresholds of its prediction sets.
        is_twin: True where temperatures come from other heads of the same recipe: the published
            heads saw the films.
    """

    key: str
    test: Reads
    others: Mapping[str, Reads]
    temperatures: Mapping[str, Temperature]
    conformal: Mapping[str, ConformalModel]
    is_twin: bool = False

    def probs(self, system: str, *, is_raw: bool) -> Float64Array:
        """Return the scores of the test films, shape (n, 3).

        Args:
            system: Name of the system.
            is_raw: True for scores before calibration.
        """
        temperature = self.temperatures.get(system)
        if is_raw or temperature is None:
            return self.test.probs(system)
        return temperature.apply(self.test.logits[system])

    def is_changed(self, system: str) -> bool:
        """Return whether calibration changes the scores of a system.

        Args:
            system: Name of the system.
        """
        temperature = self.temperatures.get(system)
        return temperature is not None and temperature.value != 1.0


def calibration_evidence(predictor: Predictor) -> CalibrationEvidence | None:
    """Collect what a bundle knows of the calibration of the variant in use.

    Args:
        predictor: The predictor in use.

    Returns:
        The evidence, or `None` where the bundle has no trust model or no reads of test films.

    Raises:
        CxrError: If what is stored contradicts itself.
    """
    bundle, variant, model = predictor.bundle, predictor.variant, predictor.trust_model
    test = reads_of(bundle, variant, TEST)
    if model is None or test is None or not len(test):
        return None
    sets = {
        title: reads_of(bundle, variant, title)
        for title in bundle.read_sets(variant)
        if title not in (TEST, CALIBRATION)
    }
    return CalibrationEvidence(
        key=models_key(predictor),
        test=test,
        others={
            title: reads
            for title, reads in sets.items()
            if reads is not None and len(reads) and not reads.films.n_by_class["COVID19"]
        },
        temperatures=model.calibration,
        conformal=model.conformal,
        is_twin=bool(model.about.get("is_twin")),
    )
