"""`dicomweb list`, `score`, `store`: films from a DICOM server, results back to it.

The server's address and the way in come from the environment alone. Nothing of a patient is printed
or written unless `--show-identifiers` or `--keys` asks for it.
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cxr_core.command.option import add_model_options, positive
from cxr_core.command.score import add_table_options, check_out, write_table
from cxr_core.command.terminal import (
    OK,
    SOME_ERROR,
    as_wrong_usage,
    for_each,
    make_room,
    print_json,
    print_lines,
)
from cxr_core.text_table import aligned
from cxr_core.whole_file import write_whole

if TYPE_CHECKING:
    from cxr_core.io.dicomweb import Study, StudyList
    from cxr_core.io.dicomweb.client import DicomWeb
    from cxr_core.io.dicomweb.item import Found, ServerItem

_FROM_STDIN: Final = "-"
_SERVER: Final = "CXR_DICOMWEB_URL and its companions in the environment name the server."
_MASKED: Final = "Dates, patients and numbers are not shown; --show-identifiers shows them."
_COLUMNS: Final = ("date", "patient_id", "patient_name", "accession", "study_uid")
_KEYS: Final = ("file", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")


def add(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.description = f"{parser.description}\n{_SERVER}"
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    found = _add_action(actions, "list", _list, "search for studies with chest films")
    _add_query(found)
    found.add_argument(
        "--show-identifiers", action="store_true", help="dates, patients, numbers and UIDs too"
    )
    found.add_argument("--json", action="store_true", help="print one JSON object")
    score = _add_action(
        actions, "score", _score, "read the frontal films of studies into one table"
    )
    _add_query(score)
    add_table_options(score, workers="films fetched at once")
    score.add_argument(
        "--keys",
        type=Path,
        metavar="FILE",
        help="write which film each row is, by UID; it identifies patients, keep it apart",
    )
    add_model_options(score)
    store = _add_action(actions, "store", _store, "store DICOM files, for example results")
    store.add_argument("files", nargs="+", metavar="FILE", help="DICOM files")


def run(arguments: argparse.Namespace) -> int:
    """Do something with the server of the environment.

    Args:
        arguments: `do`, and what it takes.

    Returns:
        0 if every film was read or stored, 1 if some film is in error.

    Raises:
        WrongUsageError: If the server is not named, or the search or the table cannot be meant.
        CxrError: If the server or the bundle cannot be used, or nothing can be written.
    """
    from cxr_core.io.dicomweb import QueryError, ServerSettingError, settings_from_environment

    if arguments.do is _score:
        check_out(arguments.out)
        if arguments.keys is not None:
            make_room(arguments.keys)
    for name in ("patient_id", "accession", "study_uid"):
        if getattr(arguments, name, "") == _FROM_STDIN:
            sys.stderr.write(f"{name.replace('_', ' ')}: ")
            sys.stderr.flush()
            setattr(arguments, name, sys.stdin.readline().strip())
    with as_wrong_usage(QueryError, ServerSettingError):
        settings = settings_from_environment()
        if settings is None:
            raise ServerSettingError("`CXR_DICOMWEB_URL` must be set. It is not")
        if settings.warning:
            sys.stderr.write(f"warning: {settings.warning}\n")
        from cxr_core.io.dicomweb.client import DicomWeb

        with DicomWeb(settings) as server:
            do: Callable[[DicomWeb, argparse.Namespace], int] = arguments.do
            return do(server, arguments)


def _add_action(
    actions: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    do: Callable[[DicomWeb, argparse.Namespace], int],
    text: str,
) -> argparse.ArgumentParser:
    """Add one action and return its parser."""
    parser = actions.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
    parser.set_defaults(do=do)
    return parser


def _add_query(parser: argparse.ArgumentParser) -> None:
    """Add what studies are searched by."""
    for option, dest, text in (
        ("--from", "date_from", "first study date, as 2024-01-31"),
        ("--to", "date_to", "last study date, likewise"),
        ("--patient-id", "patient_id", "as the server has it, * and ? allowed; - asks for it"),
        ("--accession", "accession", "accession number, likewise"),
        ("--study", "study_uid", "Study Instance UID; - asks for it"),
    ):
        parser.add_argument(option, dest=dest, default="", metavar="TEXT", help=text)
    parser.add_argument(
        "--modality",
        nargs="+",
        choices=("CR", "DX"),
        default=["CR", "DX"],
        help="kinds of radiographs (CR and DX)",
    )
    parser.add_argument(
        "--limit", type=positive, default=50, metavar="N", help="studies at most (50)"
    )


def _list(server: DicomWeb, arguments: argparse.Namespace) -> int:
    """Search for studies and print them, without identifiers unless they are asked for."""
    return _print_studies(arguments, _search(server, arguments))


def _score(server: DicomWeb, arguments: argparse.Namespace) -> int:
    """Read the frontal films of the studies that are found into one table."""
    from cxr_core.batch import Listing
    from cxr_core.io.dicomweb import NotOnServerError

    found = _films(server, _search(server, arguments))
    if not found.items:
        raise NotOnServerError("No frontal film was found", hint="Search for other studies.")
    if arguments.keys is not None:
        _write_keys(arguments.keys, found.items)
    status = write_table(arguments, Listing(found.items, found.n_left_out))
    return status or (SOME_ERROR if found.errors else OK)


def _store(server: DicomWeb, arguments: argparse.Namespace) -> int:
    """Store DICOM files on the server, and say of each whether it is there."""
    from cxr_core.io import read_bytes

    def store(file: str) -> bool:
        (outcome,) = server.store([read_bytes(file)])
        if outcome.is_stored:
            sys.stdout.write(f"stored: {file}{outcome.words and f' ({outcome.words})'}\n")
        else:
            sys.stderr.write(f"not stored: {file}: {outcome.words}\n")
        return outcome.is_stored

    tally = for_each(arguments.files, store, done="stored")
    sys.stdout.write(f"{tally.n_done} of {len(arguments.files)} files stored\n")
    return OK if tally.n_done == len(arguments.files) else SOME_ERROR


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
        print_json({"studies": rows, "is_cut": found.is_cut})
        return OK
    if rows:
        cells = ([_cell(value) for value in row.values()] for row in rows)
        print_lines(aligned([list(rows[0]), *cells]))
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
