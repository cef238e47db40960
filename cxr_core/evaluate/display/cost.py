"""What errors cost: the decision that costs imply, against calling the likeliest class."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from cxr_core.array import Float64Array, IntArray
from cxr_core.evaluate.display.curve import checked, patients_or_films
from cxr_core.evaluate.display.style import INK, REFERENCE_COLOUR, layout
from cxr_core.evaluate.figure import figure
from cxr_core.evaluate.metrics import confusion_matrix
from cxr_core.evaluate.resample import N_RESAMPLES, Resamples
from cxr_core.labels import CLASS_TITLES, CLASSES, N_CLASSES

if TYPE_CHECKING:
    from pandas import DataFrame
    from plotly.graph_objects import Figure

Costs = Sequence[Sequence[float]]

COST_PRESETS: Final[Mapping[str, tuple[tuple[float, ...], ...]]] = MappingProxyType(
    {
        "Missing COVID-19 costs ten times a false alarm": (
            (0.0, 10.0, 10.0),
            (1.0, 0.0, 1.0),
            (1.0, 1.0, 0.0),
        ),
        "Missing any disease costs ten times a false alarm": (
            (0.0, 10.0, 1.0),
            (1.0, 0.0, 1.0),
            (1.0, 10.0, 0.0),
        ),
        "Every error costs the same": ((0.0, 1.0, 1.0), (1.0, 0.0, 1.0), (1.0, 1.0, 0.0)),
    }
)
"""Words to costs; rows are true classes, columns called ones, in class order."""


@dataclass(frozen=True, eq=False)
class DecisionCosts:
    """Two ways to decide on the same films, and what each costs.

    Attributes:
        costs: Cost of calling a film of the row's class the column's, shape (3, 3).
        y_true: Class indices, shape (n,).
        decided: Class with the least expected cost, shape (n,).
        likeliest: Class with the largest probability, shape (n,).
        cost_decided: Mean cost a film of the first way, as {value, low, high}.
        cost_likeliest: Mean cost a film of the second way.
        difference: First less second, paired.
        n_patients: Number of different patients.
        n_resamples: Resamples behind the intervals.
    """

    costs: Float64Array
    y_true: IntArray
    decided: IntArray
    likeliest: IntArray
    cost_decided: dict[str, Any]
    cost_likeliest: dict[str, Any]
    difference: dict[str, Any]
    n_patients: int
    n_resamples: int

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_prob: Any,
        costs: Costs | Float64Array,
        *,
        patients: Sequence[Hashable] | IntArray | None = None,
        n_resamples: int = N_RESAMPLES,
        seed: int = 0,
    ) -> DecisionCosts:
        """Decide on every film and measure what that costs.

        Args:
            y_true: Class indices, shape (n,).
            y_prob: Probabilities, shape (n, 3); they must be calibrated for the decision to be the
                best one.
            costs: Shape (3, 3), each at least 0, 0 on the diagonal; rows are true classes.
            patients: Patient of each film; every film is a patient of its own if `None`.
            n_resamples: Resamples of patients.
            seed: Seed of the resamples.

        Returns:
            The display.

        Raises:
            ValueError: If costs, shapes or values do not fit.
            NotApplicableError: If there is no film.

        References:
            Elkan 2001, "The foundations of cost-sensitive learning", equation 1.
        """
        truth, probs = checked(y_true, y_prob)
        matrix = _checked_costs(costs)
        decided = (probs @ matrix).argmin(axis=1)
        likeliest = probs.argmax(axis=1)
        paid, paid_likeliest = matrix[truth, decided], matrix[truth, likeliest]
        resamples = Resamples.draw(
            patients_or_films(patients, len(truth)), n_resamples=n_resamples, seed=seed
        )

        def mean(values: Float64Array, *, needs_spread: bool) -> dict[str, Any]:
            return figure(
                float(values.mean()),
                resamples.means(values),
                resamples.n_patients,
                needs_spread=needs_spread,
            )

        return cls(
            costs=matrix,
            y_true=truth,
            decided=decided,
            likeliest=likeliest,
            cost_decided=mean(paid, needs_spread=True),
            cost_likeliest=mean(paid_likeliest, needs_spread=True),
            difference=mean(paid - paid_likeliest, needs_spread=False),
            n_patients=resamples.n_patients,
            n_resamples=n_resamples,
        )

    @property
    def n_changed(self) -> int:
        """Films on which the two ways differ."""
        return int((self.decided != self.likeliest).sum())

    def pair_thresholds(self) -> list[tuple[str, str, float]]:
        """Return from which probability on one class is called rather than another.

        Returns:
            Class, other class, and the probability of the first where only these two come into
            question; pairs between which no error costs anything are left out.
        """
        return [
            (
                CLASSES[i],
                CLASSES[j],
                float(self.costs[j, i] / (self.costs[i, j] + self.costs[j, i])),
            )
            for i in range(N_CLASSES)
            for j in range(N_CLASSES)
            if i < j and self.costs[i, j] + self.costs[j, i] > 0
        ]

    def frame(self) -> DataFrame:
        """Return one row for each true class and call: films and cost of both ways."""
        import pandas as pd

        ways = [confusion_matrix(self.y_true, way) for way in (self.decided, self.likeliest)]
        return pd.DataFrame(
            [
                {
                    "true": CLASS_TITLES[true],
                    "called": CLASS_TITLES[called],
                    "cost": self.costs[i, j],
                    "films_least_cost": int(ways[0][i, j]),
                    "films_likeliest": int(ways[1][i, j]),
                }
                for i, true in enumerate(CLASSES)
                for j, called in enumerate(CLASSES)
            ]
        )

    def plot(self) -> Figure:
        """Return the figure: mean cost a film of both ways, with 95 % intervals."""
        import plotly.graph_objects as go

        ways = (
            ("Least expected cost", self.cost_decided, INK),
            ("Likeliest class", self.cost_likeliest, REFERENCE_COLOUR),
        )
        figure_ = go.Figure(
            layout=layout(
                xaxis={
                    "title": {"text": "Mean cost a film"},
                    "rangemode": "tozero",
                    "zeroline": False,
                },
                yaxis={"autorange": "reversed", "showgrid": False},
            )
        )
        for title, cost, colour in ways:
            has_ends = cost["low"] is not None
            figure_.add_bar(
                orientation="h",
                y=[title],
                x=[cost["value"]],
                marker={"color": colour},
                width=0.5,
                showlegend=False,
                error_x={
                    "type": "data",
                    "symmetric": False,
                    "array": [cost["high"] - cost["value"]] if has_ends else [0],
                    "arrayminus": [cost["value"] - cost["low"]] if has_ends else [0],
                    "visible": has_ends,
                },
                hovertemplate="%{y}: %{x:.3f}<extra></extra>",
            )
        figure_.update_layout(height=200, margin={"t": 12})
        return figure_


def _checked_costs(costs: Any) -> Float64Array:
    """Return the costs as an array of their own, or refuse them."""
    matrix = np.array(costs, np.float64)
    fits = matrix.shape == (N_CLASSES, N_CLASSES)
    if not (fits and np.isfinite(matrix).all() and matrix.min() >= 0 and not matrix.trace()):
        msg = (
            f"`costs` must be ({N_CLASSES}, {N_CLASSES}), finite, at least 0 and 0 on the "
            f"diagonal. Received: costs={matrix.tolist()}"
        )
        raise ValueError(msg)
    return matrix
