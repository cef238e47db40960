"""The facts that items name: how each is told, and from which files of the bundle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from cxr_core.bundle import AUDIT, DATASET, GATE, MANIFEST
from cxr_core.checklist import facts_check, facts_data, facts_model, facts_result
from cxr_core.checklist.subject import Subject

EVALUATION: Final = "evaluation"
RUNS: Final = "runs"
TRUST: Final = "trust"
MAP_CHECKS: Final = "map_checks"


@dataclass(frozen=True)
class Fact:
    """Something that a bundle may tell.

    Attributes:
        tell: Returns the text, or `None` where the bundle does not tell.
        told_by: Files of the bundle; `evaluation`, `runs`, `trust` and `map_checks` stand for those
            of the variant.
    """

    tell: Callable[[Subject], str | None]
    told_by: tuple[str, ...]

    def files(self, subject: Subject) -> tuple[str, ...]:
        """Return the paths of the files, for one variant.

        Args:
            subject: The variant.

        Returns:
            Paths below the bundle's folder.
        """
        entry = subject.entry
        own = {
            EVALUATION: (entry.evaluation_path,),
            RUNS: tuple(subject.run_path(name) for name in subject.runs),
            TRUST: (entry.trust_path,),
            MAP_CHECKS: (entry.map_checks_path,),
        }
        found = [path for name in self.told_by for path in own.get(name, (name,))]
        return tuple(path for path in found if path)


FACTS: Final = MappingProxyType(
    {
        "technology": Fact(facts_model.technology, (MANIFEST,)),
        "architecture": Fact(facts_model.architecture, (MANIFEST, RUNS)),
        "preprocessing": Fact(facts_model.preprocessing, (MANIFEST,)),
        "software": Fact(facts_model.software, (MANIFEST,)),
        "initial_weights": Fact(facts_model.initial_weights, (MANIFEST,)),
        "training": Fact(facts_model.training, (MANIFEST,)),
        "model_choice": Fact(facts_model.model_choice, (RUNS,)),
        "ensembling": Fact(facts_model.ensembling, (RUNS,)),
        "output": Fact(facts_model.output, (MANIFEST, TRUST)),
        "class_imbalance": Fact(facts_model.class_imbalance, (MANIFEST,)),
        "calibration": Fact(facts_model.calibration, (TRUST,)),
        "specification": Fact(facts_model.specification, (MANIFEST,)),
        "sources": Fact(facts_data.sources, (DATASET,)),
        "label_sources": Fact(facts_data.label_sources, (DATASET,)),
        "licenses": Fact(facts_data.licenses, (DATASET,)),
        "source_and_class": Fact(facts_data.source_and_class, (DATASET,)),
        "partition": Fact(facts_data.partition, (MANIFEST,)),
        "disjoint": Fact(facts_data.disjoint, (MANIFEST,)),
        "exclusions": Fact(facts_data.exclusions, (MANIFEST,)),
        "missing": Fact(facts_data.missing, (DATASET,)),
        "participants": Fact(facts_data.participants, (DATASET,)),
        "characteristics": Fact(facts_data.characteristics, (DATASET,)),
        "training_against_test": Fact(facts_data.training_against_test, (DATASET,)),
        "added": Fact(facts_data.added, (MANIFEST,)),
        "internal_test": Fact(facts_data.internal_test, (EVALUATION,)),
        "metrics": Fact(facts_result.metrics, (EVALUATION,)),
        "uncertainty": Fact(facts_result.uncertainty, (EVALUATION,)),
        "performance": Fact(facts_result.performance, (EVALUATION,)),
        "diagnostic": Fact(facts_result.diagnostic, (EVALUATION,)),
        "external": Fact(facts_result.external, (EVALUATION,)),
        "failures": Fact(facts_result.failures, (EVALUATION,)),
        "subgroups": Fact(facts_result.subgroups, (EVALUATION,)),
        "calibration_gain": Fact(facts_result.calibration_gain, (EVALUATION,)),
        "limitations": Fact(facts_result.limitations, (MANIFEST, EVALUATION)),
        "refusal": Fact(facts_check.refusal, (GATE,)),
        "map_checks": Fact(facts_check.map_checks, (MAP_CHECKS,)),
        "robustness": Fact(facts_check.robustness, (AUDIT,)),
    }
)
"""Name of a fact, as items use it, to how it is told."""
