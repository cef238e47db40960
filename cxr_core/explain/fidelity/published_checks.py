"""What the checks of a folder found of a variant's maps, as a bundle keeps it, without films."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cxr_core.errors import SpecMismatchError
from cxr_core.explain.fidelity.measure import METRICS, PASS_RULES
from cxr_core.schema import EXPLAIN_CHECK

SCHEMA: Final = "cxr-map-checks/1"
SEEDS_SCHEMA: Final = "cxr-map-seeds/1"
"""What `benchmarks.map_seeds` writes: do heads of other seeds draw the same maps?"""


@dataclass(frozen=True)
class KnownChecks:
    """What is known of the maps of one system by one method.

    Attributes:
        system: System name.
        method: Key of `cxr_core.explain.cam.METHODS`.
        figures: Key of `METRICS` to {value, low, high, n}; metrics that were not measured are
            absent.
        passes: Key of `PASS_RULES` to whether the rule holds; `None` where it could not be told,
            absent where it was not checked.
        ssim_bar: SSIM that randomised maps must fall below, or `None`.
        n_films: Films of the smallest check.
        seeds: Mean rank correlation with maps of heads of other seeds, {value, low, high, n}, or
            `None` where that was not measured.
    """

    system: str
    method: str
    figures: Mapping[str, Mapping[str, Any]]
    passes: Mapping[str, bool | None]
    ssim_bar: float | None
    n_films: int
    seeds: Mapping[str, Any] | None = None

    @property
    def failed(self) -> tuple[str, ...]:
        """Checks that were made and are not passed."""
        return tuple(name for name, verdict in self.passes.items() if verdict is not True)


def merge_checks(
    checked: Sequence[Mapping[str, Any]], *, fitted_to: Mapping[str, str]
) -> dict[str, Any]:
    """Put what several runs of `explain-check` found of one variant into one object.

    Args:
        checked: Objects of schema `cxr-explain-check/1` of one variant; a check of a system and a
            method that stands in two of them counts as in the later one. One of `SEEDS_SCHEMA` may
            be among them.
        fitted_to: `Bundle.fingerprint` of the variant.

    Returns:
        JSON-ready object of schema `cxr-map-checks/1`, without films.

    Raises:
        SpecMismatchError: If an object is of another schema, or they are of different variants.
    """
    variants = {str(each.get("variant")) for each in checked}
    by_seed = [each for each in checked if each.get("schema") == SEEDS_SCHEMA]
    checked = [each for each in checked if each.get("schema") != SEEDS_SCHEMA]
    schemas = {each.get("schema") for each in checked}
    if len(variants) != 1 or schemas != {EXPLAIN_CHECK}:
        msg = (
            f"`checked` must be objects of {EXPLAIN_CHECK} and of one variant. "
            f"Received: {sorted(map(str, schemas))} of {sorted(variants)}"
        )
        raise SpecMismatchError(msg, hint="Give files that `explain-check --out` has written.")
    systems: dict[str, dict[str, dict[str, Any]]] = {}
    for each in checked:
        for system, methods in each["systems"].items():
            for method, entry in methods.items():
                known = systems.setdefault(system, {}).setdefault(method, {"passes": {}})
                known |= {name: entry[name] for name in METRICS if name in entry}
                known["passes"] = known["passes"] | entry["passes"]
                if "random_ssim" in entry:
                    known["baseline"] = entry["baseline"]
                if "stages" in entry:  # not where no film had a map to be randomised
                    known["stages"] = entry["stages"]
    for each in by_seed:
        for system, methods in each["systems"].items():
            for method, figure in methods.items():
                if method in systems.get(system, {}):
                    systems[system][method]["seeds"] = figure
    kept = ("n_films", "n_by_class", "n_patients", "patients_from", "settings", "interval")
    return {
        "schema": SCHEMA,
        "variant": variants.pop(),
        "fitted_to": dict(fitted_to),
        "pass_rules": dict(PASS_RULES),
        "definitions": {name: metric.definition for name, metric in METRICS.items()},
        "runs": [{name: each[name] for name in kept} for each in checked],
        "systems": systems,
        "agreement": next((each["agreement"] for each in checked if each.get("agreement")), {}),
    }


def known_checks(content: Mapping[str, Any] | None, system: str, method: str) -> KnownChecks | None:
    """Return what is known of the maps of one system by one method.

    Args:
        content: Object of `merge_checks`, or `None`.
        system: System name.
        method: Key of `cxr_core.explain.cam.METHODS`.

    Returns:
        What is known, or `None` where nothing was checked.
    """
    entry = ((content or {}).get("systems", {}).get(system) or {}).get(method)
    if not entry or not entry["passes"]:
        return None
    figures = {name: entry[name] for name in METRICS if name in entry}
    baseline = entry.get("baseline")
    return KnownChecks(
        system,
        method,
        figures,
        dict(entry["passes"]),
        None if baseline is None else float(baseline["ssim"]),
        min(int(figure["n"]) for figure in figures.values()),
        entry.get("seeds"),
    )
