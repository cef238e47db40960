"""Search a folder, or a bundle, for training runs; what claims to be none is only counted."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cxr_core.errors import SpecMismatchError
from cxr_core.training_run.reader import HISTORY, RunReader, is_run
from cxr_core.training_run.run import RunList, Skipped

if TYPE_CHECKING:
    from cxr_core.bundle import Bundle


PUBLISHED: Final = "published"
"""First part of the key of a run of the bundle in use."""

MAX_DEPTH: Final = 3
"""Levels of folders that are searched below the one that was named."""

MAX_FOLDERS: Final = 5_000
"""Folders that are looked at in one search."""


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
    reader = RunReader(folder, time.time() if now is None else now)
    n_other = 0
    if is_run(folder):
        reader.read(folder)
    else:
        budget = iter(range(MAX_FOLDERS))
        try:
            for child in children:
                marked = False
                for path in _marked_below(child, MAX_DEPTH, budget):
                    marked = True
                    reader.read(path)
                n_other += not marked
        except _TooManyError:
            reason = f"only the first {MAX_FOLDERS:,} folders were searched"
            reader.skipped.append(Skipped(".", reason))
    return RunList(
        tuple(sorted(reader.runs, key=lambda run: run.key)), tuple(reader.skipped), n_other
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
            path.startswith(f"variants/{name}/runs/") and path.endswith(HISTORY)
            for path in bundle.files
        )
    }
    if not names:
        return RunList()
    bundle.check(*(path for path in bundle.files if path.split("/")[2:3] == ["runs"]))
    reader = RunReader(bundle.folder, now=0.0)
    for name, training in names.items():
        reader.read_variant(bundle.folder, PUBLISHED, name, training, bundle.created)
    return RunList(tuple(reader.runs), tuple(reader.skipped))


def _marked_below(folder: Path, depth: int, budget: Iterator[int]) -> Iterator[Path]:
    """Yield the folders that claim to be runs; what lies inside one belongs to it."""
    if next(budget, None) is None:
        raise _TooManyError
    try:
        if is_run(folder):
            yield folder
        elif depth > 1:
            for child in _subfolders(folder):
                yield from _marked_below(child, depth - 1, budget)
    except OSError:
        return


class _TooManyError(Exception):
    """More folders than may be looked at."""


def _subfolders(folder: Path) -> list[Path]:
    """Return the folders directly below one, without hidden ones, by name."""
    with os.scandir(folder) as entries:
        return sorted(
            Path(entry.path)
            for entry in entries
            if not entry.name.startswith(".") and entry.is_dir()
        )
