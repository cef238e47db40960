"""A reader study: its manifest, its films, the systems' readings, and everybody's answers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cxr_core.errors import StudyChangedError, StudyError
from cxr_core.reader_study.design import Design, reader_code
from cxr_core.reader_study.film import StudyFilm
from cxr_core.reader_study.journal import (
    Answer,
    Given,
    Journal,
    answer_entry,
    begin_entry,
    changed_journal,
    lines_of,
    read_journal,
)
from cxr_core.reader_study.manifest import (
    MANIFEST,
    READINGS,
    can_be_shown,
    read_manifest,
    read_records,
)
from cxr_core.reader_study.plan import Task, plan_of
from cxr_core.reader_study.shelf import Shelf

_ANSWERS: Final = "answers-"


@dataclass(frozen=True)
class Standing:
    """How far one reader is.

    Attributes:
        reader: The reader's code.
        plan: Every task, in order.
        journal: What was answered.
        opens_at: When the second session of a cross-over opens; `None` where nothing is waited for.
    """

    reader: str
    plan: tuple[Task, ...]
    journal: Journal
    opens_at: datetime | None = None

    @property
    def next(self) -> Task | None:
        """The first task without an answer, or `None` at the end."""
        answered = self.journal.latest
        return next((task for task in self.plan if task.index not in answered), None)

    @property
    def n_done(self) -> int:
        """Tasks with an answer."""
        return len(self.journal.latest)

    def before(self, task: Task | None) -> Task | None:
        """Return the last question of the film before a task's film, in the same session.

        Args:
            task: The task that is open; `None` for the end of the plan.
        """
        earlier = [
            each
            for each in self.plan
            if each.is_last
            and each.index in self.journal.latest
            and (task is None or (each.session == task.session and each.position < task.position))
        ]
        return earlier[-1] if earlier else None


class Study:
    """A study that was opened.

    Args:
        shelf: Where its files lie.
        now: Returns the time, UTC; given by tests.

    Raises:
        StudyError: If there is no study, or of another version.
        StudyChangedError: If its files are not those that were written.

    Attributes:
        digest: SHA-256 of the manifest.
        created: When it was made, UTC.
        design: How it is run.
        films: Its films, sorted by digest.
        source: Where the films came from: `kind`, and `folder` where one was named.
        models: What made the readings, as `cxr_core.batch.run.about_models` tells; `None` for a
            study without systems.
        records: SHA-256 to what the systems say of a film, without its name.
    """

    def __init__(self, shelf: Shelf, *, now: Callable[[], datetime] | None = None) -> None:
        self.shelf = shelf
        self._now = now or (lambda: datetime.now(UTC))
        data = shelf.read(MANIFEST)
        if data is None:
            msg = f"`folder` must hold a reader study. Received: no {MANIFEST}"
            raise StudyError(msg)
        self.digest = hashlib.sha256(data).hexdigest()
        manifest = read_manifest(data)
        self.created: str = manifest["created"]
        self.design = Design.from_dict(manifest["design"])
        self.films = tuple(StudyFilm(film["sha256"], film["truth"]) for film in manifest["films"])
        self.source: Mapping[str, str] = manifest["source"]
        self.models: Mapping[str, Any] | None = manifest["models"]
        self.records = read_records(shelf.read(READINGS), manifest["readings_sha256"])
        aid, digests = self.design.aid, [film.digest for film in self.films]
        if aid is not None and not can_be_shown(aid.system, self.records, digests):
            msg = f"`{READINGS}` must hold what the shown system says of every film. Received: less"
            raise StudyChangedError(msg)

    @property
    def systems(self) -> tuple[str, ...]:
        """Names of the systems whose readings are known."""
        return next((record.systems for record in self.records.values()), ())

    @property
    def truth(self) -> Mapping[str, str]:
        """SHA-256 to class, of the films whose class is known."""
        return {film.digest: film.truth for film in self.films if film.truth is not None}

    def readers(self) -> tuple[str, ...]:
        """Return the codes of all who began."""
        names = [name for name in self.shelf.names() if name.startswith(_ANSWERS)]
        return tuple(name.removeprefix(_ANSWERS).removesuffix(".jsonl") for name in names)

    def journal(self, reader: str) -> Journal:
        """Return what a reader answered.

        Raises:
            StudyChangedError: If the journal is not what was written.
        """
        data = self.shelf.read(_file_of(reader)) or b""
        return read_journal(data, study=self.digest, reader=reader)

    def standing(self, reader: str) -> Standing:
        """Return how far a reader is.

        Raises:
            StudyChangedError: If the journal is not what was written.
        """
        return self._standing(self.journal(reader))

    def begin(self, typed: str) -> str:
        """Note that a reader begins or goes on.

        Args:
            typed: The reader's code as typed.

        Returns:
            The code in the form that is kept.

        Raises:
            StudyError: If it is no code.
            OutputError: If nothing can be written.
        """
        reader = reader_code(typed)

        def change(data: bytes) -> tuple[int, bytes]:
            journal = read_journal(data, study=self.digest, reader=reader)
            return journal.n_bytes, lines_of(journal, self.digest, [begin_entry(self._at())])

        self.shelf.change(_file_of(reader), change)
        return reader

    def answer(self, reader: str, task_index: int, given: Given, *, revision: int = 0) -> Answer:
        """Write an answer; when this returns, it is on the disk.

        Args:
            reader: The reader's code.
            task_index: Index in the reader's plan: the next one, or one that may be changed.
            given: The answer.
            revision: How many answers to this task the reader knows of.

        Returns:
            The answer as it was written.

        Raises:
            StudyError: If it is another task's turn, for example because the film was answered in
                another window, or the second session is not open yet.
            OutputError: If it cannot be written; nothing changed then.
        """
        written: list[Answer] = []

        def change(data: bytes) -> tuple[int, bytes]:
            journal = read_journal(data, study=self.digest, reader=reader)
            standing = self._standing(journal)
            task = self._task_to_answer(standing, task_index, revision)
            answer = Answer(
                **asdict(given),
                reader=reader,
                task=task.index,
                session=task.session,
                position=task.position,
                film=task.digest,
                condition=task.condition,
                revision=revision,
                at=self._at(),
            )
            written[:] = [answer]
            return journal.n_bytes, lines_of(journal, self.digest, [answer_entry(answer)])

        self.shelf.change(_file_of(reader), change)
        return written[0]

    def _standing(self, journal: Journal) -> Standing:
        """Return how far a reader is from what was answered."""
        plan = plan_of(self.design, [film.digest for film in self.films], journal.reader)
        if not all(_is_planned(answer, plan) for answer in journal.answers):
            why = "an answer is to no question of the study"
            raise changed_journal(journal.reader, why)
        standing = Standing(journal.reader, plan, journal)
        task = standing.next
        days = self.design.washout_days
        if task is None or task.session == 1 or not days:
            return standing
        last = max(answer.at for answer in journal.answers if answer.session == 1)
        opens = datetime.fromisoformat(last) + timedelta(days=days)
        return Standing(journal.reader, plan, journal, opens if opens > self._now() else None)

    def _task_to_answer(self, standing: Standing, index: int, revision: int) -> Task:
        """Return a task that may be answered now, or say why it may not."""
        known = standing.journal.latest.get(index)
        upcoming = standing.next
        if known is None and upcoming is not None and index == upcoming.index and revision == 0:
            if standing.opens_at is not None:
                msg = "`session` must be open. Received: the second one before its time"
                raise StudyError(msg, hint=f"It opens {standing.opens_at:%Y-%m-%d %H:%M} UTC.")
            return upcoming
        may_change = self.design.can_go_back and known is not None and standing.plan[index].is_last
        if known is not None and may_change and revision == known.revision + 1:
            return standing.plan[index]
        msg = "`task` must be the one whose turn it is. Received: one that was answered meanwhile"
        raise StudyError(msg, hint="This film was answered in another window; go on with the next.")

    def _at(self) -> str:
        """Return the time as it is written."""
        return self._now().isoformat(timespec="seconds")


def _is_planned(answer: Answer, plan: Sequence[Task]) -> bool:
    """Tell whether an answer is to a question that the reader was asked."""
    if not 0 <= answer.task < len(plan):
        return False
    task = plan[answer.task]
    return (answer.session, answer.position, answer.film, answer.condition) == (
        task.session,
        task.position,
        task.digest,
        task.condition,
    )


def _file_of(reader: str) -> str:
    """Return the name of a reader's journal."""
    return f"{_ANSWERS}{reader_code(reader)}.jsonl"
