"""`score`: many films into one table, in this process or on many machines."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cxr_core.batch.plan import Plan
from cxr_core.batch.progress import time_words
from cxr_core.batch.run import about_path, journal_path, write_scores
from cxr_core.batch.scorer import N_DECODERS
from cxr_core.batch.table import SUFFIXES
from cxr_core.bundle import DEFAULT_BUNDLE, Bundle
from cxr_core.command.option import (
    add_model_options,
    known_variant,
    load_predictor,
    positive,
    refuse_given,
)
from cxr_core.command.terminal import (
    OK,
    SOME_ERROR,
    Pace,
    WrongUsageError,
    make_room,
)

if TYPE_CHECKING:
    from cxr_core.batch.item import Listing
    from cxr_core.batch.progress import Progress
    from cxr_core.batch.run import Outcome

RAY_OPTIONS: Final = ("ray_address", "ray_models", "ray_threads", "ray_block", "ray_parts")
_REPORT_S: Final = 5.0
_MAX_ERRORS: Final = 20


def add(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument(
        "sources",
        nargs="+",
        metavar="FOLDER|ZIP|FILE",
        help="films; folders at any depth; also s3://BUCKET/FOLDER",
    )
    add_table_options(parser, workers="threads that decode films")
    _add_ray_options(parser)
    add_model_options(parser)


def add_table_options(parser: argparse.ArgumentParser, *, workers: str) -> None:
    """Add what every table can be told: `out`, `resume`, `workers`.

    Args:
        parser: Of the command.
        workers: What works side by side.
    """
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="FILE",
        help="the table; ends in .csv, .parquet or .jsonl",
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on where a run of the same models was stopped"
    )
    parser.add_argument("--workers", type=positive, metavar="N", help=f"{workers} ({N_DECODERS})")


def _add_ray_options(parser: argparse.ArgumentParser) -> None:
    """Add what `score` on many machines can be told."""
    group = parser.add_argument_group(
        "many machines",
        "needs requirements-ray.txt; docs/scale.md says what each machine must have",
    )
    group.add_argument("--ray", action="store_true", help="read with Ray, here or on a cluster")
    group.add_argument(
        "--ray-address",
        metavar="ADDRESS",
        help="address of a cluster, or auto (starts Ray on this computer)",
    )
    for option, text in (
        ("models", "copies of the networks (three quarters of the processors)"),
        ("threads", "processors of each copy (1)"),
        ("block", "films in a block and in a part (128)"),
    ):
        group.add_argument(f"--ray-{option}", type=positive, metavar="N", help=text)
    group.add_argument(
        "--ray-parts", metavar="DIR", help="folder or address that every machine can write to"
    )


def run(arguments: argparse.Namespace) -> int:
    """Read many films and write one table.

    Args:
        arguments: `sources`, `out`, `resume`, `bundle`, `variant`, `precision`, and `ray`; and
            `workers` or the options of a cluster, `None` where they were not given.

    Returns:
        0 if every film was read, 1 if some file is in error or the run was stopped.

    Raises:
        WrongUsageError: If options do not go together or the variant is unknown.
        CxrError: If the bundle cannot be used or nothing can be written.
    """
    if arguments.ray:
        refuse_given(arguments, ("workers",), "without --ray")
    else:
        refuse_given(arguments, RAY_OPTIONS, "with --ray")
    check_out(arguments.out)
    return write_table(arguments, arguments.sources, on_cluster=arguments.ray)


def check_out(out: Path) -> None:
    """Check that a table can be written, before hours of reading.

    Args:
        out: The table.

    Raises:
        WrongUsageError: If it is no table that can be written.
        CommandError: If its folder cannot be written.
    """
    if out.suffix.lower() not in SUFFIXES:
        raise WrongUsageError(f"--out must end in one of {', '.join(SUFFIXES)}. Received: {out}")
    make_room(out)


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
        As `run`.

    Raises:
        WrongUsageError: If the variant is unknown.
        CxrError: If the bundle cannot be used or nothing can be written.
    """
    try:
        outcome = _on_cluster(arguments) if on_cluster else _here(arguments, sources)
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


def _here(arguments: argparse.Namespace, sources: Sequence[str | Path] | Listing) -> Outcome:
    """Read the films in this process."""
    return write_scores(
        load_predictor(arguments),
        sources,
        arguments.out,
        resume=arguments.resume,
        n_decoders=arguments.workers or N_DECODERS,
        on_progress=_Reporter().tell,
    )


def _on_cluster(arguments: argparse.Namespace) -> Outcome:
    """Read the films with Ray, here or on many machines."""
    bundle = Bundle.load(arguments.bundle)
    variant = known_variant(bundle, arguments.variant)
    from cxr_core import ray_batch
    from cxr_core.batch.cluster import Cluster

    folder = bundle.folder.absolute()
    plan = Plan(
        bundle.digest,
        variant,
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
        self._pace = Pace(_REPORT_S)

    def tell(self, progress: Progress) -> None:
        """Write a line where it is time for one."""
        if not self._pace.is_due(progress.n_done, progress.n_total):
            return
        line = f"{progress.n_done:,} of {progress.n_total:,} files"
        if progress.rate is not None:
            line += f", {progress.rate:.1f} films a second"
        if progress.left_s:
            line += f", {time_words(progress.left_s)} left"
        sys.stderr.write(f"{line}\n")
