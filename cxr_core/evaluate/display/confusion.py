"""Which class is called which, as counts and as shares of the true class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cxr_core.array import Float64Array, IntArray
from cxr_core.errors import NotApplicableError
from cxr_core.evaluate.display.style import INK, layout, rgba
from cxr_core.evaluate.figure_text import percent
from cxr_core.evaluate.metrics import confusion_matrix, wilson
from cxr_core.evaluate.weighted import divide
from cxr_core.labels import CLASS_TITLES, CLASSES

if TYPE_CHECKING:
    from pandas import DataFrame
    from plotly.graph_objects import Figure


@dataclass(frozen=True, eq=False)
class ConfusionDisplay:
    """Counts of films by true and called class.

    Attributes:
        counts: Shape (3, 3), int64; rows are true classes, columns called ones.
    """

    counts: IntArray

    @classmethod
    def from_predictions(cls, y_true: Any, y_called: Any) -> ConfusionDisplay:
        """Count films.

        Args:
            y_true: Class indices, shape (n,).
            y_called: Class indices, shape (n,), or probabilities, shape (n, 3), whose largest is
                the class that is called.

        Returns:
            The display.

        Raises:
            ValueError: If the shapes differ or an index is not a class.
            NotApplicableError: If there is no film.
        """
        truth, called = np.asarray(y_true, np.int64), np.asarray(y_called)
        if not len(truth):
            msg = "`y_true` must hold at least one film. Received: no film"
            raise NotApplicableError(msg, hint="Choose a set that holds films.")
        if called.ndim == 2:
            called = called.argmax(axis=1)
        return cls(confusion_matrix(truth, called))

    @property
    def shares(self) -> Float64Array:
        """Shares of each true class, shape (3, 3); not a number for a class without films."""
        totals = self.counts.sum(axis=1, keepdims=True).astype(np.float64)
        return divide(self.counts.astype(np.float64), totals)

    def frame(self) -> DataFrame:
        """Return one row a cell: `true`, `called`, `films`, `share`, `low`, `high`.

        Shares are of the true class, with Wilson's interval; empty where it has no films.
        """
        import pandas as pd

        cells = [
            (CLASS_TITLES[true], CLASS_TITLES[called], wilson(*map(int, (self.counts[i, j], n))))
            for i, true in enumerate(CLASSES)
            for n in (self.counts[i].sum(),)
            for j, called in enumerate(CLASSES)
        ]
        return pd.DataFrame(
            [
                {
                    "true": true,
                    "called": called,
                    "films": cell.n_hits,
                    "share": cell.value,
                    "low": cell.low,
                    "high": cell.high,
                }
                for true, called, cell in cells
            ]
        )

    def plot(self, *, text_colour: str | None = None) -> Figure:
        """Return the figure: the more of a true class, the more ink; counts and shares written.

        Args:
            text_colour: Of what is written in the cells; that of the figure's text if `None`.
        """
        import plotly.graph_objects as go

        titles = [CLASS_TITLES[label] for label in CLASSES]
        shares = self.shares
        figure = go.Figure(
            go.Heatmap(
                z=np.nan_to_num(shares),
                x=titles,
                y=titles,
                zmin=0,
                zmax=1,
                colorscale=[[0, rgba(INK, 0.04)], [1, rgba(INK, 0.55)]],
                showscale=False,
                xgap=3,
                ygap=3,
                customdata=self.counts,
                hovertemplate="%{y} called %{x}: %{customdata:,}<extra></extra>",
            ),
            layout=layout(
                xaxis={"title": {"text": "Called"}, "side": "top", "showgrid": False},
                yaxis={"autorange": "reversed", "showgrid": False},
            ),
        )
        figure.update_layout(height=260, margin={"t": 64, "b": 8})
        figure.update_xaxes(tickangle=0, title={"text": "Called", "standoff": 16})
        cells = [(i, j) for i in range(len(titles)) for j in range(len(titles))]
        figure.add_scatter(
            x=[titles[j] for _, j in cells],
            y=[titles[i] for i, _ in cells],
            text=[self._text(i, j, shares) for i, j in cells],
            mode="text",
            textfont={"color": text_colour},
            showlegend=False,
            hoverinfo="skip",
        )
        return figure

    def _text(self, i: int, j: int, shares: Float64Array) -> str:
        """Write count and share of one cell."""
        share = "no film" if np.isnan(shares[i, j]) else percent(float(shares[i, j]), 1)
        return f"<b>{self.counts[i, j]:,}</b><br>{share}"
