"""Filters keep geometry and range, and do what they are named for."""

from __future__ import annotations

import numpy as np
import pytest

from cxr_core.film_filter import FILTERS, blank_border, equalise, soften
from cxr_core.preprocess import PreprocessSpec, preprocess, resize
from cxr_core.radiograph import Radiograph

IMAGE = np.random.default_rng(0).random((50, 60), np.float32)


@pytest.mark.parametrize("name", sorted(FILTERS))
@pytest.mark.parametrize("image", [IMAGE, np.full((50, 60), 0.4, np.float32)], ids=["film", "flat"])
def test_filters_keep_shape_and_range(name, image):
    before = image.copy()
    changed = FILTERS[name](image)
    assert changed.shape == image.shape
    assert changed.dtype == np.float32
    assert np.isfinite(changed).all()
    assert 0 <= changed.min() <= changed.max() <= 1
    np.testing.assert_array_equal(image, before)


def test_equalise_by_hand():
    image = np.array([[0.1, 0.1], [0.3, 0.9]], np.float32)
    np.testing.assert_allclose(equalise(image), [[0.25, 0.25], [0.625, 0.875]])


def test_equalise_forgets_gamma_and_window():
    np.testing.assert_allclose(equalise(IMAGE), equalise(IMAGE**2.2 * 0.5 + 0.2), atol=1e-3)


def test_the_border_tells_nothing():
    other = IMAGE.copy()
    other[:3], other[:, -4:] = 1.0, 0.0
    np.testing.assert_array_equal(blank_border(IMAGE), blank_border(other))
    assert len(np.unique(blank_border(IMAGE)[:4])) == 1


def test_soften_takes_grain_away():
    image = np.tile(np.array([[0.0, 1.0], [1.0, 0.0]], np.float32), (112, 112))
    assert np.ptp(soften(image)) < 0.3


def test_a_spec_applies_its_filter_at_the_networks_size():
    spec = PreprocessSpec(32, 32, filter="equalise")
    plain = resize(IMAGE, PreprocessSpec(32, 32))
    np.testing.assert_array_equal(resize(IMAGE, spec), equalise(plain))
    film = Radiograph(IMAGE, black=0, white=1, name="f", sha256="0" * 64, source_format="PNG")
    np.testing.assert_array_equal(preprocess(film, spec)[..., 0], equalise(plain))


def test_a_spec_without_filter_is_written_as_before():
    assert "filter" not in PreprocessSpec().to_dict()
    assert PreprocessSpec.from_dict(PreprocessSpec().to_dict()) == PreprocessSpec()
    spec = PreprocessSpec(filter="clahe")
    assert PreprocessSpec.from_dict(spec.to_dict()) == spec
