"""A set of one's own against the films that the models were made from: open and restricted.

Open scoring takes all films. Restricted scoring leaves out those that an index of fingerprints
takes for copies of films that the models were made from; what a model was fitted to, it knows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from cxr_core.audit.covered import system_figures
from cxr_core.audit.films import AuditFilms
from cxr_core.audit.fingerprint import N_BITS
from cxr_core.audit.overlap import MAX_DIFFERING, FingerprintIndex, Match
from cxr_core.evaluate.reads import Reads
from cxr_core.evaluate.resample import N_RESAMPLES
from cxr_core.explain.fidelity.step import OnStep, Steps
from cxr_core.io import read_path

FITTED: Final = frozenset({"train", "val"})
"""Splits of an index whose films the models were fitted to, or stopped by."""


def match_films(
    index: FingerprintIndex, films: AuditFilms, *, on_step: OnStep | None = None
) -> list[Match | None]:
    """Find the entry of an index that each film is nearest to.

    Args:
        index: Fingerprints of the films that the models were made from.
        films: Films that can be read.
        on_step: Progress and cancel, one step a film.

    Returns:
        One match a film; `None` for films of one grey.

    Raises:
        CxrError: If a film cannot be read.
        CancelledCheckError: If the callback says so.
    """
    steps = Steps(len(films), on_step)
    found = []
    for path in films.paths:
        found.append(index.nearest(read_path(path).image))
        steps.advance()
    return found


def overlap_counts(
    films: AuditFilms, matches: Sequence[Match | None], n_index: int, *, names: bool = False
) -> dict[str, Any]:
    """Count the films that are copies of those the models were made from.

    Args:
        films: The films.
        matches: Of `match_films`.
        n_index: Films in the index.
        names: Name the files.

    Returns:
        `n`, `n_index`, `max_differing`, `n_bits`, `n_by_split` (overlapping films by the split of
        the entry), `n_by_class`, and with `names` one object a copy under `files`.
    """
    copies = [
        (i, match) for i, match in enumerate(matches) if match is not None and match.is_overlap
    ]
    rows = np.array([i for i, _ in copies], np.int64)
    found: dict[str, Any] = {
        "n": len(films),
        "n_index": n_index,
        "max_differing": MAX_DIFFERING,
        "n_bits": N_BITS,
        "n_overlap": len(copies),
        "n_by_split": dict(Counter(match.split for _, match in copies)),
        "n_by_class": films.films.take(rows).n_by_class,
    }
    if names:
        found["files"] = [
            {"file": films.name(i), "n_differing": match.n_differing, "split": match.split}
            for i, match in copies
        ]
    return found


def restricted_figures(
    reads: Reads, matches: Sequence[Match | None], *, n_resamples: int = N_RESAMPLES
) -> dict[str, Any]:
    """Measure the systems without the films that they were fitted to.

    Args:
        reads: Reads of the whole films.
        matches: Of the same films.
        n_resamples: Resamples of patients.

    Returns:
        `n`, `n_by_class`, and `systems` as `system_figures` gives them; without `systems` where no
        film is left.
    """
    kept = np.array(
        [not (m is not None and m.is_overlap and m.split in FITTED) for m in matches], bool
    )
    rest = reads.take(kept)
    found: dict[str, Any] = {"n": len(rest), "n_by_class": rest.films.n_by_class}
    if len(rest):
        found["systems"] = system_figures(rest, n_resamples=n_resamples)
    return found
