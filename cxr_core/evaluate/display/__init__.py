"""What an evaluation looks like: each display has `from_predictions`, `frame()` and `plot()`.

In the manner of scikit-learn's displays, with intervals that know which films are of one patient.
Importing this loads neither pandas nor plotly; `frame()` and `plot()` do.
"""

from cxr_core.evaluate.display.confusion import ConfusionDisplay
from cxr_core.evaluate.display.cost import COST_PRESETS, DecisionCosts
from cxr_core.evaluate.display.decision_curve import DecisionCurve
from cxr_core.evaluate.display.operating_point import OperatingPoint
from cxr_core.evaluate.display.precision_recall import PrecisionRecallDisplay
from cxr_core.evaluate.display.roc import RocDisplay

__all__ = [
    "COST_PRESETS",
    "ConfusionDisplay",
    "DecisionCosts",
    "DecisionCurve",
    "OperatingPoint",
    "PrecisionRecallDisplay",
    "RocDisplay",
]
