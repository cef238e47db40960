"""Coverage by hand, the exact band against simulation, resplits against theory."""

from __future__ import annotations

import numpy as np
import pytest

from cxr_core.evaluate.metrics import wilson
from cxr_core.labels import CLASSES
from cxr_core.trust.conformal import ConformalModel, fit_conformal, rank
from cxr_core.trust.coverage import coverage, coverage_band, resplit_coverage
from tests.trust.test_conformal import films


def model_of(limit, n=50):
    """A model with one threshold for all classes."""
    return ConformalModel({0.9: dict.fromkeys(CLASSES, limit)}, dict.fromkeys(CLASSES, n))


def test_coverage_by_hand():
    probs = np.array([[0.8, 0.1, 0.1], [0.4, 0.5, 0.1], [0.35, 0.3, 0.35], [0.1, 0.2, 0.7]])
    found = coverage(model_of(0.4), probs, np.array([0, 0, 1, 1]), 0.9)
    assert found.overall == wilson(2, 4)
    assert found.by_class["COVID19"] == wilson(2, 2)
    assert found.by_class["NORMAL"] == wilson(0, 2)
    assert found.by_class["PNEUMONIA"].value is None
    assert found.bands["PNEUMONIA"] is None
    assert found.n_by_size == (1, 2, 1, 0)
    assert found.sizes_by_class["COVID19"] == (0, 1, 1, 0)
    assert found.n_single_right == 1


def test_coverage_needs_one_row_a_film():
    with pytest.raises(ValueError, match="must have shape"):
        coverage(model_of(0.4), np.zeros((2, 3)), np.zeros(3, int), 0.9)


def test_the_band_holds_simulated_coverage():
    """Coverage of uniform scores, simulated: the band must hold 99 % of it and not much more."""
    rng = np.random.default_rng(0)
    n_calibration, n_test, level = 40, 120, 0.9
    low, high = coverage_band(n_calibration, n_test, level)
    calibration = np.sort(rng.random((20_000, n_calibration)), axis=1)[:, ::-1]
    threshold = calibration[:, rank(n_calibration, level) - 1]
    covered = (rng.random((20_000, n_test)) >= threshold[:, None]).mean(axis=1)
    inside = (low <= covered) & (covered <= high)
    assert 0.988 <= inside.mean() <= 0.996
    assert covered.mean() == pytest.approx(rank(n_calibration, level) / 41, abs=0.002)


def test_bands_narrow_with_films():
    widths = [np.ptp(coverage_band(n, 10 * n, 0.9)) for n in (20, 100, 1000)]
    assert widths == sorted(widths, reverse=True)
    low, high = coverage_band(100_000, 100_000, 0.9)
    assert (low, high) == pytest.approx((0.9, 0.9), abs=0.005)


def test_the_band_of_a_class_with_too_few_films():
    assert coverage_band(16, 85, 0.95) == (1.0, 1.0)
    assert coverage_band(0, 5, 0.9) == (1.0, 1.0)


@pytest.mark.parametrize(("n", "m", "confidence"), [(-1, 5, 0.99), (5, 0, 0.99), (5, 5, 1.0)])
def test_wrong_arguments_of_the_band(n, m, confidence):
    with pytest.raises(ValueError, match="must be"):
        coverage_band(n, m, 0.9, confidence=confidence)


@pytest.mark.parametrize("level", [0.9, 0.95])
def test_resplits_by_film_follow_theory(level):
    probs, y_true = films(500)
    found = resplit_coverage(probs, y_true, np.arange(500) < 200, level)
    for name, result in found.items():
        k = CLASSES.index(name)
        assert result.n_calibration == (y_true[:200] == k).sum()
        assert result.n_test == (y_true[200:] == k).sum()
        assert result.mean == pytest.approx(result.expected, abs=0.006)
        assert result.inside.high >= 0.99


def test_films_of_one_patient_spread_the_coverage():
    """Ten equal films a patient: dealt whole, fewer resplits are in the band of single films."""
    probs, y_true = films(60)
    alike = np.repeat(np.arange(60), 10)
    is_calibration = alike < 30
    by_film = resplit_coverage(probs[alike], y_true[alike], is_calibration, 0.9, n_resplits=200)
    whole = resplit_coverage(
        probs[alike], y_true[alike], is_calibration, 0.9, patients=alike, n_resplits=200
    )
    for name, result in whole.items():
        assert result.inside.value < by_film[name].inside.value
        assert result.n_calibration == by_film[name].n_calibration


def test_resplits_of_a_class_with_too_few_films_cover_all():
    probs, y_true = films(60)
    is_calibration = np.zeros(60, bool)
    is_calibration[np.flatnonzero(y_true == 1)[:5]] = True
    found = resplit_coverage(probs, y_true, is_calibration, 0.9, n_resplits=10)
    assert (found["NORMAL"].mean, found["NORMAL"].expected) == (1.0, 1.0)


def test_resplits_without_test_films_are_absent():
    probs, y_true = films(60)
    assert resplit_coverage(probs, y_true, np.ones(60, bool), 0.9) == {}
    assert resplit_coverage(probs[:0], y_true[:0], np.ones(0, bool), 0.9) == {}


def test_resplits_need_one_length():
    probs, y_true = films(60)
    with pytest.raises(ValueError, match="must have one length"):
        resplit_coverage(probs, y_true, np.ones(59, bool), 0.9)


def test_fitting_and_covering_agree_with_a_resplit():
    """The real split, refitted by hand, gives what the model gives."""
    probs, y_true = films(400)
    model = fit_conformal(probs[:150], y_true[:150])
    found = coverage(model, probs[150:], y_true[150:], 0.9)
    for k, name in enumerate(CLASSES):
        own = np.sort(probs[:150][y_true[:150] == k, k])[::-1]
        limit = own[rank(len(own), 0.9) - 1]
        hits = probs[150:][y_true[150:] == k, k] >= limit
        assert found.by_class[name] == wilson(int(hits.sum()), len(hits))
