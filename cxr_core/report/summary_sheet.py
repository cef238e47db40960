"""The first pages of a report on several films: one row a film, refused ones and errors marked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final

from cxr_core.labels import CLASS_TITLES, system_title
from cxr_core.report.content import FilmPage
from cxr_core.report.film_sheet import film_title
from cxr_core.report.page_block import (
    BODY,
    BOTTOM_MM,
    HEADING,
    LABEL,
    NOTE,
    STRONG,
    TOP_MM,
    Block,
    caution_block,
    foot,
    head,
    heading,
    origin_rows,
    rows_block,
    stack,
    total_mm,
)
from cxr_core.report.sheet import MARGIN_MM, WIDTH_MM, Sheet, Style

if TYPE_CHECKING:
    from cxr_core.report.about import About
    from cxr_core.report.content import Page

TITLE: Final = "Chest film reports"
_ROW_MM: Final = 5.4
_HEAD_MM: Final = HEADING.line_mm + 1.6 + LABEL.line_mm + 1.0
_CHIP: Final = Style(7.2, is_bold=True, grey=255)
_COLUMNS: Final = {
    "No.": 0.0,
    "Film": 8.0,
    "SHA-256": 62.0,
    "Gate": 81.0,
    "Highest score": 101.0,
    "Agree": 133.0,
    "Not excluded": 145.0,
    "Page": 178.0,
}
"""Title of a column to its left end; of the last one its right end."""


def n_summary_pages(sheet: Sheet, n_films: int, about: About) -> int:
    """Return how many pages the table takes."""
    first, other = _room(sheet, about)
    return 1 + -(-max(0, n_films - first) // other)


def draw_summary(
    sheet: Sheet, pages: Sequence[Page], about: About, created: datetime, numbers: Sequence[int]
) -> None:
    """Draw the table of all films.

    Args:
        sheet: The document; gets one new page or more.
        pages: The films, in order.
        about: Of the models that read them.
        created: Date of the report.
        numbers: Page of each film, 0 for one that has none, then the number of all pages.
    """
    first, other = _room(sheet, about)
    starts = [0, *range(first, len(pages), other)]
    for number, start in enumerate(starts, start=1):
        end = starts[number] if number < len(starts) else len(pages)
        sheet.add_page("Table of all films" if number == 1 else f"Table of all films, {number}")
        above = _above(sheet, about, created) if number == 1 else [head(sheet, TITLE, created)]
        y = stack(above)
        heading(sheet, y, _counts(pages) if number == 1 else f"Films {start + 1} to {end}")
        y += HEADING.line_mm + 1.6
        for title, x in _COLUMNS.items():
            write = sheet.text_right if title == "Page" else sheet.text
            write(MARGIN_MM + x, y, title, LABEL)
        y += LABEL.line_mm + 1.0
        for position in range(start, end):
            _row(sheet, y, position + 1, pages[position], about, numbers[position])
            y += _ROW_MM
        foot(sheet, about.provenance.line(), f"Page {number} of {numbers[-1]}")


def _above(sheet: Sheet, about: About, created: datetime) -> list[Block]:
    """Return what stands above the table of the first page."""
    origin = rows_block(sheet, "", [*_meaning(about), *origin_rows(about)], NOTE)
    return [head(sheet, TITLE, created), *caution_block(sheet, about), origin]


def _meaning(about: About) -> list[tuple[str, str]]:
    """Say what the table shows."""
    return [
        (
            "Highest score",
            f"by {system_title(about.system)}, whose map is on each page. Agree: systems that name "
            "the commonest class. Do not believe scores of refused films.",
        )
    ]


def _room(sheet: Sheet, about: About) -> tuple[int, int]:
    """Return how many rows the first page has room for, and each other page."""
    created = datetime.min.replace(tzinfo=UTC)  # heights do not depend on it
    whole = BOTTOM_MM - TOP_MM - _HEAD_MM
    first = whole - total_mm(_above(sheet, about, created))
    other = whole - total_mm([head(sheet, TITLE, created)])
    return max(1, int(first // _ROW_MM)), max(1, int(other // _ROW_MM))


def _counts(pages: Sequence[Page]) -> str:
    """Say how many films there are, and what became of them."""
    read = [page for page in pages if isinstance(page, FilmPage)]
    n_refused = sum(page.is_refused for page in read)
    n = len(pages)
    return (
        f"{n:,} {'file' if n == 1 else 'files'}: {len(read) - n_refused:,} read, {n_refused:,} "
        f"refused by the gate, {n - len(read):,} in error"
    )


def _row(sheet: Sheet, y: float, number: int, page: Page, about: About, page_number: int) -> None:
    """Draw one film's row over a thin rule."""
    right = WIDTH_MM - MARGIN_MM
    sheet.rule((MARGIN_MM, y + _ROW_MM), (right, y + _ROW_MM), weight_mm=0.1, grey=190)
    write = partial(_write, sheet, y)
    write("No.", str(number))
    title = film_title(page) if isinstance(page, FilmPage) else page.name or "Name left out"
    write("Film", title)
    write("SHA-256", (page.sha256 or "")[:8])
    if not isinstance(page, FilmPage):
        _chip(sheet, y, "IN ERROR", "Gate")
        write("Highest score", page.message, until="Page")
        return
    if page.is_refused:
        _chip(sheet, y, "REFUSED", "Gate")
    else:
        write("Gate", "passed" if page.trust.ood_verdict == "passed" else "not run")
    row = next(row for row in page.scores if row.system == about.system)
    style = LABEL if page.is_refused else STRONG
    write("Highest score", f"{CLASS_TITLES[row.label]} {max(row.probs):.3f}", style=style)
    write("Agree", f"{page.votes[1]} of {len(page.scores)}")
    if page.trust.prediction_set is not None:
        titles = ", ".join(CLASS_TITLES[name] for name in page.trust.prediction_set)
        write("Not excluded", titles or "none")
    sheet.text_right(right, _text_top(y), str(page_number), BODY)
    sheet.link((MARGIN_MM, y, right - MARGIN_MM, _ROW_MM), page_number)


def _write(
    sheet: Sheet, y: float, column: str, text: str, *, until: str = "", style: Style = BODY
) -> None:
    """Write into a column, cut where the next one begins, or the one named."""
    titles = list(_COLUMNS)
    end = _COLUMNS[until or titles[titles.index(column) + 1]]
    room = end - _COLUMNS[column] - (8.0 if end == _COLUMNS["Page"] else 1.5)
    shown = sheet.cut(sheet.legible(text)[0], room, style)
    sheet.text(MARGIN_MM + _COLUMNS[column], _text_top(y), shown, style)


def _text_top(y: float) -> float:
    """Return where text of a row begins."""
    return y + (_ROW_MM - BODY.line_mm) / 2


def _chip(sheet: Sheet, y: float, words: str, column: str) -> None:
    """Write white on black."""
    x, pad = MARGIN_MM + _COLUMNS[column], 1.2
    height = _CHIP.line_mm + 0.4
    top = y + (_ROW_MM - height) / 2
    sheet.box(x, top, sheet.width_of(words, _CHIP) + 2 * pad, height, grey=0)
    sheet.text(x + pad, top + 0.2, words, _CHIP)
