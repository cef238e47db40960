"""What `score` does on the command line."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cxr_core.batch.plan import Plan
from cxr_core.batch.progress import time_words
from cxr_core.batch.run import about_path, journal_path, write_scores
from cxr_core.batch.table import SUFFIXES
from cxr_core.bundle import DEFAULT_BUNDLE, Bundle
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

RAY_OPTIONS: Final = ("ray_address", "ray_models", "ray_threads", "ray_block", "ray_parts")
_REPORT_S: Final = 5.0
_MAX_ERRORS: Final = 20


def score(arguments: argparse.Namespace) -> int:
    """Read many films and write one table.

    Args:
        arguments: `sources`, `out`, `resume`, `workers`, `bundle`, `variant`, `precision`, and
            `ray` with the options of a cluster, `None` where they were not given.

    Returns:
        0 if every film was read, 1 if some file or the bundle is in error or the run was stopped, 2
        for wrong usage.
    """
    given = [name for name in RAY_OPTIONS if getattr(arguments, name) is not None]
    if given and not arguments.ray:
        option = f"--{given[0].replace('_', '-')}"
        sys.stderr.write(f"error: {option} must come with --ray\n")
        return WRONG_USAGE
    status = check_out(arguments.out)
    if status != OK:
        return status
    return write_table(arguments, arguments.sources, on_cluster=arguments.ray)


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


def write_table(
    arguments: argparse.Namespace,
    sources: Sequence[str | Path] | Listing,
    *,
    on_cluster: bool = False,
) -> int:
    """Read films, write the table and say how it went.

    Args:
        arguments: `out`, `resume`, `workers`, `bundle`, `variant`, `precision`, and those of
            `RAY_OPTIONS` for a cluster.
        sources: As in `write_scores`; a cluster takes paths only.
        on_cluster: Whether Ray shares the films out.

    Returns:
        As `score`.
    """
    try:
        bundle = Bundle.load(arguments.bundle)
        variant = known_variant(bundle, arguments.variant)
        if on_cluster:
            outcome = _on_cluster(arguments, bundle, variant)
        else:
            outcome = _here(arguments, bundle, variant, sources)
    except UnknownVariantError as err:
        say_error(err)
        return WRONG_USAGE
    except CxrError as err:
        say_error(err)
        return SOME_ERROR
    except KeyboardInterrupt:
        kept = "the parts" if on_cluster else journal_path(arguments.out).name
        sys.stderr.write(f"stopped; what was read is in {kept}: go on with --resume\n")
        return SOME_ERROR
    for error in outcome.errors[:_MAX_ERRORS]:
        sys.stderr.write(f"in error: {error['file']}: {error['message']}\n")
    if (n_more := len(outcome.errors) - _MAX_ERRORS) > 0:
        sys.stderr.write(f"and {n_more:,} more, all in {about_path(arguments.out).name}\n")
    kept = "parts" if on_cluster else "journal"
    sys.stdout.write(f"{_summary(outcome, kept)} Table: {arguments.out}\n")
    sys.stdout.write(f"Models and errors: {about_path(arguments.out)}. Research use only.\n")
    return SOME_ERROR if outcome.errors else OK


def _here(
    arguments: argparse.Namespace,
    bundle: Bundle,
    variant: str | None,
    sources: Sequence[str | Path] | Listing,
) -> Outcome:
    """Read the films in this process."""
    predictor = Predictor(bundle, variant=variant, precision=arguments.precision)
    return write_scores(
        predictor,
        sources,
        arguments.out,
        resume=arguments.resume,
        n_decoders=arguments.workers,
        on_progress=_Reporter().tell,
    )


def _on_cluster(arguments: argparse.Namespace, bundle: Bundle, variant: str | None) -> Outcome:
    """Read the films with Ray, here or on many machines."""
    from cxr_core import ray_batch
    from cxr_core.batch.cluster import Cluster

    folder = bundle.folder.absolute()
    plan = Plan(
        bundle.digest,
        bundle.variant(variant).name,
        arguments.precision,
        n_threads=arguments.ray_threads or 1,
        folder=None if folder == DEFAULT_BUNDLE else str(folder),
    )
    given = {
        "address": arguments.ray_address,
        "n_models": arguments.ray_models,
        "n_block": arguments.ray_block,
        "place": arguments.ray_parts,
    }
    cluster = Cluster(**{key: value for key, value in given.items() if value is not None})
    return ray_batch.write_scores(
        plan,
        arguments.sources,
        arguments.out,
        cluster=cluster,
        resume=arguments.resume,
        on_progress=_Reporter().tell,
    )


def _summary(outcome: Outcome, kept: str) -> str:
    """Say how many films there were, in one sentence or two."""
    counts = outcome.n_by_status
    words = (
        f"{sum(counts.values()):,} files: {counts['ok']:,} read, {counts['refused']:,} refused by "
        f"the gate, {counts['error']:,} in error."
    )
    return f"{words} The {kept} held {outcome.n_known:,} readings." if outcome.n_known else words


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
