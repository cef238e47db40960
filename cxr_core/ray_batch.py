"""Many films on many machines: the steps of `cxr_core.batch.score` mapped by Ray Data.

Some actors decode, others hold the networks; each has processors of its own. What the networks read
is on the disk as a part before the next block is taken. At the end the parts become one
table, by the same code as on one machine: equal rows, equal order.

Ray is installed apart (`requirements-ray.txt`) and imported on the first call. It reports nothing
to its makers and shows no dashboard unless the environment asks for it; a Ray that is started here
listens on this machine alone and leaves no file.
"""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cxr_core.batch.plan import Load, Plan, load_predictor
from cxr_core.batch.progress import Pace
from cxr_core.batch.record import Record
from cxr_core.batch.run import Outcome, TableFile, about_models, list_films
from cxr_core.batch.table import table_systems
from cxr_core.errors import ClusterError, CxrError, NotInstalledError, OutputError

if TYPE_CHECKING:
    import pyarrow as pa

    from cxr_core.batch.block import DecodePlan
    from cxr_core.batch.part import PartReadings
    from cxr_core.batch.progress import Progress
    from cxr_core.batch.source import Item, Listing
    from cxr_core.preprocess import PreprocessSpec

ADDRESS_HERE: Final = "local"
"""Starts Ray on this machine; any other address is that of a cluster that runs."""

N_BLOCK: Final = 128
"""Films a block: what is lost at most where an actor dies."""

_STORE_BYTES: Final = 512 * 1024 * 1024

_ENVIRONMENT: Final = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    "RAY_DATA_LOG_LEVEL": "ERROR",
}

_ENVIRONMENT_HERE: Final = {
    # on other systems its default: all of Ray binds to 127.0.0.1
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    # Ray would write a token into the home folder, and go on using it
    "RAY_AUTH_TOKEN": secrets.token_hex(32),
}


@dataclass(frozen=True)
class Cluster:
    """Where and with how much is read.

    Attributes:
        address: Of a Ray that runs, `auto` for the one that this machine belongs to, `local` to
            start one here and end it afterwards.
        n_models: Actors that hold the networks; three quarters of the processors if `None`.
        n_gpus: Graphics processors that each actor is given; for a `load` that uses them, the
            published networks run on the processor.
        n_block: Films a block and a part.
        place: Folder or address of the parts, which every machine must reach; beside the table if
            `None`.
    """

    address: str = ADDRESS_HERE
    n_models: int | None = None
    n_gpus: float = 0.0
    n_block: int = N_BLOCK
    place: str | None = None

    def __post_init__(self) -> None:
        """Refuse numbers that nobody can mean."""
        for name in ("n_models", "n_block"):
            value = getattr(self, name)
            if value is not None and value < 1:
                msg = f"`{name}` must be at least 1. Received: {name}={value!r}"
                raise ValueError(msg)


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
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with parts.opened(resume=resume) as readings:
            n_known = len(readings.known)
            digests, errors = _read_all(job, listing.items, readings, on_progress)
            table = TableFile(out, models.systems, about)
            try:
                _write_rows(table, listing, digests, errors, readings)
                table.finish(listing)
            finally:
                table.drop()
            readings.end()
            return table.outcome(n_known, is_whole=True)
    except OSError as err:
        msg = f"`{out.name}` must be a file that can be written. Received: {err.strerror}"
        raise OutputError(msg) from err


def import_ray(address: str = ADDRESS_HERE) -> Any:
    """Import Ray without its usage statistics.

    Args:
        address: As in `Cluster`; a Ray that is to start here keeps to the loopback interface.

    Returns:
        The `ray` module.

    Raises:
        NotInstalledError: If it is not installed.
    """
    values = {**_ENVIRONMENT, **(_ENVIRONMENT_HERE if address == ADDRESS_HERE else {})}
    for name, value in values.items():
        os.environ.setdefault(name, value)
    try:
        import ray
    except ImportError as err:
        msg = "Ray must be installed to read films on many machines. Received: no module `ray`"
        hint = "Run: pip install -r requirements-ray.txt, or leave --ray out."
        raise NotInstalledError(msg, hint=hint) from err
    return ray


