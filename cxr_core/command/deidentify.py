"""`deidentify`: copies of DICOM films without identifiers.

Nothing is written but the films, and no file of theirs has an old name: file names hold names too.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cxr_core.command.terminal import (
    OK,
    SOME_ERROR,
    Tally,
    WrongUsageError,
    for_each,
)
from cxr_core.errors import UnreadableImageError
from cxr_core.io import LIMITS
from cxr_core.io.film_file import files_below
from cxr_core.io.place import is_folder, is_there
from cxr_core.io.sniff import DICOM, sniff
from cxr_core.whole_file import write_whole

if TYPE_CHECKING:
    from cxr_core.io.dicom.clean import Pseudonyms

_LEFT_TO_DO: Final = "Look at every film before you pass it on: pixels are not cleaned."


def add(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.description = f"{parser.description}\n{_LEFT_TO_DO}"
    parser.add_argument("source", type=Path, metavar="IN", help="a DICOM file, or a folder of them")
    parser.add_argument("target", type=Path, metavar="OUT", help="a new file, or a folder")


def run(arguments: argparse.Namespace) -> int:
    """Write films without identifiers and print what a person has to check.

    Args:
        arguments: `source`, `target`.

    Returns:
        0 if every DICOM file was written, 1 if some file is in error or there is none.

    Raises:
        WrongUsageError: If the two paths cannot be meant.
    """
    from cxr_core.io.dicom.clean import Pseudonyms

    source, target = arguments.source, arguments.target
    complaint = _complaint(source, target)
    if complaint:
        raise WrongUsageError(complaint)
    names = Pseudonyms()
    is_many = is_folder(source)
    to_folder = is_many or is_folder(target)
    paths = files_below(source) if is_many else [source]

    def write(path: Path) -> bool:
        data = _dicom_bytes(path)
        if data is not None:
            _write_clean(data, path, target, names, to_folder=to_folder)
        return data is not None

    tally = for_each(paths, write)
    _say(tally)
    return SOME_ERROR if tally.n_failed or not tally.n_done else OK


def _complaint(source: Path, target: Path) -> str:
    """Say what is wrong with the two paths, if anything."""
    if not is_there(source):
        return f"{source} does not exist, or may not be looked at"
    is_file = is_there(target) and target.is_file()
    if is_folder(source):
        inner, outer = (Path(os.path.realpath(path)) for path in (target, source))
        if inner == outer or outer in inner.parents:
            return f"{target} lies in {source}: name a folder outside it"
        return f"{target} is a file: name a folder" if is_file else ""
    return f"{target} exists: name another file, or a folder" if is_file else ""


def _dicom_bytes(path: Path) -> bytes | None:
    """Return the bytes of a DICOM file, or `None` for other files."""
    try:
        LIMITS.check_bytes(path.stat().st_size, path.name)
        data = path.read_bytes()
    except OSError as err:
        msg = f"`{path.name}` must be readable. Received: {err.strerror}"
        raise UnreadableImageError(msg, hint="Check that you may read the file.") from err
    return data if sniff(data) == DICOM else None


def _write_clean(
    data: bytes, path: Path, target: Path, names: Pseudonyms, *, to_folder: bool
) -> None:
    """Write one film and print its new name with what to look at."""
    from cxr_core.io.dicom.clean import clean

    cleaned = clean(data, names, name=path.name)
    out = _free(target, cleaned.uid) if to_folder else target
    write_whole(out, cleaned.data, is_new=True, hint="Name another place for the films.")
    sys.stdout.write(f"{out}: {cleaned.n_removed} elements removed or replaced\n")
    for notice in cleaned.notices:
        sys.stdout.write(f"  check: {notice.message}\n")


def _free(folder: Path, uid: str) -> Path:
    """Return a new file for a film; copies of one film have one UID."""
    out, n = folder / f"{uid}.dcm", 1
    while is_there(out):
        n += 1
        out = folder / f"{uid}-{n}.dcm"
    return out


def _say(tally: Tally) -> None:
    """Say how many files were written, and what is left to a person."""
    words = f"{tally.n_done} films written, {tally.n_failed} in error"
    left = f", {tally.n_left} files that are not DICOM left out" if tally.n_left else ""
    sys.stdout.write(f"{words}{left}\n")
    if tally.n_done:
        sys.stdout.write(f"{_LEFT_TO_DO}\n")
