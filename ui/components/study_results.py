"""What a study found: tables with n and intervals, and files to take away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import streamlit as st

from cxr_core.errors import CxrError
from cxr_core.reader_study import statistics
from cxr_core.reader_study.table import answers_csv, statistics_json
from ui.components.download import download
from ui.frame import show_error
from ui.reader_study_view import (
    KAPPA_MEANS,
    RESULTS_MEAN,
    SWITCHING_MEANS,
    SYSTEMS_MEAN,
    TIME_MEANS,
    accuracy_rows,
    class_rows,
    kappa_rows,
    switching_rows,
    system_rows,
)

if TYPE_CHECKING:
    from cxr_core.reader_study import Study

CSV: Final = "All answers as CSV"
JSON: Final = "Statistics as JSON"


def study_results(study: Study) -> None:
    """Draw the tables and the two files.

    Args:
        study: The study, with at least one reader.
    """
    try:
        found = statistics(study)
    except CxrError as err:
        show_error("The results cannot be worked out.", str(err), err.hint)
        return
    _table("Right, and how fast", accuracy_rows(found), f"{RESULTS_MEAN} {TIME_MEANS}")
    if found["systems"] and study.truth:
        _table("The systems on the same films", system_rows(found), SYSTEMS_MEAN)
    if rows := switching_rows(found):
        _table("What the system changed", rows, SWITCHING_MEANS)
    if rows := kappa_rows(found):
        _table("Agreement", rows, KAPPA_MEANS)
    if rows := class_rows(found):
        with st.expander("Class by class, and confidence"):
            st.table(rows, hide_index=True, border="horizontal", alt="Films found, by class")
    with st.container(horizontal=True):
        download(CSV, lambda: answers_csv(study), "answers.csv", key="study-csv")
        download(JSON, lambda: statistics_json(study), "statistics.json", key="study-json")


def _table(title: str, rows: list[dict[str, str]], meaning: str) -> None:
    """Draw a table below its title and above what its words mean."""
    st.subheader(title, anchor=False)
    st.table(rows, hide_index=True, border="horizontal", alt=title)
    st.caption(meaning)
