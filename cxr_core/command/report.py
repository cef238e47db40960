"""`report`: films to PDF, one page each."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cxr_core.batch.item import list_items
from cxr_core.command.option import add_model_options, load_predictor
from cxr_core.command.terminal import (
    OK,
    SOME_ERROR,
    CommandError,
    as_wrong_usage,
    make_room,
)
from cxr_core.errors import NotApplicableError
from cxr_core.film_name import film_stem
from cxr_core.report import About, FailedFilm, FilmPage, Page, write_report
from cxr_core.report.page_reader import read_pages
from cxr_core.whole_file import write_whole

if TYPE_CHECKING:
    from cxr_core.batch import Item
    from cxr_core.predict import Predictor

SUFFIX: Final = ".pdf"


def add(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument(
        "files", nargs="+", metavar="FILE|FOLDER|ZIP", help="films; folders at any depth"
    )
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="DIR|FILE.pdf",
        help="a folder for one PDF a film, or one PDF of all, with a table first",
    )
    parser.add_argument(
        "--system", metavar="NAME", help="system whose heatmap is drawn (the first)"
    )
    parser.add_argument(
        "--raw", action="store_true", help="probabilities as they were before calibration"
    )
    add_model_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Write one PDF of all films, or one of each.

    Args:
        arguments: `files`, `out`, `system`, `raw`, `bundle`, `variant`, `precision`.

    Returns:
        0 if every film was read, 1 if some file is in error.

    Raises:
        WrongUsageError: If the variant or the system is not there.
        CxrError: If the bundle cannot be used, there is no film, or nothing can be written.
    """
    out: Path = arguments.out
    is_one = out.suffix.lower() == SUFFIX
    make_room(out if is_one else out / f"film{SUFFIX}")
    with as_wrong_usage(NotApplicableError):
        predictor = load_predictor(arguments, with_lungs=True)
        about = About.of(predictor, system=arguments.system, is_raw=arguments.raw)
        items = list_items(arguments.files).items
        if not items:
            raise CommandError("no film was found; name files, folders or zip archives")
        counts = Counter[str]()
        pages = _pages(predictor, items, about, counts)
        if is_one:
            write_whole(out, write_report(list(pages), about, datetime.now(UTC)))
        else:
            _write_each(pages, about, out)
    n, where = counts.total(), f" Report: {out}." if is_one else ""
    sys.stdout.write(
        f"{n:,} {'file' if n == 1 else 'files'}: {counts['ok']:,} read, {counts['refused']:,} "
        f"refused by the gate, {counts['error']:,} in error.{where} Research use only.\n"
    )
    return SOME_ERROR if counts["error"] else OK


def _pages(
    predictor: Predictor, items: Sequence[Item], about: About, counts: Counter[str]
) -> Iterator[Page]:
    """Yield one page a file; say what is wrong with it, and count it."""
    for item, page in zip(items, read_pages(predictor, items, about), strict=True):
        counts[_say(item, page)] += 1
        yield page


def _write_each(pages: Iterable[Page], about: About, folder: Path) -> None:
    """Write one PDF a film."""
    for page in pages:
        if isinstance(page, FilmPage):
            path = folder / file_name(page)
            write_whole(path, write_report([page], about, datetime.now(UTC)))
            sys.stdout.write(f"{path}\n")


def file_name(page: FilmPage) -> str:
    """Return a file name for a film's report.

    Args:
        page: The film.

    Returns:
        Plain ASCII with the start of the film's digest; nothing of a DICOM file's name.
    """
    return f"{film_stem(page.name, page.sha256)}{SUFFIX}"


def _say(item: Item, page: Page) -> str:
    """Say why a file has no report, or that its scores are not to be believed; return which."""
    if isinstance(page, FailedFilm):
        sys.stderr.write(f"in error: {item.name}: {page.message}\n  what to do: {page.hint}\n")
        return "error"
    if page.is_refused:
        sys.stderr.write(f"refused by the gate: {item.name}\n")
        return "refused"
    return "ok"
