"""Studies of made-up films and readings, without networks and without pictures."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from cxr_core.batch import Record
from cxr_core.labels import CLASSES
from cxr_core.reader_study import Aid, Design, Given, MemoryShelf, StudyFilm, create_study
from cxr_core.reader_study.design import ARM_SEQUENTIAL, CANNOT_SAY

SYSTEMS = ("vgg16", "ensemble_dense")
NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
MODELS = {
    "schema": "cxr-score/1",
    "bundle": {"name": "fake", "version": "0.1", "digest": "ab" * 32},
    "variant": "clean",
    "precision": "f32",
}


class Clock:
    """A time that a test moves."""

    def __init__(self, now=NOW):
        self.now = now

    def __call__(self):
        return self.now


def digest(n):
    return hashlib.sha256(f"film {n}".encode()).hexdigest()


def record(label, *, sha256="", name="a name.png"):
    """A record in which every system names one class."""
    probs = {name: 0.8 if name == label else 0.1 for name in CLASSES}
    system = {
        "probabilities": probs,
        "label": label,
        "temperature": 1.5,
        "raw_probabilities": probs,
    }
    return Record(
        {
            "file": name,
            "sha256": sha256,
            "status": "ok",
            "error": None,
            "warnings": [],
            "systems": dict.fromkeys(SYSTEMS, system),
            "trust": {
                "out_of_distribution": {"score": 1.0, "threshold": 2.0, "verdict": "passed"},
                "agreement": 1.0,
                "prediction_set": [label],
                "prediction_set_level": 0.9,
                "lung_share": {},
            },
            "timing_ms": None,
        }
    )


def design(arm=ARM_SEQUENTIAL, **changes):
    aid = None if arm == "alone" else Aid("ensemble_dense")
    return Design(**{"arm": arm, "seed": 7, "aid": aid, **changes})


def make_study(truths, labels=None, *, shelf=None, now=None, **changes):
    """A study of one film a truth; `labels` are what every system names."""
    labels = labels or [truth or "NORMAL" for truth in truths]
    films = [StudyFilm(digest(n), truth) for n, truth in enumerate(truths)]
    records = {digest(n): record(label, sha256=digest(n)) for n, label in enumerate(labels)}
    return create_study(
        shelf or MemoryShelf(),
        design=design(**changes),
        films=films,
        records=records,
        models=MODELS,
        now=now or Clock(),
    )


def given(choice, **changes):
    confidence = None if choice == CANNOT_SAY else 3
    return Given(**{"choice": choice, "confidence": confidence, "time_s": 4.0, **changes})


def answer_all(study, reader, choose, **changes):
    """Answer everything that is left; `choose` gets number of the film and condition."""
    numbers = {digest(n): n for n in range(len(study.films))}
    study.begin(reader)
    while (task := study.standing(reader).next) is not None:
        choice = choose(numbers[task.digest], task.condition)
        study.answer(reader, task.index, given(choice, **changes))
