"""Read what one folder holds of a run: settings, records and histories, however far it got."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from cxr_core.bundle import MANIFEST
from cxr_core.errors import CxrError, SpecMismatchError
from cxr_core.labels import SYSTEMS
from cxr_core.training_run.history import HINT, History, history_from_rows, read_history
from cxr_core.training_run.record import (
    PRETRAINING_SCHEMA,
    RUN_SCHEMA,
    as_mapping,
    as_real,
    as_whole,
    check_schema,
    flat_settings,
    read_json,
    validation_split,
)
from cxr_core.training_run.run import Run, Skipped, State, SystemRun

RUNNING_WITHIN_S: Final = 600.0
"""A run that was written to within this time is running; longer where its epochs take longer."""

HISTORY: Final = "history.csv"
_RECORD: Final = "run.json"
_START: Final = "config.json"
_PRETRAINING: Final = "pretraining.json"
_CHECKPOINT: Final = "checkpoint/state.json"


class RunReader:
    """Reads runs one by one and keeps what it skipped.

    Args:
        root: Folder that was searched; runs are named by their paths below it.
        now: Time that decides what is running, in seconds since 1970.

    Attributes:
        runs: The runs read so far.
        skipped: What could not be used, with reasons.
    """

    def __init__(self, root: Path, now: float) -> None:
        self.root = root
        self.now = now
        self.runs: list[Run] = []
        self.skipped: list[Skipped] = []

    def read(self, folder: Path) -> None:
        """Read whatever kind of run a folder holds; what cannot be read is noted as skipped.

        Args:
            folder: At or below `root`, for which `is_run` is true.
        """
        try:
            if (folder / MANIFEST).is_file():
                self._read_bundle(folder)
            elif not _is_training(folder):
                self.runs.append(self._pretraining(folder))
            else:
                self._read_training(folder)
        except CxrError as err:
            self._skip(folder, err)

    def read_variant(
        self, folder: Path, prefix: str, name: str, training: Mapping[str, Any], created: str
    ) -> None:
        """Add the run of one variant of a bundle, if it has any history.

        Args:
            folder: Folder of the bundle.
            prefix: What its key starts with.
            name: Name of the variant.
            training: What the manifest says of its training.
            created: Date and time of the bundle in ISO 8601.
        """
        systems = self._systems(folder / "variants" / name, {})
        if systems:
            config = as_mapping(training.get("config")) or {
                key: value for key, value in training.items() if key in ("preset", "seed")
            }
            self.runs.append(
                Run(
                    key=f"{prefix}:{name}",
                    kind="published",
                    state="finished",
                    created=created,
                    config=flat_settings(config),
                    validation=validation_split(config, training),
                    systems=systems,
                )
            )

    def _read_bundle(self, folder: Path) -> None:
        """Add the runs of a bundle whose hashes nobody has checked."""
        manifest = read_json(folder / MANIFEST)
        for name, entry in sorted(as_mapping(manifest.get("variants")).items()):
            if Path(name).name == name:
                training = as_mapping(as_mapping(entry).get("training"))
                created = str(manifest.get("created", ""))
                self.read_variant(folder, self._name(folder), name, training, created)

    def _read_training(self, folder: Path) -> None:
        """Add a run of `python -m train`, however far it got."""
        n_skipped = len(self.skipped)
        record = self._record(folder / _RECORD)
        start = record or self._record(folder / _START) or {}
        systems = self._systems(folder, as_mapping((record or {}).get("systems")))
        config = as_mapping(start.get("config"))
        if not systems and not config:
            if len(self.skipped) > n_skipped:
                return
            msg = "The folder must hold settings or a history of a run. Received: neither"
            raise SpecMismatchError(msg, hint=HINT)
        newest = _newest([folder / _START, *(folder / "runs").glob("*/*")])
        self.runs.append(
            Run(
                key=self._name(folder),
                kind="training",
                state="finished" if record else self._state(newest, systems),
                created=str(start.get("created", "")),
                config=flat_settings(config),
                validation=validation_split(config, start),
                systems=systems,
            )
        )

    def _pretraining(self, folder: Path) -> Run:
        """Read a pre-training: its record, or its checkpoint while there is no record."""
        record_path, state_path = folder / _PRETRAINING, folder / _CHECKPOINT
        is_finished = record_path.is_file()
        record = read_json(record_path if is_finished else state_path)
        if is_finished:
            check_schema(record, record_path, PRETRAINING_SCHEMA)
        config = as_mapping(record.get("config") if is_finished else record.get("recipe"))
        rows = record.get("history")
        if not config or not isinstance(rows, list):
            msg = "The folder must hold a pre-training. Received: no settings or no history"
            raise SpecMismatchError(msg, hint=HINT)
        history = history_from_rows(rows)
        name = str(config.get("backbone", "backbone"))
        last = int(history.epochs[-1]) if is_finished and len(history) else None
        systems = {name: SystemRun(name, history, history.best_epoch, chosen_epoch=last)}
        return Run(
            key=self._name(folder),
            kind="pretraining",
            state="finished" if is_finished else self._state(_newest([state_path]), systems),
            created=str(record.get("created", "")),
            config=flat_settings(config),
            validation="",
            systems=systems,
        )

    def _systems(self, folder: Path, records: Mapping[str, Any]) -> dict[str, SystemRun]:
        """Read the histories below `folder/runs`; one that cannot be read is skipped alone."""
        found = {}
        paths = {path.parent.name: path for path in (folder / "runs").glob(f"*/{HISTORY}")}
        for name in sorted(paths, key=_display_order):
            try:
                record = as_mapping(records.get(name)) or self._record(
                    paths[name].with_name(_RECORD)
                )
                found[name] = _system(name, read_history(paths[name]), record or {})
            except CxrError as err:
                self._skip(paths[name], err)
        return found

    def _record(self, path: Path) -> dict[str, Any] | None:
        """Read a record; `None` if it is not there, or not yet whole (which is noted)."""
        if not path.is_file():
            return None
        try:
            record = read_json(path)
        except CxrError as err:
            self._skip(path, err)
            return None
        check_schema(record, path, RUN_SCHEMA)
        return record

    def _state(self, newest: float, systems: Mapping[str, SystemRun]) -> State:
        """Tell a run that goes on from one that was stopped, by when it was last written to."""
        last = [run.history.column("seconds")[-3:] for run in systems.values()]
        known = (float(s) for seconds in last for s in seconds if math.isfinite(s))
        longest = max(known, default=0.0)
        limit = max(RUNNING_WITHIN_S, 3.0 * longest if longest > 0 else 0.0)
        return "running" if abs(self.now - newest) <= limit else "stopped"

    def _skip(self, path: Path, err: CxrError) -> None:
        """Note what could not be used."""
        self.skipped.append(Skipped(self._name(path), str(err)))

    def _name(self, path: Path) -> str:
        """Return a path below the searched folder; the folder itself by its own name."""
        relative = path.relative_to(self.root).as_posix()
        return relative if relative != "." else path.resolve().name or "run"


def _system(name: str, history: History, record: Mapping[str, Any]) -> SystemRun:
    """Join a history with the record of its system."""
    return SystemRun(
        name=name,
        history=history,
        best_epoch=as_whole(record.get("best_epoch")) or history.best_epoch,
        chosen_epoch=as_whole(record.get("chosen_epoch")),
        chosen_by=str(record.get("chosen_by", "")),
        n_parameters=as_whole(record.get("n_parameters")),
        fit_seconds=as_real(record.get("fit_seconds")),
        test=as_mapping(record.get("test")),
    )


def is_run(folder: Path) -> bool:
    """Tell whether a folder claims to be a run of any kind.

    Args:
        folder: Any folder.

    Returns:
        True if it holds a file that only runs, pre-trainings and bundles have.

    Raises:
        OSError: If it may not be read.
    """
    names = (MANIFEST, _PRETRAINING, _CHECKPOINT)
    return any((folder / name).is_file() for name in names) or _is_training(folder)


def _is_training(folder: Path) -> bool:
    """Tell whether a folder claims to be a run of `python -m train`."""
    if (folder / _PRETRAINING).is_file():
        return False
    files = (folder / _RECORD, folder / _START)
    return any(path.is_file() for path in files) or any((folder / "runs").glob(f"*/{HISTORY}"))


def _newest(paths: Sequence[Path]) -> float:
    """Return the latest time at which one of the files was changed; 0 if there is none."""
    times = [0.0]
    for path in paths:
        try:
            times.append(path.stat().st_mtime)
        except OSError:
            continue
    return max(times)


def _display_order(name: str) -> tuple[int, str]:
    """Sort systems as they are displayed, others after them by name."""
    return (SYSTEMS.index(name) if name in SYSTEMS else len(SYSTEMS), name)
