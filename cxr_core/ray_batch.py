"""Many films on many machines: the steps of `cxr_core.batch.score` mapped by Ray Data.

Some actors decode, others hold the networks; each has processors of its own. What the networks read
is on the disk as a part before the next block is taken. At the end the parts become one table, by
the same code as on one machine: equal rows, equal order.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cxr_core.batch.cluster import (
    Cluster,
    actors_that_fit,
    asked_cpus,
    check_machines,
    import_ray,
    session,
    typed_errors,
)
from cxr_core.batch.plan import Load, Plan, load_predictor
from cxr_core.batch.progress import ProgressMeter
from cxr_core.batch.record import Record
from cxr_core.batch.run import Outcome, TableFile, about_models, list_films, writable
from cxr_core.batch.table import table_systems

if TYPE_CHECKING:
    import pyarrow as pa

    from cxr_core.batch.block import DecodePlan
    from cxr_core.batch.item import Item, Listing
    from cxr_core.batch.part import PartReadings, Parts
    from cxr_core.batch.progress import Progress
    from cxr_core.preprocess import PreprocessSpec


def write_scores(
    plan: Plan,
    sources: Sequence[str | Path],
    out: Path,
    *,
    cluster: Cluster | None = None,
    resume: bool = False,
    load: Load = load_predictor,
    on_progress: Callable[[Progress], None] | None = None,
) -> Outcome:
    """Read many films on many machines and write one table, and what it comes from.

    Args:
        plan: The models.
        sources: Paths that every machine reaches, or addresses.
        out: The table, on this machine; as in `cxr_core.batch.run.write_scores`.
        cluster: Where it is read; a Ray on this machine if `None`.
        resume: Whether readings in parts count, where the same models made them.
        load: How an actor loads the models; called on every machine.
        on_progress: Called after each block.

    Returns:
        What became of it. The table depends on films and models alone, not on how often the run was
        killed and resumed; each film's bytes are read again to know their digest, the networks
        read only films that no part holds.

    Raises:
        NotInstalledError: If Ray is not installed here.
        ClusterError: If the cluster cannot be reached, is too small or gives up.
        SpecMismatchError: If a machine has another bundle or another version of the software.
        UnreadableImageError: If there is no file to read.
        OutputError: If something cannot be written, or another run writes it.
        ValueError: If the suffix is unknown.
    """
    cluster = cluster or Cluster()
    import_ray(cluster.address)
    from cxr_core.batch.part import Parts, default_place

    models = plan.models()
    listing = list_films(sources, out)
    about = about_models(models)
    place = default_place(out) if cluster.place is None else cluster.place
    parts = Parts.begin(place, about, table_systems(models.systems))
    job = _Job(plan, cluster, parts, load, models.specs)
    with writable(out), parts.opened(resume=resume) as readings:
        n_known = len(readings.known)
        digests, errors = _read_all(job, listing.items, readings, on_progress)
        with closing(TableFile(out, models.systems, about)) as table:
            _write_rows(table, listing, digests, errors, readings)
            table.finish(listing)
        readings.end()
        return table.outcome(n_known, is_whole=True)


@dataclass(frozen=True)
class _Job:
    """All that the steps of a run share."""

    plan: Plan
    cluster: Cluster
    parts: Parts
    load: Load
    specs: tuple[PreprocessSpec, ...]


def _read_all(
    job: _Job,
    items: Sequence[Item],
    readings: PartReadings,
    on_progress: Callable[[Progress], None] | None,
) -> tuple[list[str | None], dict[int, str]]:
    """Read all films; return the digest of each, and the record of each that is in error."""
    digests: list[str | None] = [None] * len(items)
    errors: dict[int, str] = {}
    meter = ProgressMeter(len(items))
    with session(job.cluster.address):
        check_machines(job.plan)
        for outcome in _outcomes(job, items, readings):
            found = outcome.to_pylist()
            for values in found:
                digests[values["position"]] = values["sha256"]
                if values["error"] is not None:
                    errors[values["position"]] = values["error"]
                if values["part"] is not None:
                    readings.add(values["part"])
            n_read = sum(values["is_read"] for values in found)
            progress = meter.count_block(len(found), n_read=n_read)
            if on_progress is not None:
                on_progress(progress)
    return digests, errors


def _outcomes(job: _Job, items: Sequence[Item], readings: PartReadings) -> Iterator[pa.Table]:
    """Map the steps over the listing; yield what came of each block, as soon as it is read."""
    import ray
    from ray.data import ActorPoolStrategy, DataContext

    from cxr_core.batch.block import BlockReader, DecodePlan
    from cxr_core.batch.listing import listing_blocks

    n_threads = job.plan.n_threads or 1
    n_cpus = int(ray.cluster_resources().get("CPU", 0))
    n_decoders, n_models = actors_that_fit(job.cluster.n_models, n_threads, n_cpus)
    context = DataContext.get_current()
    context.enable_progress_bars = context.print_on_execution_start = False
    blocks = list(listing_blocks(items, job.cluster.n_block))
    films = (
        ray.data.from_arrow(blocks)
        .map_batches(
            _Decoder,
            batch_size=None,
            batch_format="pyarrow",
            compute=ActorPoolStrategy(size=min(n_decoders, len(blocks))),
            num_cpus=asked_cpus(1),
            fn_constructor_args=(ray.put(DecodePlan(job.specs, readings.known)),),
        )
        .map_batches(
            BlockReader,
            batch_size=None,
            batch_format="pyarrow",
            compute=ActorPoolStrategy(size=min(n_models, len(blocks))),
            num_cpus=asked_cpus(n_threads),
            num_gpus=job.cluster.n_gpus or None,
            fn_constructor_args=(job.plan, job.parts, job.load),
        )
    )
    with typed_errors():
        yield from films.iter_batches(batch_size=None, batch_format="pyarrow")


class _Decoder:
    """Decodes blocks in an actor; what is known of films lies once on every machine."""

    def __init__(self, plan: Any) -> None:
        import ray

        self._plan: DecodePlan = ray.get(plan) if isinstance(plan, ray.ObjectRef) else plan

    def __call__(self, block: pa.Table) -> pa.Table:
        """Decode a block."""
        from cxr_core.batch.block import decode_block

        return decode_block(block, self._plan)


def _write_rows(
    table: TableFile,
    listing: Listing,
    digests: Sequence[str | None],
    errors: dict[int, str],
    readings: PartReadings,
) -> None:
    """Write one row a file, in the order of the listing."""
    wanted = [
        digest
        for position, digest in enumerate(digests)
        if digest is not None and position not in errors
    ]
    rows = (values for some in readings.rows(wanted) for values in some)
    for position, item in enumerate(listing.items):
        if position in errors:
            table.write(Record(json.loads(errors[position])))
        else:
            table.write_row({**next(rows), "file": item.name})
