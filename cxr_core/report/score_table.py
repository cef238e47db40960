"""The table of scores: a row a system, a bar and a number a class; legible without colour."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cxr_core.labels import CLASS_TITLES, CLASSES, system_title
from cxr_core.report.page_block import BODY, HEADING, LABEL, NOTE, STRONG, Block, heading
from cxr_core.report.sentence import NORMAL_MEANS, TEMPERATURE_MEANS, calibration_words
from cxr_core.report.sheet import CONTENT_MM, MARGIN_MM, WIDTH_MM, Sheet

if TYPE_CHECKING:
    from cxr_core.report.about import About
    from cxr_core.report.content import FilmPage, ScoreRow

SYSTEM_MM: Final = 52.0
CLASS_MM: Final = 38.0
_TRACK_MM: Final = 23.0
_BAR_MM: Final = 2.6
_ROW_MM: Final = 5.2
_TOP_GREY: Final = 20
_OTHER_GREY: Final = 165
_TRACK_GREY: Final = 190


def scores_block(sheet: Sheet, page: FilmPage, about: About) -> Block:
    """Return the table with what its numbers mean.

    Args:
        sheet: The document.
        page: The film.
        about: The models.

    Returns:
        The block.
    """
    title = "Scores of the systems"
    if page.is_refused:
        title = "Scores of the systems on a refused film: do not believe them"
    words = [calibration_words(page, about)]
    if any(row.temperature is not None for row in page.scores):
        words.append(TEMPERATURE_MEANS)
    lines = sheet.wrap(" ".join([*words, NORMAL_MEANS]), CONTENT_MM, NOTE)
    head_mm = HEADING.line_mm + 1.6 + LABEL.line_mm + 0.6
    height = head_mm + len(page.scores) * _ROW_MM + 1.0 + len(lines) * NOTE.line_mm

    def draw(y: float) -> None:
        heading(sheet, y, title)
        y += HEADING.line_mm + 1.6
        for number, name in enumerate(CLASSES):
            sheet.text(_class_x(number), y, CLASS_TITLES[name], LABEL)
        sheet.text_right(WIDTH_MM - MARGIN_MM, y, "T", LABEL)
        y += LABEL.line_mm + 0.6
        for row in page.scores:
            is_mapped = page.map is not None and row.system == page.map.system
            _row(sheet, y, row, is_mapped=is_mapped, is_refused=page.is_refused)
            y += _ROW_MM
        sheet.lines(MARGIN_MM, y + 1.0, lines, NOTE)

    return Block(height, draw)


def _class_x(number: int) -> float:
    """Return where the column of a class begins."""
    return MARGIN_MM + SYSTEM_MM + number * CLASS_MM


def _row(sheet: Sheet, y: float, row: ScoreRow, *, is_mapped: bool, is_refused: bool) -> None:
    """Draw what one system says; of a refused film in grey, so that nothing stands out."""
    mark = " (map above)" if is_mapped else ""
    top = y + (_ROW_MM - BODY.line_mm) / 2
    title = sheet.cut(system_title(row.system), SYSTEM_MM - sheet.width_of(mark, NOTE) - 2, BODY)
    sheet.text(MARGIN_MM, top, title, BODY)
    sheet.text(MARGIN_MM + sheet.width_of(title, BODY), top, mark, NOTE)
    for number, (name, value) in enumerate(zip(CLASSES, row.probs, strict=True)):
        is_top = name == row.label and not is_refused
        x, bar_y = _class_x(number), y + (_ROW_MM - _BAR_MM) / 2
        grey = _TOP_GREY if is_top else _OTHER_GREY
        sheet.box(x, bar_y, _TRACK_MM * value, _BAR_MM, grey=grey)
        sheet.frame(x, bar_y, _TRACK_MM, _BAR_MM, grey=_TRACK_GREY)
        style = STRONG if is_top else LABEL if is_refused else BODY
        sheet.text(x + _TRACK_MM + 1.6, top, f"{value:.3f}", style)
    temperature = "raw" if row.temperature is None else f"{row.temperature:.2f}"
    sheet.text_right(WIDTH_MM - MARGIN_MM, top, temperature, BODY)
