"""What the systems say of one film as DICOM objects, made when they are asked for."""

from __future__ import annotations

from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

import streamlit as st

from cxr_core import io
from cxr_core.io.sniff import DICOM, sniff
from cxr_core.labels import CLASS_TITLES, CLASSES, system_title
from ui import reading_cache
from ui.components.download import download

if TYPE_CHECKING:
    from cxr_core.predict import Predictor
    from ui.state import Film

BUTTON: Final = "DICOM objects"
TOP_CLASS: Final = "Its top class"
WITHOUT: Final = "Without identifiers"
NOT_INSTALLED: Final = "DICOM objects need highdicom, which is not installed here."

_WHAT: Final = (
    "A zip archive with a Secondary Capture (film, map and what made it) and a structured report "
    "(probabilities of all systems, the gate's verdict; unverified)."
)
IN_STUDY: Final = (
    f"{_WHAT} Both go back into the study of the film: **they hold the patient's name and "
    "number**, which this page never shows."
)
CLEANED: Final = (
    f"{_WHAT} The film comes with them, identifiers taken out and all UIDs new. Pixels are not "
    "cleaned: look at the film before you pass it on. For several films of one patient use "
    "`python -m cxr_core dicom-out --deidentify`, which keeps them together."
)
OF_NOBODY: Final = (
    f"{_WHAT} The film is no DICOM file: it comes with them, in a study of its own with a random "
    "number for a patient."
)


def dicom_export(film: Film, predictor: Predictor) -> None:
    """Offer the DICOM objects of a film; nothing is made before the click.

    Args:
        film: A film that was read.
        predictor: The models in use.
    """
    if find_spec("highdicom") is None:
        st.caption(NOT_INSTALLED)
        return
    key = film.digest[:16]
    is_dicom = sniff(film.data) == DICOM
    with st.container(horizontal=True, vertical_alignment="bottom"):
        system = st.selectbox(
            "Map in the DICOM objects",
            predictor.systems,
            index=predictor.systems.index(_lead(predictor)),
            format_func=system_title,
            key=f"dicom-system-{key}",
            width=230,
        )
        class_name = st.selectbox(
            "Class",
            ["", *CLASSES],
            format_func=lambda name: CLASS_TITLES.get(name, TOP_CLASS),
            key=f"dicom-class-{key}",
            width=150,
        )
        is_cleaned = is_dicom and st.toggle(WITHOUT, key=f"dicom-clean-{key}")
        download(
            BUTTON,
            partial(
                _objects,
                film,
                predictor,
                (system, class_name or None),
                is_cleaned,
                reading_cache.shows_raw(),
            ),
            f"dicom-{'clean' if is_cleaned else film.digest[:8]}.zip",
            icon=":material/radiology:",
            key=f"dicom-{key}",
        )
    st.caption((CLEANED if is_cleaned else IN_STUDY) if is_dicom else OF_NOBODY)


def map_choice(film: Film) -> tuple[str, str | None] | None:
    """Return the system and the class, or `None` for its top class, that the reader chose.

    Args:
        film: A film whose export is on the page.

    Returns:
        `None` where identifiers are taken out, so that nothing goes back into a study.
    """
    key = film.digest[:16]
    if st.session_state.get(f"dicom-clean-{key}"):
        return None
    chosen = st.session_state.get(f"dicom-class-{key}")
    return str(st.session_state[f"dicom-system-{key}"]), chosen or None


def _lead(predictor: Predictor) -> str:
    """Return the system that stands for the reading."""
    from cxr_core.trust.model import TrustModel

    return TrustModel.lead(predictor.systems)


def _objects(
    film: Film,
    predictor: Predictor,
    shown: tuple[str, str | None],
    is_cleaned: bool,
    is_raw: bool,
) -> bytes:
    """Read the film again and write its objects; no session is at hand where a click ends up."""
    from cxr_core.dicom_out.export import MapChoice, export
    from cxr_core.io.dicom.clean import Pseudonyms

    # an error here ends up in a log, and file names hold names
    reading = predictor.read(io.read(film.data, name="film"))
    exported = export(
        film.data,
        reading.uncalibrated() if is_raw else reading,
        predictor,
        [MapChoice(*shown)],
        pseudonyms=Pseudonyms() if is_cleaned else None,
        is_raw=is_raw,
    )
    return exported.zipped()
