"""A new study: readings and manifest written, the manifest last."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from cxr_core import __version__
from cxr_core.batch import Record
from cxr_core.errors import StudyError
from cxr_core.reader_study.design import Design
from cxr_core.reader_study.film import StudyFilm
from cxr_core.reader_study.manifest import (
    MANIFEST,
    READINGS,
    SCHEMA,
    can_be_shown,
    read_manifest,
    read_records,
)
from cxr_core.reader_study.shelf import Shelf
from cxr_core.reader_study.study import Study

MAX_FILMS: Final = 5000


def check_empty(shelf: Shelf) -> None:
    """Refuse a place that holds a study, before anything is worked out for a new one.

    Args:
        shelf: Where the new one is to be written. Readings without a manifest are of no study.

    Raises:
        StudyError: If a study, or answers to one, are there.
    """
    taken = [name for name in shelf.names() if name != READINGS]
    if taken:
        msg = f"`folder` must hold no study yet. Received: {taken[0]} is there"
        raise StudyError(msg, hint="Open the study that is there, or name another folder.")


def create_study(
    shelf: Shelf,
    *,
    design: Design,
    films: Sequence[StudyFilm],
    records: Mapping[str, Record] | None = None,
    source: Mapping[str, str] | None = None,
    models: Mapping[str, Any] | None = None,
    now: Callable[[], datetime] | None = None,
) -> Study:
    """Write a new study and open it.

    Args:
        shelf: Where it is written; holds no study yet.
        design: How it is run.
        films: At least one, each once.
        records: SHA-256 to what the systems say; of every film where the design shows it.
        source: Where the films came from: `kind`, and `folder` where one was named.
        models: What made `records`.
        now: Returns the time, UTC.

    Returns:
        The study. File names of films are not written; the manifest is written last, so a folder
        without one holds no study.

    Raises:
        StudyError: If there is a study already, no film, or a reading that the design shows is
            missing.
        OutputError: If it cannot be written.
    """
    records = records or {}
    digests = [film.digest for film in films]
    if not 1 <= len(digests) <= MAX_FILMS or len(set(digests)) != len(digests):
        msg = f"`films` must be 1 to {MAX_FILMS:,}, each once. Received: {len(digests):,} films"
        raise StudyError(msg, hint="Choose films that can be read.")
    aid = design.aid
    if aid is not None and not can_be_shown(aid.system, records, digests):
        msg = f"`records` must hold what {aid.system} says of every film. Received: fewer"
        raise StudyError(msg, hint="Have all films read by the system that is to be shown.")
    check_empty(shelf)
    contents = {digest: dict(records[digest].renamed("").content) for digest in sorted(records)}
    readings = json.dumps(contents, separators=(",", ":")).encode()
    created = (now or (lambda: datetime.now(UTC)))().isoformat(timespec="seconds")
    manifest: dict[str, Any] = {
        "schema": SCHEMA,
        "software": __version__,
        "created": created,
        "design": design.to_dict(),
        "source": dict(source or {"kind": "given"}),
        "models": None if models is None else dict(models),
        "readings_sha256": hashlib.sha256(readings).hexdigest(),
        "films": [
            {"sha256": film.digest, "truth": film.truth}
            for film in sorted(films, key=lambda film: film.digest)
        ],
    }
    data = (json.dumps(manifest, indent=1) + "\n").encode()
    read_manifest(data)  # what could not be opened again is not written
    read_records(readings, manifest["readings_sha256"])
    shelf.change(READINGS, lambda _: (0, readings))  # one without a manifest is of no study
    shelf.create(MANIFEST, data)
    return Study(shelf, now=now)
