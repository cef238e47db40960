"""Reliability diagram: does a score of 0.9 mean nine of ten?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from cxr_core.array import Float64Array, IntArray
from cxr_core.evaluate.metrics import Proportion, wilson
from cxr_core.trust.calibration_error import N_BINS, TOP_LABEL, bin_index, scores_and_hits


@dataclass(frozen=True)
class ReliabilityBin:
    """The films whose score lies between two ends.

    Attributes:
        low: Lower end, not part of the bin (but 0 is part of the first).
        high: Upper end, part of the bin.
        score: Mean score of the films; `None` where there is none.
        came_true: Share of the films on which the score came true, with Wilson's interval.
    """

    low: float
    high: float
    score: float | None
    came_true: Proportion

    @property
    def n(self) -> int:
        """Number of films."""
        return self.came_true.n


@dataclass(frozen=True)
class ReliabilityDiagram:
    """Mean score against the share that came true, bin by bin.

    Attributes:
        of: `TOP_LABEL` or the name of a class.
        bins: From low to high scores, empty ones included.
    """

    of: str
    bins: tuple[ReliabilityBin, ...]

    @classmethod
    def from_predictions(
        cls, y_true: IntArray, probs: Float64Array, *, of: str = TOP_LABEL, n_bins: int = N_BINS
    ) -> ReliabilityDiagram:
        """Count films by score.

        Args:
            y_true: Class indices, shape (n,), n >= 1.
            probs: Shape (n, 3), rows summing to 1.
            of: `TOP_LABEL` or the name of a class.
            n_bins: Number of equal-width bins.

        Returns:
            The diagram.

        Raises:
            ValueError: If shapes disagree or `of` is unknown or several questions at once.
            NotApplicableError: If there is no film.

        Notes:
            The ends of the interval count films of one patient as independent.
        """
        scores, hits = scores_and_hits(y_true, probs, of)
        if scores.shape[1] != 1:
            msg = f"`of` must name one class or the top label. Received: of={of!r}"
            raise ValueError(msg)
        place = bin_index(scores[:, 0], n_bins)
        edges = np.linspace(0, 1, n_bins + 1)
        bins = []
        for b in range(n_bins):
            inside = place == b
            n = int(inside.sum())
            bins.append(
                ReliabilityBin(
                    low=float(edges[b]),
                    high=float(edges[b + 1]),
                    score=float(scores[inside, 0].mean()) if n else None,
                    came_true=wilson(int(hits[inside, 0].sum()), n),
                )
            )
        return cls(of, tuple(bins))

    @property
    def filled(self) -> tuple[ReliabilityBin, ...]:
        """The bins that hold films."""
        return tuple(b for b in self.bins if b.n)

    def rows(self) -> list[dict[str, Any]]:
        """Return one row a bin that holds films, in plain numbers."""
        return [
            {
                "from": b.low,
                "to": b.high,
                "n": b.n,
                "mean_score": b.score,
                "came_true": b.came_true.value,
                "low": b.came_true.low,
                "high": b.came_true.high,
            }
            for b in self.filled
        ]

    def frame(self) -> Any:
        """Return `rows` as a pandas DataFrame."""
        import pandas as pd

        columns = ["from", "to", "n", "mean_score", "came_true", "low", "high"]
        return pd.DataFrame(self.rows(), columns=columns)

    def plot(self, *, name: str = "") -> Any:
        """Draw the diagram.

        Args:
            name: Name of the line.

        Returns:
            A new plotly figure: the diagonal, and one mark a bin with its interval.
        """
        import plotly.graph_objects as go

        rows = self.rows()
        figure = go.Figure()
        figure.add_scatter(
            x=[0, 1], y=[0, 1], mode="lines", line={"dash": "dot"}, name="Scores that fit"
        )
        figure.add_scatter(
            x=[row["mean_score"] for row in rows],
            y=[row["came_true"] for row in rows],
            error_y={
                "symmetric": False,
                "array": [row["high"] - row["came_true"] for row in rows],
                "arrayminus": [row["came_true"] - row["low"] for row in rows],
            },
            customdata=[row["n"] for row in rows],
            mode="lines+markers",
            name=name,
            hovertemplate="score %{x:.2f}: came true %{y:.2f}, n = %{customdata}<extra></extra>",
        )
        figure.update_xaxes(title="Mean score", range=[0, 1])
        figure.update_yaxes(title="Share that came true", range=[0, 1])
        return figure
