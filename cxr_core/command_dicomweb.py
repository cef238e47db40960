"""`python -m cxr_core dicomweb list|score|store`: films from a DICOM server, results back to it.

The server's address and the way in come from the environment alone. Nothing of a patient is printed
or written unless `--show-identifiers` or `--keys` asks for it.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cxr_core.command import OK, SOME_ERROR, WRONG_USAGE
from cxr_core.errors import CxrError
from cxr_core.terminal import make_room, say_error
from cxr_core.whole_file import write_whole

if TYPE_CHECKING:
    from cxr_core.io.dicomweb import Study, StudyList
    from cxr_core.io.dicomweb.client import DicomWeb
    from cxr_core.io.dicomweb.item import Found, ServerItem

_FROM_STDIN: Final = "-"
_MASKED: Final = "Dates, patients and numbers are not shown; --show-identifiers shows them."
_COLUMNS: Final = ("date", "patient_id", "patient_name", "accession", "study_uid")
_KEYS: Final = ("file", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")


def add_dicomweb(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    add_model_options: Callable[[argparse.ArgumentParser], None],
    positive: Callable[[str], int],
) -> None:
    """Add `dicomweb list`, `dicomweb score` and `dicomweb store` to the command line.

    Args:
        commands: All commands.
        add_model_options: Adds the options that choose the models.
        positive: Reads a whole number of at least 1.
    """
    parser = commands.add_parser(
        "dicomweb",
        help="films from a DICOM server, results back to it",
        description="The server is named by CXR_DICOMWEB_URL and its companions in the "
        "environment; see docs/dicomweb.md.",
    )
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    found = actions.add_parser("list", help="search for studies with chest films")
    _add_query(found, positive)
    found.add_argument(
        "--show-identifiers", action="store_true", help="dates, patients, numbers and UIDs too"
    )
    found.add_argument("--json", action="store_true", help="print one JSON object")
    found.set_defaults(run=list_studies)
    score = actions.add_parser("score", help="read the frontal films of studies into one table")
    _add_query(score, positive)
    score.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="ends in .csv, .parquet or .jsonl"
    )
    score.add_argument(
        "--keys",
        type=Path,
        metavar="FILE",
        help="write which film each row is, by UID; it identifies patients, keep it apart",
    )
    score.add_argument("--resume", action="store_true", help="do not read again what was read")
    score.add_argument(
        "--workers", type=positive, default=2, metavar="N", help="films fetched at once (2)"
    )
    add_model_options(score)
    score.set_defaults(run=score_studies)
    store = actions.add_parser("store", help="store DICOM files, for example results")
    store.add_argument("files", nargs="+", metavar="FILE", help="DICOM")
    store.set_defaults(run=store_files)


def _add_query(parser: argparse.ArgumentParser, positive: Callable[[str], int]) -> None:
    """Add what studies are searched by."""
    for option, dest, text in (
        ("--from", "date_from", "first study date, as 2024-01-31"),
        ("--to", "date_to", "last study date"),
        ("--patient-id", "patient_id", "as the server has it, * and ? allowed; - asks for it"),
        ("--accession", "accession", "accession number, likewise"),
        ("--study", "study_uid", "Study Instance UID, likewise"),
    ):
        parser.add_argument(option, dest=dest, default="", metavar="TEXT", help=text)
    parser.add_argument(
        "--modality", nargs="+", choices=("CR", "DX"), default=["CR", "DX"], help="(CR and DX)"
    )
    parser.add_argument(
        "--limit", type=positive, default=50, metavar="N", help="studies at most (50)"
    )


def list_studies(arguments: argparse.Namespace) -> int:
    """Search for studies and print them, without identifiers unless they are asked for.

    Args:
        arguments: Those of a query, `show_identifiers`, `json`.

    Returns:
        0, 1 if the server cannot be asked, or 2 for wrong usage.
    """
    return _asking(arguments, lambda server: _print_studies(arguments, _search(server, arguments)))


def score_studies(arguments: argparse.Namespace) -> int:
    """Read the frontal films of the studies that are found into one table.

    Args:
        arguments: Those of a query and of `score`, `keys`.

    Returns:
        0 if every film was read, 1 if some film, the server or the bundle is in error, 2 for wrong
        usage.
    """
    from cxr_core.command_score import check_out, write_table

    status = check_out(arguments.out)
    if status == OK and arguments.keys is not None and not make_room(arguments.keys):
        status = SOME_ERROR
    if status != OK:
        return status

    def run(server: DicomWeb) -> int:
        from cxr_core.batch import Listing
        from cxr_core.io.dicomweb import NotOnServerError

        found = _films(server, _search(server, arguments))
        if not found.items:
            raise NotOnServerError("No frontal film was found", hint="Search for other studies.")
        if arguments.keys is not None:
            _write_keys(arguments.keys, found.items)
        status = write_table(arguments, Listing(found.items, found.n_left_out))
        return status or (SOME_ERROR if found.errors else OK)

    return _asking(arguments, run)


def store_files(arguments: argparse.Namespace) -> int:
    """Store DICOM files on the server, and say of each whether it is there.

    Args:
        arguments: `files`.

    Returns:
        0 if the server says of each that it has it, 1 if not.
    """

    def run(server: DicomWeb) -> int:
        from cxr_core.io import read_bytes

        n_stored = 0
        for file in arguments.files:
            try:
                (outcome,) = server.store([read_bytes(file)])
            except CxrError as err:
                sys.stderr.write(f"not stored: {file}\n  {err}\n  what to do: {err.hint}\n")
                continue
            n_stored += outcome.is_stored
            if outcome.is_stored:
                sys.stdout.write(f"stored: {file}{outcome.words and f' ({outcome.words})'}\n")
            else:
                sys.stderr.write(f"not stored: {file}: {outcome.words}\n")
        sys.stdout.write(f"{n_stored} of {len(arguments.files)} files stored\n")
        return OK if n_stored == len(arguments.files) else SOME_ERROR

    return _asking(arguments, run)


def _asking(arguments: argparse.Namespace, run: Callable[[DicomWeb], int]) -> int:
    """Run something with the server of the environment; errors are said."""
    from cxr_core.io.dicomweb import QueryError, ServerSettingError, settings_from_environment

    for name in ("patient_id", "accession", "study_uid"):
        if getattr(arguments, name, "") == _FROM_STDIN:
            sys.stderr.write(f"{name.replace('_', ' ')}: ")
            sys.stderr.flush()
            setattr(arguments, name, sys.stdin.readline().strip())
    try:
        settings = settings_from_environment()
        if settings is None:
            raise ServerSettingError("`CXR_DICOMWEB_URL` must be set. It is not")
        if settings.warning:
            sys.stderr.write(f"warning: {settings.warning}\n")
        from cxr_core.io.dicomweb.client import DicomWeb

        with DicomWeb(settings) as server:
            return run(server)
    except (QueryError, ServerSettingError) as err:
        say_error(err)
        return WRONG_USAGE
    except CxrError as err:
        say_error(err)
        return SOME_ERROR


def _search(server: DicomWeb, arguments: argparse.Namespace) -> StudyList:
    """Search for the studies that the arguments ask for."""
    from cxr_core.io.dicomweb import Query

    found = server.studies(
        Query(
            arguments.date_from,
            arguments.date_to,
            tuple(arguments.modality),
            arguments.patient_id,
            arguments.accession,
            arguments.study_uid,
            arguments.limit,
        )
    )
    if found.is_cut:
        sys.stderr.write(f"there may be more than {arguments.limit} studies: raise --limit\n")
    return found


def _films(server: DicomWeb, found: StudyList) -> Found:
    """List the films of the studies, and say what is not among them."""
    from cxr_core.io.dicomweb.item import list_films

    films = list_films(server, list(enumerate(found.studies, 1)))
    for position, err in films.errors:
        sys.stderr.write(f"not looked into: study {position}: {err}\n")
    sys.stderr.write(
        f"{len(found.studies)} studies, {len(films.items)} frontal films; {films.n_left_out} other "
        f"images left out, {films.n_without} studies without a frontal film\n"
    )
    return films


def _print_studies(arguments: argparse.Namespace, found: StudyList) -> int:
    """Print the studies as a table or as JSON."""
    rows = [
        _row(number, study, with_identifiers=arguments.show_identifiers)
        for number, study in enumerate(found.studies, 1)
    ]
    if arguments.json:
        json.dump({"studies": rows, "is_cut": found.is_cut}, sys.stdout, indent=1)
        sys.stdout.write("\n")
        return OK
    if rows:
        lines = [list(rows[0]), *([_cell(value) for value in row.values()] for row in rows)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        for line in lines:
            cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
            sys.stdout.write(f"{'  '.join(cells).rstrip()}\n")
    hidden = "" if arguments.show_identifiers or not rows else f" {_MASKED}"
    sys.stdout.write(f"{len(rows)} {'study' if len(rows) == 1 else 'studies'}.{hidden}\n")
    return OK


def _row(number: int, study: Study, *, with_identifiers: bool) -> dict[str, Any]:
    """Return what is printed of a study."""
    row = {
        "study": number,
        "modalities": list(study.modalities),
        "objects": study.n_instances,
    }
    if with_identifiers:
        values = (study.date, study.patient_id, study.patient_name, study.accession, study.uid)
        row.update(zip(_COLUMNS, values, strict=True))
    return row


def _cell(value: Any) -> str:
    """Write one value for a table."""
    if isinstance(value, list):
        return " ".join(value)
    return "" if value is None else str(value)


def _write_keys(path: Path, items: Sequence[ServerItem]) -> None:
    """Write which film each row is; nobody else on this computer may read the file."""
    rows = [(item.name, item.film.study_uid, item.film.series_uid, item.film.uid) for item in items]
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([_KEYS, *rows])
    hint = "Name another file for --keys."
    write_whole(path, text.getvalue().encode(), mode=0o600, hint=hint)
