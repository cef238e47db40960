"""An A4 document in millimetres: embedded fonts, lines of text, boxes, pictures; the only fpdf2."""

from __future__ import annotations

import io
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Self

from fontTools.ttLib import TTFont, TTLibError
from fpdf import FPDF
from fpdf.fonts import TTFFont
from fpdf.prefs import ViewerPreferences

from cxr_core import APP_TITLE, __version__
from cxr_core.errors import ArtifactIntegrityError

FONTS: Final = Path(__file__).resolve().parents[2] / "assets" / "fonts"
"""The fonts that come with the repository; `tools/subset_fonts.py` made them."""

WIDTH_MM: Final = 210.0
HEIGHT_MM: Final = 297.0
MARGIN_MM: Final = 16.0
CONTENT_MM: Final = WIDTH_MM - 2 * MARGIN_MM
REPLACEMENT: Final = "\N{WHITE SQUARE}"
"""Stands for a character that the fonts do not have."""

_FAMILY: Final = "report"
_HINT: Final = "Restore the folder assets/fonts from the repository."
_FILES: Final = {"": "report-regular.ttf", "B": "report-bold.ttf"}
_MM_PER_PT: Final = 25.4 / 72
_CAP_SHARE: Final = 0.66  # of the type size: how high a capital is
_HIDDEN: Final = ("Cc", "Cf", "Co", "Cn", "Cs", "Zl", "Zp")


@dataclass(frozen=True)
class Style:
    """How a line is set.

    Attributes:
        size_pt: Size of the type in points.
        is_bold: Whether it is bold.
        grey: 0 black to 255 white.
        leading: Height of a line, in sizes of the type.
    """

    size_pt: float
    is_bold: bool = False
    grey: int = 0
    leading: float = 1.32

    @property
    def line_mm(self) -> float:
        """Height of a line."""
        return self.size_pt * _MM_PER_PT * self.leading

    @property
    def baseline_mm(self) -> float:
        """From the top of a line to its baseline: capitals stand in the middle of the line."""
        return (self.line_mm + self.size_pt * _MM_PER_PT * _CAP_SHARE) / 2