@dataclass(frozen=True)
class _Job:
    """All that the steps of a run share."""

    plan: Plan
    cluster: Cluster
    parts: Any
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
    pace = Pace(len(items))
    with _session(job.cluster.address):
        check_machines(job.plan)
        for outcome in _outcomes(job, items, readings):
            found = outcome.to_pylist()
            for values in found:
                digests[values["position"]] = values["sha256"]
                if values["error"] is not None:
                    errors[values["position"]] = values["error"]
                if values["part"] is not None:
                    readings.add(values["part"])
            progress = pace.count_block(
                len(found),
                n_read=sum(values["is_read"] for values in found),
                n_errors=sum(values["error"] is not None for values in found),
            )
            if on_progress is not None:
                on_progress(progress)
    return digests, errors


def _outcomes(job: _Job, items: Sequence[Item], readings: PartReadings) -> Iterator[pa.Table]:
    """Map the steps over the listing; yield what came of each block, as soon as it is read."""
    import ray
    from ray.data import ActorPoolStrategy, DataContext

    from cxr_core.batch.block import BlockReader, DecodePlan, listing_blocks

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
            num_cpus=1,
            fn_constructor_args=(ray.put(DecodePlan(job.specs, readings.known)),),
        )
        .map_batches(
            BlockReader,
            batch_size=None,
            batch_format="pyarrow",
            compute=ActorPoolStrategy(size=min(n_models, len(blocks))),
            num_cpus=n_threads,
            num_gpus=job.cluster.n_gpus or None,
            fn_constructor_args=(job.plan, job.parts, job.load),
        )
    )
    with _typed_errors():
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


def actors_that_fit(n_models: int | None, n_threads: int, n_cpus: int) -> tuple[int, int]:
    """Share processors between decoding and networks.

    Args:
        n_models: Actors with networks that somebody asked for; three quarters of the processors if
            `None`.
        n_threads: Processors that each of them takes.
        n_cpus: Processors in all.

    Returns:
        Number of actors that decode, of one processor each, and of those with networks.

    Raises:
        ClusterError: If no processor would be left for decoding.
    """
    chosen = n_models or max(1, (n_cpus - max(1, n_cpus // 4)) // n_threads)
    if chosen * n_threads + 1 > n_cpus:
        msg = (
            f"The networks must leave a processor for decoding. Received: {chosen} x {n_threads} "
            f"processors for networks of {n_cpus}"
        )
        raise ClusterError(msg, hint="Ask for fewer models or threads, or add machines.")
    return n_cpus - chosen * n_threads, chosen


def check_machines(plan: Plan) -> None:
    """Let every machine of the cluster load the bundle, before any film is read.

    Args:
        plan: The models.

    Raises:
        CxrError: If one has none, a damaged one, another one, or another version of the software.
        ClusterError: If one cannot run it at all.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    check = ray.remote(num_cpus=0, max_retries=0)(_check_machine)
    nodes = [node["NodeID"] for node in ray.nodes() if node["Alive"]]
    with _typed_errors():
        ray.get(
            [
                check.options(
                    scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False)
                ).remote(plan)
                for node in nodes
            ]
        )


def _check_machine(plan: Plan) -> None:
    """Load the bundle of this machine."""
    plan.bundle()


@contextmanager
def _typed_errors() -> Iterator[None]:
    """Raise what a step raised on another machine as if it were raised here."""
    from ray.exceptions import RayError

    try:
        yield
    except RayError as err:
        cause = getattr(err, "cause", None)
        if isinstance(cause, CxrError):
            raise cause from err
        if cause is not None:
            raise
        msg = f"The machines must stay together until the end. Received: {type(err).__name__}"
        raise ClusterError(msg) from err


@contextmanager
def _session(address: str) -> Iterator[None]:
    """Connect to a cluster, or start Ray on this machine; one that the caller began stays."""
    import ray

    if ray.is_initialized():
        yield
        return
    quiet: dict[str, Any] = {"logging_level": "ERROR", "log_to_driver": False}
    with tempfile.TemporaryDirectory(prefix="cxr-", ignore_cleanup_errors=True) as folder:
        try:
            if address == ADDRESS_HERE:
                ray.init(
                    num_cpus=(os.cpu_count() or 1) + 1,  # one more: networks are not to wait
                    object_store_memory=_STORE_BYTES,
                    include_dashboard=False,
                    _temp_dir=folder,
                    **quiet,
                )
            else:
                ray.init(address=address, **quiet)
        except (ConnectionError, RuntimeError, ValueError) as err:
            msg = f"Ray must be reached or started. Received: address={address!r}, {err}"
            raise ClusterError(msg) from err
        try:
            yield
        finally:
            ray.shutdown()


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
