"""How far scores are from the share of films that they are right about: ECE, with its bias said.

The plug-in calibration error is never 0: chance alone puts every bin a little off its score, so a
perfectly calibrated system measures above 0, and more so with fewer films. The debiased figure
takes part of that back, and what is left errs on the side of a larger error.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from cxr_core.array import Float64Array, IntArray
from cxr_core.errors import NotApplicableError
from cxr_core.evaluate.resample import CONFIDENCE, N_RESAMPLES, Resamples
from cxr_core.labels import CLASSES, class_index

N_BINS: Final = 15

TOP_LABEL: Final = "top_label"
"""The score of the class that a system names, against the share of films that it names rightly."""

CLASSWISE: Final = "classwise"
"""The score of each class against the share of films of that class, mean over the classes."""


@dataclass(frozen=True)
class CalibrationError:
    """The expected calibration error of one system on one set of films.

    Attributes:
        value: Debiased, in [0, 1]: the figure to quote.
        low: Lower end of the 95 % interval of `value`; 0 where perfect calibration is not ruled
            out. `None` where all films are of one patient, or without resamples.
        high: Upper end.
        plug_in: Without correction, as most papers give it; always larger.
        root_mean_square: Root of the debiased mean squared gap; weighs rare large gaps more. 0
            where chance alone explains more than was seen.
        n: Number of films.
        n_patients: Number of patients.
    """

    value: float
    low: float | None
    high: float | None
    plug_in: float
    root_mean_square: float
    n: int
    n_patients: int

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return dict(vars(self))


def bin_index(scores: Float64Array, n_bins: int = N_BINS) -> IntArray:
    """Return the equal-width bin of each score.

    Args:
        scores: Any shape, in [0, 1].
        n_bins: Number of bins, at least 1.

    Returns:
        Same shape; bin b holds ((b) / n_bins, (b + 1) / n_bins], and 0 is in the first.
    """
    edges = np.linspace(0, 1, n_bins + 1)
    return np.asarray(np.searchsorted(edges[1:-1], scores), np.int64)


def scores_and_hits(
    y_true: IntArray, probs: Float64Array, of: str
) -> tuple[Float64Array, Float64Array]:
    """Return the scores that calibration is asked of, and whether each came true.

    Args:
        y_true: Class indices, shape (n,).
        probs: Shape (n, 3).
        of: `TOP_LABEL`, `CLASSWISE` or the name of a class.

    Returns:
        Scores in [0, 1] and hits of 0 or 1, both shape (n, m), float64; m is 3 for `CLASSWISE`,
        else 1.

    Raises:
        ValueError: If the shapes disagree or `of` is none of these.
        NotApplicableError: If there is no film.
    """
    if probs.shape != (len(y_true), len(CLASSES)):
        msg = f"`probs` must have shape ({len(y_true)}, {len(CLASSES)}). Received: {probs.shape}"
        raise ValueError(msg)
    if not len(y_true):
        msg = "Calibration must be measured on at least one film. Received: no film"
        raise NotApplicableError(msg, hint="Choose a set that holds films.")
    if of == TOP_LABEL:
        is_right = probs.argmax(axis=1) == y_true
        return probs.max(axis=1)[:, None].astype(np.float64), is_right[:, None].astype(np.float64)
    wanted = range(len(CLASSES)) if of == CLASSWISE else [class_index(of)]
    hits = [y_true == k for k in wanted]
    return probs[:, list(wanted)].astype(np.float64), np.stack(hits, axis=1).astype(np.float64)


def expected_calibration_error(
    y_true: IntArray,
    probs: Float64Array,
    *,
    of: str = TOP_LABEL,
    patients: Sequence[Hashable] | npt.NDArray[Any] | None = None,
    n_bins: int = N_BINS,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
) -> CalibrationError:
    """Measure how far scores are from the share that comes true.

    Scores fall into equal-width bins. With the share of films n_b / n, the mean score s_b and the
    share that came true y_b of each bin, the plug-in error is sum(n_b / n * |y_b - s_b|).

    Args:
        y_true: Class indices, shape (n,), n >= 1.
        probs: Shape (n, 3), rows summing to 1.
        of: `TOP_LABEL`, `CLASSWISE` (mean over the three classes) or the name of a class.
        patients: Patient of each film, whole patients being drawn for the interval; `None` counts
            every film as a patient of its own.
        n_bins: Number of bins.
        n_resamples: Number of resamples.
        seed: Seed of the resamples; the same films give the same interval.

    Returns:
        The error.

    Raises:
        ValueError: If shapes disagree or `of` is unknown.
        NotApplicableError: If there is no film.

    Notes:
        *Debiased value:* twice the plug-in error less its mean if each y_b were drawn from
        Normal(y_b, y_b (1 - y_b) / n_b), at least 0. Bins in which all or no films came true get no
        correction, and films of one patient count as independent in it: both leave the value too
        high rather than too low.
        *Interval:* errors of resamples carry the noise of the sample and their own, so percentiles
        of them lie too high, and off 0 for a perfectly calibrated system. They are shifted back by
        the excess of their mean over `value`. The lower end is then set to 0 where perfect
        calibration is not ruled out at 5 %: where the plug-in error is at most the 95 % quantile of
        sum(|d*_b - d_b|), d_b being n_b / n * (y_b - s_b) and d*_b that of a resample. With labels
        drawn from known probabilities and films of a patient alike it holds the truth in 88 to 94 %
        of samples, and its upper end is too low in at most 6 % (`benchmarks.calibration_interval`).

    References:
        Naeini, Cooper and Hauskrecht 2015 (ECE); Guo and others 2017, equation 3; Kull and others
        2019, arXiv:1910.12656 (classwise); Kumar, Liang and Ma 2019, arXiv:1909.10155, definition
        5.2 (squared) and their package's normal approximation, here in closed form (absolute);
        Broecker 2012, doi:10.1007/s00382-011-1191-1, and Roelofs and others 2022, arXiv:2012.08668
        (the bias).

    Caution:
        A small error says that scores fit films *of the same sources*; it says nothing of others.
    """
    scores, hits = scores_and_hits(y_true, probs, of)
    units = np.arange(len(y_true)) if patients is None else patients
    if len(units) != len(y_true):
        msg = f"`patients` must have {len(y_true)} entries. Received: {len(units)}"
        raise ValueError(msg)
    resamples = Resamples.draw(units, n_resamples=n_resamples, seed=seed)
    sums = _sums(scores, hits, resamples.patient, n_bins)
    found = _errors(sums.sum(axis=0)[None])
    plug_in, value = float(found[0][0]), float(found[1][0])
    low = high = None
    if resamples.n_patients > 1 and n_resamples:
        low, high = _interval(sums, plug_in, value, resamples)
    return CalibrationError(
        value=value,
        low=low,
        high=high,
        plug_in=plug_in,
        root_mean_square=_root_mean_square(sums.sum(axis=0)),
        n=len(y_true),
        n_patients=resamples.n_patients,
    )


def _sums(scores: Float64Array, hits: Float64Array, patient: IntArray, n_bins: int) -> Float64Array:
    """Return number of films, sum of scores and of hits by patient, question and bin."""
    n_questions = scores.shape[1]
    sums = np.zeros((int(patient.max()) + 1, n_questions, n_bins, 3))
    rows = np.stack([np.ones_like(scores), scores, hits], axis=-1)
    place = (patient[:, None], np.arange(n_questions)[None], bin_index(scores, n_bins))
    np.add.at(sums, place, rows)
    return sums


def _gaps(sums: Float64Array) -> tuple[Float64Array, Float64Array, Float64Array]:
    """Return share of films, share that came true less mean score, and variance of the former."""
    n, scores, hits = np.moveaxis(sums, -1, 0)
    at_least_one = np.maximum(n, 1)
    came_true = hits / at_least_one
    share = n / n.sum(axis=-1, keepdims=True)
    return share, came_true - scores / at_least_one, came_true * (1 - came_true) / at_least_one


def _errors(sums: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Return plug-in and debiased error of each resample, mean over the questions.

    The mean of |Normal(gap, variance)| is that of the folded normal distribution.
    """
    from scipy.special import ndtr

    share, gap, variance = _gaps(sums)
    size, spread = np.abs(gap), np.sqrt(np.maximum(variance, 1e-300))
    ratio = np.minimum(size / spread, 40.0)
    folded = spread * np.sqrt(2 / np.pi) * np.exp(-(ratio**2) / 2) + size * (1 - 2 * ndtr(-ratio))
    plug_in = (share * size).sum(axis=-1)
    debiased = 2 * plug_in - (share * folded).sum(axis=-1)
    return plug_in.mean(axis=-1), np.maximum(debiased, 0.0).mean(axis=-1)


