"""Reports of a worklist's films into one PDF, in a thread; no Streamlit."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from cxr_core.batch.progress import ProgressMeter
from cxr_core.errors import CancelledCheckError
from ui.worklist_job import Task

if TYPE_CHECKING:
    from cxr_core.batch import Item
    from cxr_core.predict import Predictor
    from cxr_core.report import Page

MAX_REPORTS: Final = 500
"""Films of one PDF; it is held in memory, a tenth to half a megabyte a film."""


class Reports(Task):
    """Reads films again and lays out one PDF: a table of all, then a page a film.

    Args:
        predictor: The models that read the worklist.
        items: The files, in the order of the table.
        system: Whose map of its top class is drawn.
        is_raw: Whether probabilities before calibration are reported.
    """

    def __init__(
        self, predictor: Predictor, items: Sequence[Item], system: str, *, is_raw: bool
    ) -> None:
        self._items = tuple(items[:MAX_REPORTS])
        super().__init__(len(self._items))
        self.system = system
        self.n_left_out = len(items) - len(self._items)
        self.data: bytes | None = None
        self._predictor = predictor
        self._is_raw = is_raw

    def work(self) -> None:
        """Read and lay out, until somebody cancels."""
        from cxr_core.report import About, FailedFilm, write_report
        from cxr_core.report.page_reader import read_pages

        about = About.of(self._predictor, system=self.system, is_raw=self._is_raw)
        meter = ProgressMeter(len(self._items))
        pages: list[Page] = []
        coming = read_pages(
            self._predictor, self._items, about, should_stop=lambda: self.is_cancelled
        )
        for page in coming:
            pages.append(page)
            self._tell(meter.count(is_read=not isinstance(page, FailedFilm)))
        if not pages or self.is_cancelled:
            return
        with suppress(CancelledCheckError):
            self.data = write_report(pages, about, datetime.now(UTC), on_page=self._go_on)

    def _go_on(self, n_drawn: int) -> None:
        """Leave the drawing where somebody cancelled."""
        if self.is_cancelled:
            msg = f"The reports must be drawn to the end. Received: cancelled after {n_drawn} pages"
            raise CancelledCheckError(msg)
