"""Training runs as they lie on disk: finished, being written, stopped, pre-trained or published.

RUN/config.json                     settings, written at the start
RUN/run.json                        settings and figures, written at the end
RUN/runs/<system>/history.csv       one row an epoch, rewritten after every epoch
RUN/runs/<system>/run.json          figures of one system
DIR/pretraining.json                a finished pre-training; until then DIR/checkpoint/state.json
BUNDLE/variants/<variant>/runs/     as RUN/runs, published

Nothing here writes. What claims to be a run and cannot be read is listed with its reason; folders
that claim nothing are only counted, because names of folders may name people.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cxr_core.errors import CxrError, SpecMismatchError
from cxr_core.history import History, history_from_rows, read_history, read_text
from cxr_core.labels import SYSTEMS
from cxr_core.run import Run, RunList, Skipped, State, SystemRun

if TYPE_CHECKING:
    from cxr_core.bundle import Bundle

RUN_SCHEMA: Final = "cxr-run/1"
PRETRAINING_SCHEMA: Final = "cxr-pretraining/1"

PUBLISHED: Final = "published"
"""First part of the key of a run of the bundle in use."""

RUNNING_WITHIN_S: Final = 600.0
"""A run that was written to within this time is running; longer where its epochs take longer."""

MAX_DEPTH: Final = 3
"""Levels of folders that are searched below the one that was named."""

MAX_FOLDERS: Final = 5_000
"""Folders that are looked at in one search."""

_HISTORY: Final = "history.csv"
_RECORD: Final = "run.json"
_START: Final = "config.json"
_PRETRAINING: Final = "pretraining.json"
_CHECKPOINT: Final = "checkpoint/state.json"
_BUNDLE: Final = "bundle.json"
_HINT: Final = "Name a folder that `python -m train` has written."


def find_runs(folder: str | Path, *, now: float | None = None) -> RunList:
    """Find and read the runs at or below a folder.

    Args:
        folder: A run, a pre-training, a bundle, or a folder that holds some of them.
        now: Time that decides what is running, in seconds since 1970; the clock's if `None`.

    Returns:
        The runs, and what was skipped.

    Raises:
        SpecMismatchError: If there is no such folder, or it may not be read.
    """
    folder = Path(folder)
    try:
        children = _subfolders(folder)
    except OSError as err:
        msg = f"`folder` must be a readable folder. Received: {err.strerror or err}"
        raise SpecMismatchError(msg, hint="Check the name of the folder.") from err
    reader = _Reader(folder, time.time() if now is None else now)
    if _is_marked(folder):
        reader.read(folder)
    else:
        budget = iter(range(MAX_FOLDERS))
        for child in children:
            marked = list(_marked_below(child, MAX_DEPTH, budget))
            reader.n_other += not marked
            for path in marked:
                reader.read(path)
    return RunList(
        tuple(sorted(reader.runs, key=lambda run: run.key)), tuple(reader.skipped), reader.n_other
    )


def bundle_runs(bundle: Bundle) -> RunList:
    """Read the runs of every variant of a verified bundle.

    Args:
        bundle: The bundle.

    Returns:
        One run for each variant that has a history, and what was skipped.
    """
    names = {
        name: variant.training
        for name, variant in bundle.variants.items()
        if any(
            path.startswith(f"variants/{name}/runs/") and path.endswith(_HISTORY)
            for path in bundle.files
        )
    }
    if not names:
        return RunList()
    bundle.check(*(path for path in bundle.files if path.split("/")[2:3] == ["runs"]))
    reader = _Reader(bundle.folder, now=0.0)
    for name, training in names.items():
        reader.read_variant(bundle.folder, PUBLISHED, name, training, bundle.created)
    return RunList(tuple(reader.runs), tuple(reader.skipped))


class _Reader:
    """Reads runs one by one and keeps what it skipped."""

    def __init__(self, root: Path, now: float) -> None:
        self.root = root
        self.now = now
        self.runs: list[Run] = []
        self.skipped: list[Skipped] = []
        self.n_other = 0

    def read(self, folder: Path) -> None:
        """Read whatever kind of run a folder holds."""
        try:
            if (folder / _BUNDLE).is_file():
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
        """Add the run of one variant of a bundle, if it has any history."""
        systems = self._systems(folder / "variants" / name, {})
        if systems:
            config = _mapping(training.get("config")) or {
                key: value for key, value in training.items() if key in ("preset", "seed")
            }
            self.runs.append(
                Run(
                    key=f"{prefix}:{name}",
                    kind="published",
                    state="finished",
                    created=created,
                    config=_flat(config),
                    validation=_validation(config, training),
                    systems=systems,
                )
            )

    def _read_bundle(self, folder: Path) -> None:
        """Add the runs of a bundle whose hashes nobody has checked."""
        manifest = _read_json(folder / _BUNDLE)
        for name, entry in sorted(_mapping(manifest.get("variants")).items()):
            if Path(name).name == name:
                training = _mapping(_mapping(entry).get("training"))
                created = str(manifest.get("created", ""))
                self.read_variant(folder, self._name(folder), name, training, created)

    def _read_training(self, folder: Path) -> None:
        """Add a run of `python -m train`, however far it got."""
        n_skipped = len(self.skipped)
        record = self._record(folder / _RECORD)
        start = record or self._record(folder / _START) or {}
        systems = self._systems(folder, _mapping((record or {}).get("systems")))
        config = _mapping(start.get("config"))
        if not systems and not config:
            if len(self.skipped) > n_skipped:
                return
            msg = "The folder must hold settings or a history of a run. Received: neither"
            raise SpecMismatchError(msg, hint=_HINT)
        newest = _newest([folder / _START, *(folder / "runs").glob("*/*")])
        self.runs.append(
            Run(
                key=self._name(folder),
                kind="training",
                state="finished" if record else self._state(newest, systems),
                created=str(start.get("created", "")),
                config=_flat(config),
                validation=_validation(config, start),
                systems=systems,
            )
        )

    def _pretraining(self, folder: Path) -> Run:
        """Read a pre-training: its record, or its checkpoint while there is no record."""
        record_path, state_path = folder / _PRETRAINING, folder / _CHECKPOINT
        is_finished = record_path.is_file()
        record = _read_json(record_path if is_finished else state_path)
        if is_finished:
            _check_schema(record, record_path, PRETRAINING_SCHEMA)
        config = _mapping(record.get("config") if is_finished else record.get("recipe"))
        rows = record.get("history")
        if not config or not isinstance(rows, list):
            msg = "The folder must hold a pre-training. Received: no settings or no history"
            raise SpecMismatchError(msg, hint=_HINT)
        history = history_from_rows(rows)
        name = str(config.get("backbone", "backbone"))
        last = int(history.epochs[-1]) if is_finished and len(history) else None
        systems = {name: SystemRun(name, history, history.best_epoch, chosen_epoch=last)}
        return Run(
            key=self._name(folder),
            kind="pretraining",
            state="finished" if is_finished else self._state(_newest([state_path]), systems),
            created=str(record.get("created", "")),
            config=_flat(config),
            validation="",
            systems=systems,
        )

    def _systems(self, folder: Path, records: Mapping[str, Any]) -> dict[str, SystemRun]:
        """Read the histories below `folder/runs`; one that cannot be read is skipped alone."""
        found = {}
        paths = {path.parent.name: path for path in (folder / "runs").glob(f"*/{_HISTORY}")}
        for name in sorted(paths, key=_display_order):
            try:
                record = _mapping(records.get(name)) or self._record(paths[name].with_name(_RECORD))
                found[name] = _system(name, read_history(paths[name]), record or {})
            except CxrError as err:
                self._skip(paths[name], err)
        return found

    def _record(self, path: Path) -> dict[str, Any] | None:
        """Read a record; `None` if it is not there, or not yet whole (which is noted)."""
        if not path.is_file():
            return None
        try:
            record = _read_json(path)
        except CxrError as err:
            self._skip(path, err)
            return None
        _check_schema(record, path, RUN_SCHEMA)
        return record

    def _state(self, newest: float, systems: Mapping[str, SystemRun]) -> State:
        """Tell a run that goes on from one that was stopped, by when it was last written to."""
        longest = max(
            (float(s) for run in systems.values() for s in run.history.column("seconds")[-3:]),
            default=0.0,
        )
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
        best_epoch=_whole(record.get("best_epoch")) or history.best_epoch,
        chosen_epoch=_whole(record.get("chosen_epoch")),
        chosen_by=str(record.get("chosen_by", "")),
        n_parameters=_whole(record.get("n_parameters")),
        fit_seconds=_real(record.get("fit_seconds")),
        test=_mapping(record.get("test")),
    )


def _is_training(folder: Path) -> bool:
    """Tell whether a folder claims to be a run of `python -m train`."""
    if (folder / _PRETRAINING).is_file():
        return False
    files = (folder / _RECORD, folder / _START)
    return any(path.is_file() for path in files) or any((folder / "runs").glob(f"*/{_HISTORY}"))


def _is_marked(folder: Path) -> bool:
    """Tell whether a folder claims to be a run of any kind."""
    names = (_BUNDLE, _PRETRAINING, _CHECKPOINT)
    return any((folder / name).is_file() for name in names) or _is_training(folder)


def _marked_below(folder: Path, depth: int, budget: Iterator[int]) -> Iterator[Path]:
    """Yield the folders that claim to be runs; what lies inside one belongs to it."""
    if next(budget, None) is None:
        return
    try:
        if _is_marked(folder):
            yield folder
        elif depth > 1:
            for child in _subfolders(folder):
                yield from _marked_below(child, depth - 1, budget)
    except OSError:
        return


def _subfolders(folder: Path) -> list[Path]:
    """Return the folders directly below one, without hidden ones, by name."""
    with os.scandir(folder) as entries:
        return sorted(
            Path(entry.path)
            for entry in entries
            if not entry.name.startswith(".") and entry.is_dir()
        )


def _read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object."""
    try:
        content = json.loads(read_text(path))
    except (ValueError, RecursionError) as err:
        msg = f"`{path.name}` must be JSON. Received: text that is cut short or is something else"
        raise SpecMismatchError(msg, hint=_HINT) from err
    if not isinstance(content, dict):
        msg = f"`{path.name}` must be a JSON object. Received: {type(content).__name__}"
        raise SpecMismatchError(msg, hint=_HINT)
    return content


