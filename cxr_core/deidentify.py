"""`python -m cxr_core deidentify IN OUT`: copies of DICOM films without identifiers.

Nothing is written but the films, and no file of theirs has an old name: file names hold names too.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cxr_core.errors import CxrError, UnreadableImageError
from cxr_core.io import LIMITS
from cxr_core.io.sniff import DICOM, sniff
from cxr_core.whole_file import write_whole

if TYPE_CHECKING:
    from cxr_core.io.dicom.clean import Pseudonyms

OK, SOME_ERROR, WRONG_USAGE = 0, 1, 2


def deidentify(arguments: argparse.Namespace) -> int:
    """Write films without identifiers and print what a person has to check.

    Args:
        arguments: `source`, `target`.

    Returns:
        0 if every DICOM file was written, 1 if some file is in error, 2 for wrong usage.
    """
    from cxr_core.io.dicom.clean import Pseudonyms

    source, target = arguments.source, arguments.target
    complaint = _complaint(source, target)
    if complaint:
        sys.stderr.write(f"error: {complaint}\n")
        return WRONG_USAGE
    names = Pseudonyms()
    is_folder = source.is_dir() or target.is_dir()
    paths = sorted(source.rglob("*")) if source.is_dir() else [source]
    n_written = n_failed = n_other = 0
    for path in paths:
        if not path.is_file():
            continue
        try:
            data = _dicom_bytes(path)
            if data is None:
                n_other += 1
                continue
            _write_one(data, path, target, names, is_folder=is_folder)
            n_written += 1
        except CxrError as err:
            n_failed += 1
            sys.stderr.write(f"not written: {path}\n  {err}\n  what to do: {err.hint}\n")
    _report(n_written, n_failed, n_other)
    return SOME_ERROR if n_failed or not n_written else OK


def _complaint(source: Path, target: Path) -> str:
    """Say what is wrong with the two paths, if anything."""
    if not source.exists():
        return f"{source} does not exist"
    if source.is_dir():
        inner, outer = target.resolve(), source.resolve()
        if inner == outer or outer in inner.parents:
            return f"{target} lies in {source}: name a folder outside it"
        return f"{target} is a file: name a folder" if target.is_file() else ""
    return f"{target} exists: name another file, or a folder" if target.is_file() else ""


def _dicom_bytes(path: Path) -> bytes | None:
    """Return the bytes of a DICOM file, or `None` for other files."""
    try:
        LIMITS.check_bytes(path.stat().st_size, path.name)
        data = path.read_bytes()
    except OSError as err:
        msg = f"`{path.name}` must be readable. Received: {err.strerror}"
        raise UnreadableImageError(msg, hint="Check that you may read the file.") from err
    return data if sniff(data) == DICOM else None


def _write_one(
    data: bytes, path: Path, target: Path, names: Pseudonyms, *, is_folder: bool
) -> None:
    """Write one film and print its new name with what to look at."""
    from cxr_core.io.dicom.clean import clean

    cleaned = clean(data, names, name=path.name)
    out = _free(target, cleaned.uid) if is_folder else target
    write_whole(out, cleaned.data, is_new=True, hint="Name another place for the films.")
    sys.stdout.write(f"{out}: {cleaned.n_removed} elements removed or replaced\n")
    for notice in cleaned.notices:
        sys.stdout.write(f"  check: {notice.message}\n")


def _free(folder: Path, uid: str) -> Path:
    """Return a new file for a film; copies of one film have one UID."""
    out, n = folder / f"{uid}.dcm", 1
    while out.exists():
        n += 1
        out = folder / f"{uid}-{n}.dcm"
    return out


def _report(n_written: int, n_failed: int, n_other: int) -> None:
    """Say how many files were written, and what is left to a person."""
    sys.stdout.write(f"{n_written} films written, {n_failed} in error")
    sys.stdout.write(f", {n_other} files that are not DICOM left out\n" if n_other else "\n")
    if n_written:
        sys.stdout.write("Look at every film before you pass it on: pixels are not cleaned.\n")
