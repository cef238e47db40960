"""ROC curves of each class against the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from cxr_core.array import Float64Array
from cxr_core.evaluate.display.curve import GRID, CurveDisplay
from cxr_core.evaluate.display.style import (
    REFERENCE_COLOUR,
    add_band,
    area_title,
    class_line,
    layout,
    share_axis,
)
from cxr_core.evaluate.weighted import divide
from cxr_core.labels import CLASS_COLOURS

if TYPE_CHECKING:
    from pandas import DataFrame
    from plotly.graph_objects import Figure


@dataclass(frozen=True, eq=False)
class RocDisplay(CurveDisplay):
    """Sensitivity against false alarms of each class that has films.

    Points are those of `sklearn.metrics.roc_curve` of each class against the rest,
    `drop_intermediate=False`.
    """

    AREA: ClassVar[int] = 0

    def points(self, label: str) -> tuple[Float64Array, Float64Array, Float64Array]:
        """Return a class's points as `sklearn.metrics.roc_curve` does.

        Args:
            label: A class of `curves`.

        Returns:
            False positive rate, true positive rate and thresholds, each of shape (t + 1,); the
            first threshold is infinite, and nothing is called there.
        """
        curve = self.curves[label]
        return (
            np.append(0.0, curve.n_misses / curve.n_negative),
            np.append(0.0, curve.n_hits / curve.n_positive),
            np.append(np.inf, curve.thresholds),
        )

    def frame(self) -> DataFrame:
        """Return every point: `class`, `threshold`, `false_positive_rate`, `sensitivity`."""
        import pandas as pd

        parts = []
        for label in self.curves:
            misses, hits, thresholds = self.points(label)
            parts.append(
                pd.DataFrame(
                    {
                        "class": label,
                        "threshold": thresholds[1:],
                        "false_positive_rate": misses[1:],
                        "sensitivity": hits[1:],
                    }
                )
            )
        columns = ["class", "threshold", "false_positive_rate", "sensitivity"]
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)

    def plot(self) -> Figure:
        """Return the figure: a line and a 95 % band a class, and the line of chance."""
        import plotly.graph_objects as go

        figure = go.Figure(
            layout=layout(
                xaxis=share_axis("Other films called the class (false alarms)"),
                yaxis=share_axis("Films of the class found (sensitivity)"),
            )
        )
        figure.add_scatter(
            x=[0, 1],
            y=[0, 1],
            mode="lines",
            line={"color": REFERENCE_COLOUR, "width": 1},
            name="Chance",
            hoverinfo="skip",
        )
        for label, curve in self.curves.items():
            if curve.low is not None and curve.high is not None:
                colour = CLASS_COLOURS[label]
                add_band(figure, GRID, curve.low, curve.high, colour, group=label)
            misses, hits, thresholds = self.points(label)
            figure.add_scatter(
                x=misses,
                y=hits,
                customdata=thresholds,
                mode="lines",
                line=class_line(label),
                name=area_title(label, curve.area),
                legendgroup=label,
                hovertemplate="from %{customdata:.3f} on: %{y:.1%} found, %{x:.1%} false alarms",
            )
        return figure

    @staticmethod
    def heights(hits: Float64Array, misses: Float64Array) -> Float64Array:
        """Return the sensitivity that each resample reaches with at most so many false alarms."""
        sensitivity = divide(hits, hits[:, -1:])
        alarms = divide(misses, misses[:, -1:])
        return np.stack(
            [
                np.append(0.0, row)[np.searchsorted(at, GRID, side="right")]
                if not np.isnan(at[-1])
                else np.full(len(GRID), np.nan)
                for row, at in zip(sensitivity, alarms, strict=True)
            ]
        )
