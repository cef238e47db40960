"""Calibration errors by hand, against scikit-learn, and whether intervals hold."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from cxr_core.errors import NotApplicableError
from cxr_core.heads import softmax
from cxr_core.labels import CLASSES
from cxr_core.trust.calibration_error import (
    CLASSWISE,
    N_BINS,
    TOP_LABEL,
    bin_index,
    expected_calibration_error,
)

N = 300


def drawn(seed=0, n=N, *, sharper=1.0, spread=2.0):
    """Return labels that follow softmax(logits), and the scores softmax(logits * sharper)."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, spread, (n, 3))
    y_true = (rng.random((n, 1)) > softmax(logits).cumsum(axis=1)).sum(axis=1)
    return np.minimum(y_true, 2), softmax(logits * sharper)


def error_of(y_true, probs, of=TOP_LABEL, **options):
    return expected_calibration_error(y_true, probs, of=of, **{"n_resamples": 200, **options})


def by_loop(scores, hits):
    """The plug-in error from scikit-learn's bins."""
    came_true, mean = calibration_curve(hits, scores, n_bins=N_BINS)
    n = np.bincount(bin_index(scores), minlength=N_BINS)
    return float((n[n > 0] / n.sum() * np.abs(came_true - mean)).sum())


def test_bins_are_open_below_and_closed_above():
    edges = np.array([0, 1e-9, 1 / 15, 1 / 15 + 1e-9, 14 / 15, 1.0])
    np.testing.assert_array_equal(bin_index(edges), [0, 0, 0, 1, 13, 14])


@pytest.mark.parametrize("seed", range(4))
def test_the_plug_in_error_is_that_of_scikit_learns_bins(seed):
    y_true, probs = drawn(seed, sharper=1.5)
    is_right = probs.argmax(axis=1) == y_true
    assert error_of(y_true, probs).plug_in == pytest.approx(by_loop(probs.max(axis=1), is_right))
    classes = [by_loop(probs[:, k], y_true == k) for k in range(3)]
    for k, name in enumerate(CLASSES):
        assert error_of(y_true, probs, name).plug_in == pytest.approx(classes[k])
    assert error_of(y_true, probs, CLASSWISE).plug_in == pytest.approx(np.mean(classes))


def two_bins():
    """Return 10 films of score 0.9, 7 right, and 4 of score 0.5, 2 right."""
    probs = np.array([[0.9, 0.05, 0.05]] * 10 + [[0.5, 0.3, 0.2]] * 4)
    y_true = np.array([0] * 7 + [1] * 3 + [0] * 2 + [1] * 2)
    return y_true, probs


def test_the_errors_by_hand():
    found = error_of(*two_bins())
    assert found.plug_in == pytest.approx(10 / 14 * 0.2)
    squared = 10 / 14 * (0.2**2 - 0.7 * 0.3 / 9) + 4 / 14 * (0 - 0.25 / 3)
    assert squared < 0
    assert found.root_mean_square == 0
    rng = np.random.default_rng(0)
    first = np.abs(rng.normal(0.7, np.sqrt(0.021), 400_000) - 0.9).mean()
    second = np.abs(rng.normal(0.5, np.sqrt(0.0625), 400_000) - 0.5).mean()
    excess = 10 / 14 * (first - 0.2) + 4 / 14 * second
    assert found.value == pytest.approx(max(0, 10 / 14 * 0.2 - excess), abs=5e-4)
    assert (found.n, found.n_patients) == (14, 14)


def test_debiasing_takes_from_the_error_and_never_adds():
    for seed in range(5):
        found = error_of(*drawn(seed))
        assert 0 <= found.value < found.plug_in
        assert 0 <= found.low <= found.value <= found.high <= 1


def test_debiased_is_closer_to_the_truth_than_plug_in():
    """Perfectly calibrated scores: the truth is 0, the plug-in error far from it."""
    found = [error_of(*drawn(seed)) for seed in range(20)]
    assert np.mean([f.value for f in found]) < 0.7 * np.mean([f.plug_in for f in found])


def test_a_large_error_is_measured_and_its_interval_is_off_zero():
    found = error_of(*drawn(0, 2000, sharper=6.0))
    assert found.value == pytest.approx(found.plug_in, abs=0.01)
    assert found.low > 0.1
    assert found.root_mean_square > found.value


@pytest.mark.parametrize("sharper", [1.0, 1.4])
def test_intervals_hold_the_truth(sharper):
    """Labels from known scores, four films a patient alike: the truth is that of a huge set."""
    rng = np.random.default_rng(5)
    n_patients, per_patient, n_held, n_trials = 150, 2, 0, 60
    everyone = rng.normal(0, 2, (200_000, 3))
    huge, scores = softmax(everyone), softmax(everyone * sharper)
    top = scores.argmax(axis=1)
    place = bin_index(scores.max(axis=1))
    gaps = huge[np.arange(len(top)), top] - scores.max(axis=1)
    truth = np.abs(np.bincount(place, gaps, N_BINS)).sum() / len(top)
    patients = np.repeat(np.arange(n_patients), per_patient)
    for _ in range(n_trials):
        logits = rng.normal(0, 2, (len(patients), 3))
        luck = np.repeat(rng.random((n_patients, 1)), per_patient, axis=0)
        y_true = np.minimum((luck > softmax(logits).cumsum(axis=1)).sum(axis=1), 2)
        found = error_of(y_true, softmax(logits * sharper), patients=patients)
        n_held += found.low - 1e-12 <= truth <= found.high
    assert n_held >= 0.85 * n_trials


def test_patients_widen_the_interval():
    y_true, probs = drawn(0, 60, sharper=1.5)
    alike = np.repeat(np.arange(60), 10)
    one_each = error_of(y_true[alike], probs[alike], n_resamples=400)
    grouped = error_of(y_true[alike], probs[alike], patients=alike, n_resamples=400)
    assert grouped.value == pytest.approx(one_each.value)
    assert grouped.high - grouped.low > one_each.high - one_each.low


def test_seed_and_inputs():
    y_true, probs = drawn()
    before = probs.copy()
    assert error_of(y_true, probs) == error_of(y_true, probs)
    np.testing.assert_array_equal(probs, before)


@pytest.mark.parametrize("of", [TOP_LABEL, CLASSWISE, "NORMAL"])
@pytest.mark.parametrize(
    ("y_true", "probs"),
    [
        (np.array([0]), np.array([[1.0, 0, 0]])),
        (np.array([1]), np.array([[1.0, 0, 0]])),
        (np.array([0, 1, 2]), np.full((3, 3), 1 / 3)),
        (np.zeros(40, int), np.tile([[0.2, 0.5, 0.3]], (40, 1))),
    ],
)
def test_degenerate_films_give_finite_errors(of, y_true, probs):
    found = error_of(y_true, probs, of)
    values = [found.value, found.plug_in, found.root_mean_square]
    assert np.isfinite(values).all()
    if len(y_true) > 1:
        assert 0 <= found.low <= found.high <= 1
    else:
        assert found.low is None


def test_wrong_arguments():
    y_true, probs = drawn()
    with pytest.raises(NotApplicableError, match="at least one film"):
        error_of(y_true[:0], probs[:0])
    with pytest.raises(ValueError, match="must have shape"):
        error_of(y_true, probs[:5])
    with pytest.raises(ValueError, match="must be one of"):
        error_of(y_true, probs, "FLU")
    with pytest.raises(ValueError, match="must have 300 entries"):
        error_of(y_true, probs, patients=[1])
    assert set(error_of(y_true, probs).to_dict()) >= {"value", "low", "high", "plug_in"}
