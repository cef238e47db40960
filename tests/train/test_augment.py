"""Variants of a film: repeatable, in range, and stored under the same key as before if unused."""

from __future__ import annotations

import numpy as np
import pytest

from train.augment import AugmentSpec, augment, film_rng

IMAGE = np.random.default_rng(0).random((64, 64), np.float32)


@pytest.mark.parametrize(
    "spec",
    [AugmentSpec(intensity=0.5), AugmentSpec(jpeg_quality=5), AugmentSpec(0.1, 5, intensity=0.3)],
    ids=["intensity", "jpeg", "both"],
)
def test_variants_are_repeatable_and_in_range(spec):
    first, second = (augment(IMAGE, spec, film_rng(0, 1, "a" * 64)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    other = augment(IMAGE, spec, film_rng(0, 2, "a" * 64))
    assert np.abs(first - other).max() > 0.01
    assert first.dtype == np.float32
    assert 0 <= first.min() <= first.max() <= 1


def test_no_change_is_no_change():
    same = augment(IMAGE, AugmentSpec(), film_rng(0, 1, "a" * 64))
    np.testing.assert_allclose(same, IMAGE, atol=1e-6)


def test_a_worse_jpeg_differs_more():
    from train.augment import _through_jpeg

    errors = [np.abs(_through_jpeg(IMAGE, quality) - IMAGE).mean() for quality in (95, 50, 10)]
    assert errors == sorted(errors)
    assert errors[0] < errors[2] / 2


def test_unused_settings_do_not_change_the_key():
    assert set(AugmentSpec().to_dict()) == {"zoom", "rotation_deg", "horizontal_flip"}
    assert AugmentSpec(jpeg_quality=20).to_dict()["jpeg_quality"] == 20
