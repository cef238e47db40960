"""The page of one film, laid out so that it always is one page: the pictures take what is left."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from cxr_core.radiograph import SERIOUS_NOTICES
from cxr_core.report.page_block import (
    BODY,
    BOTTOM_MM,
    GAP_MM,
    NAME,
    TOP_MM,
    Block,
    barred_block,
    caution_block,
    foot,
    head,
    origin_rows,
    rows_block,
    stack,
    total_mm,
)
from cxr_core.report.pictures_block import pictures_block
from cxr_core.report.score_table import scores_block
from cxr_core.report.sentence import (
    NO_CAUTION,
    REFUSED,
    REFUSED_WHY,
    agreement_words,
    gate_words,
    lung_words,
    set_words,
)
from cxr_core.report.sheet import CONTENT_MM, MARGIN_MM, REPLACEMENT, Sheet, Style

if TYPE_CHECKING:
    from cxr_core.report.about import About
    from cxr_core.report.content import FilmPage

TITLE: Final = "Chest film report"
MAX_NOTICES: Final = 6
MIN_PICTURE_MM: Final = 48.0
_ORIGIN: Final = Style(7.0, grey=40)
_BAND: Final = Style(12.5, is_bold=True, grey=255)
_BAND_TEXT: Final = Style(8.2, grey=255)


def draw_film(
    sheet: Sheet, page: FilmPage, about: About, created: datetime, number: tuple[int, int]
) -> None:
    """Draw one film on one page.

    Args:
        sheet: The document; gets a new page.
        page: What is told of the film.
        about: Of the models that read it.
        created: Date of the report.
        number: Of this page, and of all pages.
    """
    sheet.add_page(f"{film_title(page)}, {page.sha256[:8]}")
    above = [head(sheet, TITLE, created)]
    if page.is_refused:
        above.append(_refused_band(sheet))
    serious = [n.message for n in page.notices if n.code in SERIOUS_NOTICES]
    above.append(_identity(sheet, page))
    above += barred_block(sheet, "About this film, before anything else", serious)
    above += caution_block(sheet, about)
    table = scores_block(sheet, page, about)
    origin = _origin(sheet, page, about)
    others = [n.message for n in page.notices if n.code not in SERIOUS_NOTICES]
    for n_shown in range(min(len(others), MAX_NOTICES), -1, -1):
        rows = _checks(page, about, _shortened(others, n_shown))
        checks = rows_block(sheet, "What was checked", rows)
        fixed = total_mm([*above, table, checks, origin]) - GAP_MM
        room = BOTTOM_MM - TOP_MM - fixed - GAP_MM
        if room >= MIN_PICTURE_MM:
            break
    pictures = pictures_block(sheet, page, room)
    stack([*above, pictures, table, checks])
    origin.draw(BOTTOM_MM - origin.height_mm)
    foot(sheet, f"Film {page.sha256[:16]}", f"Page {number[0]} of {number[1]}")


def film_title(page: FilmPage) -> str:
    """Return what a film is called: a DICOM film has no name here."""
    return "DICOM film" if page.name is None else page.name


def _identity(sheet: Sheet, page: FilmPage) -> Block:
    """Return name, format and size, and what was replaced in the name."""
    name, n_replaced = sheet.legible(film_title(page))
    title = sheet.cut(name, CONTENT_MM, NAME)
    facts = ", ".join(page.facts)
    notes = [page.remark] if page.remark else []
    if page.name is None:
        notes.append("The file's name is left out: it may be a patient's.")
    if n_replaced:
        what = "1 character" if n_replaced == 1 else f"{n_replaced} characters"
        notes.append(f"{what} of the name, not in this report's fonts, shown as {REPLACEMENT}.")
    lines = sheet.wrap(f"{facts}. {' '.join(notes)}".strip(), CONTENT_MM, BODY)

    def draw(y: float) -> None:
        sheet.text(MARGIN_MM, y, title, NAME)
        sheet.lines(MARGIN_MM, y + NAME.line_mm, lines, BODY)

    return Block(NAME.line_mm + len(lines) * BODY.line_mm, draw)


def _refused_band(sheet: Sheet) -> Block:
    """Return a black band that no printer loses."""
    pad = 2.4
    lines = sheet.wrap(REFUSED_WHY, CONTENT_MM - 2 * pad, _BAND_TEXT)
    height = 2 * pad + _BAND.line_mm + len(lines) * _BAND_TEXT.line_mm

    def draw(y: float) -> None:
        sheet.box(MARGIN_MM, y, CONTENT_MM, height, grey=0)
        sheet.text(MARGIN_MM + pad, y + pad, REFUSED, _BAND)
        sheet.lines(MARGIN_MM + pad, y + pad + _BAND.line_mm, lines, _BAND_TEXT)

    return Block(height, draw)


def _checks(page: FilmPage, about: About, notices: str) -> list[tuple[str, str]]:
    """Return what was checked of film and scores, and what was not."""
    return [
        ("Refusal gate", gate_words(page.trust)),
        ("Agreement", agreement_words(page)),
        ("Cannot be excluded", set_words(page.trust)),
        ("Map in the lungs", lung_words(page.lungs, page.trust)),
        ("Other sources", "" if about.cautions else NO_CAUTION),
        ("Film", notices),
    ]


def _shortened(notices: list[str], n_shown: int) -> str:
    """Join the first notices, and say how many more there are."""
    shown = notices[:n_shown]
    if n_more := len(notices) - n_shown:
        what = "1 more notice has" if n_more == 1 else f"{n_more} more notices have"
        shown.append(f"{what} no room here; the command predict prints all.")
    return " ".join(shown)


def _origin(sheet: Sheet, page: FilmPage, about: About) -> Block:
    """Return what the numbers come from, in small type."""
    rows = [("Film SHA-256", page.sha256), *origin_rows(about)]
    return rows_block(sheet, "", rows, _ORIGIN)
