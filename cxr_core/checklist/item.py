"""Items of a reporting checklist, and what a bundle answers to each.

The items are written in our own words, short, because the papers' wording is theirs: a person who
reports a study must use the paper. An answer is text that a named function made from run files,
words that hold no figure, or the plain statement that nothing answers the item.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cxr_core.checklist.fact import FACTS, Fact
from cxr_core.checklist.subject import Subject

BY_BUNDLE: Final = "Filled by the bundle"
IN_PART: Final = "Filled in part"
IN_WORDS: Final = "In the makers' words"
UNFILLED: Final = "Unfilled"
NOT_APPLICABLE: Final = "Not applicable"
STATES: Final = (BY_BUNDLE, IN_PART, IN_WORDS, UNFILLED, NOT_APPLICABLE)
"""What can be said of an item, in display order."""

NOT_TOLD: Final = "This bundle does not tell."
CHECKLISTS: Final = ("claim-2024", "tripod-ai")
"""Names of the checklists, for `load`."""

_FOLDER: Final = Path(__file__).parent


@dataclass(frozen=True)
class Item:
    """One item. Exactly one of `filled_by`, `words`, `unfilled` and `not_applicable` is given.

    Attributes:
        number: As in the paper, for example `12a`.
        section: Of the paper's list.
        asks: What it asks for, in our words.
        filled_by: Names in `FACTS`; the item is filled if the bundle answers all of them.
        also: Names in `FACTS` that add to an answer where the bundle has them.
        but: What is missing even then; the item counts as filled in part.
        words: An answer that rests on no figure.
        unfilled: Why nothing answers it.
        not_applicable: Why it does not apply.
    """

    number: str
    section: str
    asks: str
    filled_by: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    but: str = ""
    words: str = ""
    unfilled: str = ""
    not_applicable: str = ""

    def __post_init__(self) -> None:
        ways = [self.filled_by, self.words, self.unfilled, self.not_applicable]
        unknown = [name for name in (*self.filled_by, *self.also) if name not in FACTS]
        if sum(map(bool, ways)) != 1 or unknown:
            msg = (
                f"Item {self.number} must be answered in one way, by facts that are known. "
                f"Received: {sum(map(bool, ways))} ways, unknown {unknown}"
            )
            raise ValueError(msg)


@dataclass(frozen=True)
class Checklist:
    """A reporting guideline.

    Attributes:
        key: Name, one of `CHECKLISTS`.
        title: Short title.
        name: Full title.
        reference: The paper.
        counted: How its items are counted, in words.
        items: In the paper's order.
    """

    key: str
    title: str
    name: str
    reference: str
    counted: str
    items: tuple[Item, ...]


@dataclass(frozen=True)
class Answer:
    """What a bundle answers to an item.

    Attributes:
        item: The item.
        state: One of `STATES`.
        text: The answer, or why there is none.
        sources: Files of the bundle that the text was made from.
    """

    item: Item
    state: str
    text: str
    sources: tuple[str, ...] = ()


def load(key: str) -> Checklist:
    """Read one checklist.

    Args:
        key: One of `CHECKLISTS`.

    Returns:
        The checklist.

    Raises:
        ValueError: If there is no such checklist.
    """
    if key not in CHECKLISTS:
        msg = f"`key` must be one of {CHECKLISTS}. Received: key={key!r}"
        raise ValueError(msg)
    content = tomllib.loads((_FOLDER / f"{key}.toml").read_text("utf-8"))
    return Checklist(key=key, items=tuple(map(_item, content["item"])), **content["about"])


def answers(checklist: Checklist, subject: Subject) -> tuple[Answer, ...]:
    """Answer every item.

    Args:
        checklist: The checklist.
        subject: The variant of a bundle that it is about.

    Returns:
        One answer an item, in the paper's order.
    """
    return tuple(_answer(item, subject) for item in checklist.items)


def count_line(found: Sequence[Answer]) -> str:
    """Say how many items are answered in which way.

    Args:
        found: Answers of one checklist.

    Returns:
        One sentence.
    """
    n = Counter(answer.state for answer in found)
    return (
        f"{n[BY_BUNDLE] + n[IN_PART]} of {len(found)} filled by the bundle, {n[IN_PART]} of these "
        f"in part only; {n[IN_WORDS]} in the makers' words; {n[UNFILLED]} unfilled; "
        f"{n[NOT_APPLICABLE]} not applicable."
    )


def _item(row: Mapping[str, Any]) -> Item:
    """Build an item from its part of the file."""
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in row.items()}
    return Item(**values)


def _answer(item: Item, subject: Subject) -> Answer:
    """Answer one item."""
    if item.words:
        return Answer(item, IN_WORDS, item.words)
    if item.not_applicable:
        return Answer(item, NOT_APPLICABLE, item.not_applicable)
    if item.unfilled:
        return Answer(item, UNFILLED, item.unfilled)
    told = _told(item.filled_by, subject)
    if not told:
        return Answer(item, UNFILLED, f"{NOT_TOLD}{_missing(item)}")
    is_whole = len(told) == len(item.filled_by) and not item.but
    told |= _told(item.also, subject)
    lines = [text for _, text in told.values()]
    lines += [_missing(item).strip()] if item.but else []
    files = [path for fact, _ in told.values() for path in fact.files(subject)]
    return Answer(
        item, BY_BUNDLE if is_whole else IN_PART, " ".join(lines), tuple(dict.fromkeys(files))
    )


def _missing(item: Item) -> str:
    """Say what is missing of an answer whatever the bundle tells; empty where nothing is."""
    return f" Missing: {item.but}." if item.but else ""


def _told(names: Sequence[str], subject: Subject) -> dict[str, tuple[Fact, str]]:
    """Return the facts that the bundle tells, with their text."""
    found: Mapping[str, str | None] = {name: FACTS[name].tell(subject) for name in names}
    return {name: (FACTS[name], text) for name, text in found.items() if text}
