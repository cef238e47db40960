"""A Ray cluster: reached or started here, checked, and its errors told apart.

Ray is installed apart (`requirements-ray.txt`) and imported on the first call. It reports nothing
to its makers and shows no dashboard unless the environment asks for it; a Ray that is started here
listens on the loopback interface alone and leaves no file.
"""

from __future__ import annotations

import math
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cxr_core.errors import ClusterError, CxrError, NotInstalledError

if TYPE_CHECKING:
    from cxr_core.batch.plan import Plan

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


def asked_cpus(n_threads: int) -> float:
    """Return what an actor asks of Ray: a quarter of what it uses.

    Ray holds back what was asked for. An actor whose machine is lost must find room on those that
    are left, which the others fill, or its blocks would wait for ever. So many are begun as there
    are processors for (`actors_that_fit`), and Ray spreads them over the machines.

    Args:
        n_threads: Processors that it uses.

    Returns:
        Processors, whole ones above 1 as Ray wants it.
    """
    asked = n_threads / 4
    return asked if asked <= 1 else float(math.ceil(asked))


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
    with typed_errors():
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
def typed_errors() -> Iterator[None]:
    """Raise what a step raised on another machine as if it were raised here.

    Yields:
        Nothing.

    Raises:
        CxrError: What the step raised, or a `ClusterError` where a machine was lost for good.
    """
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
def session(address: str) -> Iterator[None]:
    """Connect to a cluster, or start Ray on this machine; one that the caller began stays.

    Args:
        address: As in `Cluster`.

    Yields:
        Nothing; the connection ends after it.

    Raises:
        ClusterError: If it cannot be reached or started.
    """
    import ray

    if ray.is_initialized():
        yield
        return
    short = Path("/tmp")  # noqa: S108 - paths of sockets have 107 bytes; the folder is made safely
    with tempfile.TemporaryDirectory(
        prefix="cxr-ray-", dir=short if short.is_dir() else None, ignore_cleanup_errors=True
    ) as folder:
        try:
            _connect(address, f"{folder}/r")  # Ray opens its own folder to everybody
            yield
        finally:
            ray.shutdown()


def _connect(address: str, folder: str) -> None:
    """Start Ray on this machine with its files in a folder, or connect to a cluster."""
    import ray

    quiet: dict[str, Any] = {"logging_level": "ERROR", "log_to_driver": False}
    try:
        if address != ADDRESS_HERE:
            ray.init(address=address, **quiet)
            return
        ray.init(
            num_cpus=(os.cpu_count() or 1) + 1,  # one more: networks are not to wait
            object_store_memory=_STORE_BYTES,
            include_dashboard=False,
            _temp_dir=folder,
            **quiet,
        )
    except (ConnectionError, RuntimeError, ValueError) as err:
        msg = f"Ray must be reached or started. Received: address={address!r}, {err}"
        raise ClusterError(msg) from err
