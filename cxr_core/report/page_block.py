"""Parts of a page that know their height before they are drawn, and what pages have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from cxr_core import APP_TITLE
from cxr_core.report.sentence import RESEARCH_USE, caution_words
from cxr_core.report.sheet import CONTENT_MM, HEIGHT_MM, MARGIN_MM, WIDTH_MM, Sheet, Style

if TYPE_CHECKING:
    from cxr_core.report.about import About

TITLE: Final = Style(16, is_bold=True)
NAME: Final = Style(11, is_bold=True)
HEADING: Final = Style(9.5, is_bold=True)
BODY: Final = Style(8.2)
STRONG: Final = Style(8.2, is_bold=True)
NOTE: Final = Style(7.2, grey=70)
LABEL: Final = Style(8.2, grey=70)
TOP_MM: Final = 13.0
BOTTOM_MM: Final = HEIGHT_MM - 17.0
"""Where the blocks of a page end and its foot begins."""

GAP_MM: Final = 3.6
_LABEL_MM: Final = 31.0
_BAR_MM: Final = 1.2
_INDENT_MM: Final = 4.0


@dataclass(frozen=True)
class Block:
    """A part of a page.

    Attributes:
        height_mm: Its height.
        draw: Draws it; gets its top.
    """

    height_mm: float
    draw: Callable[[float], None]


def stack(blocks: Sequence[Block], top: float = TOP_MM) -> float:
    """Draw blocks below each other; return where they end."""
    for block in blocks:
        block.draw(top)
        top += block.height_mm + GAP_MM
    return top


def total_mm(blocks: Sequence[Block]) -> float:
    """Return the height of blocks with a gap after each."""
    return sum(block.height_mm + GAP_MM for block in blocks)


def head(sheet: Sheet, title: str, created: datetime) -> Block:
    """Return title, date and the research-use line, above a rule."""

    def draw(y: float) -> None:
        sheet.text(MARGIN_MM, y, title, TITLE)
        right = WIDTH_MM - MARGIN_MM
        sheet.text_right(right, y, APP_TITLE, STRONG)
        sheet.text_right(right, y + BODY.line_mm, f"Created {date_words(created)}", BODY)
        y += TITLE.line_mm + 0.6
        sheet.text(MARGIN_MM, y, RESEARCH_USE, STRONG)
        y += STRONG.line_mm + 1.2
        sheet.rule((MARGIN_MM, y), (right, y), weight_mm=0.4)

    return Block(TITLE.line_mm + STRONG.line_mm + 1.8, draw)


def foot(sheet: Sheet, left: str, number: str) -> None:
    """Draw the foot of a page: research use, what the page is of, number of the page."""
    y, right = BOTTOM_MM + 3.0, WIDTH_MM - MARGIN_MM
    sheet.rule((MARGIN_MM, y), (right, y), weight_mm=0.2)
    y += 1.4
    sheet.text(MARGIN_MM, y, RESEARCH_USE, Style(7.2, is_bold=True))
    sheet.text_right(right, y, number, NOTE)
    sheet.text(MARGIN_MM, y + NOTE.line_mm, sheet.cut(left, CONTENT_MM, NOTE), NOTE)


def caution_block(sheet: Sheet, about: About) -> list[Block]:
    """Return what was measured against believing the scores; nothing where nothing was."""
    words = [caution_words(caution) for caution in about.cautions]
    return barred_block(sheet, "Measured, before you read the scores", words)


def barred_block(sheet: Sheet, title: str, paragraphs: Sequence[str]) -> list[Block]:
    """Return paragraphs beside a thick bar, or nothing where there are none."""
    if not paragraphs:
        return []
    indent = _BAR_MM + _INDENT_MM
    lines: list[str] = []
    for words in paragraphs:
        lines += sheet.wrap(words, CONTENT_MM - indent, BODY)
    height = HEADING.line_mm + len(lines) * BODY.line_mm

    def draw(y: float) -> None:
        sheet.box(MARGIN_MM, y, _BAR_MM, height, grey=0)
        sheet.text(MARGIN_MM + indent, y, title, HEADING)
        sheet.lines(MARGIN_MM + indent, y + HEADING.line_mm, lines, BODY)

    return [Block(height, draw)]


def rows_block(
    sheet: Sheet, title: str, rows: Sequence[tuple[str, str]], style: Style = BODY
) -> Block:
    """Return a heading over rows of a label and a paragraph each."""
    label = Style(style.size_pt, grey=LABEL.grey, leading=style.leading)
    wrapped = [
        (name, sheet.wrap(words, CONTENT_MM - _LABEL_MM, style)) for name, words in rows if words
    ]
    space = 0.7
    heading_mm = HEADING.line_mm + 1.4 if title else 0.0
    height = heading_mm + sum(len(lines) * style.line_mm + space for _, lines in wrapped)

    def draw(y: float) -> None:
        if title:
            heading(sheet, y, title)
        y += heading_mm
        for name, lines in wrapped:
            sheet.text(MARGIN_MM, y, name, label)
            sheet.lines(MARGIN_MM + _LABEL_MM, y, lines, style)
            y += len(lines) * style.line_mm + space

    return Block(height, draw)


def heading(sheet: Sheet, y: float, title: str) -> None:
    """Draw a heading over a thin rule."""
    sheet.text(MARGIN_MM, y, title, HEADING)
    y += HEADING.line_mm + 0.3
    sheet.rule((MARGIN_MM, y), (WIDTH_MM - MARGIN_MM, y), weight_mm=0.2)


def origin_rows(about: About) -> list[tuple[str, str]]:
    """Return what the numbers come from."""
    found = about.provenance
    return [
        (
            "Models",
            f"{found.bundle} {found.version}, variant {found.variant}, {found.precision}, "
            f"{found.probabilities} probabilities, software {about.software}",
        ),
        ("Bundle digest", found.digest),
        ("Command", about.command),
    ]


def date_words(created: datetime) -> str:
    """Write a date and time in a way that no country reads differently."""
    return f"{created.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
