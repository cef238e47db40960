"""What `dicom-out` does on the command line: readings as DICOM objects.

No file that is written has the name of a film, and no name or number of a patient is printed: the
objects hold them, because they go back into the study.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cxr_core import io
from cxr_core.bundle import Bundle
from cxr_core.command import (
    OK,
    SOME_ERROR,
    WRONG_USAGE,
    UnknownVariantError,
    known_variant,
)
from cxr_core.errors import CxrError
from cxr_core.predict import Predictor
from cxr_core.terminal import say_error
from cxr_core.whole_file import write_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cxr_core.dicom_out.export import MapChoice, Written
    from cxr_core.io.dicom.clean import Pseudonyms

_WORDS = {
    "film": "the film",
    "overlay": "the film with a heatmap, Secondary Capture",
    "report": "the probabilities, Comprehensive SR",
}


def dicom_out(arguments: argparse.Namespace) -> int:
    """Read films and write what the systems say of each as DICOM objects.

    Args:
        arguments: `files`, `out`, `system`, `deidentify`, `bundle`, `variant`, `precision`.

    Returns:
        0 if every film was written, 1 if some file or the bundle is in error, 2 for wrong usage.
    """
    from cxr_core.dicom_out.export import MapChoice
    from cxr_core.io.dicom.clean import Pseudonyms

    try:
        bundle = Bundle.load(arguments.bundle)
        variant = known_variant(bundle, arguments.variant)
        predictor = Predictor(bundle, variant=variant, precision=arguments.precision)
    except UnknownVariantError as err:
        say_error(err)
        return WRONG_USAGE
    except CxrError as err:
        say_error(err)
        return SOME_ERROR
    systems = arguments.system or [lead_system(predictor.systems)]
    unknown = [name for name in systems if name not in predictor.systems]
    if unknown:
        known = ", ".join(predictor.systems)
        sys.stderr.write(f"error: --system must be of {known}. Received: {', '.join(unknown)}\n")
        return WRONG_USAGE
    maps = [MapChoice(name) for name in dict.fromkeys(systems)]
    pseudonyms = Pseudonyms() if arguments.deidentify else None
    n_failed = 0
    for file in arguments.files:
        try:
            _write_one(predictor, file, arguments.out, maps, pseudonyms)
        except CxrError as err:
            n_failed += 1
            sys.stderr.write(f"not written: {file}\n  {err}\n  what to do: {err.hint}\n")
    n_written = len(arguments.files) - n_failed
    sys.stdout.write(f"{n_written} films written, {n_failed} in error. Research use only.\n")
    return SOME_ERROR if n_failed else OK


def lead_system(systems: tuple[str, ...]) -> str:
    """Return the system whose map is drawn unless another is named.

    Args:
        systems: Names of the systems, members first.

    Returns:
        The one that stands for the reading in `Trust`, too.
    """
    from cxr_core.trust.model import TrustModel

    return TrustModel.lead(systems)


def _write_one(
    predictor: Predictor,
    file: str,
    folder: Path,
    maps: Sequence[MapChoice],
    pseudonyms: Pseudonyms | None,
) -> None:
    """Read one film, write its objects, and print their new names with what to look at."""
    from cxr_core.dicom_out.export import export

    data = io.read_bytes(file)
    reading = predictor.read(io.read(data, name=file))
    exported = export(data, reading, predictor, maps, pseudonyms=pseudonyms)
    for written in exported.objects:
        path = _write(written, folder)
        sys.stdout.write(f"{path}: {_WORDS[written.kind]}\n")
    if reading.status == "refused":
        sys.stdout.write("  refused by the gate: do not believe these scores; the report says so\n")
    for notice in exported.notices:
        sys.stdout.write(f"  check: {notice.message}\n")


def _write(written: Written, folder: Path) -> Path:
    """Write one object as a new file."""
    path = folder / written.file_name
    hint = "Name a folder of yours, with room on the disk."
    write_whole(path, written.data, is_new=True, hint=hint)
    return path
