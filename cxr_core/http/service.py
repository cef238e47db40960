"""The models of a server and the threads that use them: loading, turns, time-outs."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from cxr_core.errors import BundleChangedError, CxrError, SpecMismatchError
from cxr_core.http.answer import read_films
from cxr_core.http.body import SentFilm
from cxr_core.http.error import (
    BusyError,
    InternalError,
    ModelsChangedError,
    NotReadyError,
    UnknownOptionError,
)
from cxr_core.http.option import Options
from cxr_core.http.queue import Admission
from cxr_core.http.settings import Settings
from cxr_core.predict import PublishedModels
from cxr_core.record import prediction_object

T = TypeVar("T")


class Service:
    """Reads films for requests; its coroutines belong to one event loop.

    Args:
        load: Loads and compiles the models; called once, in a thread.
        settings: Bounds and defaults.
        on_failure: Called in that thread with the error if they cannot be loaded.
    """

    def __init__(
        self,
        load: Callable[[], PublishedModels],
        settings: Settings,
        *,
        on_failure: Callable[[CxrError], None] | None = None,
    ) -> None:
        self.settings = settings
        self.admission = Admission(settings)
        self._load = load
        self._on_failure = on_failure
        self._models: PublishedModels | None = None
        self._failure: CxrError | None = None
        self._pool: ThreadPoolExecutor | None = None
        self._is_stopped = False
        self._networks = threading.Lock()
        self._turns = asyncio.Semaphore(settings.n_workers)

    def start(self) -> None:
        """Load the models in the background; requests are answered meanwhile."""
        self._pool = ThreadPoolExecutor(self.settings.n_workers, thread_name_prefix="films")
        threading.Thread(target=self._load_now, name="models", daemon=True).start()

    def stop(self) -> None:
        """Wait for the films that are being read; nothing new is taken."""
        self._is_stopped = True
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=True, cancel_futures=True)

    @property
    def is_ready(self) -> bool:
        """Whether the bundle is verified and its networks are compiled."""
        return self._models is not None

    @property
    def state(self) -> str:
        """`ok`, `loading`, or `failed` where there will be no models."""
        if self.is_ready:
            return "ok"
        return "loading" if self._failure is None else "failed"

    def about(self) -> dict[str, Any]:
        """Return what the server says of its models: name, version and digest of the bundle."""
        if self._models is None:
            return {"ready": False, "bundle": None, "variants": []}
        bundle = self._models.bundle
        return {
            "ready": True,
            "bundle": {"name": bundle.name, "version": bundle.version, "digest": bundle.digest},
            "variants": list(bundle.variants),
        }

    def check(self, options: Options) -> None:
        """Refuse options that these models do not have.

        Args:
            options: What a request asks for.

        Raises:
            NotReadyError: If there are no models yet.
            UnknownOptionError: If there is no such variant.
        """
        models = self._ready_models()
        try:
            models.bundle.variant(options.variant)
        except SpecMismatchError as err:
            msg = f"`variant` must be one of {', '.join(models.bundle.variants)}."
            raise UnknownOptionError(msg) from err

    async def read(self, films: Sequence[SentFilm], options: Options) -> tuple[dict[str, Any], int]:
        """Read films when it is their turn.

        Args:
            films: The films.
            options: How.

        Returns:
            The object of `predict --json`, and the HTTP status.

        Raises:
            NotReadyError: If there are no models yet.
            BusyError: If their turn does not come, or they are not read, in time.
            ModelsChangedError: If the models asked for are not loaded and cannot be any more.
        """
        models, settings = self._ready_models(), self.settings
        abandoned = threading.Event()

        def work() -> tuple[dict[str, Any], int]:
            try:
                predictor = models.predictor(options.variant, options.precision)
            except BundleChangedError as err:
                msg = "The bundle of this server was changed after it was loaded."
                raise ModelsChangedError(msg) from err
            results, status = read_films(
                predictor,
                films,
                options.methods,
                limits=settings.limits,
                networks=self._networks,
                should_stop=abandoned.is_set,
            )
            return prediction_object(predictor, results), status

        try:
            return await self._in_turn(work)
        finally:
            abandoned.set()

    async def _in_turn(self, work: Callable[[], T]) -> T:
        """Run work in a thread when one is free; its place is kept until the work has ended."""
        try:
            async with asyncio.timeout(self.settings.wait_s):
                await self._turns.acquire()
        except TimeoutError as err:
            msg = f"This request's turn did not come within {self.settings.wait_s:.0f} seconds."
            raise BusyError(msg) from err
        if self._pool is None:
            self._turns.release()
            msg = "This server is ending."
            raise NotReadyError(msg)
        future = asyncio.get_running_loop().run_in_executor(self._pool, work)
        future.add_done_callback(self._end_turn)
        try:
            async with asyncio.timeout(self.settings.read_s):
                return await asyncio.shield(future)
        except TimeoutError as err:
            msg = f"The films were not read within {self.settings.read_s:.0f} seconds."
            raise BusyError(msg) from err

    def _end_turn(self, future: asyncio.Future[Any]) -> None:
        """Let the next request in; an error that nobody waits for is never printed."""
        self._turns.release()
        if not future.cancelled():
            future.exception()

    def _load_now(self) -> None:
        """Load the models, or remember why there are none."""
        failure: CxrError = InternalError("The models could not be loaded.")
        try:
            self._models = self._load()
        except CxrError as err:
            failure = err
        except RuntimeError:  # a process that ends lets no thread begin anything
            if not self._is_stopped:
                raise
        finally:
            if self._models is None and not self._is_stopped:
                self._failure = failure
                if self._on_failure is not None:
                    self._on_failure(failure)

    def _ready_models(self) -> PublishedModels:
        """Return the models, or say that there are none."""
        if self._models is not None:
            return self._models
        if self._failure is not None:
            msg = "The models of this server could not be loaded."
            raise NotReadyError(msg, hint="Tell whoever runs this server; its console says why.")
        msg = "The models of this server are being loaded."
        raise NotReadyError(msg)


async def while_connected(gone: Callable[[], Awaitable[None]], work: Awaitable[T]) -> T | None:
    """Await work as long as somebody waits for it.

    Args:
        gone: Returns when the client has left.
        work: What it waits for; cancelled when it leaves.

    Returns:
        The result, or `None` if the client left before it.
    """
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(gone())
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        leaving.cancel()
        working.cancel()
