"""One reader's answers as lines that are only ever appended; each line seals those before it.

A line holds the SHA-256 of the line before it and of itself, the first one that of the study: a
line that was edited, left out or moved, or a journal of another study, is found when it is read.
Half a line, as a crash leaves it, is dropped; whoever was answering then answers that film again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, Final

from cxr_core.errors import StudyChangedError, StudyError
from cxr_core.reader_study.design import CANNOT_SAY, CHOICES, CONFIDENCES

SCHEMA: Final = "cxr-reader-study-journal/1"
MAX_TIME_S: Final = 7 * 86_400.0
_SEAL: Final = "seal"
_WHOLE: Final = ("task", "session", "position", "revision")
_LAST_YEAR: Final = 9000


@dataclass(frozen=True)
class Given:
    """What a reader answered to one task, as it came from the page.

    Attributes:
        choice: One of `CHOICES`.
        confidence: 1 to 5, or `None` where the choice is `CANNOT_SAY`.
        time_s: Seconds that the film was on a screen that the browser called visible, until the
            answer was given; over reloads of the same browser tab, without pauses.
        hidden_s: Seconds that the browser called the page hidden (another tab, a locked screen).
        n_loads: How often the film came up in that tab; more than 1 after a reload or a pause.

    Raises:
        StudyError: If a value is not one of these.
    """

    choice: str
    confidence: int | None
    time_s: float
    hidden_s: float = 0.0
    n_loads: int = 1

    def __post_init__(self) -> None:
        """Refuse what no page of ours sends."""
        if self.choice not in CHOICES:
            msg = f"`choice` must be one of {CHOICES}. Received: {str(self.choice)[:40]!r}"
            raise StudyError(msg)
        is_level = type(self.confidence) is int and self.confidence in CONFIDENCES
        if is_level == (self.choice == CANNOT_SAY) or (
            self.confidence is not None and not is_level
        ):
            msg = (
                "`confidence` must be 1 to 5, and none for a reader who cannot say. "
                f"Received: {self.confidence!r:.40}"
            )
            raise StudyError(msg)
        for name in ("time_s", "hidden_s"):
            value = getattr(self, name)
            if type(value) not in (int, float) or not 0 <= value <= MAX_TIME_S:
                msg = f"`{name}` must be seconds in [0, {MAX_TIME_S:.0f}]. Received: {value!r:.40}"
                raise StudyError(msg)
        if type(self.n_loads) is not int or not 1 <= self.n_loads <= 1_000_000:
            msg = f"`n_loads` must be a whole number of 1 or more. Received: {self.n_loads!r:.40}"
            raise StudyError(msg)


@dataclass(frozen=True)
class Answer(Given):
    """One line of a journal.

    Attributes:
        reader: The reader's code.
        task: Index in the reader's plan.
        session: 1 or 2.
        position: Place of the film in the session, from 0.
        film: SHA-256 of the film.
        condition: `alone` or `aided`.
        revision: 0 for the first answer to a task, 1 for the first change of it, and so on.
        at: When it was written, UTC, ISO 8601.
    """

    reader: str = ""
    task: int = 0
    session: int = 1
    position: int = 0
    film: str = ""
    condition: str = ""
    revision: int = 0
    at: str = ""


@dataclass(frozen=True)
class Journal:
    """One reader's journal as far as it is whole.

    Attributes:
        reader: The reader's code.
        answers: In the order in which they were given.
        n_sittings: How often the reader began or went on.
        n_bytes: Length of the whole lines; what comes after it was torn.
        seal: That of the last line.
    """

    reader: str
    answers: tuple[Answer, ...] = ()
    n_sittings: int = 0
    n_bytes: int = 0
    seal: str = ""

    @property
    def latest(self) -> Mapping[int, Answer]:
        """Task to its last answer."""
        return {answer.task: answer for answer in self.answers}


def read_journal(data: bytes, *, study: str, reader: str) -> Journal:
    """Read a journal and check every seal.

    Args:
        data: The file's bytes; empty for a reader who has not begun.
        study: Digest of the study.
        reader: The reader's code.

    Returns:
        The journal, without a torn end.

    Raises:
        StudyChangedError: If a line was changed, or the journal is of another study or reader.
    """
    answers: list[Answer] = []
    n_sittings = 0
    n_bytes, seal = 0, study
    lines = data.split(b"\n")[:-1]  # what follows the last line feed is no whole line
    for number, line in enumerate(lines, start=1):
        entry = _entry(line, seal, reader, number)
        if number == 1 and entry != {"journal": SCHEMA, "study": study, "reader": reader}:
            raise _changed_line(reader, 1, "it is of another study or reader")
        if entry.get("event") == "begin":
            n_sittings += 1
        elif entry.get("event") == "answer":
            answers.append(_answer(entry, reader, number))
        elif number != 1:
            raise _changed_line(reader, number, "it is of no known kind")
        seal = _sealed(entry, seal)
        n_bytes += len(line) + 1
    return Journal(reader, tuple(answers), n_sittings, n_bytes, seal)


def lines_of(journal: Journal, study: str, entries: Sequence[Mapping[str, Any]]) -> bytes:
    """Return the lines that append entries to a journal.

    Args:
        journal: What is there.
        study: Digest of the study.
        entries: What is to be added, JSON-ready.

    Returns:
        Whole lines, with the journal's first line where it has none yet.
    """
    seal = journal.seal
    text = []
    added = list(entries)
    if not journal.n_bytes:
        added.insert(0, {"journal": SCHEMA, "study": study, "reader": journal.reader})
    for entry in added:
        seal = _sealed(entry, seal)
        text.append(_json({**entry, _SEAL: seal}) + "\n")
    return "".join(text).encode()


def begin_entry(at: str) -> dict[str, Any]:
    """Return what says that a reader began or went on."""
    return {"event": "begin", "at": at}


def answer_entry(answer: Answer) -> dict[str, Any]:
    """Return what an answer is written as."""
    return {"event": "answer", **asdict(answer)}


def _entry(line: bytes, seal: str, reader: str, number: int) -> dict[str, Any]:
    """Parse a line and check its seal."""
    try:
        entry = json.loads(line)
        found = entry.pop(_SEAL)
        is_sealed = isinstance(entry, dict) and found == _sealed(entry, seal)
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError) as err:
        raise _changed_line(reader, number, "it cannot be read") from err
    if not is_sealed:
        raise _changed_line(reader, number, "it is not as it was written")
    return dict(entry)


def _answer(entry: Mapping[str, Any], reader: str, number: int) -> Answer:
    """Return the answer of a line; `Given` looks at what the reader said."""
    names = {field.name for field in fields(Answer)}
    is_known = (
        set(entry) == {*names, "event"}
        and entry["reader"] == reader
        and all(type(entry[name]) is int for name in _WHOLE)
        and all(isinstance(entry[name], str) for name in ("film", "condition", "at"))
        and _is_time(entry["at"])
    )
    if not is_known:
        raise _changed_line(reader, number, "it is of no known kind")
    return Answer(**{name: entry[name] for name in names})


def _is_time(text: str) -> bool:
    """Tell whether a text is a time with its zone, and days can be added to it."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return False
    return at.tzinfo is not None and at.year <= _LAST_YEAR


def _sealed(entry: Mapping[str, Any], seal: str) -> str:
    """Return the seal of an entry that follows a seal."""
    return hashlib.sha256(f"{seal}\n{_json(entry)}".encode()).hexdigest()


def _json(entry: Mapping[str, Any]) -> str:
    """Write an entry; keys keep their order."""
    return json.dumps(entry, separators=(",", ":"))


def changed_journal(reader: str, why: str) -> StudyChangedError:
    """Say that a journal is not what was written.

    Args:
        reader: The reader's code.
        why: What is wrong with it.

    Returns:
        The error, to be raised.
    """
    msg = f"`answers-{reader}.jsonl` must be the journal that was written. Received: {why}"
    hint = "Put the journal back from a copy; answers are only added, never edited by hand."
    return StudyChangedError(msg, hint=hint)


def _changed_line(reader: str, number: int, why: str) -> StudyChangedError:
    """Say which line of a journal is not what was written."""
    return changed_journal(reader, f"line {number}: {why}")
