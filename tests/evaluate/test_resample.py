"""Resamples of patients: whole ones, as many as there are, the same every time."""

from __future__ import annotations

import numpy as np
import pytest

from cxr_core.evaluate.resample import Resamples, interval_ends, numbered


def test_films_of_a_patient_are_drawn_together():
    resamples = Resamples.draw(["b", "a", "b", "c"], n_resamples=200, seed=1)
    assert resamples.n_patients == 3
    assert len(resamples) == 200
    np.testing.assert_array_equal(resamples.n_drawn.sum(axis=1), 3)
    weights = np.concatenate(list(resamples.weights()))
    np.testing.assert_array_equal(weights[:, 0], weights[:, 2])
    assert weights.shape == (200, 4)


def test_the_same_seed_gives_the_same_resamples():
    first, second, other = (Resamples.draw(range(9), n_resamples=5, seed=s) for s in (3, 3, 4))
    np.testing.assert_array_equal(first.n_drawn, second.n_drawn)
    assert (first.n_drawn != other.n_drawn).any()


def test_draws_are_those_of_one_by_one():
    """The number of resamples drawn at once does not change them."""
    found = Resamples.draw(range(7), n_resamples=50, seed=2).n_drawn
    chosen = np.random.default_rng(2).integers(7, size=(50, 7))
    np.testing.assert_array_equal(found, [np.bincount(row, minlength=7) for row in chosen])


def test_means_are_those_of_the_copied_films():
    values = np.array([1.0, 4.0, 7.0, 2.0])
    resamples = Resamples.draw(["x", "y", "x", "z"], n_resamples=30)
    for mean, weights in zip(
        resamples.means(values), np.concatenate(list(resamples.weights())), strict=True
    ):
        assert mean == pytest.approx(np.repeat(values, weights.astype(int)).mean())


def test_patients_are_numbered_by_their_first_films():
    np.testing.assert_array_equal(numbered(["q", "a", "q"]), [0, 1, 0])
    np.testing.assert_array_equal(numbered(np.array([7, 7, 3])), [0, 0, 1])
    assert len(numbered([])) == 0


def test_ends_are_quantiles_of_what_is_defined():
    values = np.array([np.nan, *np.arange(1001.0)])
    assert interval_ends(values) == pytest.approx((25.0, 975.0))
    assert interval_ends(np.array([np.nan, np.nan, 1.0])) == (None, None)
    assert interval_ends(np.empty(0)) == (None, None)


def test_a_negative_number_is_refused():
    with pytest.raises(ValueError, match="`n_resamples` must be 0 or more"):
        Resamples.draw([1], n_resamples=-1)
