"""The worklist's reports: one PDF of many films, made in the background when it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import streamlit as st

from cxr_core.labels import system_title
from ui import worklist
from ui.components.download import download
from ui.components.task_result import is_ready
from ui.report_job import MAX_REPORTS

if TYPE_CHECKING:
    from ui.worklist import Worklist
    from ui.worklist_job import Task
    from ui.worklist_view import Choice

WRITE: Final = "Write reports as PDF"
CANCEL: Final = "Cancel PDF"
LEFT_OUT: Final = (
    f"One PDF holds {MAX_REPORTS} films; filter the films to get the others, or use "
    "`python -m cxr_core report`."
)


def reports_button(found: Worklist, positions: Sequence[int], choice: Choice) -> None:
    """Draw the button that starts the reports, unless they are being written.

    Args:
        found: The worklist, read to its end or cancelled.
        positions: Films that pass the filters, in order.
        choice: Whose maps are drawn, and whether scores are raw.
    """
    if found.reports is not None and found.reports.is_running:
        return
    st.button(
        WRITE,
        icon=":material/picture_as_pdf:",
        help="A table of all films, then one page each: film, map of "
        f"{system_title(choice.system)}, scores of all systems, what was checked. The networks "
        "read the films once more.",
        on_click=lambda: worklist.write_reports(found, positions, choice),
    )


def reports_result(found: Worklist) -> None:
    """Draw how far the reports are, then the button that brings them.

    Args:
        found: The worklist.
    """
    task = found.reports
    if task is None:
        return
    ready = is_ready(
        task,
        _current,
        noun="reports",
        cancel=CANCEL,
        failed="The reports were not written to the end.",
        hint="Write them again.",
    )
    if ready and task.data is not None:
        n = task.progress.n_done
        download(
            f"PDF with {n:,} {'film' if n == 1 else 'films'}, maps of {system_title(task.system)}",
            lambda: task.data or b"",
            "worklist-reports.pdf",
            icon=":material/picture_as_pdf:",
            key="worklist-reports",
        )
        if task.n_left_out:
            st.caption(LEFT_OUT)


def _current() -> Task | None:
    """Return the reports of the worklist that this session has now."""
    found = worklist.current()
    return None if found is None else found.reports
