"""A threshold for one class: chosen for a target, measured on other films, read at a prevalence."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from math import log10
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from cxr_core.array import BoolArray, Float64Array, IntArray
from cxr_core.errors import NotApplicableError
from cxr_core.evaluate.display.curve import checked, patients_or_films
from cxr_core.evaluate.display.style import INK, REFERENCE_COLOUR, add_band, layout
from cxr_core.evaluate.metrics import Proportion, n_independent, patient_wilson
from cxr_core.evaluate.predictive import predictive_values
from cxr_core.evaluate.resample import numbered
from cxr_core.evaluate.weighted import RankedScores
from cxr_core.labels import CLASS_TITLES, class_index

if TYPE_CHECKING:
    from pandas import DataFrame
    from plotly.graph_objects import Figure

Target = Literal["sensitivity", "specificity"]
PREVALENCES: Final = tuple(float(f"{share:.3g}") for share in np.geomspace(0.001, 0.9, 60))
"""Shares of ill people at which `plot` reads the point."""

_NPV_COLOUR: Final = "#B07A3C"


@dataclass(frozen=True)
class OperatingPoint:
    """One class is called from a threshold on.

    Attributes:
        label: The class.
        target: What the threshold was chosen for.
        at: The target, in (0, 1).
        threshold: A film is called the class if its score is at least this.
        n_chosen: Films of the class and other films that chose the threshold.
        is_chosen_elsewhere: True if these are not the films it is measured on.
        sensitivity: Share of the class's films called it.
        specificity: Share of the other films not called it.
        worth: How many independent films each of both shares is worth.
        prevalence: Share of the class where it would be used, in (0, 1).
        ppv: Of films called the class, the share that is of it, as {value, low, high}, and
            `reason` where it is `None`.
        npv: Of films not called the class, the share that is not of it.
    """

    label: str
    target: Target
    at: float
    threshold: float
    n_chosen: tuple[int, int]
    is_chosen_elsewhere: bool
    sensitivity: Proportion
    specificity: Proportion
    worth: tuple[float, float]
    prevalence: float
    ppv: dict[str, Any]
    npv: dict[str, Any]

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_prob: Any,
        label: str,
        *,
        target: Target = "sensitivity",
        at: float = 0.95,
        prevalence: float | None = None,
        patients: Sequence[Hashable] | IntArray | None = None,
        chosen_on: tuple[Any, Any] | None = None,
    ) -> OperatingPoint:
        """Choose a threshold and measure it.

        Args:
            y_true: Class indices of the films it is measured on, shape (n,).
            y_prob: Their probabilities, shape (n, 3).
            label: Class name.
            target: `sensitivity`: the highest threshold that reaches it; `specificity`: the lowest.
            at: The target, in (0, 1).
            prevalence: Share of the class where it would be used; that of these films if `None`.
            patients: Patient of each film; every film is a patient of its own if `None`.
            chosen_on: Labels and probabilities of the films that choose the threshold; the films
                it is measured on if `None`, which flatters it.

        Returns:
            The point, with 95 % intervals that take the threshold as given.

        Raises:
            ValueError: If a share is not in (0, 1), or shapes or values do not fit.
            NotApplicableError: If the films cannot choose a threshold, or there is no film.

        References:
            Mercaldo, Lau and Zhou 2007, doi:10.1002/sim.2677 (logit intervals of predictive values
            at a given prevalence, with adjusted shares where one is 0 or 1).
        """
        truth, probs = checked(y_true, y_prob)
        k = class_index(label)
        choosing = checked(*chosen_on) if chosen_on is not None else (truth, probs)
        is_choosing = choosing[0] == k
        threshold = choose_threshold(is_choosing, choosing[1][:, k], target=target, at=at)
        is_class, is_called = truth == k, probs[:, k] >= threshold
        if prevalence is None:
            prevalence = min(max(float(is_class.mean()), 1e-6), 1 - 1e-6)
        patient = numbered(patients_or_films(patients, len(truth)))
        parts = (
            (is_called[is_class], patient[is_class]),
            (~is_called[~is_class], patient[~is_class]),
        )
        shares = [patient_wilson(*part) for part in parts]
        worth = tuple(n_independent(*part) if len(part[0]) else 0.0 for part in parts)
        values = predictive_values(shares[0], shares[1], worth, prevalence)
        return cls(
            label=label,
            target=target,
            at=at,
            threshold=threshold,
            n_chosen=(int(is_choosing.sum()), int((~is_choosing).sum())),
            is_chosen_elsewhere=chosen_on is not None,
            sensitivity=shares[0],
            specificity=shares[1],
            worth=(worth[0], worth[1]),
            prevalence=prevalence,
            ppv=values[0],
            npv=values[1],
        )

    def frame(self) -> DataFrame:
        """Return the point and what it is worth at other prevalences, one row a prevalence.

        Columns: `prevalence`, `ppv`, `ppv_low`, `ppv_high`, `npv`, `npv_low`, `npv_high`; the first
        row is the prevalence that was asked for.
        """
        import pandas as pd

        rows = []
        for prevalence in (self.prevalence, *PREVALENCES):
            ppv, npv = predictive_values(self.sensitivity, self.specificity, self.worth, prevalence)
            row = {"prevalence": prevalence}
            for name, found in (("ppv", ppv), ("npv", npv)):
                row |= {name: found["value"]}
                row |= {f"{name}_{end}": found[end] for end in ("low", "high")}
            rows.append(row)
        return pd.DataFrame(rows)

    def plot(self) -> Figure:
        """Return the figure: predictive values against prevalence, the one asked for marked."""
        import plotly.graph_objects as go

        title = CLASS_TITLES[self.label]
        figure = go.Figure(
            layout=layout(
                xaxis={
                    "title": {"text": f"Prevalence of {title} where it is used"},
                    "type": "log",
                    "tickvals": [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 0.9],
                    "tickformat": ".1~%",
                    "range": [log10(PREVALENCES[0]), log10(PREVALENCES[-1])],
                    "zeroline": False,
                },
                yaxis={"tickformat": ".0%", "range": [-0.01, 1.01], "zeroline": False},
            )
        )
        table = self.frame().iloc[1:]
        for name, words, colour, dash in (
            ("ppv", f"Called {title}: truly {title}", INK, "solid"),
            ("npv", f"Not called {title}: truly not", _NPV_COLOUR, "dash"),
        ):
            known = table.dropna(subset=[name, f"{name}_low"])
            if not len(known):
                continue
            x = known["prevalence"].to_numpy()
            low, high = (known[f"{name}_{end}"].to_numpy() for end in ("low", "high"))
            add_band(figure, x, low, high, colour, group=name)
            figure.add_scatter(
                x=x,
                y=known[name],
                mode="lines",
                line={"color": colour, "width": 2, "dash": dash},
                name=words,
                legendgroup=name,
                hovertemplate="at %{x:.1%}: %{y:.1%}<extra></extra>",
            )
        figure.add_vline(x=self.prevalence, line={"color": REFERENCE_COLOUR, "width": 1})
        return figure


def choose_threshold(
    is_class: BoolArray,
    scores: Float64Array,
    *,
    target: Target,
    at: float,
) -> float:
    """Choose a threshold on some films.

    Args:
        is_class: Shape (n,).
        scores: Shape (n,).
        target: `sensitivity`: the highest score from which on at least that share of the class is
            called; `specificity`: the lowest from which on at least that share of the others is
            not called.
        at: The target, in (0, 1).

    Returns:
        One of the scores; just above the largest where only calling nothing reaches the target.

    Raises:
        ValueError: If `at` or `target` is none of those.
        NotApplicableError: If no film is of the side that the target is of.
    """
    if target not in ("sensitivity", "specificity") or not 0 < at < 1:
        msg = (
            "`target` must be 'sensitivity' or 'specificity' and `at` in (0, 1). "
            f"Received: target={target!r}, at={at}"
        )
        raise ValueError(msg)
    of_side = is_class if target == "sensitivity" else ~is_class
    if not of_side.any():
        msg = f"`{target}` must be of at least one film. Received: no such film"
        raise NotApplicableError(msg, hint="Choose another class, or films that have both.")
    ranked = RankedScores(is_class, scores)
    hits, misses = (counts[0] for counts in ranked.counts(np.ones((1, len(scores)))))
    n_side = int(of_side.sum())
    if target == "sensitivity":
        return float(ranked.thresholds[int(np.argmax(hits >= at * n_side - 1e-9))])
    reached = np.flatnonzero(n_side - misses >= at * n_side - 1e-9)
    if not len(reached):
        return float(np.nextafter(ranked.thresholds[0], np.inf))
    return float(ranked.thresholds[reached[-1]])
