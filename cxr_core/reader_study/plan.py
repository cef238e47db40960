"""What each reader reads, in which order and how: drawn from the seed, the same every time."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from cxr_core.reader_study.design import (
    AIDED,
    ALONE,
    ARM_ALONE,
    ARM_CROSSOVER,
    Design,
)


@dataclass(frozen=True)
class Task:
    """One question to one reader.

    Attributes:
        index: Its place in the reader's plan, from 0.
        session: 1, or 2 in the second session of a cross-over.
        position: Place of the film in the session, from 0.
        digest: SHA-256 of the film.
        condition: `alone` or `aided`.
        is_last: Whether the film has no further question in this session.
    """

    index: int
    session: int
    position: int
    digest: str
    condition: str
    is_last: bool


def plan_of(design: Design, digests: Sequence[str], reader: str) -> tuple[Task, ...]:
    """Return every question to a reader, in order.

    Args:
        design: How the study is run.
        digests: SHA-256 of the films, each once, in any order.
        reader: The reader's code.

    Returns:
        The tasks. In a cross-over one half of the films (drawn for each reader with an order of
        their own; the larger one where the number is odd) is read alone in the first session and
        aided in the second, the other half the other way round.

    Notes:
        Films are sorted by the SHA-256 of purpose, seed, reader and film, which needs no random
        number generator and is the same on every machine and in every version.
    """
    who = reader if design.is_own_order else ""
    half = -(-len(digests) // 2)
    alone_first = set(_shuffled(digests, f"half/{design.seed}/{who}")[:half])
    tasks: list[Task] = []
    for session in range(1, design.n_sessions + 1):
        ordered = _shuffled(digests, f"order/{design.seed}/{who}/{session}")
        for position, digest in enumerate(ordered):
            conditions = _conditions(design.arm, is_alone=(digest in alone_first) == (session == 1))
            for condition in conditions:
                is_last = condition == conditions[-1]
                tasks.append(Task(len(tasks), session, position, digest, condition, is_last))
    return tuple(tasks)


def _conditions(arm: str, *, is_alone: bool) -> tuple[str, ...]:
    """Return the questions to one film in one session."""
    if arm == ARM_CROSSOVER:
        return (ALONE,) if is_alone else (AIDED,)
    return (ALONE,) if arm == ARM_ALONE else (ALONE, AIDED)


def _shuffled(digests: Sequence[str], salt: str) -> list[str]:
    """Return the films in an order that only the salt decides."""
    return sorted(digests, key=lambda d: (hashlib.sha256(f"{salt}/{d}".encode()).digest(), d))
