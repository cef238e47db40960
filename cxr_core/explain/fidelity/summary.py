"""Figures over films: mean and interval by system and method, what passes, what comes out best."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import numpy as np

from cxr_core.array import Float64Array
from cxr_core.errors import NotApplicableError
from cxr_core.evaluate.bootstrap import mean_interval
from cxr_core.explain.cam import DEFAULT_METHOD, METHODS
from cxr_core.explain.fidelity.likeness import PairBaseline, pair_baseline, spearman
from cxr_core.explain.fidelity.measure import METRICS, PASS_RULES, FilmMaps, Key

SAME_ORDER: Final = 0.999


def summarise(
    films: Sequence[FilmMaps],
    patients: Sequence[str],
    systems: Sequence[str],
    methods: Sequence[str],
    checks: Collection[str],
    seed: int,
) -> dict[str, Any]:
    """Sum up films.

    Args:
        films: What was measured.
        patients: Patient of each film.
        systems: Systems that were checked.
        methods: Methods that were checked.
        checks: Checks that were made.
        seed: Seed of pairs and resamples.

    Returns:
        JSON-ready values: `interval`, `definitions`, `pass_rules`, `systems`, `methods` (means over
        the systems), `agreement`, `same_order`, `best`, `default`.
    """
    names = [name for name, metric in METRICS.items() if metric.check in checks]
    by_system: dict[str, Any] = {}
    pooled: dict[str, dict[str, list[Float64Array]]] = {
        method: {name: [] for name in names} for method in methods
    }
    for system in systems:
        by_system[system] = {}
        for method in methods:
            key = (system, method)
            arrays, extra = _arrays(films, key, names)
            for name in names:
                pooled[method][name].append(arrays[name])
            figures = _intervals(arrays, patients, seed)
            baseline = _baseline(films, key, seed)
            by_system[system][method] = {
                **figures,
                **extra,
                "baseline": None
                if baseline is None
                else {"ssim": baseline.ssim, "spearman": baseline.spearman},
                "passes": _passes(figures, baseline, checks),
            }
    means = {
        method: {name: _mean_over_systems(arrays) for name, arrays in pooled[method].items()}
        for method in methods
    }
    by_method = {
        method: {
            **_intervals(means[method], patients, seed),
            "is_class_specific": METHODS[method].is_class_specific,
            **_support([by_system[system][method]["passes"] for system in systems]),
        }
        for method in methods
    }
    supported = [
        method
        for method in methods
        if METHODS[method].is_class_specific and by_method[method]["passes_everywhere"]
    ]
    return {
        "interval": "95 %, percentiles of 1,000 resamples of whole patients",
        "definitions": {name: METRICS[name].definition for name in names},
        "pass_rules": dict(PASS_RULES),
        "systems": by_system,
        "methods": by_method,
        "agreement": _agreement(films, patients, methods, seed),
        "same_order": _same_order(films, systems, methods),
        "best": {name: _best(name, means, patients, seed) for name in names},
        "default": {
            "method": DEFAULT_METHOD,
            "is_supported": DEFAULT_METHOD in supported if DEFAULT_METHOD in methods else None,
            "supported_methods": supported,
        },
    }


def _arrays(
    films: Sequence[FilmMaps], key: Key, names: Sequence[str]
) -> tuple[dict[str, Float64Array], dict[str, Any]]:
    """Return one number a film for each metric, and the means of the cascade's stages."""
    missing = float("nan")
    arrays = {
        name: np.array([film.values.get(key, {}).get(name, missing) for film in films], np.float64)
        for name in names
    }
    staged = [film.stages[key] for film in films if key in film.stages]
    if not staged:
        return arrays, {}
    stages = [
        {
            "name": column[0].name,
            "ssim": float(np.mean([stage.ssim for stage in column])),
            "spearman": float(np.mean([stage.spearman for stage in column])),
        }
        for column in zip(*staged, strict=True)
    ]
    lowest = int(np.argmin([stage["ssim"] for stage in stages]))
    for name, part in (("random_ssim", "ssim"), ("random_spearman", "spearman")):
        arrays[name] = np.array(
            [
                getattr(film.stages[key][lowest], part) if key in film.stages else missing
                for film in films
            ],
            np.float64,
        )
    return arrays, {"stages": stages, "lowest_stage": stages[lowest]["name"]}


