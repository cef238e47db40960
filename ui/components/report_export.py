"""The report of one film as PDF, made when it is asked for."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final

import streamlit as st

from cxr_core import io
from cxr_core.labels import system_title
from ui import reading_cache
from ui.components.download import download
from ui.words import SYNTHETIC_NOTE

if TYPE_CHECKING:
    from cxr_core.predict import Predictor
    from ui.state import Film

BUTTON: Final = "Report as PDF"
MEANING: Final = (
    "One page: film, map, the scores of all systems, what was checked, and what made the numbers. "
    "The name of a DICOM file and what its header tells of the patient are left out; text in the "
    "picture itself is not."
)


def report_export(film: Film, predictor: Predictor) -> None:
    """Offer the report of a film; nothing is made before the click.

    Args:
        film: A film that was read.
        predictor: The models in use.
    """
    with st.container(horizontal=True, vertical_alignment="bottom"):
        system = st.selectbox(
            "Map in the report",
            predictor.systems,
            format_func=system_title,
            key=f"report-system-{film.digest[:16]}",
            width=260,
        )
        download(
            BUTTON,
            partial(_report, film, predictor, system, reading_cache.shows_raw()),
            f"film-report-{film.digest[:8]}.pdf",
            icon=":material/picture_as_pdf:",
            key=f"report-{film.digest[:16]}",
        )
    st.caption(MEANING)


def _report(film: Film, predictor: Predictor, system: str, is_raw: bool) -> bytes:
    """Read the film again and lay its page out; no session is at hand where a click ends up."""
    from cxr_core.report import film_report

    reading = predictor.read(io.read(film.data, name=film.name))
    return film_report(
        predictor,
        reading,
        created=datetime.now(UTC),
        system=system,
        is_raw=is_raw,
        remark="" if film.sample is None else SYNTHETIC_NOTE,
    )
