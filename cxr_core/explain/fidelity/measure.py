"""The numbers of the folder check, the rules of passing, and what is kept of one film."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from cxr_core.explain.fidelity.likeness import Grid
from cxr_core.explain.fidelity.randomise import Stage

Key = tuple[str, str]
"""System and method."""


@dataclass(frozen=True)
class Metric:
    """One number a map that is averaged over films.

    Attributes:
        check: Key of `CHECKS` that it belongs to.
        is_better_high: Whether a large value speaks for the map.
        definition: What the number is.
    """

    check: str
    is_better_high: bool
    definition: str


METRICS: Final[Mapping[str, Metric]] = {
    "random_ssim": Metric(
        "randomisation",
        is_better_high=False,
        definition=(
            "SSIM of the trained map and those of random heads, at the stage where its mean is "
            "lowest"
        ),
    ),
    "random_spearman": Metric(
        "randomisation",
        is_better_high=False,
        definition="Spearman's correlation of the same signed maps, at that stage",
    ),
    "deletion_beaten": Metric(
        "order",
        is_better_high=True,
        definition="share of random orders whose deletion area is larger than the map's",
    ),
    "deletion_gain": Metric(
        "order",
        is_better_high=True,
        definition="mean deletion area of random orders less the map's, in probability",
    ),
    "insertion_beaten": Metric(
        "order",
        is_better_high=True,
        definition="share of random orders whose insertion area is smaller than the map's",
    ),
    "insertion_gain": Metric(
        "order",
        is_better_high=True,
        definition="the map's insertion area less the mean of random orders, in probability",
    ),
    "road_gap": Metric(
        "road",
        is_better_high=True,
        definition=(
            "mean probability with the least relevant cells imputed less that with the most "
            "relevant ones"
        ),
    ),
    "repeatability": Metric(
        "repeatability",
        is_better_high=True,
        definition="Spearman's correlation with the maps of shifted and noisy copies, shifted back",
    ),
}

PASS_RULES: Final[Mapping[str, str]] = {
    "randomisation": (
        "mean SSIM at the lowest stage is below the mean SSIM of 50 random pairs of trained maps "
        "(Arun et al. 2021, doi:10.1148/ryai.2021200267)"
    ),
    "deletion": "the interval of the share of random orders beaten lies above 0.5",
    "insertion": "the interval of the share of random orders beaten lies above 0.5",
    "road": "the interval of the gap lies above 0",
    "repeatability": (
        "the interval lies above the mean Spearman's correlation of 50 random pairs of trained maps"
    ),
}


@dataclass(eq=False)
class FilmMaps:
    """What was measured of one film; filled while it is checked, then left alone.

    Attributes:
        name: The film's path below the folder.
        sha256: Digest of its bytes.
        label: Class that its folder tells, or `None`.
        targets: System to the class that its maps explain.
        grids: Raw maps.
        values: Numbers of `METRICS` and a few more.
        stages: Stages of the randomisation.
        notes: Why a map was not checked.
        agreement: Method to the members' agreement, where they name one class.
    """

    name: str
    sha256: str
    label: str | None
    targets: dict[str, str] = field(default_factory=dict)
    grids: dict[Key, Grid] = field(default_factory=dict)
    values: dict[Key, dict[str, float]] = field(default_factory=dict)
    stages: dict[Key, tuple[Stage, ...]] = field(default_factory=dict)
    notes: dict[Key, str] = field(default_factory=dict)
    agreement: dict[str, float] = field(default_factory=dict)

    def record(self) -> dict[str, Any]:
        """Return the film as JSON-ready values, without its maps."""
        systems: dict[str, Any] = {
            system: {"explained": target, "methods": {}} for system, target in self.targets.items()
        }
        for system, method in self.grids:
            entry: dict[str, Any] = dict(self.values.get((system, method), {}))
            if (system, method) in self.stages:
                entry["stages"] = [
                    {"name": stage.name, "spearman": stage.spearman, "ssim": stage.ssim}
                    for stage in self.stages[system, method]
                ]
            if (system, method) in self.notes:
                entry["note"] = self.notes[system, method]
            systems[system]["methods"][method] = entry
        return {
            "file": self.name,
            "sha256": self.sha256,
            "class": self.label,
            "systems": systems,
            "agreement": dict(self.agreement),
        }
