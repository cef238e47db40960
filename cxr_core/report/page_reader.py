"""Many files to pages: one film in memory at a time, one file's error never stops the others."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from cxr_core import io
from cxr_core.errors import CxrError
from cxr_core.io import LIMITS, Limits
from cxr_core.io.sniff import DICOM, sniff
from cxr_core.report.content import FailedFilm, Page, film_page

if TYPE_CHECKING:
    from cxr_core.batch import Item
    from cxr_core.predict import Predictor
    from cxr_core.report.about import About

UNNAMED: Final = "film"
"""What a file is called in messages unless its content is a picture's."""

_NOT_OPENED: Final = "The file could not be opened, or it is too large."


def read_pages(
    predictor: Predictor,
    items: Sequence[Item],
    about: About,
    *,
    limits: Limits = LIMITS,
    should_stop: Callable[[], bool] | None = None,
) -> Iterator[Page]:
    """Read files for a report.

    Args:
        predictor: The models.
        items: Files, from `cxr_core.batch.list_items`.
        about: Of the same predictor.
        limits: Largest file and largest film that is decoded.
        should_stop: Asked before each file; no more are yielded where it says so.

    Yields:
        One page a file, in order; a file that cannot be read is a `FailedFilm`.
    """
    try:
        for item in items:
            if should_stop is not None and should_stop():
                return
            yield _page(predictor, item, about, limits)
    finally:
        for archive in {item.archive for item in items}:
            if archive is not None:
                archive.close()


def _page(predictor: Predictor, item: Item, about: About, limits: Limits) -> Page:
    """Read one file; only pictures are called by their names, in messages too."""
    try:
        data = item.read_bytes(limits)
    except CxrError as err:
        return FailedFilm(None, None, _NOT_OPENED, err.hint)
    digest = hashlib.sha256(data).hexdigest()
    is_picture = sniff(data) not in (None, DICOM)
    name = item.name.rsplit("/", 1)[-1] if is_picture else None
    try:
        reading = predictor.read(io.read(data, name=name or UNNAMED, limits=limits))
        return film_page(predictor, reading, about)
    except CxrError as err:
        return FailedFilm.from_error(err, name=name, sha256=digest)
