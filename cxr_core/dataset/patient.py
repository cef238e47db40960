"""Who a film is of: what is asked first, second and third, for every film by itself."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Final

from cxr_core.dataset.dicom_patient import DICOM_HEADERS, dicom_patient
from cxr_core.dataset.group import kermany_patient
from cxr_core.dataset.manifest import ManifestRow

TELLERS: Final = ("manifest", DICOM_HEADERS, "file names")
"""What may tell a film's patient, in the order in which it is asked."""

NOTHING: Final = "none"
"""What told the patients, where no film's patient is known."""


def told_patient(path: Path, row: ManifestRow) -> tuple[str, str]:
    """Return a film's patient and what told it.

    Args:
        path: The film.
        row: What a manifest tells of it; empty where none does.

    Returns:
        A word that is good for comparing only, and one of `TELLERS`; both empty where nothing tells
        the patient.
    """
    by_manifest, by_header, by_name = TELLERS
    if row.patient:
        return row.patient, by_manifest
    if patient := dicom_patient(path):
        return patient, by_header
    if patient := kermany_patient(path.stem):
        return patient, by_name
    return "", ""


def first_teller(told_by: Collection[str]) -> str:
    """Return what is said to have told the patients of a set of films.

    Args:
        told_by: What told the patient of each film, from `told_patient`.

    Returns:
        The first of `TELLERS` that told any, or `NOTHING`.
    """
    return next((name for name in TELLERS if name in told_by), NOTHING)
