"""The figures of all systems in one table, which are told apart, and each class on its own."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import plotly.graph_objects as go
import streamlit as st

from cxr_core.labels import CLASSES, SYSTEMS, system_title
from ui import model_cache
from ui.components.chart import NO_BAR
from ui.components.curves import COLOURS, SYMBOLS
from ui.components.download import download
from ui.components.performance_choice import chosen_system
from ui.performance_comparison_view import COMPARED_TITLES, comparison_lines, comparison_rows
from ui.performance_view import (
    BY_CLASS_TITLES,
    CALIBRATED,
    CLASS_MEANINGS,
    MEANINGS,
    RAW,
    SHARES,
    SHOWN,
    calibration_rows,
    class_rows,
    figure_rows,
    has_calibrated,
    interval_sentence,
    long_rows,
    named_summaries,
    reasons,
)
from ui.provenance import provenance_of

if TYPE_CHECKING:
    from ui.evidence import Evidence

COMPARISON_NOTE: Final = (
    "Differences are of the same films; their intervals resample whole patients. McNemar's test "
    "looks at the films where only one of two systems is right and counts films as independent, so "
    "its p is a little too small where patients have several films; Holm's p holds for all "
    "comparisons together. The best system was found on these very films, which favours it."
)
OLD_FIGURES: Final = (
    "Of these films only figures of each system were stored, neither comparisons nor groups. A "
    "folder measured under *Your folder* has both."
)


def figures_panel(evidence: Evidence, *, is_raw: bool) -> None:
    """Draw the table, the comparison, the classes of one system, and every figure to take away.

    Args:
        evidence: The films.
        is_raw: True to show figures of probabilities before calibration.
    """
    evaluation = evidence.evaluation
    st.subheader("All systems", anchor=False)
    st.caption(_kind_sentence(evaluation, is_raw=is_raw))
    st.table(
        figure_rows(evaluation, is_raw=is_raw),
        hide_index=True,
        border="horizontal",
        alt="Figures of every system and baseline with 95% intervals",
    )
    st.caption(f"{MEANINGS} {interval_sentence(evaluation)}")
    if rows := calibration_rows(evaluation):
        with st.expander("Before and after calibration"):
            st.table(
                rows,
                hide_index=True,
                border="horizontal",
                alt="Log loss and Brier score of raw and calibrated probabilities",
            )
    _why(reasons(named_summaries(evaluation).values(), SHOWN))
    _comparison(evaluation, is_raw=is_raw)
    st.subheader("Class by class", anchor=False)
    system = chosen_system(evidence, "figures")
    st.table(
        class_rows(evaluation, system, is_raw=is_raw),
        hide_index=True,
        border="horizontal",
        alt=f"Figures of each class for {system_title(system)}",
    )
    st.caption(CLASS_MEANINGS)
    names = [f"{name}_{label}" for name in BY_CLASS_TITLES for label in CLASSES]
    _why(reasons([evaluation["systems"][system]], names))
    _all_figures(evidence)


def interval_figure(evaluation: Mapping[str, Any], name: str, *, kind: str) -> go.Figure:
    """Draw one figure of every system as a point with its interval.

    Args:
        evaluation: Any of `cxr-evaluation/1` or 2.
        name: Name of the figure.
        kind: `RAW` or `CALIBRATED`.

    Returns:
        The figure; systems without the figure are left out.
    """
    figure = go.Figure(
        layout={
            "height": 250,
            "margin": {"t": 8, "b": 44, "l": 8, "r": 16},
            "xaxis": {
                "title": {"text": f"{COMPARED_TITLES[name]}, 95% interval"},
                "tickformat": ".1%" if name in SHARES else None,
                "zeroline": False,
            },
            "yaxis": {"autorange": "reversed", "automargin": True},
        }
    )
    for system, summary in evaluation["systems"].items():
        found = summary.get(kind, summary[RAW]).get(name, {})
        if found.get("value") is None:
            continue
        place = SYSTEMS.index(system) if system in SYSTEMS else 0
        ends = [found["low"], found["high"]]
        if None in ends:
            ends = [found["value"]] * 2
        figure.add_scatter(
            x=[found["value"]],
            y=[system_title(system)],
            mode="markers",
            marker={"color": COLOURS[place], "symbol": SYMBOLS[place], "size": 11},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [ends[1] - found["value"]],
                "arrayminus": [found["value"] - ends[0]],
                "color": COLOURS[place],
            },
            showlegend=False,
            hovertemplate="%{y}: %{x}<extra></extra>",
        )
    return figure


def _comparison(evaluation: Mapping[str, Any], *, is_raw: bool) -> None:
    """Draw one figure of all systems, and the tests against the best."""
    st.subheader("Is one better than the others?", anchor=False)
    if "pairs" not in evaluation:
        st.markdown(OLD_FIGURES)
        return
    name = (
        st.segmented_control(
            "Compare by",
            list(COMPARED_TITLES),
            default="accuracy",
            required=True,
            format_func=lambda key: COMPARED_TITLES[key],
            key="performance-compare",
        )
        or "accuracy"
    )
    kind = RAW if is_raw or not has_calibrated(evaluation) else CALIBRATED
    left, right = st.columns([2, 3], gap="large")
    with left:
        st.markdown("  \n".join(comparison_lines(evaluation, name, kind=kind)))
    with right:
        st.plotly_chart(
            interval_figure(evaluation, name, kind=kind),
            config=NO_BAR,
            alt=f"{COMPARED_TITLES[name]} of every system with its interval",
        )
    if rows := comparison_rows(evaluation, name, kind=kind):
        st.table(
            rows, hide_index=True, border="horizontal", alt="Every other system against the best"
        )
        st.caption(COMPARISON_NOTE)


def _why(found: list[str]) -> None:
    """Say why something stands in a table without a value or an interval."""
    if found:
        st.caption(f"Not defined, or without interval: {'; '.join(found)}.")


def _kind_sentence(evaluation: Mapping[str, Any], *, is_raw: bool) -> str:
    """Say which probabilities the figures are of."""
    if not has_calibrated(evaluation):
        return "Figures of raw probabilities; these models have no calibration."
    kind = "raw" if is_raw else "calibrated"
    return (
        f"Figures of {kind} probabilities; the sidebar changes that. The class that is called does "
        "not depend on it, so only log loss, Brier score and, by a little, the areas do."
    )


def _all_figures(evidence: Evidence) -> None:
    """Offer every figure as a table, as JSON and as CSV."""
    rows = long_rows(evidence.evaluation)
    made_with = provenance_of(model_cache.load())
    with st.expander("Every figure as a table"):
        st.dataframe(rows, hide_index=True, alt="Every figure of every system")
        with st.container(horizontal=True):
            download(
                "Evaluation as JSON",
                json.dumps({**evidence.evaluation, "made_with": made_with.to_dict()}, indent=1),
                "evaluation.json",
            )
            download("Figures as CSV", made_with.commented(as_csv(rows)), "evaluation.csv")


def as_csv(rows: list[dict[str, Any]]) -> str:
    """Write rows of one shape as CSV.

    Args:
        rows: Column title to value.

    Returns:
        The text of the file; empty without rows.
    """
    if not rows:
        return ""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()
