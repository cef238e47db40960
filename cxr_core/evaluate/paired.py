"""Two systems on the same films: differences with paired intervals, and McNemar's exact test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, Final

from cxr_core.array import BoolArray, IntArray
from cxr_core.evaluate.figure import Measured, figure
from cxr_core.evaluate.weighted import LESS_IS_BETTER

COMPARED: Final = ("accuracy", "macro_auroc", "log_loss")
"""Figures whose differences are measured."""


def pairs_of(
    measured: Mapping[str, Measured],
    called: Mapping[str, IntArray],
    y_true: IntArray,
    *,
    calibrated: Mapping[str, Measured] | None = None,
) -> list[dict[str, Any]]:
    """Compare every system with every other.

    Args:
        measured: System name to its figures, all on one table of resamples.
        called: System name to the class it calls each film, shape (n,).
        y_true: Class indices, shape (n,).
        calibrated: The same figures of calibrated probabilities, where there are any.

    Returns:
        One object a pair: `a`, `b`, `accuracy`, `macro_auroc` and `log_loss` (the figure of a less
        that of b, as {value, low, high}), `mcnemar`, and `calibrated` with the same three.
    """
    found = []
    for a, b in combinations(measured, 2):
        pair: dict[str, Any] = {"a": a, "b": b, **differences(measured[a], measured[b], COMPARED)}
        pair["mcnemar"] = mcnemar(called[a] == y_true, called[b] == y_true)
        if calibrated is not None and a in calibrated and b in calibrated:
            pair["calibrated"] = differences(calibrated[a], calibrated[b], COMPARED)
        found.append(pair)
    return found


def differences(a: Measured, b: Measured, names: Sequence[str]) -> dict[str, Any]:
    """Return figures of one system less those of another, patient by patient.

    Args:
        a: Figures on a table of resamples.
        b: Figures on the same table.
        names: Of `weighted.figure_names`.

    Returns:
        Name to {value, low, high}, and `reason` where one is `None`.

    Raises:
        ValueError: If the two were not measured on one table of resamples.
    """
    if a.resamples is not b.resamples:
        msg = "`a` and `b` must be measured on one table of resamples. Received: two tables"
        raise ValueError(msg)
    return {
        name: figure(
            a.values[name] - b.values[name],
            a.drawn[name] - b.drawn[name],
            a.resamples.n_patients,
            reason=a.reason(name) or b.reason(name),
        )
        for name in names
    }


def mcnemar(is_a_right: BoolArray, is_b_right: BoolArray) -> dict[str, Any]:
    """Test whether two systems are right equally often, on the films where only one is.

    Args:
        is_a_right: Shape (n,).
        is_b_right: Shape (n,).

    Returns:
        `n_only_a`, `n_only_b` and `p`, two-sided and exact; `p` is 1 where they never differ.

    References:
        McNemar 1947, doi:10.1007/BF02295996.

    Caution:
        Films count as independent. Several films of one patient make `p` too small; the interval
        of the difference in accuracy, which resamples patients, does not have that fault.
    """
    from scipy.stats import binomtest

    n_only_a = int((is_a_right & ~is_b_right).sum())
    n_only_b = int((is_b_right & ~is_a_right).sum())
    n = n_only_a + n_only_b
    p = float(binomtest(n_only_a, n, 0.5).pvalue) if n else 1.0
    return {"n_only_a": n_only_a, "n_only_b": n_only_b, "p": p}


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values that hold for several comparisons together.

    Args:
        p_values: Each in [0, 1].

    Returns:
        Adjusted values in the same order, each at least as large as before.

    References:
        Holm 1979, "A simple sequentially rejective multiple test procedure".
    """
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def best_system(
    evaluation: Mapping[str, Any], name: str = "accuracy", *, kind: str = "figures"
) -> str | None:
    """Return the system that is best by one figure, the first of several.

    Args:
        evaluation: Of schema `cxr-evaluation/2`.
        name: One of `COMPARED`.
        kind: `figures` of raw or `calibrated` of calibrated probabilities.

    Returns:
        Name of the system; `None` where no system has that figure.
    """
    values = {
        system: summary.get(kind, {}).get(name, {}).get("value")
        for system, summary in evaluation["systems"].items()
    }
    found = {system: value for system, value in values.items() if value is not None}
    sign = 1 if name in LESS_IS_BETTER else -1
    return min(found, key=lambda system: sign * found[system], default=None)


def against(
    evaluation: Mapping[str, Any], best: str, *, kind: str = "figures"
) -> dict[str, dict[str, Any]]:
    """Return the comparison of every other system with one.

    Args:
        evaluation: Of schema `cxr-evaluation/2`.
        best: Name of the system to compare with.
        kind: `figures` of raw or `calibrated` of calibrated probabilities.

    Returns:
        System to its figures less those of `best`: `accuracy`, `macro_auroc`, `log_loss` as
        {value, low, high}, and `mcnemar` with `n_only_this`, `n_only_best` and `p`.
    """
    found = {}
    for pair in evaluation["pairs"]:
        if best not in (pair["a"], pair["b"]):
            continue
        is_turned = pair["a"] == best
        measured = pair if kind == "figures" else pair.get(kind, {})
        other = pair["b"] if is_turned else pair["a"]
        test = pair["mcnemar"]
        this, that = ("n_only_b", "n_only_a") if is_turned else ("n_only_a", "n_only_b")
        found[other] = {
            **{
                name: _turned(measured[name]) if is_turned else measured[name]
                for name in COMPARED
                if name in measured
            },
            "mcnemar": {"n_only_this": test[this], "n_only_best": test[that], "p": test["p"]},
        }
    return found


def is_told_apart(difference: Mapping[str, Any]) -> bool:
    """Tell whether the interval of a difference leaves out 0.

    Args:
        difference: {value, low, high}; without an interval nothing is told apart.
    """
    low, high = difference["low"], difference["high"]
    return low is not None and high is not None and (low > 0 or high < 0)


def _turned(difference: Mapping[str, Any]) -> dict[str, Any]:
    """Return a difference the other way round."""
    low, high, value = difference["low"], difference["high"], difference["value"]
    return {
        **difference,
        "value": None if value is None else -value,
        "low": None if high is None else -high,
        "high": None if low is None else -low,
    }
