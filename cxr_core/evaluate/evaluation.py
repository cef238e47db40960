"""The whole evaluation of what systems say of labelled films, as JSON-ready values.

One table of resamples of whole patients serves every figure, so that all intervals and differences
are paired. Schema `cxr-evaluation/2` holds every key of the first version.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

import numpy as np

from cxr_core.array import Float64Array
from cxr_core.evaluate.baseline import learning_free_probs
from cxr_core.evaluate.figure import Measured
from cxr_core.evaluate.metrics import classification_summary, confusion_matrix
from cxr_core.evaluate.paired import differences, pairs_of
from cxr_core.evaluate.reads import FilmList, Reads
from cxr_core.evaluate.resample import N_RESAMPLES, Resamples
from cxr_core.evaluate.subgroup import subgroups_of
from cxr_core.labels import ENSEMBLES
from cxr_core.trust.calibration_error import CLASSWISE, TOP_LABEL, expected_calibration_error

SCHEMA: Final = "cxr-evaluation/2"
MEAN: Final = "mean"
"""Baseline: the plain mean of the members' probabilities."""

AGAINST_MEAN: Final = ("accuracy", "log_loss", "macro_auroc")
NOTES: Final = (
    "McNemar's test counts films as independent; several films of one patient make it a little too "
    "sure. The intervals of differences resample patients and do not have that fault.",
    "Brier scores are squared errors summed over the classes, from 0 to 2.",
)


