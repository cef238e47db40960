"""The process that reads mutated files, so that a crash or a hang of it is seen and told.

    python -m tools.fuzz_child FOLDER

Reads jobs from its input and writes one line of JSON for each. A job is a line of JSON with
`target`, `path` and `n_bytes`, and then the bytes. `FOLDER` holds a bundle of its own, `bundle`,
and is written to.
"""

from __future__ import annotations

import gc
import hashlib
import json
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from cxr_core.batch import list_items
from cxr_core.bundle import MANIFEST, Bundle
from cxr_core.errors import CxrError
from cxr_core.io import Limits, read
from cxr_core.io.limit import ArchiveLimits

SMALL: Final = Limits(max_bytes=2**20, max_pixels=4_000_000)
FEW: Final = ArchiveLimits(max_entries=1000)


def main() -> None:
    """Serve jobs until the input ends."""
    folder = Path(sys.argv[1])
    answers = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what a codec prints is no answer
    os.dup2(1, 2)
    jobs = sys.stdin.buffer
    while line := jobs.readline():
        job = json.loads(line)
        data = jobs.read(job["n_bytes"])
        answers.write(json.dumps(_answer(folder, job, data)) + "\n")
        answers.flush()


def _answer(folder: Path, job: dict[str, Any], data: bytes) -> dict[str, Any]:
    """Do one job; say what came of it, in which time and memory."""
    started = time.perf_counter()
    is_typed, has_hint = True, True
    try:
        TARGETS[job["target"]](folder, job["path"], data)
        outcome = "read"
    except CxrError as err:
        outcome, has_hint = type(err).__name__, bool(err.hint)
    except Exception as err:  # noqa: BLE001 - finding these is what this is for
        is_typed, outcome = False, f"{type(err).__name__}: {err}"[:300]
    seconds = time.perf_counter() - started
    gc.collect()
    return {
        "outcome": outcome,
        "is_sound": is_typed and has_hint,
        "seconds": seconds,
        "peak_mb": _peak_mb(),
    }


def _peak_mb() -> float:
    """Return the most memory of this program; `getrusage` would count that of its parent too."""
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def _read_film(_folder: Path, _path: str, data: bytes) -> None:
    """Read a film from its bytes."""
    film = read(data, name="film", limits=SMALL)
    if not np.isfinite(film.image).all():
        msg = "pixels that are not finite"
        raise AssertionError(msg)


def _read_archive(folder: Path, _path: str, data: bytes) -> None:
    """List a zip archive and read every entry; an entry's own error is an answer too."""
    path = folder / "films.zip"
    path.write_bytes(data)
    errors = []
    for item in list_items([path], limits=FEW).items:
        try:
            read(item.read_bytes(SMALL), name=item.name, limits=SMALL)
        except CxrError as err:
            errors.append(err)
        if item.archive is not None:
            item.archive.close()
    if errors:
        raise errors[0]


def _load_bundle(folder: Path, path: str, data: bytes) -> None:
    """Load all that a bundle holds with one file of it changed, and the hash to fit."""
    whole = folder / "bundle"
    kept = {name: (whole / name).read_bytes() for name in (path, MANIFEST)}
    try:
        (whole / path).write_bytes(data)
        if path != MANIFEST:
            manifest = json.loads(kept[MANIFEST])
            entry = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
            manifest["files"][path] = entry
            (whole / MANIFEST).write_text(json.dumps(manifest), "utf-8")
        _load_all(Bundle.load(whole))
    finally:
        for name, content in kept.items():
            (whole / name).write_bytes(content)


def _load_all(bundle: Bundle) -> None:
    """Ask a bundle for everything but its networks."""
    calls: list[Callable[[], Any]] = [
        bundle.dataset,
        bundle.audit,
        bundle.gate_table,
        bundle.tradeoff,
    ]
    for name in bundle.variants:
        asked = (bundle.heads, bundle.evaluation, bundle.trust, bundle.map_checks)
        calls += [partial(ask, name) for ask in asked]
        for title in bundle.read_sets(name):
            bundle.reads(title, name)
    for call in calls:
        call()


TARGETS: Final[dict[str, Callable[[Path, str, bytes], None]]] = {
    "film": _read_film,
    "archive": _read_archive,
    "bundle": _load_bundle,
}

if __name__ == "__main__":
    main()