class Sheet:
    """A document that grows by pages; the same calls give the same bytes.

    A context manager: the font files are open until its end.

    Args:
        title: Title of the document; must name nobody.
        created: With time zone.

    Raises:
        ArtifactIntegrityError: If a font is missing or damaged.
    """

    def __init__(self, title: str, created: datetime) -> None:
        pdf = FPDF(orientation="portrait", unit="mm", format="A4")
        pdf.set_auto_page_break(False)
        pdf.alias_nb_pages("")  # a film may be named like the alias
        pdf.set_title(title)
        pdf.set_lang("en-GB")
        pdf.set_creator(f"{APP_TITLE} {__version__}")
        pdf.set_creation_date(created)
        pdf.viewer_preferences = ViewerPreferences(display_doc_title=True)
        pdf.set_display_mode("fullpage")
        self._known = frozenset(map(chr, _characters()))
        for style, file in _FILES.items():
            pdf.add_font(_FAMILY, style, FONTS / file)
        self._pdf = pdf

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Close the font files, also where the document was not finished."""
        for font in self._pdf.fonts.values():
            if isinstance(font, TTFFont):
                font.close()

    def add_page(self, name: str) -> None:
        """Begin a page.

        Args:
            name: What the document's outline calls it.
        """
        self._pdf.add_page()
        self._pdf.start_section(self.legible(name)[0])

    def legible(self, text: str) -> tuple[str, int]:
        """Replace what the fonts cannot show.

        Args:
            text: Any text.

        Returns:
            Text without control characters, and how many characters were replaced.
        """
        composed = unicodedata.normalize("NFC", text)
        shown = [
            c if c in self._known and unicodedata.category(c) not in _HIDDEN else REPLACEMENT
            for c in composed
        ]
        return "".join(shown), sum(a != b for a, b in zip(shown, composed, strict=True))

    def width_of(self, text: str, style: Style) -> float:
        """Return how wide a line is."""
        self._use(style)
        return float(self._pdf.get_string_width(self.legible(text)[0]))

    def wrap(self, text: str, width_mm: float, style: Style) -> list[str]:
        """Break text into lines.

        Args:
            text: One paragraph.
            width_mm: Room for a line; a word that does not fit alone is broken.
            style: How it is set.

        Returns:
            At least one line.
        """
        lines, line = [], ""
        for word in text.split(" "):
            longer = f"{line} {word}" if line else word
            if self.width_of(longer, style) <= width_mm:
                line = longer
                continue
            if line:
                lines.append(line)
            while len(word) > 1 and self.width_of(word, style) > width_mm:
                n = self._n_fitting(word, width_mm, style)
                lines.append(word[:n])
                word = word[n:]
            line = word
        return [*lines, line]

    def cut(self, text: str, width_mm: float, style: Style) -> str:
        """Return text that fits on one line: the middle of a long one becomes an ellipsis."""
        if self.width_of(text, style) <= width_mm:
            return text
        n = len(text)
        while n > 2:
            n -= 1
            head, tail = n - n // 3, n // 3
            shorter = f"{text[:head].rstrip()}\N{HORIZONTAL ELLIPSIS}{text[len(text) - tail :]}"
            if self.width_of(shorter, style) <= width_mm:
                return shorter
        return text[:1]

    def text(self, x: float, y: float, text: str, style: Style) -> None:
        """Write one line.

        Args:
            x: Its left end.
            y: Its top.
            text: The line.
            style: How it is set.
        """
        self._use(style)
        self._pdf.set_text_color(style.grey)
        self._pdf.text(x, y + style.baseline_mm, self.legible(text)[0])

    def text_right(self, x: float, y: float, text: str, style: Style) -> None:
        """Write one line that ends at `x`."""
        self.text(x - self.width_of(text, style), y, text, style)

    def lines(self, x: float, y: float, lines: list[str], style: Style) -> None:
        """Write lines below each other."""
        for number, line in enumerate(lines):
            self.text(x, y + number * style.line_mm, line, style)

    def rule(
        self,
        start: tuple[float, float],
        end: tuple[float, float],
        *,
        weight_mm: float = 0.2,
        grey: int = 0,
    ) -> None:
        """Draw a straight line."""
        self._pdf.set_draw_color(grey)
        self._pdf.set_line_width(weight_mm)
        self._pdf.line(*start, *end)

    def box(self, x: float, y: float, width: float, height: float, *, grey: int) -> None:
        """Fill a box."""
        self._pdf.set_fill_color(grey)
        self._pdf.rect(x, y, width, height, style="F")

    def frame(self, x: float, y: float, width: float, height: float, *, grey: int) -> None:
        """Draw a thin frame."""
        self._pdf.set_draw_color(grey)
        self._pdf.set_line_width(0.15)
        self._pdf.rect(x, y, width, height, style="D")

    def picture(
        self, data: bytes, place: tuple[float, float, float, float], alternative: str
    ) -> None:
        """Place a picture.

        Args:
            data: JPEG or PNG.
            place: Left, top, width and height.
            alternative: What it shows, for readers who do not see it.
        """
        x, y, width, height = place
        self._pdf.image(
            io.BytesIO(data), x=x, y=y, w=width, h=height, alt_text=self.legible(alternative)[0]
        )

    def link(self, place: tuple[float, float, float, float], page: int) -> None:
        """Let a click on a place open a page, which need not be there yet."""
        self._pdf.link(*place, self._pdf.add_link(page=page))

    def finish(self) -> bytes:
        """Return the document."""
        return bytes(self._pdf.output())

    def _use(self, style: Style) -> None:
        """Choose the font."""
        self._pdf.set_font(_FAMILY, "B" if style.is_bold else "", style.size_pt)

    def _n_fitting(self, word: str, width_mm: float, style: Style) -> int:
        """Return how many characters of a word fit on a line, at least one."""
        n = len(word)
        while n > 1 and self.width_of(word[:n], style) > width_mm:
            n -= 1
        return n


def _characters() -> frozenset[int]:
    """Return the code points that every font has, or name a font that cannot be used."""
    known: list[frozenset[int]] = []
    for file in _FILES.values():
        try:
            with TTFont(io.BytesIO((FONTS / file).read_bytes())) as font:
                known.append(frozenset(font.getBestCmap()))
        except (OSError, ValueError, TTLibError) as err:
            msg = (
                f"assets/fonts/{file}: the file must be the font that was published. "
                f"Received: {type(err).__name__}"
            )
            raise ArtifactIntegrityError(msg, hint=_HINT) from err
    return frozenset.intersection(*known)
