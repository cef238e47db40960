"""An open reader study as one session works on it: its reader, its films, its open question."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cxr_core import io
from cxr_core.errors import CxrError, SpecMismatchError, StudyError
from cxr_core.explain.cam import DEFAULT_METHOD
from cxr_core.reader_study import FilmFinder, FolderShelf, Given, Study
from cxr_core.reader_study.plan import Task
from ui import model_cache
from ui.film_pixels import FilmPixels
from ui.film_view import map_data
from ui.reading_cache import Failure

if TYPE_CHECKING:
    from cxr_core.predict import Predictor
    from cxr_core.radiograph import Radiograph

MAX_HELD: Final = 3
"""Films, and maps, that a session keeps ready; each film 2 MB at most."""

DROPPED: Final = "“Clear my films” dropped the films of this study. Every answer is kept."
BRING_BACK: Final = (
    "Upload the films again on the page Read films, if they were uploaded, then press “Look there”."
)


@dataclass
class Desk:
    """An open study and what this session does with it.

    Attributes:
        study: The study.
        finder: Its films; `None` as long as they are not in reach.
        missing: Why they are not.
        reader: Code of who reads now, or `None`.
        changing: Index of the task whose answer is being changed, or `None`.
        attempt: Answers that were not taken.
        problem: Why the last one was not.
    """

    study: Study
    finder: FilmFinder | None = None
    missing: Failure | None = None
    reader: str | None = None
    changing: int | None = None
    attempt: int = 0
    problem: Failure | None = None
    _pixels: dict[str, FilmPixels] = field(default_factory=dict, repr=False)
    _maps: dict[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)

    @property
    def folder(self) -> Path | None:
        """The folder that answers are written to; `None` for a study in memory."""
        shelf = self.study.shelf
        return shelf.folder if isinstance(shelf, FolderShelf) else None

    def begin(self, typed: str) -> None:
        """Let a reader begin or go on.

        Raises:
            CxrError: If it is no code, or nothing can be written.
        """
        self.reader = self.study.begin(typed)
        self.changing = self.problem = None

    def pause(self) -> None:
        """Go back to the overview; nothing is lost."""
        self.reader = self.changing = self.problem = None

    def let_go(self) -> None:
        """Drop every film, picture and map; the study stays open, with every answer."""
        self.finder = None
        self.missing = Failure(DROPPED, BRING_BACK)
        self._pixels.clear()
        self._maps.clear()

    def take(self, task: Task, revision: int, given: Given) -> None:
        """Write an answer and go on, or keep why it was not taken."""
        if self.reader is None:
            return
        try:
            self.study.answer(self.reader, task.index, given, revision=revision)
        except CxrError as err:
            self.refuse(err)
            return
        self.changing = self.problem = None

    def refuse(self, err: CxrError) -> None:
        """Keep why an answer was not taken."""
        self.attempt += 1
        self.problem = Failure(str(err), err.hint)
        self.changing = None

    def pixels(self, digest: str) -> FilmPixels:
        """Return a film for the viewer.

        Raises:
            CxrError: If it is not there any more, is another by now, or cannot be decoded.
        """
        if digest not in self._pixels:
            _make_room(self._pixels)
            self._pixels[digest] = FilmPixels.from_radiograph(self._film(digest))
        return self._pixels[digest]

    def map(self, digest: str, predictor: Predictor) -> Mapping[str, Any]:
        """Return the heatmap that is part of the aid, for the class that the system names.

        Raises:
            CxrError: As `pixels`, or if the models are not those of the study.
        """
        aid = self.study.design.aid
        if digest not in self._maps and aid is not None:
            same = models_of(self.study, predictor)
            reading = same.read(self._film(digest))
            label = self.study.records[digest].label(aid.system) or ""
            cam = same.explain(reading, aid.system, label, method=DEFAULT_METHOD)
            _make_room(self._maps)
            self._maps[digest] = map_data(cam)
        return self._maps[digest]

    def _film(self, digest: str) -> Radiograph:
        """Decode a film without a name."""
        if self.finder is None:
            msg = "`films` must be in reach. Received: none"
            raise StudyError(msg, hint="Bring the films of the study first.")
        return io.read(self.finder.read(digest), name="film")


def models_of(study: Study, predictor: Predictor) -> Predictor:
    """Return the models that made a study's readings.

    Args:
        study: The study.
        predictor: The models in use, perhaps another variant of the same bundle.

    Raises:
        SpecMismatchError: If the bundle is another.
    """
    models = study.models or {}
    digest = models.get("bundle", {}).get("digest")
    if digest != predictor.bundle.digest:
        msg = (
            "`bundle` must be the one that the study was made with. "
            f"Received: digest={predictor.bundle.digest[:12]}"
        )
        hint = "Start the page with the bundle of the study, or read without heatmaps."
        raise SpecMismatchError(msg, hint=hint)
    if models["variant"] == predictor.variant:
        return predictor
    own = model_cache.Models(model_cache.bundle_folders()[0], models["variant"], "")
    return model_cache.load_beside(own)


def _make_room(held: dict[str, Any]) -> None:
    """Drop the oldest of what is kept ready."""
    while len(held) >= MAX_HELD:
        held.pop(next(iter(held)))
