"""How far a task behind the worklist is, then what it made: one look for every export."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import streamlit as st

from cxr_core.batch.progress import time_words
from ui.frame import show_error
from ui.worklist_job import words_of

if TYPE_CHECKING:
    from ui.worklist_job import Task

_EVERY_S: Final = 1.0


def is_ready(
    task: Task, find: Callable[[], Task | None], *, noun: str, cancel: str, failed: str, hint: str
) -> bool:
    """Draw the bar of a task at work, or why it ended early.

    Args:
        task: The task.
        find: Returns the task again on later runs of the bar, or `None` where it is gone.
        noun: What is counted.
        cancel: Words of the button that ends it.
        failed: What is said where it did not come to its end.
        hint: What to do then.

    Returns:
        True where it came to its end, and its result can be offered.
    """
    if task.is_running:
        _bar(find, noun, cancel)
    elif task.failure is not None:
        show_error(failed, task.failure, hint)
    return not task.is_running and task.failure is None


@st.fragment(run_every=_EVERY_S)
def _bar(find: Callable[[], Task | None], noun: str, cancel: str) -> None:
    """Draw the bar; when the task has ended, draw the whole page again."""
    task = find()
    if task is None or not task.is_running:
        st.rerun()
    left, right = st.columns([5, 1], vertical_alignment="center")
    left.progress(min(task.progress.share, 1.0), text=words_of(task.progress, noun, time_words))
    with right.container(horizontal_alignment="right"):
        st.button(cancel, icon=":material/stop:", on_click=task.cancel)
