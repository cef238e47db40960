"""What a checklist is filled from: one variant of a bundle and the files that tell of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cxr_core.bundle import Bundle, VariantEntry

TEST_SET = "test"
"""Title of the set that nothing was chosen by, in a bundle that was published as it should be."""


@dataclass(frozen=True)
class Subject:
    """One variant of a bundle. What the bundle does not tell is empty here, never guessed.

    Attributes:
        bundle: The bundle.
        variant: Name of the variant.
    """

    bundle: Bundle
    variant: str

    @property
    def entry(self) -> VariantEntry:
        """The variant's part of the manifest."""
        return self.bundle.variant(self.variant)

    @property
    def config(self) -> Mapping[str, Any]:
        """Settings of the run that trained it."""
        return dict(self.entry.training.get("config", {}))

    @property
    def data(self) -> Mapping[str, Any]:
        """What the run recorded of its films."""
        return dict(self.entry.training.get("data", {}))

    @cached_property
    def dataset(self) -> Mapping[str, Any]:
        """What is told of all films, `dataset.json`."""
        return self.bundle.dataset() or {}

    @cached_property
    def sets(self) -> Mapping[str, Mapping[str, Any]]:
        """Title of a set of films to what was measured on it; sets without a film are left out."""
        sets = (self.bundle.evaluation(self.variant) or {"sets": {}})["sets"]
        return {title: found for title, found in sets.items() if found.get("n_films")}

    @property
    def test(self) -> Mapping[str, Any] | None:
        """What was measured on the test films."""
        return self.sets.get(TEST_SET)

    @property
    def other_sets(self) -> Mapping[str, Mapping[str, Any]]:
        """Sets in which no film shows COVID-19."""
        return {t: s for t, s in self.sets.items() if not s["n_by_class"].get("COVID19")}

    @cached_property
    def trust(self) -> Mapping[str, Any]:
        """What calibration, prediction sets and gate were fitted to, `trust.json`."""
        path = self.entry.trust_path
        return {} if path is None else (self.bundle.read_json(path) or {})

    @cached_property
    def gate_table(self) -> Mapping[str, Any]:
        """What the refusal gate of this variant refuses, from `gate.json`."""
        tables = (self.bundle.gate_table() or {}).get("variants", {})
        return dict(tables.get(self.variant) or {})

    @cached_property
    def runs(self) -> Mapping[str, Mapping[str, Any]]:
        """System to what its training recorded; systems without a record are absent."""
        found = {name: self.run_path(name) for name in self.entry.systems}
        read = {name: self.bundle.read_json(path) for name, path in found.items()}
        return {name: record for name, record in read.items() if record}

    def run_path(self, system: str) -> str:
        """Return the path of a system's record below the bundle's folder.

        Args:
            system: System name.

        Returns:
            The path; the bundle may not have it.
        """
        return f"variants/{self.variant}/runs/{system}/run.json"

    @property
    def lead(self) -> str:
        """The system that speaks for all where one has to: the last ensemble, or the last one."""
        return self.entry.systems[-1]
