"""What the reader of training curves chooses: a folder, runs, systems and how to draw them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import streamlit as st

from cxr_core.errors import CxrError
from cxr_core.labels import system_title
from cxr_core.training_run import RunList, bundle_runs, find_runs
from ui import model_cache
from ui.folder_policy import folder_policy, named_path, own_path
from ui.frame import plain, show_error
from ui.run_view import (
    METRIC_TITLES,
    SPLIT_TITLES,
    CurveView,
    Panels,
    default_runs,
    run_title,
    systems_of,
)
from ui.words import FOLDERS_CLOSED

if TYPE_CHECKING:
    from cxr_core.bundle import Bundle
    from cxr_core.training_run import Run

RUNS_VARIABLE: Final = "CXR_RUNS"
"""Environment variable with the folder of runs that the page begins with."""

DEFAULT_FOLDER: Final = "runs"
REFRESH_S: Final = 5.0
MAX_SMOOTHING: Final = 0.95

_RUNS_KEY: Final = "curves-runs"
_PANEL_TITLES: Final[dict[Panels, str]] = {
    "automatic": "Automatic",
    "run": "Run",
    "system": "System",
    "one": "None",
}


def folder_choice() -> str:
    """Ask for the folder of runs; relative names start at the repository.

    Returns:
        The name as typed, or the default one; that one alone where no folder may be named.
    """
    default = _default_folder()
    if folder_policy().is_closed:
        st.caption(FOLDERS_CLOSED)
        return default
    typed = st.text_input(
        "Folder of runs",
        value=default,
        key="curves-folder",
        persist_state="session",
        help="On the computer that runs this page: a folder that `python -m train --out` has "
        "written, or one that holds such folders.",
    )
    return typed.strip() or default


def bundle_in_use() -> Bundle | None:
    """Return the bundle that the published runs are of, or nothing where none is usable."""
    try:
        return model_cache.load().bundle
    except CxrError:
        return None


def published_runs() -> RunList:
    """Return the runs of the bundle in use; say it on the page if there is no usable bundle."""
    try:
        return bundle_runs(model_cache.load().bundle)
    except CxrError as err:
        show_error("The published models could not be loaded.", str(err), err.hint)
        return RunList()


def folder_runs(name: str) -> RunList:
    """Return the runs of a folder.

    The default folder need not exist, because there is none before the first training.

    Args:
        name: From `folder_choice`.

    Returns:
        The runs, none if there is no default folder.

    Raises:
        SpecMismatchError: If a folder that was named cannot be read.
        ForbiddenFolderError: If it may not be named.
    """
    folder = own_path(name) if name == _default_folder() else named_path(name)
    if name == DEFAULT_FOLDER and not folder.exists():
        return RunList()
    return find_runs(folder)


def _default_folder() -> str:
    """Return the folder that whoever runs the page has set."""
    return os.environ.get(RUNS_VARIABLE, "").strip() or DEFAULT_FOLDER


def runs_choice(runs: Sequence[Run]) -> list[Run]:
    """Ask which runs to show.

    A choice that is gone, as after a change of folder, is dropped; without any left, the page
    begins anew.

    Args:
        runs: All runs; at least one.

    Returns:
        The chosen ones, in the order of `runs`.
    """
    known = {run.key: run for run in runs}
    before = st.session_state.get(_RUNS_KEY)
    kept = [key for key in before or [] if key in known]
    if before is None or (before and not kept):
        kept = default_runs(runs)
    if kept != before:
        st.session_state[_RUNS_KEY] = kept
    keys = st.pills(
        "Runs",
        list(known),
        selection_mode="multi",
        format_func=lambda key: _option(known[key]) if key in known else run_title(key),
        key=_RUNS_KEY,
        persist_state="session",
        wrap=True,
    )
    return [run for run in runs if run.key in keys]


def systems_choice(runs: Sequence[Run]) -> list[str]:
    """Ask which systems to show; all of them to begin with.

    Args:
        runs: The chosen runs.

    Returns:
        System names in display order.
    """
    names = systems_of(runs)
    hidden = st.pills(
        "Systems",
        names,
        default=names,
        format_func=system_title,
        selection_mode="multi",
        key=f"curves-systems-{'-'.join(names)}",
        persist_state="session",
    )
    return [name for name in names if name in hidden]


def view_choice(runs: Sequence[Run]) -> tuple[CurveView, float | None]:
    """Ask what to draw and how and, while a run is going, whether to follow it.

    Args:
        runs: All runs.

    Returns:
        The view, with both metrics and both splits where none is chosen, and the seconds between
        two readings or `None`.
    """
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        metrics = _pills("Curves", METRIC_TITLES, "curves-metrics")
        splits = _pills("Films", SPLIT_TITLES, "curves-splits")
        panels = st.segmented_control(
            "A panel for each",
            list(_PANEL_TITLES),
            default="automatic",
            format_func=_PANEL_TITLES.__getitem__,
            required=True,
            key="curves-panels",
            persist_state="session",
            help="Automatic: a panel for each system as soon as there are several runs, so that "
            "the runs of a system lie over each other.",
        )
        smoothing = st.slider(
            "Smoothing",
            0.0,
            MAX_SMOOTHING,
            0.0,
            0.05,
            key="curves-smoothing",
            persist_state="session",
            width=200,
            help="Exponential moving average without the bias of its start, as TensorBoard has "
            "it. What was measured stays behind it, faint.",
        )
        is_log = st.toggle("Log loss", key="curves-log", persist_state="session")
        interval_s = _refresh_choice(runs)
    return CurveView(metrics, splits, panels, smoothing, is_log), interval_s


def _refresh_choice(runs: Sequence[Run]) -> float | None:
    """Offer to read again while a run is going; return the seconds between two readings."""
    running = [run_title(run.key) for run in runs if run.state == "running"]
    if not running:
        return None
    is_live = st.toggle(
        f"Follow {', '.join(plain(title) for title in running)}",
        value=True,
        key="curves-live",
        persist_state="session",
        help=f"Being trained now. Reads the files again every {REFRESH_S:.0f} seconds.",
    )
    return REFRESH_S if is_live else None


def _pills(label: str, titles: dict[str, str], key: str) -> tuple[str, ...]:
    """Ask for some of a few names; all of them if none is picked."""
    chosen = st.pills(
        label,
        list(titles),
        default=list(titles),
        format_func=titles.__getitem__,
        selection_mode="multi",
        key=key,
        persist_state="session",
    )
    return tuple(name for name in titles if name in chosen) or tuple(titles)


def _option(run: Run) -> str:
    """Return the words for a run in the list; they stay the same while it goes on.

    Streamlit finds a choice again by these words, so the run's state is not among them.
    """
    kind = " (pre-training)" if run.kind == "pretraining" else ""
    return f"{run_title(run.key)}{kind}"
