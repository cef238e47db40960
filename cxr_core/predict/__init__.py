"""From a film to a reading: five systems, their agreement, and what later questions need.

`Predictor` is one variant of a bundle, `PublishedModels` all of them over the same networks.
"""

from cxr_core.predict.predictor import Predictor
from cxr_core.predict.published_models import PublishedModels
from cxr_core.predict.reading import Answer, Reading, SystemReading, Trust

__all__ = ["Answer", "Predictor", "PublishedModels", "Reading", "SystemReading", "Trust"]
