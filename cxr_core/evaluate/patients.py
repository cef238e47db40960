"""Which films of a labelled folder are of one patient."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from cxr_core.dataset import ManifestRow, kermany_patient, read_manifest
from cxr_core.dataset.dicom_patient import DICOM_HEADERS, dicom_patient

_LEVELS_UP = 2


def patient_keys(folder: Path, paths: Sequence[Path]) -> tuple[list[str], str]:
    """Name the patient of each film, by a word that is good for comparing only.

    Args:
        folder: The labelled folder; a `manifest.csv` is looked for in it and up to two levels
            above it.
        paths: Films below it.

    Returns:
        One key a film, and what told the patients: `manifest`, `DICOM headers`, `file names` or
        `none`. A film whose patient nothing tells is a patient of its own.

    Raises:
        TrainingDataError: If a manifest is there but cannot be used.
    """
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]
    rows = manifest_rows(folder, paths, digests)
    if any(row.patient for row in rows):
        return [
            row.patient or digest for row, digest in zip(rows, digests, strict=True)
        ], "manifest"
    in_headers = [dicom_patient(path) for path in paths]
    named = [kermany_patient(path.stem) for path in paths]
    keys = [
        header or name or path.as_posix()
        for header, name, path in zip(in_headers, named, paths, strict=True)
    ]
    if any(in_headers):
        return keys, DICOM_HEADERS
    return keys, "file names" if any(named) else "none"


def manifest_rows(folder: Path, paths: Sequence[Path], digests: Sequence[str]) -> list[ManifestRow]:
    """Return what the nearest manifest tells of some films of a labelled folder.

    Args:
        folder: As for `patient_keys`; the first manifest that tells a patient is used, else the
            first that knows any of the films.
        paths: Films below it.
        digests: SHA-256 of each film's bytes, in hex.

    Returns:
        One row a film, empty where no manifest knows it.

    Raises:
        TrainingDataError: If a manifest is there but cannot be used.
    """
    whole = folder.resolve()
    places = [whole / path.relative_to(folder) for path in paths]
    known: list[ManifestRow] = [ManifestRow()] * len(paths)
    for parent in (whole, *list(whole.parents)[:_LEVELS_UP]):
        rows = read_manifest(parent)
        if rows is None:
            continue
        below = [place.relative_to(parent).as_posix() for place in places]
        found = [
            rows.get(key) or rows.get(name) or ManifestRow()
            for key, name in zip(digests, below, strict=True)
        ]
        if any(row.patient for row in found):
            return found
        if not any(row != ManifestRow() for row in known):
            known = found
    return known
