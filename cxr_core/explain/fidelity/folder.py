"""Check the maps of a folder of films and sum up which method holds up."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from cxr_core.dataset.leak import below
from cxr_core.errors import CancelledCheckError, CxrError, NotApplicableError, UnreadableImageError
from cxr_core.evaluate.patients import patient_keys
from cxr_core.explain.cam import METHODS
from cxr_core.explain.fidelity.check import (
    CHECKS,
    N_FILMS,
    MapFidelity,
    Settings,
    check_map,
    measure_orders,
)
from cxr_core.explain.fidelity.film_probe import FilmProbe
from cxr_core.explain.fidelity.measure import FilmMaps
from cxr_core.explain.fidelity.order import NOTE_UNMOVED, RandomOrders
from cxr_core.explain.fidelity.randomise import RandomHeads, random_heads
from cxr_core.explain.fidelity.stability import agreement
from cxr_core.explain.fidelity.summary import summarise
from cxr_core.io import read_path
from cxr_core.io.film_file import film_files
from cxr_core.io.place import is_folder
from cxr_core.labels import CLASSES
from cxr_core.predict import Predictor
from cxr_core.schema import EXPLAIN_CHECK


@dataclass(frozen=True)
class Plan:
    """What is checked.

    Attributes:
        systems: Systems, in display order.
        methods: Keys of `METHODS`.
        checks: Keys of `CHECKS`.
        n_films: Films to draw; fewer are taken if there are fewer.
        settings: How thorough; its seed draws the films as well.
    """

    systems: tuple[str, ...]
    methods: tuple[str, ...] = tuple(METHODS)
    checks: tuple[str, ...] = CHECKS
    n_films: int = N_FILMS
    settings: Settings = field(default_factory=Settings)


def find_films(folder: Path) -> list[tuple[Path, str | None]]:
    """Return the films below a folder, at any depth.

    Args:
        folder: Any folder; folders in it named like a class, in any letter case, tell the class of
            the films below them.

    Returns:
        Path and class name, or `None` where no folder tells it; sorted. What is hidden, tables and
        notes are left out.

    Raises:
        UnreadableImageError: If there is no such folder or no file in it.
    """
    found = []
    for path in film_files(folder) if is_folder(folder) else []:
        parents = (part.upper() for part in path.relative_to(folder).parts[:-1])
        named = [part for part in parents if part in CLASSES]
        found.append((path, named[-1] if named else None))
    if not found:
        received = "no film" if is_folder(folder) else "no such folder"
        msg = f"`{folder}` must hold films, at any depth. Received: {received}"
        raise UnreadableImageError(msg, hint="Name a folder that holds films.")
    return found


def draw_films(
    found: Sequence[tuple[Path, str | None]], n_films: int, seed: int
) -> list[tuple[Path, str | None]]:
    """Draw films, the same number of each class as far as there are any.

    Args:
        found: Path and class of each film.
        n_films: Films to draw.
        seed: Seed of the draw.

    Returns:
        The films drawn, the classes in turn, so that the first m of a draw of n are a draw of m.
    """
    rng = np.random.default_rng(seed)
    strata: dict[str | None, list[int]] = {}
    for index in rng.permutation(len(found)).tolist():
        strata.setdefault(found[index][1], []).append(index)
    turns = sorted(
        (turn, str(label), index)
        for label, indices in strata.items()
        for turn, index in enumerate(indices)
    )
    return [found[index] for _, _, index in turns[:n_films]]


def check_folder(
    predictor: Predictor,
    folder: str | Path,
    plan: Plan,
    *,
    on_film: Callable[[int, int], bool | None] | None = None,
) -> dict[str, Any]:
    """Check the maps of films drawn from a folder; each map explains its system's top class.

    Args:
        predictor: The systems.
        folder: Holds films at any depth, see `find_films`.
        plan: What is checked.
        on_film: Called with (films done, films in all); returning `False` ends the check.

    Returns:
        JSON-ready object of schema `cxr-explain-check/1`. Films that could not be read or checked
        are listed and take no part in the figures.

    Raises:
        UnreadableImageError: If there is nothing to read.
        NotApplicableError: If a system is missing.
        CancelledCheckError: If the callback says so.
        ValueError: If a method or a check is unknown, or `n_films` is under 1.
    """
    _require_known(plan)
    folder, started = Path(folder), time.perf_counter()
    found = find_films(folder)
    drawn = draw_films(found, plan.n_films, plan.settings.seed)
    heads = _heads(predictor, plan)
    films: list[FilmMaps] = []
    paths: list[Path] = []
    unreadable = []
    for n_done, (path, label) in enumerate(drawn, start=1):
        name = below(folder, path)
        try:
            films.append(_check_film(predictor, path, name, label, plan, heads))
            paths.append(path)
        except CxrError as err:
            unreadable.append({"file": name, "type": type(err).__name__, "message": str(err)})
        if on_film is not None and on_film(n_done, len(drawn)) is False:
            msg = f"The check was cancelled after {n_done} of {len(drawn)} films"
            raise CancelledCheckError(msg)
    digests = [film.sha256 for film in films]
    patients, patients_from = patient_keys(folder, paths, digests=digests)
    bundle, settings = predictor.bundle, plan.settings
    return {
        "schema": EXPLAIN_CHECK,
        "bundle": {"name": bundle.name, "version": bundle.version, "digest": bundle.digest},
        "variant": predictor.variant,
        "precision": predictor.precision,
        "settings": {
            "checks": list(plan.checks),
            "n_draws": settings.n_draws,
            "n_orders": settings.n_orders,
            "n_steps": settings.n_steps,
            "cover": settings.cover,
            "road_shares": list(settings.road_shares),
            "changes": [change.name for change in settings.changes],
            "seed": settings.seed,
        },
        "n_found": len(found),
        "n_films": len(films),
        "n_by_class": {
            str(label): sum(film.label == label for film in films)
            for label in sorted({film.label for film in films}, key=str)
        },
        "n_patients": len(set(patients)),
        "patients_from": patients_from,
        "unreadable": unreadable,
        **summarise(films, patients, plan.systems, plan.methods, plan.checks, settings.seed),
        "films": [film.record() for film in films],
        "elapsed_s": round(time.perf_counter() - started, 1),
    }


def _require_known(plan: Plan) -> None:
    """Refuse words that no code below understands."""
    if plan.n_films < 1:
        msg = f"`n_films` must be 1 or more. Received: n_films={plan.n_films}"
        raise ValueError(msg)
    for name, words, known in (
        ("methods", plan.methods, tuple(METHODS)),
        ("checks", plan.checks, CHECKS),
    ):
        if not words or set(words) - set(known):
            msg = f"`{name}` must be among {known}. Received: {words}"
            raise ValueError(msg)


def _heads(predictor: Predictor, plan: Plan) -> dict[str, RandomHeads]:
    """Draw the random heads that all films share; refuse systems that are not there."""
    missing = [system for system in plan.systems if system not in predictor.systems]
    if missing:
        msg = f"`systems` must be among {predictor.systems}. Received: {missing}"
        raise NotApplicableError(msg)
    if "randomisation" not in plan.checks:
        return {}
    settings = plan.settings
    return {
        system: random_heads(predictor.heads, system, n_draws=settings.n_draws, seed=settings.seed)
        for system in plan.systems
    }


def _check_film(
    predictor: Predictor,
    path: Path,
    name: str,
    label: str | None,
    plan: Plan,
    heads: Mapping[str, RandomHeads],
) -> FilmMaps:
    """Read one film and check all its maps."""
    radiograph = read_path(path)
    probe = FilmProbe(predictor, radiograph, seed=plan.settings.seed)
    film = FilmMaps(name, radiograph.sha256, label)
    for system in plan.systems:
        target = probe.label(system)
        film.targets[system] = target
        orders = None
        if "order" in plan.checks:
            orders = measure_orders(probe, system, target, plan.settings)
        for method in plan.methods:
            film.grids[system, method] = probe.cam(system, target, method).grid
            try:
                found = check_map(
                    probe,
                    system,
                    method,
                    checks=plan.checks,
                    settings=plan.settings,
                    heads=heads.get(system),
                    orders=orders,
                )
            except NotApplicableError as err:  # a flat map has no order; the others go on
                film.notes[system, method] = str(err)
            else:
                film.values[system, method] = _values(found, orders)
                if found.randomisation is not None:
                    film.stages[system, method] = found.randomisation.stages
    _add_agreement(film, probe, plan.methods)
    return film


def _values(found: MapFidelity, orders: RandomOrders | None) -> dict[str, float]:
    """Return the numbers of one map that are summed up over films."""
    values: dict[str, float] = {}
    if found.order is not None and orders is not None and NOTE_UNMOVED not in orders.notes:
        order = found.order
        values["deletion_beaten"] = order.n_deletion_beaten / order.n_orders
        values["insertion_beaten"] = order.n_insertion_beaten / order.n_orders
        values["deletion_gain"] = order.random_mean - order.deletion.area
        values["insertion_gain"] = order.insertion.area - order.random_mean
        values["random_spread"] = order.random_spread
    if found.road is not None:
        values["road_gap"] = found.road.gap
    if found.repeatability is not None:
        values["repeatability"] = found.repeatability.mean
        values["repeatability_least"] = found.repeatability.least
    return values


def _add_agreement(film: FilmMaps, probe: FilmProbe, methods: Collection[str]) -> None:
    """Compare the members' maps where they name one class."""
    members = list(probe.predictor.members)
    labels = {probe.label(member) for member in members}
    if len(members) < 2 or len(labels) > 1:
        return
    (label,) = labels
    for method in methods:
        cams = [probe.cam(member, label, method) for member in members]
        try:
            film.agreement[method] = agreement(cams).spearman
        except NotApplicableError:  # a flat map agrees with nothing
            continue
