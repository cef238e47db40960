"""From what is told of films to the bytes of a PDF."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cxr_core.report.about import About
from cxr_core.report.content import FilmPage, Page, film_page

if TYPE_CHECKING:
    from cxr_core.predict import Predictor, Reading


def write_report(
    pages: Sequence[Page],
    about: About,
    created: datetime,
    *,
    on_page: Callable[[int], None] | None = None,
) -> bytes:
    """Lay out films as PDF.

    Args:
        pages: In order, at least one. A film that was read alone is one page; else a table of all
            comes first, in which files in error are a row without a page.
        about: Of the models that read them.
        created: Date of the report, with a time zone. The same arguments give the same bytes.
        on_page: Called after each film's page with how many are drawn.

    Returns:
        The PDF, its fonts embedded, with a title that names nobody.

    Raises:
        ValueError: If there is no page, or the date has no time zone.
        ArtifactIntegrityError: If a font is missing or damaged.
    """
    if not pages:
        msg = "`pages` must hold at least one film. Received: none"
        raise ValueError(msg)
    if created.tzinfo is None:
        msg = f"`created` must have a time zone. Received: created={created!r}"
        raise ValueError(msg)
    from cxr_core.report import film_sheet, summary_sheet  # fpdf2 only where a report is written
    from cxr_core.report.sheet import Sheet

    is_single = len(pages) == 1 and isinstance(pages[0], FilmPage)
    title = film_sheet.TITLE if is_single else summary_sheet.TITLE
    with Sheet(title, created.astimezone(UTC)) as sheet:
        n_before = 0 if is_single else summary_sheet.n_summary_pages(sheet, len(pages), about)
        numbers, n_all = [], n_before
        for page in pages:
            n_all += isinstance(page, FilmPage)
            numbers.append(n_all if isinstance(page, FilmPage) else 0)
        if not is_single:
            summary_sheet.draw_summary(sheet, pages, about, created, [*numbers, n_all])
        for page, number in zip(pages, numbers, strict=True):
            if isinstance(page, FilmPage):
                film_sheet.draw_film(sheet, page, about, created, (number, n_all))
                if on_page is not None:
                    on_page(number - n_before)
        return sheet.finish()


def film_report(
    predictor: Predictor,
    reading: Reading,
    *,
    created: datetime,
    system: str | None = None,
    is_raw: bool = False,
    remark: str = "",
) -> bytes:
    """Return the report of one film as PDF, one page.

    Args:
        predictor: The models that read it.
        reading: Their reading; not changed.
        created: Date of the report, with a time zone.
        system: Whose map is drawn, for the class that it names; the first system if `None`.
        is_raw: Whether probabilities before calibration are reported.
        remark: A sentence to stand below the film's name.

    Returns:
        The PDF; the same arguments give the same bytes.

    Raises:
        NotApplicableError: If there is no such system.
        ArtifactIntegrityError: If a font is missing or damaged.
    """
    about = About.of(predictor, system=system, is_raw=is_raw)
    return write_report([film_page(predictor, reading, about, remark=remark)], about, created)
