"""Training curves: runs laid over each other, what they reached, where their settings differ."""

from __future__ import annotations

import streamlit as st

from cxr_core.errors import CxrError
from cxr_core.training_run import RunList
from ui.components.run_choice import (
    bundle_in_use,
    folder_choice,
    folder_runs,
    published_runs,
    runs_choice,
    systems_choice,
    view_choice,
)
from ui.components.run_panel import NO_RUN, run_panel, skipped_note
from ui.frame import page, show_error
from ui.run_view import CurveView, all_runs, progress


def main() -> None:
    """Draw the page."""
    page("Training curves")
    published = published_runs()
    left, right = st.columns([1, 2], gap="medium", vertical_alignment="top")
    with left:
        folder = folder_choice()
    found = _found(folder)
    runs = all_runs(published, found)
    if not runs:
        st.markdown(NO_RUN)
    else:
        with right:
            chosen = runs_choice(runs)
        systems = systems_choice(chosen)
        view, interval_s = view_choice(runs)
        keys = [run.key for run in chosen]
        live = st.fragment(_panel, run_every=interval_s)
        live(published, folder, keys, systems, view, progress(runs) if interval_s else None)
    skipped_note(published)
    skipped_note(found)


def _found(folder: str) -> RunList:
    """Return the runs of the folder, or none with the reason on the page."""
    try:
        return folder_runs(folder)
    except CxrError as err:
        show_error("This folder of runs could not be read.", str(err), err.hint)
        return RunList()


def _panel(
    published: RunList,
    folder: str,
    keys: list[str],
    systems: list[str],
    view: CurveView,
    before: object,
) -> None:
    """Read the runs again and draw them; draw the whole page if a run came, started or ended."""
    try:
        runs = all_runs(published, folder_runs(folder))
    except CxrError:
        runs = list(published.runs)
    if before is not None and progress(runs) != before:
        st.rerun()
    run_panel([run for run in runs if run.key in keys], systems, view, bundle=bundle_in_use())


main()