def _intervals(
    arrays: Mapping[str, Float64Array], patients: Sequence[str], seed: int
) -> dict[str, dict[str, Any]]:
    """Return the mean of each metric with its interval."""
    return {name: mean_interval(values, patients, seed=seed) for name, values in arrays.items()}


def _mean_over_systems(arrays: Sequence[Float64Array]) -> Float64Array:
    """Return a film's mean over the systems that have a value for it."""
    stacked = np.array(arrays)
    n_values = (~np.isnan(stacked)).sum(axis=0)
    totals = np.nansum(stacked, axis=0)
    return np.where(n_values > 0, totals / np.maximum(n_values, 1), np.nan)


def _baseline(films: Sequence[FilmMaps], key: Key, seed: int) -> PairBaseline | None:
    """Return how alike the maps of different films are, where two or more can be compared."""
    try:
        return pair_baseline([film.grids[key] for film in films], seed=seed)
    except NotApplicableError:
        return None


def _passes(
    figures: Mapping[str, Mapping[str, Any]],
    baseline: PairBaseline | None,
    checks: Collection[str],
) -> dict[str, bool | None]:
    """Apply `PASS_RULES`; `None` where a check was made but has no interval."""
    rules: dict[str, tuple[str, str, float | None]] = {
        "deletion": ("order", "deletion_beaten", 0.5),
        "insertion": ("order", "insertion_beaten", 0.5),
        "road": ("road", "road_gap", 0.0),
        "repeatability": (
            "repeatability",
            "repeatability",
            baseline.spearman if baseline else None,
        ),
    }
    passes: dict[str, bool | None] = {}
    if "randomisation" in checks:
        value = figures["random_ssim"]["value"]
        is_known = baseline is not None and value is not None
        passes["randomisation"] = value < baseline.ssim if is_known and baseline else None
    for name, (check, metric, bar) in rules.items():
        if check in checks:
            low = figures[metric]["low"]
            passes[name] = None if low is None or bar is None else low > bar
    return passes


def _support(passes: Sequence[Mapping[str, bool | None]]) -> dict[str, Any]:
    """Count in how many systems each check is passed."""
    counts = {name: sum(entry[name] is True for entry in passes) for name in passes[0]}
    return {
        "n_systems": len(passes),
        "n_systems_passed": counts,
        "passes_everywhere": all(count == len(passes) for count in counts.values()),
    }


def _agreement(
    films: Sequence[FilmMaps], patients: Sequence[str], methods: Sequence[str], seed: int
) -> dict[str, Any]:
    """Return the members' mean agreement by method, over films to which they give one class."""
    missing = float("nan")
    return {
        method: mean_interval(
            np.array([film.agreement.get(method, missing) for film in films], np.float64),
            patients,
            seed=seed,
        )
        for method in methods
    }


def _same_order(
    films: Sequence[FilmMaps], systems: Sequence[str], methods: Sequence[str]
) -> dict[str, list[list[str]]]:
    """Return the pairs of methods that no check can tell apart: one order on every film."""
    found: dict[str, list[list[str]]] = {}
    for system in systems:
        found[system] = [
            [one, other]
            for position, one in enumerate(methods)
            for other in methods[position + 1 :]
            if films and all(_is_same_order(film, system, one, other) for film in films)
        ]
    return found


def _is_same_order(film: FilmMaps, system: str, one: str, other: str) -> bool:
    """Say whether two maps of a film rank the cells alike."""
    try:
        return spearman(film.grids[system, one], film.grids[system, other]) >= SAME_ORDER
    except NotApplicableError:
        return False


def _best(
    name: str,
    means: Mapping[str, Mapping[str, Float64Array]],
    patients: Sequence[str],
    seed: int,
) -> dict[str, Any]:
    """Return the best method with a class by one metric, and those not clearly worse."""
    sign = 1.0 if METRICS[name].is_better_high else -1.0
    scores = {
        method: sign * arrays[name]
        for method, arrays in means.items()
        if METHODS[method].is_class_specific and not np.isnan(arrays[name]).all()
    }
    if not scores:
        return {"method": None, "value": None, "lead": {}, "not_told_apart_from": []}
    best = max(scores, key=lambda method: float(np.nanmean(scores[method])))
    lead = {
        method: mean_interval(scores[best] - values, patients, seed=seed)
        for method, values in scores.items()
        if method != best
    }
    return {
        "method": best,
        "value": float(np.nanmean(means[best][name])),
        "lead": lead,
        "not_told_apart_from": [
            method for method, found in lead.items() if found["low"] is None or found["low"] <= 0
        ],
    }