def _root_mean_square(sums: Float64Array) -> float:
    """Return the root of the debiased mean squared gap; bins of one film have no correction."""
    share, gap, variance = _gaps(sums)
    n = sums[..., 0]
    unbiased = np.where(n > 1, variance * n / np.maximum(n - 1, 1), 0.0)
    squared = (share * (gap**2 - unbiased)).sum(axis=-1)
    return float(np.sqrt(np.maximum(squared, 0.0)).mean())


def _interval(
    sums: Float64Array, plug_in: float, value: float, resamples: Resamples
) -> tuple[float, float]:
    """Return the ends of the interval of the debiased error; see the notes of the public name."""
    flat = sums.reshape(len(sums), -1)
    resampled = (resamples.n_drawn.astype(np.float64) @ flat).reshape(-1, *sums.shape[1:])
    errors = _errors(resampled)[1]
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(errors, [tail, 1 - tail]) - (errors.mean() - value)
    share, gap, _ = _gaps(sums.sum(axis=0))
    drawn_share, drawn_gap, _ = _gaps(resampled)
    by_chance = np.abs(drawn_share * drawn_gap - share * gap).sum(axis=-1).mean(axis=-1)
    if plug_in <= np.quantile(by_chance, CONFIDENCE):
        low = 0.0
    return max(0.0, float(low)), min(1.0, max(float(high), value))
