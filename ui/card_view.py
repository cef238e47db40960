"""Cards and checklists as the page shows and gives them away: sections, rows, files; no drawing."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from string import hexdigits
from typing import TYPE_CHECKING, Final

from cxr_core.checklist.item import STATES, UNFILLED, count_line
from ui.frame import plain

if TYPE_CHECKING:
    from cxr_core.checklist.item import Answer, Checklist
    from cxr_core.provenance import Link, Provenance

WHOLE: Final = "Whole card"
ALL: Final = "All items"
_HEADING: Final = "## "
_FENCE: Final = "```"
_DIGEST_DIGITS: Final = 64
_SHOWN_DIGITS: Final = 16

PARAPHRASE: Final = (
    "The items are written here in our own words. Check each against the paper before you report a "
    "study: {reference}. A filled item says that something is told, not that it is good."
)


def table_text(rows: Sequence[Mapping[str, str]]) -> str:
    """Return rows as a Markdown table, which uses the width of the page as `st.table` does not.

    Args:
        rows: Column title to Markdown, bars escaped; all with the same columns.

    Returns:
        Lines; an empty text for no rows.
    """
    if not rows:
        return ""
    cells = [list(rows[0]), ["---"] * len(rows[0]), *(list(row.values()) for row in rows)]
    return "\n".join("| " + " | ".join(row) + " |" for row in cells)


def card_sections(card: str) -> dict[str, str]:
    """Split a card at its headings of the second level.

    Args:
        card: Markdown.

    Returns:
        Heading to the section's text with the heading, in order; what stands before the first
        heading is part of the first section. Empty for a card with fewer than two such headings.
    """
    sections: dict[str, list[str]] = {}
    before: list[str] = []
    title, is_code = "", False
    for line in card.splitlines():
        is_code ^= line.startswith(_FENCE)
        if line.startswith(_HEADING) and not is_code:
            title = line.removeprefix(_HEADING).strip()
            sections[title] = []
        (sections[title] if title else before).append(line)
    if len(sections) < 2:
        return {}
    first = next(iter(sections))
    sections[first] = [*before, *sections[first]]
    return {name: "\n".join(lines).strip() for name, lines in sections.items()}


def card_file(card: str, provenance: Provenance) -> str:
    """Return a card for download, with the digest of the bundle that it cannot hold itself.

    Args:
        card: Markdown.
        provenance: Of the bundle in use.

    Returns:
        Markdown.
    """
    named = f"{provenance.bundle} {provenance.version}, digest `{provenance.digest}`"
    return f"{card.rstrip()}\n\n---\n\nCard of bundle {named}.\n"


def state_counts(found: Sequence[Answer]) -> dict[str, int]:
    """Count the answers of each state, states without an answer left out.

    Args:
        found: Answers of one checklist.

    Returns:
        `ALL`, then state, to number of items.
    """
    counts = {state: sum(answer.state == state for answer in found) for state in STATES}
    return {ALL: len(found), **{state: n for state, n in counts.items() if n}}


def answer_rows(found: Sequence[Answer]) -> list[dict[str, str]]:
    """Return one row an item.

    Args:
        found: Answers of one checklist.

    Returns:
        Column title to text.
    """
    return [
        {
            "Item": answer.item.number,
            "Section": answer.item.section,
            "Asks for": answer.item.asks,
            "State": answer.state,
            "Answer": answer.text,
            "Told by": ", ".join(answer.sources),
        }
        for answer in found
    ]


def shown_rows(found: Sequence[Answer]) -> list[dict[str, str]]:
    """Return one row an item for the screen, with few and wide columns.

    Args:
        found: Answers of one checklist.

    Returns:
        Column title to Markdown.
    """
    rows = []
    for answer in found:
        section = plain(answer.item.section).replace(" ", "\N{NO-BREAK SPACE}")
        told = f" :small[Told by {plain(', '.join(answer.sources))}.]" if answer.sources else ""
        state = f"**{answer.state}**" if answer.state == UNFILLED else answer.state
        rows.append(
            {
                "Item": answer.item.number,
                "Asks for": f"*{section}.* {plain(answer.item.asks)}",
                "State": state,
                "Answer": plain(answer.text) + told,
            }
        )
    return rows


def checklist_csv(found: Sequence[Answer], provenance: Provenance) -> str:
    """Return a checklist as comma-separated values below comment lines.

    Args:
        found: Its answers.
        provenance: Of the bundle in use.

    Returns:
        The file's text.
    """
    return provenance.commented(_csv(answer_rows(found)))


def checklist_markdown(
    checklist: Checklist, found: Sequence[Answer], provenance: Provenance
) -> str:
    """Return a checklist as Markdown.

    Args:
        checklist: The checklist.
        found: Its answers.
        provenance: Of the bundle in use.

    Returns:
        The file's text.
    """
    rows = [{k: v.replace("|", "\\|") for k, v in row.items()} for row in answer_rows(found)]
    return "\n".join(
        [
            f"# {checklist.title}: {checklist.name}",
            "",
            count_line(found),
            "",
            PARAPHRASE.format(reference=checklist.reference),
            "",
            table_text(rows),
            "",
            f"Bundle {provenance.bundle} {provenance.version}, variant {provenance.variant}, "
            f"digest `{provenance.digest}`.",
            "",
        ]
    )


def chain_rows(links: Sequence[Link]) -> list[dict[str, str]]:
    """Return the chain of a bundle's numbers as rows.

    Args:
        links: From `cxr_core.provenance.chain`.

    Returns:
        Column title to text.
    """
    return [
        {
            "Variant": link.variant,
            "Of": link.of,
            "Fact": link.fact,
            "Value": link.value,
            "File": link.file,
        }
        for link in links
    ]


def shown_links(links: Sequence[Link], variant: str) -> list[dict[str, str]]:
    """Return the facts of one variant, or of the whole bundle, as rows for the screen.

    Args:
        links: From `cxr_core.provenance.chain`.
        variant: Name of the variant, or `cxr_core.provenance.WHOLE`.

    Returns:
        Column title to Markdown; digests by their first digits, the file has them whole.
    """
    return [
        {
            "What": f"{plain(link.of)}: {link.fact[0].lower()}{link.fact[1:]}",
            "Value": plain(_shortened(link.value)),
            "Told by": plain(link.file),
        }
        for link in links
        if link.variant == variant
    ]


def _shortened(value: str) -> str:
    """Cut a digest to its first digits; other values stay."""
    is_digest = len(value) == _DIGEST_DIGITS and set(value) <= set(hexdigits)
    return f"{value[:_SHOWN_DIGITS]}\N{HORIZONTAL ELLIPSIS}" if is_digest else value


def chain_csv(rows: Sequence[Mapping[str, str]], provenance: Provenance) -> str:
    """Return the chain as comma-separated values below comment lines.

    Args:
        rows: From `chain_rows`.
        provenance: Of the bundle in use.

    Returns:
        The file's text.
    """
    return provenance.commented(_csv(rows))


def _csv(rows: Sequence[Mapping[str, str]]) -> str:
    """Write rows with a header."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()
