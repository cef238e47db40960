"""Precision against recall of each class against the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np

from cxr_core.array import Float64Array
from cxr_core.evaluate.display.curve import GRID, CurveDisplay
from cxr_core.evaluate.display.style import add_band, area_title, class_line, layout, share_axis
from cxr_core.evaluate.weighted import divide
from cxr_core.labels import CLASS_COLOURS, CLASS_TITLES

if TYPE_CHECKING:
    from pandas import DataFrame
    from plotly.graph_objects import Figure

_FIRST: Final = 1
"""The band starts at 1 % recall: with nothing found, precision is not defined."""


@dataclass(frozen=True, eq=False)
class PrecisionRecallDisplay(CurveDisplay):
    """How many of the called films are of the class, against how many of the class are called.

    Points are those of `sklearn.metrics.precision_recall_curve` of each class against the rest,
    areas are average precision.
    """

    AREA: ClassVar[int] = 1

    def points(self, label: str) -> tuple[Float64Array, Float64Array, Float64Array]:
        """Return a class's points, the strictest threshold first.

        Args:
            label: A class of `curves`.

        Returns:
            Precision, recall and thresholds, each of shape (t,): those of
            `sklearn.metrics.precision_recall_curve` the other way round, without its last point.
        """
        curve = self.curves[label]
        return (
            curve.n_hits / (curve.n_hits + curve.n_misses),
            curve.n_hits / curve.n_positive,
            curve.thresholds,
        )

    def frame(self) -> DataFrame:
        """Return every point: `class`, `threshold`, `recall`, `precision`."""
        import pandas as pd

        parts = []
        for label in self.curves:
            precision, recall, thresholds = self.points(label)
            columns = {"threshold": thresholds, "recall": recall, "precision": precision}
            parts.append(pd.DataFrame({"class": label, **columns}))
        names = ["class", "threshold", "recall", "precision"]
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=names)

    def plot(self) -> Figure:
        """Return the figure: a line and a 95 % band a class; dotted, what chance would reach."""
        import plotly.graph_objects as go

        figure = go.Figure(
            layout=layout(
                xaxis=share_axis("Films of the class found (recall)"),
                yaxis=share_axis("Called films that are of the class (precision)"),
            )
        )
        for label, curve in self.curves.items():
            colour = CLASS_COLOURS[label]
            if curve.low is not None and curve.high is not None:
                low, high = curve.low[_FIRST:], curve.high[_FIRST:]
                add_band(figure, GRID[_FIRST:], low, high, colour, group=label)
            share = curve.n_positive / curve.n
            figure.add_scatter(
                x=[0, 1],
                y=[share, share],
                mode="lines",
                line={"color": colour, "width": 1, "dash": "dot"},
                legendgroup=label,
                showlegend=False,
                hovertemplate=f"{CLASS_TITLES[label]}: %{{y:.1%}} without any skill<extra></extra>",
            )
            precision, recall, thresholds = self.points(label)
            figure.add_scatter(
                x=recall,
                y=precision,
                customdata=thresholds,
                mode="lines",
                line={**class_line(label), "shape": "vh"},
                name=area_title(label, curve.area),
                legendgroup=label,
                hovertemplate="from %{customdata:.3f} on: precision %{y:.1%}, recall %{x:.1%}",
            )
        return figure

    @staticmethod
    def heights(hits: Float64Array, misses: Float64Array) -> Float64Array:
        """Return the precision at the strictest threshold that finds at least so many films.

        No line is drawn between points, which would promise more than any threshold gives.
        """
        recall = divide(hits, hits[:, -1:])
        precision = divide(hits, hits + misses, otherwise=0.0)
        last = hits.shape[1] - 1
        return np.stack(
            [
                row[np.minimum(np.searchsorted(at, GRID - 1e-12), last)]
                if not np.isnan(at[-1])
                else np.full(len(GRID), np.nan)
                for row, at in zip(precision, recall, strict=True)
            ]
        )
