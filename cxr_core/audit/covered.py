"""The systems themselves on films of which most is painted black: do they keep their answers?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from cxr_core.array import IntArray
from cxr_core.audit.cover import COVERS, NEEDS_LUNGS, cover
from cxr_core.audit.films import AuditFilms
from cxr_core.audit.measure import classifier_figures, left_out, share
from cxr_core.audit.systems_reader import SystemsReader
from cxr_core.blas import one_blas_thread
from cxr_core.evaluate.reads import Collector, Reads
from cxr_core.evaluate.resample import N_RESAMPLES
from cxr_core.explain.fidelity.step import OnStep, Steps
from cxr_core.io import read_path
from cxr_core.lungs import LungSegmenter

WHOLE_FILM: Final = "whole"
CONDITIONS: Final = (WHOLE_FILM, *COVERS)

COVER_TITLES: Final = {
    "border_only": "Border alone, centre black",
    "lungs_removed": "Lungs painted black",
    "lungs_only": "Lungs alone, all else black",
}
"""Cover to the words on screen."""

ReadsByCover = Mapping[str, Reads]


def read_covered(
    reader: SystemsReader,
    films: AuditFilms,
    *,
    lungs: LungSegmenter | None = None,
    conditions: tuple[str, ...] = CONDITIONS,
    on_step: OnStep | None = None,
) -> dict[str, dict[str, Reads]]:
    """Read films as they are and covered, with every system.

    Args:
        reader: The variants.
        films: Films that can be read.
        lungs: Finds the lungs; covers that need them are left out without it.
        conditions: Of `CONDITIONS`.
        on_step: Progress and cancel, one step a film.

    Returns:
        Variant to condition to reads; films without plausible lungs are missing where a cover
        needs them.

    Raises:
        CxrError: If a film cannot be read.
        CancelledCheckError: If the callback says so.
    """
    steps = Steps(len(films), on_step)
    wanted = [name for name in conditions if lungs is not None or name not in NEEDS_LUNGS]
    collectors: dict[str, dict[str, Collector]] = {name: reader.collectors() for name in wanted}
    rows: dict[str, list[int]] = {name: [] for name in wanted}
    needs_lungs = bool(NEEDS_LUNGS & set(wanted))
    for position, path in enumerate(films.paths):
        radiograph = read_path(path)
        mask = lungs.segment(radiograph) if lungs is not None and needs_lungs else None
        for name in wanted:
            if name in NEEDS_LUNGS and (mask is None or not mask.is_plausible):
                continue
            image = radiograph.image
            shown = image if name == WHOLE_FILM else cover(image, name, mask)
            features = reader.features(shown)
            with one_blas_thread():
                for variant, collector in collectors[name].items():
                    collector.add(features[variant])
            rows[name].append(position)
        steps.advance()
    return {
        variant: {
            name: collectors[name][variant].reads(films.films.take(np.array(own, np.int64)))
            for name, own in rows.items()
        }
        for variant in reader.variants
    }


def system_figures(reads: Reads, *, n_resamples: int = N_RESAMPLES) -> dict[str, Any]:
    """Measure the systems on films as they are.

    Args:
        reads: The reads.
        n_resamples: Resamples of patients.

    Returns:
        System to `classifier_figures`.
    """
    return {
        name: classifier_figures(reads.films, reads.probs(name), n_resamples=n_resamples)
        for name in reads.systems
    }


def covered_figures(
    by_cover: ReadsByCover, *, n_resamples: int = N_RESAMPLES
) -> dict[str, dict[str, Any]]:
    """Measure how the systems do on covered films, and how often they keep their answers.

    Args:
        by_cover: Condition to reads, `whole` among them.
        n_resamples: Resamples of patients.

    Returns:
        Cover to `title`, `n_left_out` by class and `systems`: system to `classifier_figures` and
        `kept`, the share of films that are called as the whole film was.
    """
    whole = by_cover[WHOLE_FILM]
    found = {}
    for name, reads in by_cover.items():
        if name == WHOLE_FILM:
            continue
        rows = _positions(whole, reads)
        systems = {}
        for system in reads.systems:
            probs = reads.probs(system)
            before = whole.probs(system)[rows].argmax(axis=1)
            kept = np.asarray(probs.argmax(axis=1) == before)
            figures = classifier_figures(reads.films, probs, n_resamples=n_resamples)
            systems[system] = {"kept": share(kept, reads.films), **figures}
        is_in = np.isin(np.arange(len(whole)), rows)
        found[name] = {
            "title": COVER_TITLES[name],
            "n_left_out": left_out(whole.films, is_in),
            "systems": systems,
        }
    return found


def _positions(whole: Reads, part: Reads) -> IntArray:
    """Return where the films of a part stand among all; both are in one order."""
    rows, start = [], 0
    for digest in part.films.sha256:  # equal bytes may stand twice, in the same order in both
        start = whole.films.sha256.index(digest, start)
        rows.append(start)
        start += 1
    return np.array(rows, np.int64)
