"""Classifiers that must not work, judged on the same films as the systems."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from cxr_core.audit.cue import CUES, Cue
from cxr_core.audit.films import AuditFilms
from cxr_core.audit.learner import cross_predict, predict
from cxr_core.audit.look import Looks
from cxr_core.audit.measure import called_shares, classifier_figures, left_out
from cxr_core.errors import NotApplicableError
from cxr_core.evaluate.baseline import learning_free_probs
from cxr_core.evaluate.resample import N_RESAMPLES
from cxr_core.explain.fidelity.step import OnStep, Steps

FloatArray = npt.NDArray[np.float64]


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
            entry |= _judged(looks, cue, n_resamples, seed)
            entry["external"] = None if external is None else _elsewhere(looks, external, cue, seed)
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


def _judged(looks: Looks, cue: Cue, n_resamples: int, seed: int) -> dict[str, Any]:
    """Learn from one cue and measure."""
    films = looks.films
    numbers = looks.seen[cue.name]
    applies = np.asarray(np.isfinite(numbers).all(axis=1))
    rows = np.intersect1d(films.judged, np.flatnonzero(applies))
    if not len(rows):
        msg = f"`looks` must hold films that show {cue.name}. Received: none"
        raise NotApplicableError(msg, hint="No film with plausible lungs to judge.")
    y_true, patient = films.films.y_true, films.films.patient
    if films.has_test:
        learnt = np.intersect1d(films.learnt, np.flatnonzero(applies))
        probs = predict(numbers[learnt], y_true[learnt], numbers[rows], seed=seed)
    else:
        probs = cross_predict(numbers[rows], y_true[rows], patient[rows], seed=seed)
    figures = classifier_figures(films.films.take(rows), probs, n_resamples=n_resamples)
    judged = films.films.take(films.judged)
    is_constant = bool((numbers[applies] == numbers[applies][0]).all())
    return {
        **figures,
        "is_constant": is_constant,
        "n_left_out": left_out(judged, applies[films.judged]),
    }


def _elsewhere(looks: Looks, external: Looks, cue: Cue, seed: int) -> Mapping[str, Any] | None:
    """Learn from all there is to learn from, and judge other films."""
    numbers, others = looks.seen[cue.name], external.seen[cue.name]
    start = looks.films.learnt if looks.films.has_test else looks.films.judged
    learnt = np.intersect1d(start, np.flatnonzero(np.isfinite(numbers).all(axis=1)))
    rows = np.flatnonzero(np.isfinite(others).all(axis=1))
    if numbers.shape[1] != others.shape[1] or not len(rows):
        return None
    probs = predict(numbers[learnt], looks.films.films.y_true[learnt], others[rows], seed=seed)
    return called_shares(external.films.films.take(rows), probs)
