"""Decoding ahead: items to what the networks take, in threads, each content once."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from cxr_core import io
from cxr_core.batch.item import Item
from cxr_core.errors import CxrError
from cxr_core.io import Limits

if TYPE_CHECKING:
    from cxr_core.radiograph import Radiograph

Film = TypeVar("Film")
"""What a decoded film becomes: `Prepared` here, `Shrunk` where it travels to another machine."""


class Known(Protocol):
    """Films that were read before, by the digest of their bytes; asked from several threads."""

    def __contains__(self, sha256: str) -> bool:
        """Tell whether a film was read before."""


class Store(Known, Protocol):
    """Readings by the digest of the film; asked from several threads, written from one."""

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


@dataclass(frozen=True, eq=False)
class Loaded(Generic[Film]):
    """What came of decoding one item.

    Attributes:
        sha256: Digest of its bytes; `None` where they could not be read.
        prepared: The film, or `None` where it is in error or its content is taken care of.
        error: Why there is no film.
    """

    sha256: str | None = None
    prepared: Film | None = None
    error: CxrError | None = None


class Loader(Generic[Film]):
    """Turns items into what the networks take; safe to call from several threads.

    Args:
        shape: Makes of a film what the networks take, and drops its pixels.
        limits: Largest file and largest film.
        store: Films that are in it are not decoded.
        on_film: Called with each decoded film.
    """

    def __init__(
        self,
        shape: Callable[[Radiograph], Film],
        *,
        limits: Limits,
        store: Known,
        on_film: Callable[[Radiograph], None] | None = None,
    ) -> None:
        self._shape = shape
        self._limits = limits
        self._store = store
        self._on_film = on_film
        self._claimed: set[str] = set()
        self._lock = threading.Lock()

    def load(self, item: Item) -> Loaded[Film]:
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

    def decode(self, item: Item) -> Loaded[Film]:
        """Read and decode an item whoever else does."""
        try:
            data = item.read_bytes(self._limits)
        except CxrError as err:
            return Loaded(error=err)
        return self._decode(item, data, hashlib.sha256(data).hexdigest())

    def done(self, digest: str | None) -> None:
        """Forget who decodes a film, when it is in the store or in error."""
        with self._lock:
            self._claimed.discard(digest or "")

    def _decode(self, item: Item, data: bytes, digest: str) -> Loaded[Film]:
        """Decode bytes and drop the pixels."""
        try:
            radiograph = io.read(data, name=item.name, limits=self._limits)
        except CxrError as err:
            return Loaded(digest, error=err)
        if self._on_film is not None:
            self._on_film(radiograph)
        return Loaded(digest, self._shape(radiograph))


def load_ahead(
    items: Sequence[Item],
    loader: Loader[Film],
    n_threads: int,
    should_stop: Callable[[], bool] | None,
) -> Generator[tuple[Item, Loaded[Film]], None, None]:
    """Decode items in threads; only a few are decoded before their turn.

    Args:
        items: In order.
        loader: Decodes them.
        n_threads: How many at once.
        should_stop: Asked before each item; no more are yielded where it says so.

    Yields:
        Each item in order, with what came of it.
    """
    waiting: deque[tuple[Item, Future[Loaded[Film]]]] = deque()
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
