"""`dicom-out`: readings as DICOM objects.

No file that is written has the name of a film, and no name or number of a patient is printed: the
objects hold them, because they go back into the study.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cxr_core import io
from cxr_core.command.option import add_model_options, load_predictor
from cxr_core.command.terminal import OK, SOME_ERROR, WrongUsageError, for_each
from cxr_core.trust.model import TrustModel
from cxr_core.whole_file import write_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cxr_core.dicom_out.export import MapChoice
    from cxr_core.io.dicom.clean import Pseudonyms
    from cxr_core.predict import Predictor

_WORDS: Final = {
    "film": "the film",
    "overlay": "the film with a heatmap, Secondary Capture",
    "report": "the probabilities, Comprehensive SR",
}


def add(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="films: DICOM or pictures")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder for the objects"
    )
    parser.add_argument(
        "--system",
        nargs="+",
        metavar="NAME",
        help="systems whose heatmaps are written (the ensemble of dense layers)",
    )
    parser.add_argument(
        "--deidentify",
        action="store_true",
        help="take identifiers out first, and write the film without them too",
    )
    add_model_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Read films and write what the systems say of each as DICOM objects.

    Args:
        arguments: `files`, `out`, `system`, `deidentify`, `bundle`, `variant`, `precision`.

    Returns:
        0 if every film was written, 1 if some file is in error.

    Raises:
        WrongUsageError: If the variant or a system is not there.
        CxrError: If the bundle cannot be used.
    """
    from cxr_core.dicom_out.export import MapChoice
    from cxr_core.io.dicom.clean import Pseudonyms

    predictor = load_predictor(arguments)
    systems = arguments.system or [TrustModel.lead(predictor.systems)]
    unknown = [name for name in systems if name not in predictor.systems]
    if unknown:
        known = ", ".join(predictor.systems)
        raise WrongUsageError(f"--system must be of {known}. Received: {', '.join(unknown)}")
    maps = [MapChoice(name) for name in dict.fromkeys(systems)]
    pseudonyms = Pseudonyms() if arguments.deidentify else None

    def write(file: str) -> bool:
        _write_objects(predictor, file, arguments.out, maps, pseudonyms)
        return True

    tally = for_each(arguments.files, write)
    sys.stdout.write(
        f"{tally.n_done} films written, {tally.n_failed} in error. Research use only.\n"
    )
    return SOME_ERROR if tally.n_failed else OK


def _write_objects(
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
        path = folder / written.file_name
        write_whole(
            path, written.data, is_new=True, hint="Name a folder of yours, with room on the disk."
        )
        sys.stdout.write(f"{path}: {_WORDS[written.kind]}\n")
    if reading.status == "refused":
        sys.stdout.write("  refused by the gate: do not believe these scores; the report says so\n")
    for notice in exported.notices:
        sys.stdout.write(f"  check: {notice.message}\n")
