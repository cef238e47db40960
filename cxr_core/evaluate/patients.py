"""Which films of a labelled folder are of one patient."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cxr_core.dataset import ManifestRow, read_manifest
from cxr_core.dataset.patient import first_teller, told_patient
from cxr_core.io.film_file import digest_of

_LEVELS_UP = 2


def patient_keys(
    folder: Path, paths: Sequence[Path], *, digests: Sequence[str] | None = None
) -> tuple[list[str], str]:
    """Name the patient of each film, by a word that is good for comparing only.

    Args:
        folder: The labelled folder; a `manifest.csv` is looked for in it and up to two levels
            above it.
        paths: Films below it.
        digests: SHA-256 of each film's bytes, in hex; the films are read for it if `None`.

    Returns:
        One key a film, and what told the patients: `manifest`, `DICOM headers`, `file names` or
        `none`; of several the first. Every film is asked by itself, as in a scan. A film whose
        patient nothing tells is a patient of its own, together with its copies.

    Raises:
        TrainingDataError: If a manifest is there but cannot be used.
        UnreadableImageError: If a film has to be read for its digest and cannot be.
    """
    if digests is None:
        digests = [digest_of(path) for path in paths]
    rows = manifest_rows(folder, paths, digests)
    told = [told_patient(path, row) for path, row in zip(paths, rows, strict=True)]
    keys = [patient or digest for (patient, _), digest in zip(told, digests, strict=True)]
    return keys, first_teller({teller for _, teller in told})


def manifest_rows(folder: Path, paths: Sequence[Path], digests: Sequence[str]) -> list[ManifestRow]:
    """Return what the nearest manifest tells of some films of a labelled folder.

    Args:
        folder: As for `patient_keys`; the first manifest that tells a patient is used, else the
            first that knows any of the films.
        paths: Films below it.
        digests: SHA-256 of each film's bytes, in hex.

    Returns:
        One row a film, empty where no manifest knows it; a folder that may not be listed has none.

    Raises:
        TrainingDataError: If a manifest is there but cannot be used.
    """
    whole = folder.resolve()
    places = [whole / path.relative_to(folder) for path in paths]
    known: list[ManifestRow] = [ManifestRow()] * len(paths)
    for parent in (whole, *list(whole.parents)[:_LEVELS_UP]):
        try:
            rows = read_manifest(parent)
        except OSError:  # a folder above the films that may be entered, but not listed
            continue
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
