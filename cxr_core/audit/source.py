"""How well do a model's own features tell where a film comes from, within one class?

Within a class the disease is the same, so features that tell the source tell scanner, hospital,
age or the way a picture was made. A model that has them can use them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from cxr_core.array import Float32Array, Float64Array, IntArray
from cxr_core.audit.learner import ONE_PATIENT, folds
from cxr_core.audit.measure import MIN_FILMS
from cxr_core.errors import NotApplicableError
from cxr_core.evaluate.bootstrap import auroc
from cxr_core.evaluate.figure import NO_SPREAD, figure
from cxr_core.evaluate.reads import FilmList, Reads
from cxr_core.evaluate.resample import N_RESAMPLES, Resamples
from cxr_core.labels import CLASSES

ONE_SOURCE: Final = "cannot be measured: one source only"
NO_SOURCE: Final = "cannot be measured: no source is stated"

_STRENGTH: Final = 0.1


def source_prediction(
    reads: Reads, *, n_resamples: int = N_RESAMPLES, seed: int = 0
) -> dict[str, Any]:
    """Predict the source of the films of each class from each member's features.

    Args:
        reads: Reads with `hidden` and `pooled`, and films with the grouping `source`.
        n_resamples: Resamples of patients.
        seed: Seed of the folds.

    Returns:
        Class to `n_by_source`, `too_few` (sources of fewer than 20 films) and either `reason` or
        `members`: member to layer to `macro_auroc` and `balanced_accuracy` over the sources, as
        {value, low, high}, with `n` and `n_patients`.
    """
    words = np.array(reads.films.groups.get("source", ("",) * len(reads)))
    found = {}
    for k, label in enumerate(CLASSES):
        rows = np.flatnonzero((reads.y_true == k) & (words != ""))
        if not (reads.y_true == k).any():
            continue
        found[label] = _of_class(reads.take(rows), words[rows], n_resamples, seed)
    return found


def _of_class(
    reads: Reads, words: npt.NDArray[np.str_], n_resamples: int, seed: int
) -> dict[str, Any]:
    """Predict the sources of films of one class."""
    counts = {str(name): int((words == name).sum()) for name in np.unique(words)}
    order = sorted(counts, key=lambda name: (-counts[name], name))
    entry: dict[str, Any] = {
        "n_by_source": {name: counts[name] for name in order},
        "too_few": [name for name in order if counts[name] < MIN_FILMS],
    }
    if len(order) < 2:
        return {**entry, "reason": ONE_SOURCE if order else NO_SOURCE}
    labels = np.array([order.index(word) for word in words.tolist()], np.int64)
    resamples = Resamples.draw(reads.patient, n_resamples=n_resamples)
    try:
        division = folds(labels, reads.patient, seed=seed)
    except NotApplicableError:
        return {**entry, "reason": f"cannot be measured: {ONE_PATIENT.replace('class', 'source')}"}
    parts = {"pooled": reads.pooled, "hidden": reads.hidden}
    members = {
        name: {
            layer: _figures(_scores(kept[name], labels, division), labels, resamples)
            for layer, kept in parts.items()
            if name in kept
        }
        for name in reads.pooled or reads.hidden
    }
    return {**entry, "n": len(reads), "n_patients": reads.films.n_patients, "members": members}


def _scores(
    features: Float32Array,
    labels: IntArray,
    division: Sequence[tuple[IntArray, IntArray]],
) -> Float64Array:
    """Return a probability of each source for each film, by models that saw no film of its patient.

    Sources count alike, whatever their number of films.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    scores = np.zeros((len(labels), int(labels.max()) + 1))
    with threadpool_limits(limits=1):
        for learnt, held in division:
            present = np.unique(labels[learnt])
            if len(present) < 2:
                scores[held, present] = 1.0
                continue
            model = make_pipeline(
                StandardScaler(),
                LogisticRegression(C=_STRENGTH, max_iter=2000, class_weight="balanced"),
            )
            model.fit(features[learnt].astype(np.float64), labels[learnt])
            probs = model.predict_proba(features[held].astype(np.float64))
            scores[np.ix_(held, present)] = probs
    return scores


def _figures(scores: Float64Array, labels: IntArray, resamples: Resamples) -> dict[str, Any]:
    """Return both figures with intervals over patients."""
    drawn: Mapping[str, list[float]] = {"macro_auroc": [], "balanced_accuracy": []}
    whole = _both(scores, labels)
    for weights in resamples.weights():
        for row in weights:
            chosen = np.repeat(np.arange(len(labels)), row.astype(np.int64))
            for name, value in _both(scores[chosen], labels[chosen], scores.shape[1]).items():
                drawn[name].append(value)
    found = {}
    for name, values in drawn.items():
        entry = figure(whole[name], np.array(values), resamples.n_patients)
        if entry["low"] is not None and entry["low"] == entry["high"]:
            entry |= {"low": None, "high": None, "reason": NO_SPREAD}
        found[name] = entry
    return found


def _both(scores: Float64Array, labels: IntArray, n_sources: int | None = None) -> dict[str, float]:
    """Return mean AUROC of a source against the rest, and mean recall; NaN if one is missing."""
    n_sources = n_sources or scores.shape[1]
    present = [k for k in range(n_sources) if (labels == k).any()]
    if len(present) < n_sources:
        return {"macro_auroc": float("nan"), "balanced_accuracy": float("nan")}
    called = scores.argmax(axis=1)
    areas = [auroc(labels == k, scores[:, k]) for k in present]
    recalls = [float((called == k)[labels == k].mean()) for k in present]
    return {
        "macro_auroc": float(np.mean(areas)),
        "balanced_accuracy": float(np.mean(recalls)),
    }


def joined(one: Reads, other: Reads, *, same_patients: bool) -> Reads:
    """Put two tables of reads of the same systems under each other.

    Args:
        one: Reads.
        other: Reads of other films.
        same_patients: True if both number patients alike; otherwise nobody is in both.

    Returns:
        New reads with the grouping `source` alone.
    """
    start = 0 if same_patients or not len(one) else int(one.patient.max()) + 1
    words = [
        word
        for reads in (one, other)
        for word in reads.films.groups.get("source", ("",) * len(reads))
    ]
    films = FilmList(
        (*one.films.sha256, *other.films.sha256),
        np.concatenate([one.y_true, other.y_true]),
        np.concatenate([one.patient, other.patient + start]),
        one.films.patients_from,
        {"source": tuple(words)},
    )
    return Reads(
        films,
        {name: np.concatenate([one.logits[name], other.logits[name]]) for name in one.systems},
        {name: np.concatenate([one.hidden[name], other.hidden[name]]) for name in one.hidden},
        {name: np.concatenate([one.pooled[name], other.pooled[name]]) for name in one.pooled},
    )