def evaluation_of(
    reads: Reads,
    *,
    calibrated: Mapping[str, Float64Array] | None = None,
    about: Mapping[str, Any] | None = None,
    known: Mapping[str, int] | None = None,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
    on_system: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Measure every system on labelled films.

    Args:
        reads: What the systems say of the films.
        calibrated: System to calibrated probabilities, shape (n, 3); `None` without calibration.
        about: What made the reads, put beside the figures: bundle, variant, precision.
        known: Films of each class in training, for the learning-free baselines; those of the films
            themselves if `None`, which flatters the baselines.
        n_resamples: Number of resamples of patients.
        seed: Seed of the resamples; the same films give the same intervals.
        on_system: Called with the number of measured and of all sets of probabilities.

    Returns:
        JSON-ready evaluation of schema `cxr-evaluation/2`: for each system counts with Wilson's
        intervals, `figures` of raw and `calibrated` of calibrated probabilities,
        `calibration_error` of both; `baselines`, `learning_free`, `pairs` and `subgroups`. Never
        not-a-number: what is not defined is `None`, with a reason beside it.

    Raises:
        ValueError: If calibrated probabilities are of other films.
    """
    films = reads.films
    measure = _Measurer(films, n_resamples, seed, on_system)
    probs = {name: reads.probs(name) for name in reads.systems}
    shown = {name: calibrated[name] for name in probs if name in calibrated} if calibrated else {}
    members = [probs[name] for name in probs if name not in ENSEMBLES]
    mean = {MEAN: np.mean(members, axis=0)} if len(members) > 1 else {}
    free = learning_free_probs(len(films), known or films.n_by_class)
    measure.n_all = len(probs) + len(shown) + len(mean) + len(free)
    raw = {name: measure(values) for name, values in probs.items()}
    better = {name: measure(values) for name, values in shown.items()}
    systems = {name: _summary(films, probs[name], raw[name]) for name in probs}
    for name, found in better.items():
        systems[name]["calibrated"] = found.to_dict()
    for name, values in probs.items() if len(films) else ():
        kinds = {"raw": values, **({"calibrated": shown[name]} if name in shown else {})}
        systems[name]["calibration_error"] = {
            kind: _calibration_errors(films, scores, n_resamples, seed)
            for kind, scores in kinds.items()
        }
    means = {name: measure(values) for name, values in mean.items()}
    for name in (name for name in raw if name in ENSEMBLES and means and len(films)):
        systems[name]["against_mean"] = differences(raw[name], means[MEAN], AGAINST_MEAN)
    called = {name: values.argmax(axis=1) for name, values in probs.items()}
    return {
        "schema": SCHEMA,
        **(about or {}),
        "interval": _interval_text(n_resamples),
        "n_resamples": n_resamples,
        "seed": seed,
        "films_digest": films_digest(films),
        "patients_from": films.patients_from,
        "n_films": len(films),
        "n_patients": films.n_patients,
        "n_by_class": films.n_by_class,
        "unreadable": [{"file": file, "message": why} for file, why in films.unreadable],
        "systems": systems,
        "baselines": {name: _summary(films, mean[name], means[name]) for name in means},
        "learning_free": {
            "known_from": "these films" if known is None else "training films",
            **{name: _summary(films, values, measure(values)) for name, values in free.items()},
        },
        "pairs": pairs_of(raw, called, films.y_true, calibrated=better or None),
        "subgroups": subgroups_of(films, called),
        "notes": list(NOTES),
    }


class Calibration(Protocol):
    """What turns logits into calibrated probabilities."""

    def apply(self, logits: Float64Array) -> Float64Array:
        """Return probabilities, shape (n, 3), for logits of the same shape."""


def calibrated_probs(
    reads: Reads, calibration: Mapping[str, Calibration]
) -> dict[str, Float64Array]:
    """Return the calibrated probabilities of each system that has a calibration.

    Args:
        reads: What the systems say of some films.
        calibration: System name to its calibration.

    Returns:
        System name to probabilities, shape (n, 3), float64.
    """
    return {
        name: np.asarray(calibration[name].apply(logits), np.float64)
        for name, logits in reads.logits.items()
        if name in calibration
    }


def films_digest(films: FilmList) -> str:
    """Return one digest of labelled films, whatever their order.

    Args:
        films: The films.

    Returns:
        SHA-256 as hex over the sorted (digest, class) of each film.
    """
    lines = sorted(
        f"{digest} {label}\n"
        for digest, label in zip(films.sha256, films.y_true.tolist(), strict=True)
    )
    return hashlib.sha256("".join(lines).encode()).hexdigest()


class _Measurer:
    """Measures probabilities of the same films on one table of resamples."""

    def __init__(
        self,
        films: FilmList,
        n_resamples: int,
        seed: int,
        on_measured: Callable[[int, int], None] | None,
    ) -> None:
        self._films = films
        self._resamples = Resamples.draw(films.patient, n_resamples=n_resamples, seed=seed)
        self._on_measured = on_measured
        self._n_done = 0
        self.n_all = 0

    def __call__(self, probs: Float64Array) -> Measured:
        """Return the figures of one set of probabilities."""
        found = Measured(self._films.y_true, probs, self._resamples)
        self._n_done += 1
        if self._on_measured is not None:
            self._on_measured(self._n_done, self.n_all)
        return found


def _summary(films: FilmList, probs: Float64Array, measured: Measured) -> dict[str, Any]:
    """Return counts with Wilson's intervals, and the figures of the probabilities."""
    counts = classification_summary(confusion_matrix(films.y_true, probs.argmax(axis=1)))
    return {**counts, "figures": measured.to_dict()}


def _calibration_errors(
    films: FilmList, probs: Float64Array, n_resamples: int, seed: int
) -> dict[str, Any]:
    """Return the debiased calibration errors of one set of probabilities, 15 bins."""
    return {
        of: expected_calibration_error(
            films.y_true,
            probs,
            of=of,
            patients=films.patient,
            n_resamples=n_resamples,
            seed=seed,
        ).to_dict()
        for of in (TOP_LABEL, CLASSWISE)
    }


def _interval_text(n_resamples: int) -> str:
    """Say how the intervals were made."""
    return (
        "counts: Wilson, 95 %, films counted as independent; figures and differences: percentiles "
        f"of {n_resamples:,} resamples of whole patients, 95 %, and for shares of 0 and 1, where "
        "no resample differs, Wilson with as many films as patients; subgroups: Wilson, 95 %, "
        "films of one patient counted for what they are worth"
    )
