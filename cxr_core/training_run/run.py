"""What is known of one training run, and in which settings runs differ; values only, no files."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from cxr_core.training_run.history import History

State = Literal["finished", "running", "stopped"]
Kind = Literal["training", "pretraining", "published"]


@dataclass(frozen=True, eq=False)
class SystemRun:
    """What training one system left behind.

    Attributes:
        name: System name, or the backbone's of a pre-training.
        history: What each epoch measured.
        best_epoch: Epoch of the lowest validation loss, or `None` without one.
        chosen_epoch: Epoch whose weights are used, or `None` while that is open.
        chosen_by: What chose it, in words, for example `loss on the test films`; may be empty.
        n_parameters: Trained parameters, or `None` where not recorded.
        fit_seconds: Seconds of fitting, or `None` where not recorded.
        test: Figures on the test films as `cxr_core.evaluate` writes them; empty without.
    """

    name: str
    history: History
    best_epoch: int | None
    chosen_epoch: int | None = None
    chosen_by: str = ""
    n_parameters: int | None = None
    fit_seconds: float | None = None
    test: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Run:
    """One run of one recipe.

    Attributes:
        key: Unique among the runs of one search: path below the folder; of a published run the
            bundle's path, a colon and the variant.
        kind: Training of heads, pre-training of a backbone, or published in a bundle.
        state: `running` if it was written to lately and has no record of its end.
        created: Start in ISO 8601, UTC; empty where not recorded.
        config: Setting to JSON value, nested ones by dotted name; empty where not recorded.
        validation: Split that gave the validation figures, for example `test`; may be empty.
        systems: System name to what is known of it, in display order.
    """

    key: str
    kind: Kind
    state: State
    created: str
    config: Mapping[str, Any]
    validation: str
    systems: Mapping[str, SystemRun]


@dataclass(frozen=True)
class Skipped:
    """A file that claims to belong to a run and could not be used.

    Attributes:
        name: Path below the folder that was searched.
        reason: What is wrong, in words.
    """

    name: str
    reason: str


@dataclass(frozen=True, eq=False)
class RunList:
    """What a search found.

    Attributes:
        runs: In the order of their keys.
        skipped: What could not be used, with reasons.
        n_other: Folders directly below the searched one in which no run was found.
    """

    runs: tuple[Run, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    n_other: int = 0


def config_differences(
    runs: Sequence[Run], *, ignore: Collection[str] = ()
) -> dict[str, dict[str, Any]]:
    """Return the settings in which runs differ.

    Args:
        runs: The runs to compare.
        ignore: Settings to leave out, for example titles.

    Returns:
        Setting to (run key to value), in the order in which the runs record them; a run that does
        not record a setting is not in its mapping. Empty for fewer than two runs. Runs that record
        no setting at all are not compared.
    """
    recorded = [run for run in runs if run.config]
    names = dict.fromkeys(name for run in recorded for name in run.config if name not in ignore)
    differences = {}
    for name in names:
        values = {run.key: run.config[name] for run in recorded if name in run.config}
        distinct = {json.dumps(value, sort_keys=True) for value in values.values()}
        if len(distinct) > 1 or len(values) < len(recorded):
            differences[name] = values
    return differences
