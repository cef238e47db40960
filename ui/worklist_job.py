"""What goes on behind the page *Worklist*: threads that read films or draw maps; no Streamlit."""

from __future__ import annotations

import base64
import io
import json
import logging
import threading
import zipfile
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image, ImageOps

from cxr_core.batch import Progress, score_items
from cxr_core.batch.progress import ProgressMeter
from cxr_core.batch.table import table_bytes, table_systems
from cxr_core.errors import CxrError
from cxr_core.explain.cam import DEFAULT_METHOD, explain
from cxr_core.explain.overlay import render
from cxr_core.film_name import film_stem
from cxr_core.io import LIMITS, read
from cxr_core.preprocess import prepare
from ui.discreet import places

if TYPE_CHECKING:
    from cxr_core.batch import Item, Record, Store
    from cxr_core.predict import Predictor
    from cxr_core.radiograph import Radiograph

_LOGGER: Final = logging.getLogger(__name__)

THUMBNAIL_PX: Final = 56
MAX_THUMBNAILS: Final = 3000
"""Thumbnails kept per session, about two kilobytes each; the oldest go first."""

OVERLAY_PX: Final = 768
"""Longer side of a film that a map is drawn on."""

MAX_OVERLAY_BYTES: Final = 256 << 20
"""Size at which a zip of overlays ends; it is held in memory."""

_UNEXPECTED: Final = "The work ended in a way that was not foreseen; the console tells more."


class Task:
    """Work in a thread of its own, looked at from outside and never waited for.

    Attributes:
        progress: How far it is.
        failure: Why it ended before its end, in words; `None` while all is well.
    """

    def __init__(self, n_total: int) -> None:
        self.progress = Progress(0, n_total)
        self.failure: str | None = None
        self._cancelled = threading.Event()
        self._thread = threading.Thread(target=self._run, name=type(self).__name__, daemon=True)

    @property
    def is_running(self) -> bool:
        """Whether it is at work."""
        return self._thread.is_alive()

    @property
    def is_cancelled(self) -> bool:
        """Whether somebody ended it."""
        return self._cancelled.is_set()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def cancel(self) -> None:
        """End it at the next film; what is done stays."""
        self._cancelled.set()

    def wait(self, seconds: float) -> None:
        """Wait until it ends, for tests."""
        self._thread.join(seconds)

    def work(self) -> None:
        """Do the work; given by each kind of task."""
        raise NotImplementedError

    def _run(self) -> None:
        """Work, and note why if it does not come to its end."""
        failure: str | None = _UNEXPECTED
        try:
            self.work()
            failure = None
        except CxrError as err:
            failure = f"{err} {err.hint}"
        except Exception as err:  # noqa: BLE001 - the last place that can keep its text to itself
            _LOGGER.error(places(err))  # noqa: TRY400 - its text may quote a film
        finally:
            self.failure = failure

    def _tell(self, progress: Progress) -> None:
        """Note how far it is."""
        self.progress = progress


class Thumbnails:
    """Small pictures of films by digest, as addresses that hold their own data."""

    def __init__(self, most: int = MAX_THUMBNAILS) -> None:
        self._most = most
        self._by_digest: dict[str, str] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._by_digest)

    def add(self, film: Radiograph) -> None:
        """Draw and keep a film's thumbnail."""
        grey = Image.fromarray((film.image * 255 + 0.5).astype(np.uint8))
        square = ImageOps.pad(grey, (THUMBNAIL_PX, THUMBNAIL_PX), Image.Resampling.BOX)
        buffer = io.BytesIO()
        square.save(buffer, "JPEG", quality=80)
        address = f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
        with self._lock:
            self._by_digest[film.sha256] = address
            while len(self._by_digest) > self._most:
                del self._by_digest[next(iter(self._by_digest))]

    def get(self, digest: str | None) -> str | None:
        """Return a film's thumbnail, or `None`."""
        return self._by_digest.get(digest or "")


