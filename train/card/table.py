"""Tables and cells of the cards, in Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from cxr_core.labels import CLASS_TITLES, CLASSES, system_title

BASELINE_TITLES: Final = {
    "mean": "Plain mean of the members",
    "weighted_mean": "Weighted mean of the members",
    "majority": "No learning: commonest class",
    "prior": "No learning: class shares",
}
"""Name of a baseline to words."""


def table(
    header: Sequence[str], rows: Sequence[Sequence[str]], *, n_left: int = 1, is_right: bool = True
) -> str:
    """Return rows of cells as a Markdown table.

    Args:
        header: Titles of the columns.
        rows: As many cells as titles each.
        n_left: Columns that start at the left.
        is_right: True to end the other columns at the right, as numbers do.

    Returns:
        Lines; a bar inside a cell is escaped.
    """
    rule = ["---:" if is_right and i >= n_left else "---" for i in range(len(header))]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"
        for row in (header, rule, *rows)
    )


def class_table(
    first: str, rows: Mapping[str, Mapping[str, int]], **more: Mapping[str, int]
) -> str:
    """Return counts by class as a table.

    Args:
        first: Title of the first column.
        rows: Row title to class to count.
        more: Title of a further column to row title to count.

    Returns:
        The table.
    """
    header = [first, *CLASS_TITLES.values(), "all", *more]
    cells = [
        [
            name,
            *(f"{row.get(label, 0):,}" for label in CLASSES),
            f"{sum(row.get(label, 0) for label in CLASSES):,}",
            *(f"{column.get(name, 0):,}" for column in more.values()),
        ]
        for name, row in rows.items()
    ]
    return table(header, cells)


def title_of(name: str) -> str:
    """Return the words for a system, a baseline or another backbone."""
    return BASELINE_TITLES.get(name) or system_title(name)


def joined(parts: Sequence[Any]) -> str:
    """Return the parts that are not empty as paragraphs."""
    return "\n\n".join(str(part) for part in parts if part)
