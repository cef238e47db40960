"""What `report` does on the command line: films to PDF."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cxr_core.batch.source import list_items
from cxr_core.bundle import Bundle
from cxr_core.command import OK, SOME_ERROR, WRONG_USAGE, UnknownVariantError, known_variant
from cxr_core.errors import CxrError, NotApplicableError
from cxr_core.lungs import DEFAULT_LUNGS, LungSegmenter
from cxr_core.predict import Predictor
from cxr_core.report import About, FailedFilm, FilmPage, Page, write_report
from cxr_core.report.batch import read_pages
from cxr_core.terminal import make_room, say_error
from cxr_core.whole_file import write_whole

if TYPE_CHECKING:
    from cxr_core.batch import Item

SUFFIX: Final = ".pdf"
_STEM_LENGTH: Final = 60


def report(arguments: argparse.Namespace) -> int:
    """Write one PDF of all films, or one of each.

    Args:
        arguments: `files`, `out`, `system`, `raw`, `bundle`, `variant`, `precision`.

    Returns:
        0 if every film was read, 1 if some file or the bundle is in error, 2 for wrong usage.
    """
    out: Path = arguments.out
    is_one = out.suffix.lower() == SUFFIX
    if not make_room(out if is_one else out / f"film{SUFFIX}"):
        return SOME_ERROR
    try:
        bundle = Bundle.load(arguments.bundle)
        variant = known_variant(bundle, arguments.variant)
        lungs = LungSegmenter.load() if DEFAULT_LUNGS.is_dir() else None
        predictor = Predictor(bundle, variant=variant, precision=arguments.precision, lungs=lungs)
        about = About.of(predictor, system=arguments.system, is_raw=arguments.raw)
        items = list_items(arguments.files).items
        if not items:
            sys.stderr.write("error: no film was found; name files, folders or zip archives\n")
            return SOME_ERROR
        write = _write_one if is_one else _write_each
        return write(predictor, items, about, out)
    except (UnknownVariantError, NotApplicableError) as err:
        say_error(err)
        return WRONG_USAGE
    except CxrError as err:
        say_error(err)
        return SOME_ERROR


def _write_one(predictor: Predictor, items: Sequence[Item], about: About, out: Path) -> int:
    """Write one PDF with a page a film, after a table where there are several."""
    pages, counts = [], Counter[str]()
    for item, page in zip(items, read_pages(predictor, items, about), strict=True):
        pages.append(page)
        counts[_say(item, page)] += 1
    write_whole(out, write_report(pages, about, datetime.now(UTC)))
    return _end(counts, f" Report: {out}.")


def _write_each(predictor: Predictor, items: Sequence[Item], about: About, folder: Path) -> int:
    """Write one PDF a film."""
    counts = Counter[str]()
    for item, page in zip(items, read_pages(predictor, items, about), strict=True):
        counts[_say(item, page)] += 1
        if isinstance(page, FilmPage):
            path = folder / file_name(page)
            write_whole(path, write_report([page], about, datetime.now(UTC)))
            sys.stdout.write(f"{path}\n")
    return _end(counts)


def file_name(page: FilmPage) -> str:
    """Return a file name for a film's report.

    Args:
        page: The film.

    Returns:
        Plain ASCII with the start of the film's digest; nothing of a DICOM file's name.
    """
    stem = "dicom" if page.name is None else Path(page.name).stem
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "_" for c in stem)
    return f"{plain[:_STEM_LENGTH]}-{page.sha256[:8]}{SUFFIX}"


def _say(item: Item, page: Page) -> str:
    """Say why a file has no report, or that its scores are not to be believed; return which."""
    if isinstance(page, FailedFilm):
        sys.stderr.write(f"in error: {item.name}: {page.message}\n  what to do: {page.hint}\n")
        return "error"
    if page.is_refused:
        sys.stderr.write(f"refused by the gate: {item.name}\n")
        return "refused"
    return "ok"


def _end(counts: Counter[str], where: str = "") -> int:
    """Say how many files there were; return the exit status."""
    n = counts.total()
    sys.stdout.write(
        f"{n:,} {'file' if n == 1 else 'files'}: {counts['ok']:,} read, {counts['refused']:,} "
        f"refused by the gate, {counts['error']:,} in error.{where} Research use only.\n"
    )
    return SOME_ERROR if counts["error"] else OK
