"""From any film to any network's input: range, order, geometry, and the same bits every way."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cxr_core.preprocess import (
    RESAMPLINGS,
    PreprocessSpec,
    prepare,
    preprocess,
    preprocess_batch,
    resize,
    shrink,
)
from cxr_core.radiograph import Radiograph
from tests.strategies import bytes_of, pixels, radiographs, seeds, shapes, specs

CAFFE = (103.939, 116.779, 123.68)
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
ENDS = {
    "unit": [(0.0, 1.0)] * 3,
    "none": [(0.0, 255.0)] * 3,
    "tf": [(-1.0, 1.0)] * 3,
    "caffe": [(-mean, 255 - mean) for mean in CAFFE],
    "torch": [(-mean / std, (1 - mean) / std) for mean, std in zip(MEAN, STD, strict=True)],
}
"""Range of each channel by scaling; black and white end up at the ends."""

LOCAL = ("box", "bilinear")
"""Resamplings whose weights are never negative."""

EVEN = ("bilinear", "bicubic", "lanczos")
"""Resamplings that treat left and right alike; the others give a pixel between two to one."""


def film_of(values: np.ndarray) -> Radiograph:
    """A film without window that shows `values`, float32 in [0, 1], as they are."""
    return Radiograph(values.astype(np.float32), 0, 1, "f.tif", "0", "TIFF")


images = shapes().flatmap(
    lambda shape: seeds.map(lambda seed: np.random.default_rng(seed).random(shape, np.float32))
)


@given(radiographs(), specs())
def test_every_film_becomes_a_finite_input_in_the_range_of_the_spec(film, spec):
    before = bytes_of(film.pixels)
    got = preprocess(film, spec)
    assert got.shape == (spec.height_px, spec.width_px, 3)
    assert got.dtype == np.float32
    for channel, (low, high) in enumerate(ENDS[spec.scaling]):
        assert low - 1e-4 <= got[..., channel].min() <= got[..., channel].max() <= high + 1e-4
    assert bytes_of(film.pixels) == before


@given(pixels(0, 1, np.float32), specs(filters=("none", "blank_border")))
def test_no_resampling_shoots_beyond_black_and_white(image, spec):
    for resampling in RESAMPLINGS:
        got = resize(image, replace(spec, resampling=resampling))
        assert 0 <= got.min() <= got.max() <= 1


@given(st.sampled_from(sorted(ENDS)), st.booleans(), shapes(), specs(filters=("none",)))
def test_black_and_white_films_lie_at_the_ends_of_the_range(scaling, is_white, shape, spec):
    film = film_of(np.full(shape, float(is_white)))
    got = preprocess(film, replace(spec, scaling=scaling))
    expected = np.broadcast_to([ends[is_white] for ends in ENDS[scaling]], got.shape)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-4)


@given(st.floats(0, 1, width=32), shapes(), specs(scalings=("unit",)))
def test_a_flat_film_stays_flat(grey, shape, spec):
    got = preprocess(film_of(np.full(shape, grey)), spec)
    assert np.isfinite(got).all()
    assert np.ptp(got) <= 1e-4


@given(st.lists(radiographs(), min_size=1, max_size=3), specs())
def test_a_batch_is_its_films_bit_for_bit(films, spec):
    batch = preprocess_batch(films, spec)
    assert bytes_of(*batch) == bytes_of(*(preprocess(film, spec) for film in films))


@given(radiographs(), st.lists(specs(), min_size=1, max_size=3))
def test_serving_and_long_runs_see_the_same_bits(film, several):
    expected = [preprocess(film, spec)[None] for spec in several]
    for prepared in (prepare(film, several), shrink(film, several).prepared(several)):
        assert bytes_of(*(prepared.inputs[spec] for spec in several)) == bytes_of(*expected)


@given(specs())
def test_a_spec_survives_json(spec):
    assert PreprocessSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec


@given(images, seeds, specs(scalings=("unit", "caffe"), filters=("none",), resamplings=LOCAL))
def test_a_brighter_film_gives_a_brighter_input(image, seed, spec):
    brighter = np.minimum(image + np.random.default_rng(seed).random(image.shape, np.float32), 1)
    difference = preprocess(film_of(brighter), spec) - preprocess(film_of(image), spec)
    assert difference.min() >= -5e-6 * (255 if spec.scaling == "caffe" else 1)


@given(images, specs(scalings=("unit",), filters=("none", "blank_border"), resamplings=EVEN))
def test_a_mirrored_or_lying_film_gives_a_mirrored_or_lying_input(image, spec):
    upright = resize(image, spec)
    for axis in (0, 1):
        mirrored = resize(np.ascontiguousarray(np.flip(image, axis)), spec)
        np.testing.assert_allclose(np.flip(mirrored, axis), upright, atol=1e-5)
    lying = replace(spec, height_px=spec.width_px, width_px=spec.height_px)
    np.testing.assert_allclose(resize(np.ascontiguousarray(image.T), lying).T, upright, atol=1e-5)


@given(radiographs(), specs(scalings=("unit",), filters=("none",)))
def test_the_negative_of_a_film_gives_the_negative_input(film, spec):
    negative = replace(film, is_inverted=not film.is_inverted)
    np.testing.assert_allclose(preprocess(negative, spec), 1 - preprocess(film, spec), atol=1e-5)


@given(st.integers(1, 5), st.integers(1, 5), st.integers(1, 6), seeds)
def test_a_box_is_the_mean_of_the_pixels_under_it(height, width, factor, seed):
    image = np.random.default_rng(seed).random((height * factor, width * factor), np.float32)
    got = resize(image, PreprocessSpec(height, width, "box"))
    expected = image.reshape(height, factor, width, factor).mean(axis=(1, 3))
    np.testing.assert_allclose(got, expected, atol=1e-6)


@given(pixels(0, 255, np.uint8), specs(scalings=("unit",), filters=("none",)))
def test_a_film_of_the_right_size_is_not_resampled(values, spec):
    film = Radiograph(values, 0, 255, "f.png", "0", "PNG")
    fitting = replace(spec, height_px=film.height_px, width_px=film.width_px)
    np.testing.assert_array_equal(preprocess(film, fitting)[..., 1], film.image)


@given(images)
def test_equalising_knows_only_the_order_of_the_greys(image):
    spec = PreprocessSpec(*image.shape, filter="equalise")
    got = resize(image, spec)
    np.testing.assert_array_equal(got, resize(np.sqrt(image) * np.float32(0.5), spec))
    flat, ranks = image.ravel().tolist(), got.ravel().tolist()
    for value, share in zip(flat[:9], ranks[:9], strict=True):
        below, same = sum(x < value for x in flat), flat.count(value)
        assert abs(share - (below + same / 2) / len(flat)) < 1e-6
