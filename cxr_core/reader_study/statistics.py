"""Everything that is measured of a study, as one JSON-ready object of plain values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from cxr_core.evaluate.resample import CONFIDENCE, N_RESAMPLES
from cxr_core.evaluate.subgroup import MIN_FILMS
from cxr_core.labels import CLASSES
from cxr_core.reader_study.design import CANNOT_SAY, CHOICES, CONDITIONS, CONFIDENCES
from cxr_core.reader_study.kappa import cohen_figure, fleiss_figure
from cxr_core.reader_study.measure import median_figure, share
from cxr_core.reader_study.switching import Pair, switching

if TYPE_CHECKING:
    from cxr_core.reader_study.journal import Answer
    from cxr_core.reader_study.study import Study

SCHEMA: Final = "cxr-reader-study-statistics/1"
NO_ANSWER: Final = "no answer"
NO_TRUTH: Final = "no answered film has a known class"

ByFilm = Mapping[str, "Answer"]


@dataclass(frozen=True)
class Reads:
    """One reader's last answers.

    Attributes:
        reader: The reader's code.
        by_condition: Condition, then SHA-256 of the film, to the answer.
        n_answers: Lines of the journal, changes of answers among them.
        n_sittings: How often the reader began or went on.
        n_tasks: Questions in the plan.
    """

    reader: str
    by_condition: Mapping[str, ByFilm]
    n_answers: int
    n_sittings: int
    n_tasks: int

    @classmethod
    def of(cls, study: Study, reader: str) -> Reads:
        """Collect a reader's last answers."""
        standing = study.standing(reader)
        found: dict[str, dict[str, Answer]] = {condition: {} for condition in CONDITIONS}
        for answer in standing.journal.latest.values():
            found[answer.condition][answer.film] = answer
        journal = standing.journal
        return cls(reader, found, len(journal.answers), journal.n_sittings, len(standing.plan))

    @property
    def n_done(self) -> int:
        """Questions with an answer."""
        return sum(map(len, self.by_condition.values()))


def statistics(study: Study) -> dict[str, Any]:
    """Measure a study as far as it is.

    Args:
        study: The study.

    Returns:
        JSON-ready, schema `cxr-reader-study-statistics/1`: what the study is and what made the
        systems' readings; `readers` (by code: progress, each condition, switching), `all_readers`
        (answers of all together), `systems` (accuracy on the same films) and `agreement` (Cohen's
        kappa of every two readers and of every reader with every system, Fleiss's kappa of all).
        No value is ever not a number: what is not defined is `None` with a `reason`.

    Raises:
        StudyChangedError: If a journal is not what was written.
    """
    reads = [Reads.of(study, reader) for reader in study.readers()]
    n_by_class = Counter(study.truth.values())
    return {
        "schema": SCHEMA,
        "study": {"digest": study.digest, "created": study.created},
        "design": study.design.to_dict(),
        "models": study.models,
        "n_films": len(study.films),
        "truth": {
            "n_by_class": {name: n_by_class[name] for name in CLASSES},
            "n_unknown": len(study.films) - n_by_class.total(),
        },
        "method": {
            "min_films": MIN_FILMS,
            "confidence": CONFIDENCE,
            "n_resamples": N_RESAMPLES,
            "seed": 0,
            "choices": list(CHOICES),
        },
        "readers": {each.reader: _reader(study, each) for each in reads},
        "all_readers": _together(study, reads),
        "systems": _systems(study),
        "agreement": {
            condition: {
                "between_readers": _between(reads, condition),
                "all_readers": _fleiss(reads, condition),
                "with_systems": _with_systems(study, reads, condition),
            }
            for condition in CONDITIONS
        },
    }


def pairs_of(study: Study, reads: Reads) -> list[Pair]:
    """Return a reader's films that were answered alone and aided.

    Args:
        study: The study.
        reads: The reader's last answers.

    Returns:
        One pair a film; none where the study shows no system.
    """
    aid = study.design.aid
    if aid is None:
        return []
    alone, aided = (reads.by_condition[condition] for condition in CONDITIONS)
    return [
        Pair(
            film,
            alone[film].choice,
            aided[film].choice,
            study.records[film].label(aid.system) or "",
            study.truth.get(film),
        )
        for film in sorted(set(alone) & set(aided))
    ]


def _reader(study: Study, reads: Reads) -> dict[str, Any]:
    """Measure one reader."""
    return {
        "n_tasks": reads.n_tasks,
        "n_done": reads.n_done,
        "is_finished": reads.n_done == reads.n_tasks,
        "n_changes": reads.n_answers - reads.n_done,
        "n_sittings": reads.n_sittings,
        **{
            condition: _condition(list(answers.values()), study.truth)
            for condition, answers in reads.by_condition.items()
        },
        "switching": switching(pairs_of(study, reads)),
    }