class Reading(Task):
    """Reads every item; its records are there as soon as each is known.

    Args:
        predictor: The models that read.
        items: In the order of the records.
        store: Readings of the same models that are known already.
        thumbnails: Gets a picture of each film that is decoded.
    """

    def __init__(
        self, predictor: Predictor, items: Sequence[Item], store: Store, thumbnails: Thumbnails
    ) -> None:
        super().__init__(len(items))
        self.predictor = predictor
        self.records: list[Record] = []
        self._items = items
        self._store = store
        self._thumbnails = thumbnails

    def work(self) -> None:
        """Read; one film at a time is with the networks, so that other pages stay quick."""
        records = score_items(
            self.predictor,
            self._items,
            n_decoders=1,
            store=self._store,
            should_stop=lambda: self.is_cancelled,
            on_progress=self._tell,
            on_film=self._thumbnails.add,
        )
        for record in records:
            self.records.append(record)


class Overlays(Task):
    """Draws a map of one system on each film, into a zip archive in memory.

    Args:
        predictor: The models that read the films.
        films: Item and record of each.
        system: Whose map of its top class is drawn.
        about: What the table's numbers come from.
    """

    def __init__(
        self,
        predictor: Predictor,
        films: Sequence[tuple[Item, Record]],
        system: str,
        about: Mapping[str, Any],
    ) -> None:
        super().__init__(len(films))
        self.system = system
        self.data: bytes | None = None
        self.n_drawn = 0
        self._predictor = predictor
        self._films = films
        self._about = about

    def work(self) -> None:
        """Draw until all are done, somebody cancels or the archive is full."""
        buffer = io.BytesIO()
        meter = ProgressMeter(len(self._films))
        with zipfile.ZipFile(buffer, "w") as archive:
            for number, (item, record) in enumerate(self._films, start=1):
                if self.is_cancelled or buffer.tell() > MAX_OVERLAY_BYTES:
                    break
                film = self._film(item, record)
                if film is not None:
                    file = None if film.dicom is not None else film.name
                    name = overlay_name(number, file, record, self.system)
                    archive.writestr(name, self._picture(film))
                    self.n_drawn += 1
                self._tell(meter.count(is_read=film is not None))
            systems = table_systems(self._predictor.systems)
            rows = [record for _, record in self._films]
            archive.writestr("results.csv", table_bytes(".csv", rows, systems, self._about))
            archive.writestr("about.json", json.dumps(dict(self._about), indent=1))
        for shared in {item.archive for item, _ in self._films}:
            if shared is not None:
                shared.close()
        if not self.is_cancelled:
            self.data = buffer.getvalue()

    def _film(self, item: Item, record: Record) -> Radiograph | None:
        """Read a film again; nothing where it cannot be read, or is another by now."""
        if record.error is not None:
            return None
        try:
            film = read(item.read_bytes(LIMITS), name=item.name)
        except CxrError:
            return None
        return film if film.sha256 == record.sha256 else None

    def _picture(self, film: Radiograph) -> bytes:
        """Draw the map of the film's top class."""
        answer = self._predictor.answer(prepare(film, self._predictor.specs))
        cam = explain(
            self._predictor.heads,
            answer.state,
            answer.features,
            self.system,
            answer.systems[self.system].label,
            method=DEFAULT_METHOD,
        )
        grey = Image.fromarray((film.image * 255 + 0.5).astype(np.uint8))
        grey.thumbnail((OVERLAY_PX, OVERLAY_PX))
        picture = Image.fromarray(render(np.asarray(grey, np.float32) / np.float32(255), cam))
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=90, subsampling=0)
        return buffer.getvalue()


def overlay_name(number: int, name: str | None, record: Record, system: str) -> str:
    """Return the name of a film's overlay in the archive.

    Args:
        number: Position of the film in the table, from 1.
        name: Name of its file; `None` for a DICOM film, as in `film_stem`.
        record: The film.
        system: Whose map it is.

    Returns:
        A plain file name that no system reads as a path.
    """
    stem = film_stem(name, record.sha256 or "")
    return f"overlays/{number:05}-{stem}.{system}.{record.label(system)}.jpg"


def words_of(progress: Progress, noun: str, time_words: Callable[[float], str]) -> str:
    """Say how far a task is.

    Args:
        progress: How far.
        noun: What is counted.
        time_words: Writes seconds.

    Returns:
        For example `312 of 500 files, 3.1 a second, 1 min left`.
    """
    line = f"{progress.n_done:,} of {progress.n_total:,} {noun}"
    if progress.rate is not None:
        line += f", {progress.rate:.1f} a second"
    if progress.left_s:
        line += f", {time_words(progress.left_s)} left"
    return line
