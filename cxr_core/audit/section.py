"""One table of an audit, and how its cells and lines are written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cxr_core.evaluate.figure_text import NOT_DEFINED, figure_text
from cxr_core.text_table import aligned


@dataclass(frozen=True)
class Section:
    """One table.

    Attributes:
        title: What it is of.
        header: Titles of the columns.
        rows: Cells, as text.
        notes: Sentences below it.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


def cell(figure: Mapping[str, Any] | None, digits: int = 3) -> str:
    """Write a figure with its interval, or why there is none.

    Args:
        figure: {value, low, high}, with `reason` where one is `None`.
        digits: Decimals.

    Returns:
        For example `0.913 (0.895 to 0.931)`.
    """
    if figure is not None and figure["value"] is None:
        return str(figure.get("reason", NOT_DEFINED))
    return figure_text(figure, digits=digits)


def text_lines(tables: Sequence[Section]) -> Iterator[str]:
    """Yield tables for a terminal.

    Args:
        tables: Of `sections`.

    Yields:
        Lines without line ends.
    """
    for table in tables:
        yield table.title
        yield from aligned((table.header, *table.rows))
        yield from table.notes
        yield ""


def markdown_lines(tables: Sequence[Section]) -> Iterator[str]:
    """Yield tables as Markdown.

    Args:
        tables: Of `sections`.

    Yields:
        Lines without line ends.
    """
    for table in tables:
        yield f"**{table.title}**"
        yield ""
        for row in (table.header, ("---",) * len(table.header), *table.rows):
            yield "| " + " | ".join(row) + " |"
        for note in table.notes:
            yield ""
            yield note
        yield ""