def _together(study: Study, reads: Sequence[Reads]) -> dict[str, Any]:
    """Measure the answers of all readers; films, not readers, count as drawn by chance."""
    return {
        "n_readers": len(reads),
        **{
            condition: _condition(
                [a for each in reads for a in each.by_condition[condition].values()], study.truth
            )
            for condition in CONDITIONS
        },
        "switching": switching([pair for each in reads for pair in pairs_of(study, each)]),
    }


def _condition(answers: Sequence[Answer], truth: Mapping[str, str]) -> dict[str, Any]:
    """Measure answers given in one condition."""
    known = [answer for answer in answers if answer.film in truth]
    decided = [answer for answer in known if answer.choice != CANNOT_SAY]
    levels = Counter(answer.confidence for answer in answers if answer.confidence is not None)
    by_film: dict[str, list[Answer]] = {}
    for answer in answers:
        by_film.setdefault(answer.film, []).append(answer)
    return {
        "n": len(answers),
        "accuracy": _right(known, truth, NO_TRUTH),
        "accuracy_decided": _right(decided, truth, NO_TRUTH),
        "found": {
            name: _right([a for a in known if truth[a.film] == name], truth, f"no film is {name}")
            for name in CLASSES
        },
        "cannot_say": share(
            [answer.choice == CANNOT_SAY for answer in answers], _films(answers), NO_ANSWER
        ),
        "n_by_choice": {
            choice: sum(answer.choice == choice for answer in answers) for choice in CHOICES
        },
        "time_s": median_figure(_by_film(by_film, "time_s"), NO_ANSWER),
        "n_with_hidden_time": sum(answer.hidden_s > 0 for answer in answers),
        "n_reloaded_or_paused": sum(answer.n_loads > 1 for answer in answers),
        "confidence": {
            **median_figure(_by_film(by_film, "confidence"), NO_ANSWER),
            "n_by_level": {str(level): levels[level] for level in CONFIDENCES},
        },
        "n_right_by_confidence": {
            str(level): {
                "n_right": sum(a.choice == truth[a.film] for a in decided if a.confidence == level),
                "n": sum(a.confidence == level for a in decided),
            }
            for level in CONFIDENCES
        },
    }


def _by_film(by_film: Mapping[str, Sequence[Answer]], name: str) -> list[float]:
    """Return one number a film: the median over the readers who gave one."""
    found = []
    for answers in by_film.values():
        values = [value for a in answers if (value := getattr(a, name)) is not None]
        if values:
            found.append(float(np.median(values)))
    return found


def _right(answers: Sequence[Answer], truth: Mapping[str, str], none: str) -> dict[str, Any]:
    """Return the share of answers that are the film's class; who cannot say is not right."""
    return share([a.choice == truth[a.film] for a in answers], _films(answers), none)


def _films(answers: Sequence[Answer]) -> list[str]:
    """Return the film of each answer."""
    return [answer.film for answer in answers]


def _systems(study: Study) -> dict[str, Any]:
    """Return the accuracy of each system on the films whose class is known."""
    films = sorted(study.truth)
    return {
        name: {
            "is_shown": study.design.aid is not None and study.design.aid.system == name,
            "accuracy": share(
                [study.records[film].label(name) == study.truth[film] for film in films],
                films,
                "no film has a known class",
            ),
        }
        for name in study.systems
        if all(film in study.records for film in films)
    }


def _index(answers: ByFilm, films: Sequence[str]) -> list[int]:
    """Return the place of each film's choice among `CHOICES`."""
    return [CHOICES.index(answers[film].choice) for film in films]


def _between(reads: Sequence[Reads], condition: str) -> list[dict[str, Any]]:
    """Compare every two readers on the films that both answered."""
    found = []
    for a, b in combinations(reads, 2):
        of_a, of_b = a.by_condition[condition], b.by_condition[condition]
        films = sorted(set(of_a) & set(of_b))
        kappa = cohen_figure(_index(of_a, films), _index(of_b, films), len(CHOICES))
        found.append({"a": a.reader, "b": b.reader, "kappa": kappa})
    return found


def _fleiss(reads: Sequence[Reads], condition: str) -> dict[str, Any]:
    """Compare all readers on the films that all of them answered."""
    answered = [each.by_condition[condition] for each in reads if each.by_condition[condition]]
    films = sorted(set.intersection(*map(set, answered))) if answered else []
    counts = np.zeros((len(films), len(CHOICES)), np.int64)
    for answers in answered:
        for row, choice in enumerate(_index(answers, films)):
            counts[row, choice] += 1
    return fleiss_figure(counts, len(answered))


def _with_systems(study: Study, reads: Sequence[Reads], condition: str) -> list[dict[str, Any]]:
    """Compare every reader with every system."""
    found = []
    for each in reads:
        answers = each.by_condition[condition]
        films = sorted(film for film in answers if film in study.records)
        own = _index(answers, films)
        for system in study.systems:
            named = [CHOICES.index(study.records[film].label(system) or "") for film in films]
            kappa = cohen_figure(own, named, len(CHOICES))
            found.append({"reader": each.reader, "system": system, "kappa": kappa})
    return found