def _check_schema(record: Mapping[str, Any], path: Path, schema: str) -> None:
    """Refuse a record of another schema; say so if only its version differs."""
    found = record.get("schema")
    if found == schema:
        return
    family = schema.partition("/")[0]
    of_other_version = isinstance(found, str) and found.startswith(f"{family}/")
    note = " (written by another version of this software)" if of_other_version else ""
    msg = f"`schema` of {path.name} must be {schema!r}. Received: {found!r}{note}"
    raise SpecMismatchError(msg, hint=_HINT)


def _flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return settings with nested ones under dotted names."""
    flat: dict[str, Any] = {}
    for name, value in config.items():
        if isinstance(value, Mapping):
            flat.update(_flat(value, f"{prefix}{name}."))
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def _validation(config: Mapping[str, Any], record: Mapping[str, Any]) -> str:
    """Return the split that gave the validation figures, from settings or data record."""
    data = _mapping(record.get("data"))
    return str(config.get("validation") or data.get("validation_split") or "")


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


def _mapping(value: object) -> dict[str, Any]:
    """Return a mapping as it is, anything else as an empty one."""
    return dict(value) if isinstance(value, Mapping) else {}


def _whole(value: object) -> int | None:
    """Return a whole number, or `None`."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _real(value: object) -> float | None:
    """Return a number, or `None`."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
