"""Net benefit of calling one class by its score, against calling every film and calling none."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from cxr_core.array import BoolArray, Float64Array, IntArray
from cxr_core.errors import NotApplicableError
from cxr_core.evaluate.display.curve import N_BAND_RESAMPLES, checked, patients_or_films
from cxr_core.evaluate.display.style import REFERENCE_COLOUR, add_band, class_line, layout
from cxr_core.evaluate.resample import CONFIDENCE, Resamples
from cxr_core.evaluate.weighted import divide
from cxr_core.labels import CLASS_COLOURS, CLASS_TITLES, class_index

if TYPE_CHECKING:
    from pandas import DataFrame
    from plotly.graph_objects import Figure

THRESHOLDS: Final = tuple(round(0.01 * i, 2) for i in range(1, 100))


@dataclass(frozen=True, eq=False)
class DecisionCurve:
    """Net benefit at each threshold probability.

    Attributes:
        label: The class that is acted on.
        thresholds: Probability from which on one would act, shape (t,), in (0, 1).
        net_benefit: Of acting by the score, shape (t,).
        all_benefit: Of acting on every film, shape (t,); acting on none has 0.
        low: Lower edge of the band of `net_benefit`, shape (t,); `None` for one patient.
        high: Upper edge.
        prevalence: Share of the class that the benefit is of.
        n_positive: Films of the class.
        n: Number of films.
        n_patients: Number of different patients.
        n_resamples: Resamples behind the band.
    """

    label: str
    thresholds: Float64Array
    net_benefit: Float64Array
    all_benefit: Float64Array
    low: Float64Array | None
    high: Float64Array | None
    prevalence: float
    n_positive: int
    n: int
    n_patients: int
    n_resamples: int

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_prob: Any,
        label: str,
        *,
        prevalence: float | None = None,
        thresholds: Sequence[float] = THRESHOLDS,
        patients: Sequence[Hashable] | IntArray | None = None,
        n_resamples: int = N_BAND_RESAMPLES,
        seed: int = 0,
    ) -> DecisionCurve:
        """Draw up the curve of one class against the rest.

        Args:
            y_true: Class indices, shape (n,).
            y_prob: Probabilities, shape (n, 3); the threshold is compared with them, so they must
                be calibrated, and calibrated for that prevalence.
            label: The class that is acted on.
            prevalence: Share of the class where one would act; that of the films if `None`.
            thresholds: Each in (0, 1).
            patients: Patient of each film; every film is a patient of its own if `None`.
            n_resamples: Resamples of patients behind the band.
            seed: Seed of the resamples.

        Returns:
            The curve.

        Raises:
            ValueError: If a share is not in (0, 1), or shapes or values do not fit.
            NotApplicableError: If no film, or every film, is of the class.

        References:
            Vickers and Elkin 2006, doi:10.1177/0272989X06295361.
        """
        truth, probs = checked(y_true, y_prob)
        k = class_index(label)
        is_class, at = truth == k, np.asarray(thresholds, np.float64)
        if not len(at) or at.min() <= 0 or at.max() >= 1:
            msg = f"`thresholds` must be in (0, 1). Received: thresholds={at.tolist()[:5]}"
            raise ValueError(msg)
        if prevalence is not None and not 0 < prevalence < 1:
            msg = f"`prevalence` must be in (0, 1). Received: prevalence={prevalence}"
            raise ValueError(msg)
        if not is_class.any() or is_class.all():
            msg = f"`y_true` must hold films of {label} and others. Received: only one of both"
            raise NotApplicableError(msg, hint="Choose another class, or films that have both.")
        resamples = Resamples.draw(
            patients_or_films(patients, len(truth)), n_resamples=n_resamples, seed=seed
        )
        called = probs[:, k : k + 1] >= at
        given = _Benefit(is_class, called, at, prevalence)
        low = high = None
        drawn = [given.of(weights) for weights in resamples.weights()]
        if drawn and resamples.n_patients > 1:
            tail = (1 - CONFIDENCE) / 2
            low, high = np.nanquantile(np.concatenate(drawn), [tail, 1 - tail], axis=0)
        share = float(is_class.mean()) if prevalence is None else prevalence
        return cls(
            label=label,
            thresholds=at,
            net_benefit=given.of(np.ones((1, len(truth))))[0],
            all_benefit=share - (1 - share) * at / (1 - at),
            low=low,
            high=high,
            prevalence=share,
            n_positive=int(is_class.sum()),
            n=len(truth),
            n_patients=resamples.n_patients,
            n_resamples=n_resamples,
        )

    def frame(self) -> DataFrame:
        """Return one row a threshold: `threshold`, `net_benefit`, `low`, `high`, `act_on_all`."""
        import pandas as pd

        return pd.DataFrame(
            {
                "threshold": self.thresholds,
                "net_benefit": self.net_benefit,
                "low": self.low,
                "high": self.high,
                "act_on_all": self.all_benefit,
                "act_on_none": 0.0,
            }
        )

    def plot(self) -> Figure:
        """Return the figure: the curve with its 95 % band, acting on all and acting on none."""
        import plotly.graph_objects as go

        title = CLASS_TITLES[self.label]
        heights = self.net_benefit if self.high is None else self.high
        top = max(self.prevalence, float(np.max(heights)))
        figure = go.Figure(
            layout=layout(
                xaxis={
                    "title": {"text": f"Act on {title} from this probability on"},
                    "tickformat": ".0%",
                    "range": [0, 1],
                    "zeroline": False,
                },
                yaxis={
                    "title": {"text": "Net benefit (true calls a film)"},
                    "range": [-0.25 * top, 1.15 * top],
                    "zeroline": False,
                },
            )
        )
        for name, values, dash in (
            ("Act on every film", self.all_benefit, "dash"),
            ("Act on none", np.zeros(len(self.thresholds)), "dot"),
        ):
            figure.add_scatter(
                x=self.thresholds,
                y=values,
                mode="lines",
                line={"color": REFERENCE_COLOUR, "width": 1.5, "dash": dash},
                name=name,
                hovertemplate="%{y:.3f}",
            )
        if self.low is not None and self.high is not None:
            colour = CLASS_COLOURS[self.label]
            add_band(figure, self.thresholds, self.low, self.high, colour, group=self.label)
        figure.add_scatter(
            x=self.thresholds,
            y=self.net_benefit,
            mode="lines",
            line={**class_line(self.label), "dash": "solid"},
            name=f"Act by the score for {title}",
            legendgroup=self.label,
            hovertemplate="from %{x:.0%} on: net benefit %{y:.3f}<extra></extra>",
        )
        return figure


class _Benefit:
    """Net benefit of the same calls under any weights."""

    def __init__(
        self,
        is_class: BoolArray,
        called: BoolArray,
        at: Float64Array,
        prevalence: float | None,
    ) -> None:
        self._is_class = is_class.astype(np.float64)
        self._hits = (called & is_class[:, np.newaxis]).astype(np.float64)
        self._alarms = (called & ~is_class[:, np.newaxis]).astype(np.float64)
        self._odds = at / (1 - at)
        self._prevalence = prevalence

    def of(self, weights: Float64Array) -> Float64Array:
        """Return the net benefit, shape (m, t), for weights of shape (m, n)."""
        hits, alarms = weights @ self._hits, weights @ self._alarms
        total = weights.sum(axis=1, keepdims=True)
        if self._prevalence is None:
            return np.asarray((hits - self._odds * alarms) / total)
        of_class = (weights @ self._is_class)[:, np.newaxis]
        sensitivity, false_rate = divide(hits, of_class), divide(alarms, total - of_class)
        share = self._prevalence
        return np.asarray(sensitivity * share - self._odds * false_rate * (1 - share))
