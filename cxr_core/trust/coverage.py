"""Do prediction sets hold what they promise? Coverage by class, its exact band, and resplits."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from cxr_core.array import BoolArray, Float64Array, IntArray
from cxr_core.evaluate.metrics import Proportion, wilson
from cxr_core.evaluate.resample import numbered
from cxr_core.labels import CLASSES, N_CLASSES
from cxr_core.trust.conformal import ConformalModel, rank

N_RESPLITS: Final = 1000
BAND: Final = 0.99


@dataclass(frozen=True)
class Coverage:
    """How often the true class was in the set.

    Attributes:
        level: Share promised.
        overall: All films.
        by_class: Class name to the films of the class.
        bands: Class name to the range that `by_class` falls into 99 % of the time if calibration
            and test films are exchangeable; `None` for a class without films on either side.
        n_by_size: Number of films whose set has 0, 1, 2 and 3 classes.
        sizes_by_class: Class name to the same, for the films of the class.
        n_single_right: Films whose set is the true class alone.
    """

    level: float
    overall: Proportion
    by_class: Mapping[str, Proportion]
    bands: Mapping[str, tuple[float, float] | None]
    n_by_size: tuple[int, ...]
    sizes_by_class: Mapping[str, tuple[int, ...]]
    n_single_right: int


def coverage(
    model: ConformalModel, probs: Float64Array, y_true: IntArray, level: float
) -> Coverage:
    """Measure the sets of one system on films that it was not calibrated on.

    Args:
        model: The thresholds.
        probs: Shape (n, 3), of the kind that the thresholds were fitted to.
        y_true: Class indices, shape (n,).
        level: One of the model's levels.

    Returns:
        The coverage; Wilson's intervals count films of one patient as independent.

    Raises:
        ValueError: If the shapes disagree or the level was not fitted.
    """
    sets = model.sets(probs, level)
    if sets.shape != (len(y_true), N_CLASSES):
        msg = f"`probs` must have shape ({len(y_true)}, {N_CLASSES}). Received: {sets.shape}"
        raise ValueError(msg)
    is_covered = sets[np.arange(len(y_true)), y_true]
    sizes = sets.sum(axis=1)
    by_class, bands, sizes_by_class = {}, {}, {}
    for k, name in enumerate(CLASSES):
        of_class = y_true == k
        n = int(of_class.sum())
        by_class[name] = wilson(int(is_covered[of_class].sum()), n)
        bands[name] = coverage_band(model.n_by_class[name], n, level) if n else None
        sizes_by_class[name] = _counts(sizes[of_class])
    return Coverage(
        level=level,
        overall=wilson(int(is_covered.sum()), len(y_true)),
        by_class=by_class,
        bands=bands,
        n_by_size=_counts(sizes),
        sizes_by_class=sizes_by_class,
        n_single_right=int((is_covered & (sizes == 1)).sum()),
    )


def coverage_band(
    n_calibration: int, n_test: int, level: float, *, confidence: float = BAND
) -> tuple[float, float]:
    """Return the range that the coverage of one class falls into, given only exchangeable films.

    Args:
        n_calibration: Calibration films of the class.
        n_test: Test films of the class, at least 1.
        level: Share promised, in (0, 1).
        confidence: Probability of the range, in (0, 1); the same is cut off on either side.

    Returns:
        Lowest and highest share; (1, 1) where the class has too few calibration films and is in
        every set.

    Raises:
        ValueError: If a count or share is out of range.

    Notes:
        Without ties, the number of n_test films that reach the threshold is beta-binomial with
        parameters k = ceil((n_calibration + 1) * level) and n_calibration + 1 - k, whatever the
        scores are. Discrete, so at least `confidence` lies in the range.

    References:
        Vovk 2012, arXiv:1209.2673, proposition 2; Angelopoulos and Bates 2023,
        doi:10.1561/2200000101, appendix C.
    """
    from scipy.stats import betabinom

    if n_test < 1 or n_calibration < 0 or not 0 < confidence < 1:
        msg = (
            "`n_test` must be above 0, `n_calibration` at least 0 and `confidence` in (0, 1). "
            f"Received: {n_test}, {n_calibration}, {confidence}"
        )
        raise ValueError(msg)
    k = rank(n_calibration, level)
    if k > n_calibration:
        return 1.0, 1.0
    law = betabinom(n_test, k, n_calibration + 1 - k)
    tail = (1 - confidence) / 2
    return float(law.ppf(tail)) / n_test, float(law.ppf(1 - tail)) / n_test


@dataclass(frozen=True)
class ResplitCoverage:
    """Coverage of one class over random resplits of calibration and test films.

    Attributes:
        level: Share promised.
        n: Resplits that count: those with at least one test film of the class.
        n_calibration: Calibration films of the class, mean over the resplits.
        n_test: Test films of the class, mean over the resplits.
        mean: Mean coverage.
        expected: What theory says of the mean: ceil((n + 1) * level) / (n + 1), or 1 where there
            are too few calibration films; mean over the resplits.
        inside: Resplits whose coverage is in the exact band of their own numbers of films.
    """

    level: float
    n: int
    n_calibration: float
    n_test: float
    mean: float
    expected: float
    inside: Proportion


def resplit_coverage(
    probs: Float64Array,
    y_true: IntArray,
    is_calibration: BoolArray,
    level: float,
    *,
    patients: Sequence[Hashable] | npt.NDArray[Any] | None = None,
    n_resplits: int = N_RESPLITS,
    seed: int = 0,
    confidence: float = BAND,
) -> dict[str, ResplitCoverage]:
    """Deal calibration and test films anew, many times, and measure the coverage of each class.

    Dealt film by film, this checks the code: the films are exchangeable by construction, and the
    exact band must hold `confidence` of the resplits whatever the scores are. Dealt patient by
    patient, it asks more: films of one patient are alike, so fewer resplits fall into the band.

    Args:
        probs: Scores of both sets of films, shape (n, 3), not fitted to any of them.
        y_true: Class indices, shape (n,).
        is_calibration: Which films are calibration films now, shape (n,); each class keeps its
            number of calibration films, or of calibration patients.
        level: Share promised, in (0, 1).
        patients: Patient of each film, to deal whole patients; `None` deals films.
        n_resplits: Number of resplits.
        seed: Seed of the resplits.
        confidence: Probability of the band.

    Returns:
        Class name to its coverage; classes without test films are absent.

    Raises:
        ValueError: If lengths disagree or a share is out of range.
    """
    lengths = {len(probs), len(y_true), len(is_calibration)}
    lengths |= set() if patients is None else {len(patients)}
    if len(lengths) != 1:
        msg = f"All arrays must have one length. Received: {sorted(lengths)}"
        raise ValueError(msg)
    rng = np.random.default_rng(seed)
    units = np.arange(len(y_true)) if patients is None else numbered(patients)
    result = {}
    for k, name in enumerate(CLASSES):
        own = y_true == k
        _, unit = np.unique(units[own], return_inverse=True)
        taken = np.unique(unit[is_calibration[own]])
        found = _resplits(probs[own, k], unit, len(taken), level, (n_resplits, confidence), rng)
        if found is not None:
            result[name] = found
    return result


def _resplits(
    scores: Float64Array,
    unit: IntArray,
    n_taken: int,
    level: float,
    how: tuple[int, float],
    rng: np.random.Generator,
) -> ResplitCoverage | None:
    """Deal the units of one class anew and measure; nothing where no test film is left."""
    n_resplits, confidence = how
    n_units = int(unit.max()) + 1 if len(unit) else 0
    if n_taken >= n_units:
        return None
    bands: dict[tuple[int, int], tuple[float, float]] = {}
    rows = np.empty((n_resplits, 5))
    for i in range(n_resplits):
        is_taken = np.zeros(n_units, np.bool_)
        is_taken[rng.permutation(n_units)[:n_taken]] = True
        in_calibration = is_taken[unit]
        calibration = np.sort(scores[in_calibration])[::-1]
        test = scores[~in_calibration]
        k, n = rank(len(calibration), level), len(calibration)
        has = k <= n
        covered = float((test >= calibration[k - 1]).mean()) if has else 1.0
        size = (n, len(test))
        if size not in bands:
            bands[size] = coverage_band(*size, level, confidence=confidence)
        low, high = bands[size]
        rows[i] = n, len(test), covered, k / (n + 1) if has else 1.0, low <= covered <= high
    mean = rows.mean(axis=0)
    return ResplitCoverage(
        level=level,
        n=n_resplits,
        n_calibration=float(mean[0]),
        n_test=float(mean[1]),
        mean=float(mean[2]),
        expected=float(mean[3]),
        inside=wilson(int(rows[:, 4].sum()), n_resplits),
    )


def _counts(sizes: npt.NDArray[np.integer[Any]]) -> tuple[int, ...]:
    """Return how many sets have 0, 1, ... classes."""
    return tuple(int(n) for n in np.bincount(sizes, minlength=N_CLASSES + 1))
