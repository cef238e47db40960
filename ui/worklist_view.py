"""What the page *Worklist* says of many films: rows, filters, order, sentences; nothing drawn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from cxr_core.comparison import compare
from cxr_core.labels import CLASS_TITLES, CLASSES
from ui.words import NO_CLASS

if TYPE_CHECKING:
    from cxr_core.batch import Record

STATUS_TITLES: Final = {"ok": "Read", "refused": "Refused", "error": "In error"}
VERDICTS: Final = {"not_run": "", "passed": "Passed", "refused": "Refused"}
NOTE: Final = "Note"

FILE_ORDER: Final = "As listed"
DISAGREEMENT: Final = "Systems farthest apart"
UNCERTAINTY: Final = "Least certain"
REFUSAL: Final = "Most unlike the training films"
CLASS_ORDERS: Final = {f"Highest score of {CLASS_TITLES[name]}": name for name in CLASSES}
ORDERS: Final = (FILE_ORDER, *CLASS_ORDERS, DISAGREEMENT, UNCERTAINTY, REFUSAL)

MEANING: Final = (
    "Scores are those of the system chosen above. Distance: the largest amount of probability that "
    "one of two systems gives to some classes and the other does not (0 the same, 1 opposite). "
    "Entropy of the members' mean: 0 bits certain, 1.58 bits no idea. A click on a row opens the "
    "film below; a click on a column head sorts."
)


@dataclass(frozen=True)
class Facts:
    """What the table shows of one film, apart from a system's own scores.

    Attributes:
        agreement: Share of the systems that name the commonest class, or `None`.
        distance: Distance of the two systems farthest apart, or `None`.
        entropy: Entropy of the members' mean in bits, or `None`.
        score: How unlike the training films it is, or `None`.
        verdict: What the refusal gate says, in words.
        held: Classes that cannot be excluded, in words; `None` where that is not known.
        note: What went wrong, or what was changed on reading.
    """

    agreement: float | None = None
    distance: float | None = None
    entropy: float | None = None
    score: float | None = None
    verdict: str = ""
    held: str | None = None
    note: str = ""


@dataclass(frozen=True)
class Choice:
    """What the reader wants to see, and in which order.

    Attributes:
        system: Whose scores are shown.
        statuses: Keys of `STATUS_TITLES`; empty for all.
        labels: Class names; empty for all.
        is_split: Whether only films are shown on which the systems differ.
        order: One of `ORDERS`.
        is_raw: Whether scores before calibration are shown.
    """

    system: str
    statuses: Collection[str] = ()
    labels: Collection[str] = ()
    is_split: bool = False
    order: str = FILE_ORDER
    is_raw: bool = False


def facts_of(record: Record, *, is_raw: bool = False) -> Facts:
    """Return what the table shows of one film.

    Args:
        record: The film.
        is_raw: Whether distance and entropy are those of scores before calibration.

    Returns:
        The facts; of a file in error the note alone.
    """
    if record.error is not None:
        return Facts(note=record.error["message"])
    probs = {name: np.array(record.probs(name, is_raw=is_raw)) for name in record.systems}
    found = compare(probs)
    gate = record.trust.get("out_of_distribution", {})
    held = record.trust.get("prediction_set")
    titles = None if held is None else ", ".join(map(CLASS_TITLES.__getitem__, held)) or NO_CLASS
    return Facts(
        agreement=record.trust.get("agreement"),
        distance=found.disagreement.distance if found.disagreement else None,
        entropy=found.mean_entropy,
        score=gate.get("score"),
        verdict=VERDICTS.get(gate.get("verdict", ""), ""),
        held=titles,
        note=", ".join(code.replace("_", " ") for code in record.warnings),
    )


def chosen(
    records: Sequence[Record], choice: Choice, facts: Callable[[Record], Facts]
) -> list[int]:
    """Return which films are shown, in order.

    Args:
        records: All films.
        choice: What the reader wants.
        facts: `facts_of`, or something that remembers.

    Returns:
        Positions in `records`. Where a film has no value to sort by it comes last; films of equal
        value keep their order.
    """
    positions = [n for n, record in enumerate(records) if _is_wanted(record, choice)]
    if choice.order == FILE_ORDER:
        return positions

    def value(position: int) -> tuple[bool, float]:
        found = _value(records[position], choice, facts)
        return found is None, -(found or 0.0)

    return sorted(positions, key=value)


def table_row(
    record: Record, facts: Facts, choice: Choice, thumbnail: str | None
) -> dict[str, Any]:
    """Return one row of the table.

    Args:
        record: The film.
        facts: What `facts_of` says of it.
        choice: Whose scores are shown.
        thumbnail: Address of its picture, or `None`.

    Returns:
        Column title to value.
    """
    probs = record.probs(choice.system, is_raw=choice.is_raw) or (None,) * len(CLASSES)
    label = record.label(choice.system)
    return {
        "Film": thumbnail,
        "File": record.file,
        "Status": STATUS_TITLES[record.status],
        "Top class": None if label is None else CLASS_TITLES[label],
        **{CLASS_TITLES[name]: value for name, value in zip(CLASSES, probs, strict=True)},
        "Agreement": facts.agreement,
        "Distance": facts.distance,
        "Entropy (bits)": facts.entropy,
        "Unlike training": facts.score,
        "Gate": facts.verdict,
        "Cannot be excluded": facts.held,
        NOTE: facts.note,
    }


def columns_in_use(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Return the columns that hold anything; always those that name film and scores."""
    kept = {"Film", "File", "Status", "Top class", *map(CLASS_TITLES.__getitem__, CLASSES)}
    titles = rows[0] if rows else ()
    return [t for t in titles if t in kept or any(row[t] not in (None, "") for row in rows)]


def summary_line(records: Iterable[Record]) -> str:
    """Say how many films were read, refused and in error.

    Args:
        records: The films.

    Returns:
        One Markdown sentence.
    """
    counts = Counter(record.status for record in records)
    n_split = f"{counts['refused']:,} refused by the gate, {counts['error']:,} in error"
    return f"**{counts.total():,} files:** {counts['ok']:,} read, {n_split}."


def _is_wanted(record: Record, choice: Choice) -> bool:
    """Tell whether a film passes the filters."""
    if choice.statuses and record.status not in choice.statuses:
        return False
    if choice.labels and record.label(choice.system) not in choice.labels:
        return False
    agreement = record.trust.get("agreement")
    return not choice.is_split or (agreement is not None and agreement < 1)


def _value(record: Record, choice: Choice, facts: Callable[[Record], Facts]) -> float | None:
    """Return what a film is sorted by, the largest first."""
    if choice.order in CLASS_ORDERS:
        probs = record.probs(choice.system, is_raw=choice.is_raw)
        return None if probs is None else probs[CLASSES.index(CLASS_ORDERS[choice.order])]
    found = facts(record)
    by_order = {
        DISAGREEMENT: found.distance,
        UNCERTAINTY: found.entropy,
        REFUSAL: found.score,
    }
    return by_order[choice.order]
