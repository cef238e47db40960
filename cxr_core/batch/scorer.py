"""Score many films: one record a file, in order; decoding and networks at the same time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cxr_core.batch.item import Item, list_items
from cxr_core.batch.loader import Loaded, Loader, MemoryStore, Store, load_ahead
from cxr_core.batch.progress import Progress, ProgressMeter
from cxr_core.batch.record import Record
from cxr_core.errors import CxrError
from cxr_core.io import LIMITS, Limits
from cxr_core.preprocess import Prepared, prepare

if TYPE_CHECKING:
    from cxr_core.io.archive import Archive
    from cxr_core.predict import Answer, Predictor
    from cxr_core.radiograph import Radiograph

N_DECODERS: Final = 2
"""Threads that decode films ahead of the networks."""


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
        predictor: The variant that reads.
        sources: Paths, see `cxr_core.batch.item.list_items`.
        limits: Largest file and largest film that is decoded.
        n_decoders: Threads that decode ahead of the networks.
        store: Readings that are known already, by content; new ones are put into it. One in memory
            if `None`.
        should_stop: Asked before each file; where it says so, the iterator ends after the films
            that are with the networks.
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
    shape = partial(prepare, specs=predictor.specs)
    loader = Loader(shape, limits=limits, store=store, on_film=on_film)
    meter = ProgressMeter(len(items))
    try:
        with (
            closing(load_ahead(items, loader, n_decoders, should_stop)) as coming,
            closing(_Queue(predictor, loader, store)) as queue,
        ):
            for record, is_read in _in_order(coming, queue):
                progress = meter.count(is_read=is_read)
                if on_progress is not None:
                    on_progress(progress)
                yield record
    finally:
        for archive in {item.archive for item in items}:
            if archive is not None:
                archive.close()


def _in_order(
    coming: Iterator[tuple[Item, Loaded[Prepared]]], queue: _Queue
) -> Iterator[tuple[Record, bool]]:
    """Keep the networks busy; yield records in the items' order, and whether they are new."""
    shared: Archive | None = None
    for item, loaded in coming:
        if shared is not None and item.archive is not shared:
            shared.close()
        shared = item.archive
        queue.enter(item, loaded)
        if queue.is_full:
            yield queue.leave()
    while not queue.is_empty:
        yield queue.leave()


@dataclass(frozen=True, eq=False)
class _Waiting:
    """An item that is with the networks, waits for them, or is known already."""

    item: Item
    loaded: Loaded[Prepared]
    answer: Future[Answer] | None


class _Queue:
    """The film that is with the networks and the next, first in first out; used from one thread.

    One film uses every core: two at once with the networks would hinder each other.
    """

    def __init__(self, predictor: Predictor, loader: Loader[Prepared], store: Store) -> None:
        self._predictor = predictor
        self._loader = loader
        self._store = store
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="networks")
        self._waiting: deque[_Waiting] = deque()
        self._running: set[str] = set()

    @property
    def is_full(self) -> bool:
        """Whether one must leave before the next enters; one waits, so that no network idles."""
        return len(self._waiting) > 1

    @property
    def is_empty(self) -> bool:
        """Whether nobody is left."""
        return not self._waiting

    def enter(self, item: Item, loaded: Loaded[Prepared]) -> None:
        """Let the networks read a film, unless it is in error, known, or being read."""
        digest = loaded.sha256
        is_known = digest is not None and (digest in self._store or digest in self._running)
        if loaded.error is None and loaded.prepared is None and not is_known:
            loaded = self._loader.decode(item)  # its twin comes later, or is in error
        answer = None
        if loaded.prepared is not None and not is_known:
            self._running.add(loaded.prepared.sha256)
            answer = self._pool.submit(self._predictor.answer, loaded.prepared)
        self._waiting.append(_Waiting(item, loaded, answer))

    def leave(self) -> tuple[Record, bool]:
        """Return the first item's record, and whether the networks read it now."""
        first = self._waiting.popleft()
        name, loaded = first.item.name, first.loaded
        if first.answer is None and loaded.error is None and loaded.sha256 is not None:
            content = self._store.get(loaded.sha256)
            if content is not None:
                return Record(content).renamed(name), False
            loaded = self._loader.decode(first.item)  # a damaged journal
        if loaded.prepared is None:
            error = loaded.error or CxrError("The film must be decoded before it is read.")
            self._loader.done(loaded.sha256)
            return Record.from_error(name, error, sha256=loaded.sha256), False
        answer = first.answer.result() if first.answer else self._predictor.answer(loaded.prepared)
        record = Record.from_answer(name, loaded.prepared, answer)
        self._store.put(loaded.prepared.sha256, record.renamed("").content)
        self._running.discard(loaded.prepared.sha256)
        self._loader.done(loaded.prepared.sha256)
        return record, True

    def close(self) -> None:
        """Wait for the networks; what nobody asks for is dropped."""
        self._pool.shutdown(cancel_futures=True)
