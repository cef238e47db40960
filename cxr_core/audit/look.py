"""Read every film of an audit once: what each cue sees, its fingerprints, its lungs."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final

import numpy as np

from cxr_core.array import BoolArray, Float32Array
from cxr_core.audit.cue import CUES, CueFilm
from cxr_core.audit.films import AuditFilms
from cxr_core.audit.fingerprint import coefficients, working_copy
from cxr_core.dataset.group import Fingerprint, fingerprint
from cxr_core.errors import CxrError, TrainingDataError
from cxr_core.explain.fidelity.step import OnStep, Steps
from cxr_core.io import read
from cxr_core.lungs import LungSegmenter

_MAX_THREADS: Final = 8
_FIRST_TABLE: Final = 0


@dataclass(frozen=True, eq=False)
class Looks:
    """What one reading of the films tells.

    Attributes:
        films: The films that could be read.
        seen: Cue name to numbers, shape (n, d), float32; a row is not a number where the cue does
            not apply, for example on a film without plausible lungs.
        coefficients: For `FingerprintIndex`, shape (n, 575).
        fingerprints: For `near_duplicates`.
        has_lungs: Which films have plausible lungs, shape (n,); `None` where nobody looked.
        unreadable: Path below the folder and reason of each file that could not be read.
    """

    films: AuditFilms
    seen: Mapping[str, Float32Array]
    coefficients: Float32Array
    fingerprints: tuple[Fingerprint, ...]
    has_lungs: BoolArray | None
    unreadable: tuple[tuple[str, str], ...]


@dataclass(frozen=True, eq=False)
class _Look:
    """What one film tells."""

    seen: Mapping[str, Float32Array | None]
    coefficients: Float32Array
    fingerprint: Fingerprint
    has_lungs: bool


def look_at(
    films: AuditFilms, *, lungs: LungSegmenter | None = None, on_step: OnStep | None = None
) -> Looks:
    """Read films with several threads.

    Args:
        films: The films.
        lungs: Finds the lungs; cues that need them apply to no film without it.
        on_step: Progress and cancel, one step a film.

    Returns:
        The looks. Films that cannot be read are listed and left out.

    Raises:
        TrainingDataError: If no film can be read.
        CancelledCheckError: If the callback says so.
    """
    steps = Steps(len(films), on_step)
    found: list[_Look | str] = []
    with ThreadPoolExecutor(min(_MAX_THREADS, os.cpu_count() or 1)) as pool:
        try:
            for look in pool.map(lambda path: _look(path, lungs), films.paths):
                found.append(look)
                steps.advance()
        except BaseException:  # a callback that stops the audit need not wait for all films
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    kept = [i for i, look in enumerate(found) if isinstance(look, _Look)]
    looks = [look for look in found if isinstance(look, _Look)]
    if not looks:
        msg = f"`{films.folder}` must hold films that can be read. Received: none of {len(films)}"
        raise TrainingDataError(msg, hint="Check that the files are films.")
    return Looks(
        films=films.take(np.array(kept, np.int64)),
        seen={cue.name: _stacked([look.seen[cue.name] for look in looks]) for cue in CUES},
        coefficients=np.stack([look.coefficients for look in looks]),
        fingerprints=tuple(look.fingerprint for look in looks),
        has_lungs=None if lungs is None else np.array([look.has_lungs for look in looks]),
        unreadable=(
            *films.unreadable,
            *((films.name(i), look) for i, look in enumerate(found) if isinstance(look, str)),
        ),
    )


def cue_film(path: Path, lungs: LungSegmenter | None = None) -> CueFilm:
    """Read one film as the cues see it.

    Args:
        path: The file.
        lungs: Finds the lungs; `None` leaves them out.

    Returns:
        The film; its lungs are `None` where they are not plausible.

    Raises:
        CxrError: If the film cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError as err:
        msg = f"`{path.name}` must be a file that can be read. Received: {err.strerror}"
        raise TrainingDataError(msg, hint="Check that you may read the files.") from err
    radiograph = read(data, name=path.name)
    mask = None if lungs is None else lungs.segment(radiograph)
    colour_mode, compression = _header(data)
    return CueFilm(
        radiograph=radiograph,
        n_bytes=len(data),
        colour_mode=colour_mode,
        compression=compression,
        lungs=mask if mask is not None and mask.is_plausible else None,
    )


def _look(path: Path, lungs: LungSegmenter | None) -> _Look | str:
    """Look at one film; one that cannot be read becomes its message."""
    try:
        film = cue_film(path, lungs)
    except CxrError as err:
        return str(err)
    image = film.radiograph.image
    return _Look(
        seen={
            cue.name: None if cue.needs_lungs and film.lungs is None else cue.see(film)
            for cue in CUES
        },
        coefficients=coefficients(working_copy(image)),
        fingerprint=fingerprint(image),
        has_lungs=film.lungs is not None,
    )


def _header(data: bytes) -> tuple[str, float]:
    """Return Pillow's colour mode and the mean of a JPEG's first quantisation table."""
    from PIL import Image

    try:
        with Image.open(BytesIO(data)) as opened:
            tables = getattr(opened, "quantization", None) or {}
            table = tables.get(_FIRST_TABLE)
            return opened.mode, float(np.mean(table)) if table else 0.0
    except (OSError, SyntaxError, ValueError):  # the film was read, so its header matters little
        return "", 0.0


def _stacked(rows: Sequence[Float32Array | None]) -> Float32Array:
    """Stack one row a film; rows that are missing become not-a-number."""
    width = next((len(row) for row in rows if row is not None), 1)
    empty = np.full(width, np.nan, np.float32)
    return np.stack([empty if row is None else row for row in rows])
