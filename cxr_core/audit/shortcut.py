"""Classifiers that must not work, judged on the same films as the systems."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from cxr_core.array import Float32Array
from cxr_core.audit.cue import CUES, Cue
from cxr_core.audit.films import AuditFilms
from cxr_core.audit.learner import cross_predict, predict
from cxr_core.audit.look import Looks
from cxr_core.audit.measure import called_shares, classifier_figures, left_out
from cxr_core.errors import NotApplicableError
from cxr_core.evaluate.baseline import learning_free_probs
from cxr_core.evaluate.reads import FilmList
from cxr_core.evaluate.resample import N_RESAMPLES
from cxr_core.explain.fidelity.step import OnStep, Steps


def shortcuts(
    looks: Looks,
    *,
    external: Looks | None = None,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
    on_step: OnStep | None = None,
) -> dict[str, Any]:
    """Measure what each cue alone tells of the class.

    Args:
        looks: The films; judged are the test films after learning from the others, or all films,
            each by a classifier that saw no film of its patient.
        external: Other films, judged after learning from all films that are there to learn from.
        n_resamples: Resamples of patients.
        seed: Seed of folds and trees.
        on_step: Progress and cancel, one step a cue.

    Returns:
        Cue name to `title`, `explanation`, the figures of `classifier_figures`, `is_constant` (all
        films are alike in it), `n_left_out` by class, and `external` as `called_shares` gives it;
        or to `title`, `explanation` and `reason` where nothing could be measured.

    Raises:
        CancelledCheckError: If the callback says so.
    """
    steps = Steps(len(CUES), on_step)
    found = {}
    for cue in CUES:
        entry: dict[str, Any] = {"title": cue.title, "explanation": cue.explanation}
        try:
            entry |= _judged(looks, external, cue, n_resamples, seed)
        except NotApplicableError as err:
            entry["reason"] = err.hint
        found[cue.name] = entry
        steps.advance()
    return found


def majority(films: AuditFilms, *, n_resamples: int = N_RESAMPLES) -> dict[str, Any]:
    """Measure the classifier that calls every film the commonest class.

    Args:
        films: Which class is the commonest is told by the films that are there to learn from, or
            by all.
        n_resamples: Resamples of patients.

    Returns:
        As `classifier_figures`.
    """
    known = films.films.take(films.learnt if films.has_test else films.judged).n_by_class
    judged = films.films.take(films.judged)
    probs = learning_free_probs(len(judged), known)["majority"]
    return classifier_figures(judged, probs, n_resamples=n_resamples)


def _judged(
    looks: Looks, external: Looks | None, cue: Cue, n_resamples: int, seed: int
) -> dict[str, Any]:
    """Learn from one cue and measure, here and elsewhere."""
    films, numbers = looks.films, looks.seen[cue.name]
    y_true, patient = films.films.y_true, films.films.patient
    applies = np.asarray(np.isfinite(numbers).all(axis=1))
    rows = np.intersect1d(films.judged, np.flatnonzero(applies))
    if not len(rows):
        msg = f"`looks` must hold films that show {cue.name}. Received: none"
        raise NotApplicableError(msg, hint="No film with plausible lungs to judge.")
    elsewhere = _elsewhere(external, cue, numbers.shape[1])
    learnt = np.intersect1d(films.learnt, np.flatnonzero(applies)) if films.has_test else rows
    others = np.concatenate([numbers[:0], *elsewhere.numbers])
    is_constant = bool((numbers[applies] == numbers[applies][0]).all())
    if films.has_test:
        both = np.concatenate([numbers[rows], others])
        probs = predict(numbers[learnt], y_true[learnt], both, seed=seed)
        own, theirs = probs[: len(rows)], probs[len(rows) :]
    else:
        own = cross_predict(numbers[rows], y_true[rows], patient[rows], seed=seed)
        theirs = predict(numbers[learnt], y_true[learnt], others, seed=seed)
    if is_constant:  # then folds differ by the classes that they lack, which would tell a lie
        own = learning_free_probs(len(rows), films.films.take(learnt).n_by_class)["prior"]
    judged = films.films.take(films.judged)
    return {
        **classifier_figures(films.films.take(rows), own, n_resamples=n_resamples),
        "is_constant": is_constant,
        "n_left_out": left_out(judged, applies[films.judged]),
        "external": called_shares(elsewhere.films, theirs) if elsewhere.films else None,
    }


@dataclass(frozen=True, eq=False)
class _Elsewhere:
    """Films that are judged apart: none, or some with their numbers."""

    films: FilmList | None
    numbers: tuple[Float32Array, ...]


def _elsewhere(external: Looks | None, cue: Cue, width: int) -> _Elsewhere:
    """Return the films that are judged apart and show a cue."""
    if external is None or external.seen[cue.name].shape[1] != width:
        return _Elsewhere(None, ())
    numbers = external.seen[cue.name]
    rows = np.flatnonzero(np.isfinite(numbers).all(axis=1))
    return _Elsewhere(external.films.films.take(rows), (numbers[rows],))
