"""What is shown of the chosen runs: the figure, a table of results, the settings that differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Literal

import streamlit as st

from cxr_core.labels import CLASS_TITLES
from ui.components.curves import curves_figure
from ui.components.download import download
from ui.frame import plain
from ui.run_export import run_comments
from ui.run_view import (
    CurveView,
    difference_rows,
    run_rows,
    run_title,
    series_csv,
    shown_series,
    steered_by_test,
)

if TYPE_CHECKING:
    from cxr_core.bundle import Bundle
    from cxr_core.training_run import Run, RunList

MAX_ROWS: Final = 20
"""Rows of a table above which it scrolls."""

CSV_NAME: Final = "training-curves.csv"

NO_RUN: Final = (
    "**No run yet.** Train one with `python -m train --preset seed --data DIR "
    "--backbone-weights NAME=SOURCE --out runs/NAME`; it shows here from its first epoch on."
)
NONE_CHOSEN: Final = "**No run chosen.** Choose one or more above."
NO_SYSTEM_CHOSEN: Final = "**No system chosen.** Choose one or more above."
NO_EPOCH: Final = "**No epoch yet.** What is chosen has not finished its first epoch."
KEY_TO_LINES: Final = (
    "Solid: validation films. Dotted: training films. Full mark: lowest validation loss. Open "
    "mark: epoch whose weights are used, where it is another."
)
SAME_SETTINGS: Final = "The chosen runs were trained with the same recorded settings."
STEERED: Final = (
    "**Optimistic:** the test films steered the training of {runs}. Their test figures say less "
    "than figures on films that nothing was chosen by."
)
DROPOUT_NOTE: Final = (
    "Training figures are means over an epoch, with dropout, and augmentation if any; "
    "validation figures are taken after it, without. So validation may look better than training."
)


def run_panel(
    runs: Sequence[Run],
    systems: Sequence[str],
    view: CurveView,
    *,
    bundle: Bundle | None = None,
) -> None:
    """Draw figure, download and tables of some runs, or say why there is nothing to draw.

    Args:
        runs: The chosen runs.
        systems: The chosen systems.
        view: How to draw.
        bundle: The bundle that published runs are of, or `None` where none is loaded.
    """
    if not runs:
        st.markdown(NONE_CHOSEN)
        return
    series = shown_series(runs, systems, view)
    if series:
        st.plotly_chart(
            curves_figure(series, runs, view),
            key="curves-figure",
            config={"displaylogo": False, "modeBarButtonsToRemove": ["select2d", "lasso2d"]},
            alt="Training curves: "
            + ", ".join(dict.fromkeys(f"{run_title(s.run)} {s.system}" for s in series)),
        )
        left, right = st.columns([4, 1], vertical_alignment="top")
        left.markdown(f":small[{KEY_TO_LINES} {DROPOUT_NOTE}]")
        with right.container(horizontal_alignment="right"):
            download(
                "Download CSV",
                lambda: run_comments(runs, bundle) + series_csv(series),
                CSV_NAME,
                note="Every point that is shown, as measured and as smoothed.",
            )
    else:
        st.markdown(
            NO_EPOCH if systems or not any(run.systems for run in runs) else NO_SYSTEM_CHOSEN
        )
    _results(runs, systems)
    _differences(runs)


def skipped_note(found: RunList) -> None:
    """List what could not be used, and count what holds no run.

    Args:
        found: What a search found.
    """
    if found.skipped:
        with st.expander(f"Skipped: {len(found.skipped)}"):
            st.dataframe(
                [{"File": item.name, "Reason": item.reason} for item in found.skipped],
                hide_index=True,
                alt="Files that could not be used, with reasons",
            )
    if found.n_other:
        folders = "folder holds" if found.n_other == 1 else "folders hold"
        st.markdown(f":small[{found.n_other} other {folders} no run.]")


def _results(runs: Sequence[Run], systems: Sequence[str]) -> None:
    """Draw the table of runs and what they reached."""
    rows = run_rows(runs, systems)
    if not rows:
        return
    st.header("Runs", anchor=False)
    steered = steered_by_test(runs)
    if steered:
        st.markdown(STEERED.format(runs=", ".join(plain(title) for title in steered)))
    empty = [name for name in rows[0] if all(row[name] is None for row in rows)]
    st.dataframe(
        [{name: value for name, value in row.items() if name not in empty} for row in rows],
        hide_index=True,
        height=_height(rows),
        placeholder="",
        column_config=_columns(),
        alt="Epochs, chosen epoch and test figures of each run and system",
    )


def _height(rows: Sequence[object]) -> Literal["content", "auto"]:
    """Show a table whole unless it is long."""
    return "content" if len(rows) <= MAX_ROWS else "auto"


def _columns() -> dict[str, Any]:
    """Return how numbers of the table are written."""
    fraction = st.column_config.NumberColumn(format="%.3f")
    return {
        "Run": st.column_config.TextColumn(pinned=True),
        "System": st.column_config.TextColumn(pinned=True),
        "Lowest validation loss": st.column_config.NumberColumn(format="%.4f"),
        "Test accuracy": fraction,
        "Macro AUROC": fraction,
        **{f"{title} recall": fraction for title in CLASS_TITLES.values()},
        "Parameters": st.column_config.NumberColumn(format="localized"),
        "Fitting (s)": st.column_config.NumberColumn(format="%.0f"),
    }


def _differences(runs: Sequence[Run]) -> None:
    """Draw the settings in which the runs differ."""
    if len(runs) < 2:
        return
    st.header("Settings that differ", anchor=False)
    rows = difference_rows(runs)
    if rows:
        st.dataframe(
            rows,
            hide_index=True,
            height=_height(rows),
            alt="Settings in which the chosen runs differ",
        )
    else:
        st.markdown(SAME_SETTINGS)
