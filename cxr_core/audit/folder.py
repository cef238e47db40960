"""The whole audit of a folder of labelled films, as JSON-ready values of schema `cxr-audit/1`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from cxr_core.audit.films import find_films
from cxr_core.audit.leaks import leak_counts, listed
from cxr_core.audit.look import Looks, look_at
from cxr_core.audit.plan import AuditSettings, External, OnStage, Tools
from cxr_core.audit.schema import SCHEMA
from cxr_core.audit.shortcut import majority, shortcuts
from cxr_core.audit.systems_part import SystemsPart
from cxr_core.dataset.film import data_digest
from cxr_core.explain.fidelity.step import OnStep

N_DIGITS: Final = 5
"""Decimals of every number in an audit."""

INTERVAL: Final = (
    "figures: percentiles of {n:,} resamples of whole patients, 95 %; shares: Wilson, 95 %, films "
    "of one patient counted for what they are worth"
)


def audit_folder(
    folder: str | Path,
    tools: Tools,
    *,
    external: External | None = None,
    settings: AuditSettings | None = None,
    on_stage: OnStage | None = None,
    on_looks: Callable[[Looks], None] | None = None,
) -> dict[str, Any]:
    """Audit a folder.

    Args:
        folder: See `find_films`.
        tools: Systems, lungs and fingerprints.
        external: Films that are judged apart.
        settings: How thorough.
        on_stage: Progress and cancel.
        on_looks: Given the films once they are read, for example to make an index of them.

    Returns:
        Object of schema `cxr-audit/1`: `data`, `lungs`, `majority`, `cues`, `leaks`, `external`,
        `variants` (variant to `systems`, `covered`, `external`, `sources`, `probes`, and where an
        index is given `restricted`), `overlap`. Never not-a-number: what cannot be measured is
        `None` or has a `reason`.

    Raises:
        TrainingDataError: If there is no film that can be read, or a manifest cannot be used.
        CancelledCheckError: If the callback says so.
    """
    settings = settings or AuditSettings()

    def stage(words: str) -> OnStep | None:
        if on_stage is None:
            return None
        return lambda n_done, n_all: on_stage(words, n_done, n_all)

    looks = look_at(find_films(folder), lungs=tools.lungs, on_step=stage("Reading the films"))
    if on_looks is not None:
        on_looks(looks)
    others = None
    if external is not None:
        films = find_films(external.folder)
        others = look_at(films, lungs=tools.lungs, on_step=stage("Reading the other films"))
    found = {
        "schema": SCHEMA,
        "interval": INTERVAL.format(n=settings.n_resamples),
        "seed": settings.seed,
        "data": _data(looks),
        "lungs": _lungs(looks),
        "majority": majority(looks.films, n_resamples=settings.n_resamples),
        "cues": shortcuts(
            looks,
            external=others,
            n_resamples=settings.n_resamples,
            seed=settings.seed,
            on_step=stage("Classifiers that must not work"),
        ),
        "leaks": leak_counts(
            looks, names=settings.names, on_step=stage("Looking for copies in the test films")
        ),
        "external": None if others is None or external is None else _about(others, external.title),
        "bundle": None,
        "variants": {},
        "overlap": None,
    }
    if tools.reader is not None:
        found |= SystemsPart(tools, tools.reader, settings, stage).measure(looks, others)
    rounded: dict[str, Any] = _rounded(found)
    return rounded


def _rounded(value: Any) -> Any:
    """Return JSON-ready values with so many digits as mean anything; keeps files small."""
    if isinstance(value, float):
        return round(value, N_DIGITS)
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(each) for each in value]
    return value


def _data(looks: Looks) -> dict[str, Any]:
    """Say which films these are."""
    films = looks.films
    judged = films.films.take(films.judged)
    return {
        "digest": data_digest(listed(looks)),
        "n_films": len(films),
        "n_by_split": films.n_by_split,
        "n_patients": films.films.n_patients,
        "patients_from": films.films.patients_from,
        "n_unreadable": len(looks.unreadable),
        "method": "test" if films.has_test else "cross_validation",
        "n_judged": len(judged),
        "n_judged_by_class": judged.n_by_class,
        "n_judged_patients": judged.n_patients,
    }


def _lungs(looks: Looks) -> dict[str, Any] | None:
    """Count the films without plausible lungs."""
    if looks.has_lungs is None:
        return None
    missing = looks.films.films.take(~looks.has_lungs)
    return {"n": len(looks.films), "n_without": len(missing), "n_by_class": missing.n_by_class}


def _about(others: Looks, title: str) -> dict[str, Any]:
    """Say which films are judged apart."""
    sources = np.array(others.films.groups("source"))
    return {
        "title": title,
        "n_films": len(others.films),
        "n_patients": others.films.films.n_patients,
        "n_by_class": others.films.films.n_by_class,
        "n_by_source": {str(s): int((sources == s).sum()) for s in np.unique(sources) if s},
        "n_unreadable": len(others.unreadable),
    }
