"""What `score` does on the command line."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cxr_core.batch.progress import time_words
from cxr_core.batch.run import about_path, journal_path, write_scores
from cxr_core.batch.table import SUFFIXES
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
from cxr_core.terminal import make_room, say_error

if TYPE_CHECKING:
    from cxr_core.batch.progress import Progress
    from cxr_core.batch.run import Outcome
    from cxr_core.batch.source import Listing

_REPORT_S: Final = 5.0
_MAX_ERRORS: Final = 20


def score(arguments: argparse.Namespace) -> int:
    """Read many films and write one table.

    Args:
        arguments: `sources`, `out`, `resume`, `workers`, `bundle`, `variant`, `precision`.

    Returns:
        0 if every film was read, 1 if some file or the bundle is in error or the run was stopped, 2
        for wrong usage.
    """
    status = check_out(arguments.out)
    if status != OK:
        return status
    return write_table(arguments, arguments.sources)


def check_out(out: Path) -> int:
    """Check that a table can be written, before hours of reading.

    Args:
        out: The table.

    Returns:
        0, or the exit status after the reason was said.
    """
    if out.suffix.lower() not in SUFFIXES:
        known = ", ".join(SUFFIXES)
        sys.stderr.write(f"error: --out must end in one of {known}. Received: {out}\n")
        return WRONG_USAGE
    return OK if make_room(out) else SOME_ERROR


def write_table(arguments: argparse.Namespace, sources: Sequence[str | Path] | Listing) -> int:
    """Read films, write the table and say how it went.

    Args:
        arguments: `out`, `resume`, `workers`, `bundle`, `variant`, `precision`.
        sources: As in `write_scores`.

    Returns:
        As `score`.
    """
    try:
        bundle = Bundle.load(arguments.bundle)
        variant = known_variant(bundle, arguments.variant)
        predictor = Predictor(bundle, variant=variant, precision=arguments.precision)
        outcome = write_scores(
            predictor,
            sources,
            arguments.out,
            resume=arguments.resume,
            n_decoders=arguments.workers,
            on_progress=_Reporter().tell,
        )
    except UnknownVariantError as err:
        say_error(err)
        return WRONG_USAGE
    except CxrError as err:
        say_error(err)
        return SOME_ERROR
    except KeyboardInterrupt:
        name = journal_path(arguments.out).name
        sys.stderr.write(f"stopped; what was read is in {name}: go on with --resume\n")
        return SOME_ERROR
    for error in outcome.errors[:_MAX_ERRORS]:
        sys.stderr.write(f"in error: {error['file']}: {error['message']}\n")
    if (n_more := len(outcome.errors) - _MAX_ERRORS) > 0:
        sys.stderr.write(f"and {n_more:,} more, all in {about_path(arguments.out).name}\n")
    sys.stdout.write(f"{_summary(outcome)} Table: {arguments.out}\n")
    sys.stdout.write(f"Models and errors: {about_path(arguments.out)}. Research use only.\n")
    return SOME_ERROR if outcome.errors else OK


def _summary(outcome: Outcome) -> str:
    """Say how many films there were, in one sentence or two."""
    counts = outcome.n_by_status
    words = (
        f"{sum(counts.values()):,} files: {counts['ok']:,} read, {counts['refused']:,} refused by "
        f"the gate, {counts['error']:,} in error."
    )
    return f"{words} The journal held {outcome.n_known:,} readings." if outcome.n_known else words


class _Reporter:
    """Says how far the run is, every few seconds and at the end."""

    def __init__(self) -> None:
        self._said_s = time.monotonic()

    def tell(self, progress: Progress) -> None:
        """Write a line where it is time for one."""
        now = time.monotonic()
        if now - self._said_s < _REPORT_S and progress.n_done < progress.n_total:
            return
        self._said_s = now
        line = f"{progress.n_done:,} of {progress.n_total:,} files"
        if progress.rate is not None:
            line += f", {progress.rate:.1f} films a second"
        if progress.left_s:
            line += f", {time_words(progress.left_s)} left"
        sys.stderr.write(f"{line}\n")
