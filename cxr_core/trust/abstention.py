"""What is gained by not answering: accuracy on the films kept, against the share kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from cxr_core.array import Float64Array, IntArray
from cxr_core.errors import NotApplicableError
from cxr_core.evaluate.metrics import Proportion, wilson

SHARES: Final = tuple(i / 20 for i in range(1, 21))


@dataclass(frozen=True)
class AbstentionPoint:
    """The films that stay if those of the lowest scores are left to a person.

    Attributes:
        threshold: Lowest score of the class named among the films kept.
        n_kept: Films kept.
        n_all: Films in all.
        accuracy: Share of the films kept that are named rightly, with Wilson's interval.
    """

    threshold: float
    n_kept: int
    n_all: int
    accuracy: Proportion

    @property
    def share_kept(self) -> float:
        """Share of the films kept, in (0, 1]."""
        return self.n_kept / self.n_all


@dataclass(frozen=True)
class AbstentionCurve:
    """Accuracy against the share of films kept.

    Attributes:
        points: From few films kept to all of them.
    """

    points: tuple[AbstentionPoint, ...]

    @classmethod
    def from_predictions(
        cls, y_true: IntArray, probs: Float64Array, *, shares: tuple[float, ...] = SHARES
    ) -> AbstentionCurve:
        """Leave out the films of the lowest scores, more and more of them.

        Args:
            y_true: Class indices, shape (n,), n >= 1.
            probs: Shape (n, 3).
            shares: Shares to keep, in (0, 1]. Films of one score stay or go together, so more may
                stay than asked for.

        Returns:
            The curve; shares that keep the same films count once.

        Raises:
            ValueError: If the shapes disagree or a share is out of range.
            NotApplicableError: If there is no film.

        References:
            El-Yaniv and Wiener 2010, "On the foundations of noise-free selective classification"
            (risk against coverage).
        """
        if probs.ndim != 2 or len(probs) != len(y_true):
            msg = f"`probs` must have {len(y_true)} rows. Received: {probs.shape}"
            raise ValueError(msg)
        if not all(0 < share <= 1 for share in shares):
            msg = f"`shares` must be in (0, 1]. Received: {shares}"
            raise ValueError(msg)
        if not len(y_true):
            msg = "The curve must be measured on at least one film. Received: no film"
            raise NotApplicableError(msg, hint="Choose a set that holds films.")
        top = probs.max(axis=1)
        is_right = probs.argmax(axis=1) == y_true
        ordered = np.sort(top)[::-1]
        ranks = [max(1, round(share * len(top))) - 1 for share in sorted(shares)]
        points = {}
        for threshold in (float(ordered[rank]) for rank in ranks):
            kept = top >= threshold
            n = int(kept.sum())
            points[n] = AbstentionPoint(
                threshold, n, len(top), wilson(int(is_right[kept].sum()), n)
            )
        return cls(tuple(points.values()))

    def rows(self) -> list[dict[str, Any]]:
        """Return one row a point, in plain numbers."""
        return [
            {
                "share_kept": point.share_kept,
                "n_kept": point.n_kept,
                "lowest_score": point.threshold,
                "accuracy": point.accuracy.value,
                "low": point.accuracy.low,
                "high": point.accuracy.high,
            }
            for point in self.points
        ]

    def frame(self) -> Any:
        """Return `rows` as a pandas DataFrame."""
        import pandas as pd

        return pd.DataFrame(self.rows())

    def plot(self, *, name: str = "") -> Any:
        """Draw the curve.

        Args:
            name: Name of the line.

        Returns:
            A new plotly figure.
        """
        import plotly.graph_objects as go

        rows = self.rows()
        figure = go.Figure()
        figure.add_scatter(
            x=[row["share_kept"] for row in rows],
            y=[row["accuracy"] for row in rows],
            mode="lines+markers",
            name=name,
        )
        figure.update_xaxes(title="Share of films kept")
        figure.update_yaxes(title="Accuracy on the films kept")
        return figure
