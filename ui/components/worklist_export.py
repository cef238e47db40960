"""What leaves the worklist: tables, a zip archive with a map drawn on each film, reports."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

import streamlit as st

from cxr_core.batch.run import about_models
from cxr_core.batch.table import table_bytes, table_systems
from cxr_core.labels import system_title
from ui import worklist
from ui.components.download import download
from ui.components.task_result import is_ready
from ui.components.worklist_reports import reports_button, reports_result
from ui.worklist_job import MAX_OVERLAY_BYTES
from ui.worklist_view import Choice

if TYPE_CHECKING:
    from ui.worklist import Worklist
    from ui.worklist_job import Task

KINDS: Final = {".csv": "CSV", ".parquet": "Parquet", ".jsonl": "JSON Lines"}
DRAW: Final = "Draw maps for a zip archive"
CANCEL: Final = "Cancel drawing"
MEANING: Final = (
    "Tables hold the files that pass the filters, every system's probabilities (calibrated where "
    "the bundle can do that) and the SHA-256 of each film, with the columns of "
    "`python -m cxr_core score`. File names are part of them."
)


def worklist_export(found: Worklist, positions: Sequence[int], choice: Choice) -> None:
    """Draw the buttons.

    Args:
        found: The worklist of this session, read to its end or cancelled.
        positions: Films that pass the filters, in order.
        choice: Whose maps are drawn.
    """
    st.subheader("Export", anchor=False)
    with st.container(horizontal=True, vertical_alignment="center"):
        for suffix, title in KINDS.items():
            download(
                title,
                partial(_table, found, positions, suffix),
                f"worklist{suffix}",
                key=f"worklist-export{suffix}",
            )
        if found.overlays is None or not found.overlays.is_running:
            st.button(
                DRAW,
                icon=":material/blur_on:",
                help=f"A map of {system_title(choice.system)} for its top class on each film, with "
                "the table. The networks read the films once more.",
                on_click=lambda: worklist.draw_overlays(found, positions, choice.system),
            )
        reports_button(found, positions, choice)
    if found.overlays is not None:
        _overlays(found)
    reports_result(found)
    st.caption(MEANING)


def _table(found: Worklist, positions: Sequence[int], suffix: str) -> bytes:
    """Write a table when it is asked for."""
    predictor = found.reading.predictor
    records = found.records
    return table_bytes(
        suffix,
        [records[position] for position in positions],
        table_systems(predictor.systems),
        about_models(predictor),
    )


def _overlays(found: Worklist) -> None:
    """Draw how far the maps are, then the button that brings them."""
    task = found.overlays
    if task is None:
        return
    ready = is_ready(
        task,
        _current,
        noun="maps",
        cancel=CANCEL,
        failed="The maps were not drawn to the end.",
        hint="Draw them again.",
    )
    if ready and task.data is not None:
        download(
            f"Zip archive with {task.n_drawn:,} maps of {system_title(task.system)}",
            lambda: task.data or b"",
            "worklist.zip",
            icon=":material/folder_zip:",
            key="worklist-zip",
        )
        if task.progress.n_done < task.progress.n_total:
            st.caption(
                f"The archive ended at {MAX_OVERLAY_BYTES >> 20} MB; filter the films to get the "
                "others."
            )


def _current() -> Task | None:
    """Return the drawing of the worklist that this session has now."""
    found = worklist.current()
    return None if found is None else found.overlays
