"""The probes over a folder of films: how often an answer flips, and how far a probability moves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from cxr_core.array import Float64Array
from cxr_core.audit.films import AuditFilms
from cxr_core.audit.measure import share
from cxr_core.audit.probe import PROBES, Probe, ProbeCurve, n_changes, probe_film
from cxr_core.audit.systems_reader import SystemsReader
from cxr_core.evaluate.reads import FilmList
from cxr_core.evaluate.resample import N_RESAMPLES, Resamples, interval_ends
from cxr_core.explain.fidelity.folder import draw_films
from cxr_core.explain.fidelity.step import OnStep, Steps
from cxr_core.io import read_path
from cxr_core.labels import CLASSES

MIN_FLIPPED: Final = 0.1
"""Share of flipped answers from which a level counts."""


def draw(films: AuditFilms, n_films: int, *, seed: int = 0) -> AuditFilms:
    """Draw films to judge, the same number of each class as far as there are any.

    Args:
        films: The films of an audit; the draw is among those that are judged.
        n_films: How many; all if there are fewer.
        seed: Seed of the draw.

    Returns:
        The films drawn.
    """
    judged = films.take(films.judged)
    found = [
        (path, CLASSES[k])
        for path, k in zip(judged.paths, judged.films.y_true.tolist(), strict=True)
    ]
    position = {path: i for i, path in enumerate(judged.paths)}
    drawn = draw_films(found, n_films, seed)
    return judged.take(np.array(sorted(position[path] for path, _ in drawn), np.int64))


def probe_films(
    reader: SystemsReader,
    films: AuditFilms,
    *,
    probes: Sequence[Probe] = PROBES,
    n_resamples: int = N_RESAMPLES,
    on_step: OnStep | None = None,
) -> dict[str, dict[str, Any]]:
    """Put films to the probes.

    Args:
        reader: The variants.
        films: Films that can be read.
        probes: The changes.
        n_resamples: Resamples of patients.
        on_step: Progress and cancel, one step a reading.

    Returns:
        Variant to `n`, `n_patients`, `n_by_class` and `probes`: probe to `title`, `axis`,
        `unchanged` and `levels`, one object a level: `level` and `systems`: system to `flipped`
        (share of films called another class than before), and `change` (mean change of the
        probability, before calibration, of the class that the unchanged film was called,
        {value, low, high}).

    Raises:
        CxrError: If a film cannot be read.
        CancelledCheckError: If the callback says so.
    """
    steps = Steps(len(films) * n_changes(probes), on_step)
    curves: dict[str, list[tuple[ProbeCurve, ...]]] = {name: [] for name in reader.variants}
    for path in films.paths:

        def step(_done: int, _all: int) -> None:
            steps.advance()

        own = probe_film(reader, read_path(path).image, probes=probes, on_step=step)
        for variant, found in own.items():
            curves[variant].append(found)
    resamples = Resamples.draw(films.films.patient, n_resamples=n_resamples)
    return {
        variant: {
            "n": len(films),
            "n_patients": films.films.n_patients,
            "n_by_class": films.films.n_by_class,
            "probes": {
                probe.name: _probe_figures(
                    probe, [film[i] for film in found], films.films, resamples
                )
                for i, probe in enumerate(probes)
                if found
            },
        }
        for variant, found in curves.items()
    }


def first_flips(found: Mapping[str, Any]) -> dict[str, float | None]:
    """Return, for each system, the level nearest to the film at which a tenth of the answers flip.

    Args:
        found: One entry of `probes`.

    Returns:
        System to level; `None` where fewer flip at every level.
    """
    levels = found["levels"]
    start = next(i for i, each in enumerate(levels) if each["level"] == found["unchanged"])
    result = {}
    for system in levels[0]["systems"]:
        flipped = [
            (abs(i - start), each["level"])
            for i, each in enumerate(levels)
            if (each["systems"][system]["flipped"]["value"] or 0.0) >= MIN_FLIPPED
        ]
        result[system] = min(flipped)[1] if flipped else None
    return result


def _probe_figures(
    probe: Probe, curves: Sequence[ProbeCurve], films: FilmList, resamples: Resamples
) -> dict[str, Any]:
    """Sum up one probe over the films."""
    start = probe.levels.index(probe.unchanged)
    levels = []
    for position, level in enumerate(probe.levels):
        systems = {}
        for system in curves[0].logits:
            probs = np.stack([curve.probs(system) for curve in curves])
            systems[system] = _level_figures(probs[:, start], probs[:, position], films, resamples)
        levels.append({"level": level, "systems": systems})
    return {
        "title": probe.title,
        "axis": probe.axis,
        "unchanged": probe.unchanged,
        "levels": levels,
    }


def _level_figures(
    before: Float64Array,
    after: Float64Array,
    films: FilmList,
    resamples: Resamples,
) -> dict[str, Any]:
    """Compare what one system says of changed films with what it said before."""
    label = before.argmax(axis=1)
    rows = np.arange(len(label))
    change = after[rows, label] - before[rows, label]
    low, high = interval_ends(resamples.means(change)) if resamples.n_patients > 1 else (None, None)
    return {
        "flipped": share(np.asarray(after.argmax(axis=1) != label), films),
        "change": {"value": float(change.mean()), "low": low, "high": high},
    }
