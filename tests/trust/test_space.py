"""Distances in a feature space: by hand, against scikit-learn, with nothing to fit."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.covariance import LedoitWolf

from cxr_core.errors import NotApplicableError, SpecMismatchError
from cxr_core.trust.space import FeatureSpace, fit_space, transform

CROSS = np.array([[4.0, 0, 0], [-4, 0, 0], [0, 2, 0], [0, -2, 0], [0, 0, 1], [0, 0, -1]])
"""Six points on the axes, so that the principal axes are exact in 16 bits."""


def clouds(n=400, n_features=12, *, seed=0):
    """Return films of three classes with one covariance, and their classes."""
    rng = np.random.default_rng(seed)
    y_true = rng.integers(3, size=n)
    spread = rng.normal(0, 1, (n_features, n_features)) / 3
    centres = rng.normal(0, 3, (3, n_features))
    return centres[y_true] + rng.normal(0, 1, (n, n_features)) @ spread, y_true


def test_the_distance_is_mahalanobis_of_scikit_learn():
    one = np.zeros(len(CROSS), int)
    space = fit_space(CROSS, one, transform_name="none")
    oracle = LedoitWolf(assume_centered=True).fit(CROSS)
    distances, left = space.parts(CROSS + 0.5)
    np.testing.assert_allclose(distances[:, 0] * 3, oracle.mahalanobis(CROSS + 0.5), rtol=1e-6)
    np.testing.assert_allclose(left, 0, atol=1e-12)


def test_classes_share_the_mean_of_their_covariances():
    features, y_true = clouds()
    space = fit_space(features, y_true, transform_name="none")
    own = [features[y_true == k] - features[y_true == k].mean(axis=0) for k in range(3)]
    shared = np.mean(
        [LedoitWolf(assume_centered=True).fit(rows).covariance_ for rows in own], axis=0
    )
    gaps = features[:5, None] - np.stack([features[y_true == k].mean(axis=0) for k in range(3)])
    expected = np.einsum("nmc,cd,nmd->nm", gaps, np.linalg.inv(shared), gaps) / 12
    # the axes are rounded to 16 bits
    np.testing.assert_allclose(space.parts(features[:5])[0], expected, rtol=5e-3)


def test_what_the_axes_leave_out_by_hand():
    """One axis: the first. Left over are y and z, on average (4 + 4 + 1 + 1) / 6 squared."""
    space = fit_space(CROSS, np.zeros(6, int), transform_name="none", n_axes=1)
    assert space.leftover == pytest.approx(10 / 6)
    _, left = space.parts(np.array([[9.0, 0, 0], [0, 3, 4]]))
    np.testing.assert_allclose(left, [0, 25 / (10 / 6)], atol=1e-12)
    near, far = space.distance(np.array([[0.0, 0, 0], [0, 3, 4]]))
    assert far == pytest.approx(near + 15)


def test_classes_weigh_alike_however_many_films_they_have():
    many = np.repeat(CROSS, 10, axis=0)
    features = np.concatenate([many, CROSS + 6])
    space = fit_space(features, np.r_[np.zeros(60, int), np.ones(6, int)], transform_name="none")
    np.testing.assert_allclose(space.mean, 3, atol=1e-6)


def test_roots_of_unit_length_are_hellingers():
    counts = np.array([[1.0, 4, 4], [9, 0, 0]])
    rooted = transform(counts, "root")
    np.testing.assert_allclose(rooted, [[1 / 3, 2 / 3, 2 / 3], [1, 0, 0]])
    np.testing.assert_allclose(transform(7 * counts, "root"), rooted)
    np.testing.assert_allclose(transform(np.array([[-4.0, 0]]), "root"), [[-1, 0]])
    assert not transform(np.zeros((1, 3)), "root").any()


def test_films_like_the_reference_films_are_at_about_two():
    features, y_true = clouds(1000, 200)
    space = fit_space(features, y_true, transform_name="none")
    assert 1.5 < np.median(space.distance(features)) < 2.5
    assert (space.distance(features + 20) > 5).all()


def test_a_stored_space_is_the_fitted_one_bit_for_bit():
    features, y_true = clouds()
    space = fit_space(features, y_true)
    again = FeatureSpace.from_arrays(space.arrays(), space.to_dict())
    np.testing.assert_array_equal(space.distance(features), again.distance(features))
    assert again.axes.dtype == np.float16
    assert again.leftover == space.leftover


def test_constant_features_leave_no_axis():
    space = fit_space(np.ones((5, 4)), np.arange(5) % 3, transform_name="none")
    assert space.axes.shape == (4, 0)
    same, other = space.distance(np.array([np.ones(4), np.zeros(4)]))
    assert same < 1e-9
    assert other > 1e9


def test_a_class_of_one_film_has_a_centre_and_no_covariance():
    features, y_true = clouds(60)
    y_true[:] = 0
    y_true[0] = 2
    space = fit_space(features, y_true, transform_name="none")
    assert space.centres.shape == (2, 12)
    assert np.isfinite(space.distance(features)).all()
    lone = fit_space(CROSS[:2], np.array([0, 1]), transform_name="none")
    assert np.isfinite(lone.distance(CROSS)).all()


def test_what_cannot_be_measured_is_refused():
    features, y_true = clouds()
    space = fit_space(features, y_true)
    with pytest.raises(SpecMismatchError, match=r"shape \(n, 12\). Received: \(2, 11\)"):
        space.distance(features[:2, :11])
    broken = features[:3].copy()
    broken[1, 4] = np.nan
    with pytest.raises(NotApplicableError, match=r"finite\. Received: 1 of 3 films not so"):
        space.distance(broken)
    with pytest.raises(NotApplicableError, match="two finite vectors or more"):
        fit_space(features[:1], y_true[:1])
    with pytest.raises(NotApplicableError, match="two finite vectors or more"):
        fit_space(broken, y_true[:3])


def test_arrays_that_do_not_fit_each_other_are_refused():
    features, y_true = clouds()
    space = fit_space(features, y_true)
    arrays, meta = space.arrays(), space.to_dict()
    with pytest.raises(SpecMismatchError, match=r"must have shapes \(c,\), \(c, k\)"):
        FeatureSpace.from_arrays({**arrays, "centres": arrays["centres"][:, :3]}, meta)
    with pytest.raises(SpecMismatchError, match="transform='log'"):
        FeatureSpace.from_arrays(arrays, {**meta, "transform": "log"})
    with pytest.raises(SpecMismatchError, match="every array"):
        FeatureSpace.from_arrays({"mean": arrays["mean"]}, meta)


def test_nothing_that_is_handed_in_is_changed():
    features, y_true = clouds()
    features.flags.writeable = False
    before = features.copy()
    fit_space(features, y_true).distance(features)
    np.testing.assert_array_equal(features, before)
