"""Score many films: decoding in threads ahead of the networks, one record a file, in order."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from cxr_core import io
from cxr_core.batch.progress import Pace, Progress
from cxr_core.batch.record import Record
from cxr_core.batch.source import Item, list_items
from cxr_core.errors import CxrError
from cxr_core.io import LIMITS, Limits
from cxr_core.preprocess import Prepared, PreprocessSpec, prepare

if TYPE_CHECKING:
    from cxr_core.io.archive import Archive
    from cxr_core.predict import Predictor
    from cxr_core.radiograph import Radiograph

N_DECODERS: Final = 2
"""Threads that decode films ahead of the networks."""


class Store(Protocol):
    """Readings by the digest of the film; asked from several threads, written from one."""

    def __contains__(self, sha256: str) -> bool:
        """Tell whether a film was read before."""

    def get(self, sha256: str) -> Mapping[str, Any] | None:
        """Return the content of its record, or `None`."""

    def put(self, sha256: str, content: Mapping[str, Any]) -> None:
        """Keep the content of a record; called once a digest."""


class MemoryStore:
    """A store in memory, about two kilobytes a film."""

    def __init__(self) -> None:
        self._contents: dict[str, bytes] = {}

    def __contains__(self, sha256: str) -> bool:
        return sha256 in self._contents

    def get(self, sha256: str) -> Mapping[str, Any] | None:
        """Return the content of a record, or `None`."""
        text = self._contents.get(sha256)
        return None if text is None else dict(json.loads(text))

    def put(self, sha256: str, content: Mapping[str, Any]) -> None:
        """Keep the content of a record."""
        self._contents[sha256] = json.dumps(content, separators=(",", ":")).encode()


def score(
    predictor: Predictor,
    sources: Sequence[str | Path],
    *,
    limits: Limits = LIMITS,
    n_decoders: int = N_DECODERS,
    store: Store | None = None,
    should_stop: Callable[[], bool] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Iterator[Record]:
    """Read every film of files, folders and zip archives with every system.

    Args:
        predictor: The variant that reads; its networks run in the thread that iterates.
        sources: Paths, see `cxr_core.batch.source.list_items`.
        limits: Largest file and largest film that is decoded.
        n_decoders: Threads that decode ahead of the networks.
        store: Readings that are known already, by content; new ones are put into it. One in memory
            if `None`.
        should_stop: Asked before each file; the iterator ends where it says so.
        on_progress: Called after each file, before its record is yielded.

    Yields:
        One record a file, in the order of `list_items`, as soon as it is known. A file that cannot
        be read is a record with its error. Files of equal bytes are read once and have a record
        each.
    """
    yield from score_items(
        predictor,
        list_items(sources).items,
        limits=limits,
        n_decoders=n_decoders,
        store=store,
        should_stop=should_stop,
        on_progress=on_progress,
    )


def score_items(
    predictor: Predictor,
    items: Sequence[Item],
    *,
    limits: Limits = LIMITS,
    n_decoders: int = N_DECODERS,
    store: Store | None = None,
    should_stop: Callable[[], bool] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    on_film: Callable[[Radiograph], None] | None = None,
) -> Iterator[Record]:
    """Read items that were listed before; see `score`.

    Args:
        predictor: As in `score`.
        items: From `list_items`, or others.
        limits: As in `score`.
        n_decoders: As in `score`.
        store: As in `score`.
        should_stop: As in `score`.
        on_progress: As in `score`.
        on_film: Called with each decoded film, in a thread that decodes.

    Yields:
        As `score`.

    Notes:
        Memory holds one film at full depth a thread, and the networks' inputs of a few films.
    """
    store = MemoryStore() if store is None else store
    loader = Loader(predictor.specs, limits=limits, store=store, on_film=on_film)
    pace = Pace(len(items))
    shared: Archive | None = None
    try:
        with closing(_ahead(items, loader, n_decoders, should_stop)) as coming:
            for item, loaded in coming:
                if shared is not None and item.archive is not shared:
                    shared.close()
                shared = item.archive
                record, is_read = _record(predictor, loader, store, item, loaded)
                progress = pace.count(is_read=is_read, is_error=record.error is not None)
                if on_progress is not None:
                    on_progress(progress)
                yield record
    finally:
        for archive in {item.archive for item in items}:
            if archive is not None:
                archive.close()


@dataclass(frozen=True, eq=False)
class Loaded:
    """What came of decoding one item.

    Attributes:
        sha256: Digest of its bytes; `None` where they could not be read.
        prepared: The film, or `None` where it is in error or its content is taken care of.
        error: Why there is no film.
    """

    sha256: str | None = None
    prepared: Prepared | None = None
    error: CxrError | None = None


class Loader:
    """Turns items into what the networks take; safe to call from several threads.

    Args:
        specs: `Predictor.specs`.
        limits: Largest file and largest film.
        store: Films that it knows are not decoded.
        on_film: Called with each decoded film.
    """

    def __init__(
        self,
        specs: Sequence[PreprocessSpec],
        *,
        limits: Limits,
        store: Store,
        on_film: Callable[[Radiograph], None] | None = None,
    ) -> None:
        self._specs = tuple(specs)
        self._limits = limits
        self._store = store
        self._on_film = on_film
        self._claimed: set[str] = set()
        self._lock = threading.Lock()

    def load(self, item: Item) -> Loaded:
        """Read an item, and decode it if nobody did or does.

        Args:
            item: The file.

        Returns:
            The film, its error, or its digest alone.
        """
        try:
            data = item.read_bytes(self._limits)
        except CxrError as err:
            return Loaded(error=err)
        digest = hashlib.sha256(data).hexdigest()
        with self._lock:
            if digest in self._store or digest in self._claimed:
                return Loaded(digest)
            self._claimed.add(digest)
        return self._decode(item, data, digest)

    def decode(self, item: Item) -> Loaded:
        """Read and decode an item whoever else does."""
        try:
            data = item.read_bytes(self._limits)
        except CxrError as err:
            return Loaded(error=err)
        return self._decode(item, data, hashlib.sha256(data).hexdigest())

    def done(self, digest: str) -> None:
        """Forget who decodes a film, when it is in the store or in error."""
        with self._lock:
            self._claimed.discard(digest)

    def _decode(self, item: Item, data: bytes, digest: str) -> Loaded:
        """Decode bytes and drop the pixels."""
        try:
            radiograph = io.read(data, name=item.name, limits=self._limits)
        except CxrError as err:
            return Loaded(digest, error=err)
        if self._on_film is not None:
            self._on_film(radiograph)
        return Loaded(digest, prepare(radiograph, self._specs))


def _ahead(
    items: Sequence[Item],
    loader: Loader,
    n_threads: int,
    should_stop: Callable[[], bool] | None,
) -> Generator[tuple[Item, Loaded], None, None]:
    """Yield items in order with what came of them; only a few are decoded before their turn."""
    waiting: deque[tuple[Item, Future[Loaded]]] = deque()
    coming = iter(items)
    with ThreadPoolExecutor(n_threads, thread_name_prefix="decode") as pool:
        try:
            while should_stop is None or not should_stop():
                while len(waiting) <= 2 * n_threads and (item := next(coming, None)) is not None:
                    waiting.append((item, pool.submit(loader.load, item)))
                if not waiting:
                    return
                item, future = waiting.popleft()
                yield item, future.result()
        finally:
            for _, future in waiting:
                future.cancel()


def _record(
    predictor: Predictor, loader: Loader, store: Store, item: Item, loaded: Loaded
) -> tuple[Record, bool]:
    """Return an item's record, and whether the networks read it now."""
    if loaded.error is None and loaded.sha256 is not None:
        content = store.get(loaded.sha256)
        if content is not None:
            return Record(content).renamed(item.name), False
    if loaded.error is None and loaded.prepared is None:
        loaded = loader.decode(item)  # its twin comes later, or is in error under its own name
    if loaded.prepared is None:
        error = loaded.error or CxrError("The film must be decoded before it is read.")
        if loaded.sha256 is not None:
            loader.done(loaded.sha256)
        return Record.from_error(item.name, error, sha256=loaded.sha256), False
    answer = predictor.answer(loaded.prepared)
    record = Record.from_answer(item.name, loaded.prepared, answer)
    store.put(loaded.prepared.sha256, record.renamed("").content)
    loader.done(loaded.prepared.sha256)
    return record, True
