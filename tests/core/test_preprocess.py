from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cxr_core.errors import SpecMismatchError
from cxr_core.preprocess import (
    RESAMPLINGS,
    SCALINGS,
    PreprocessSpec,
    prepare,
    preprocess,
    preprocess_batch,
    resize,
    scale,
    shrink,
)
from cxr_core.radiograph import Radiograph


def make(shape: tuple[int, int] = (300, 260), seed: int = 0, **changes: Any) -> Radiograph:
    pixels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    values = {"black": 0, "white": 255, "name": "f.png", "sha256": str(seed), "source_format": "P"}
    return Radiograph(pixels=pixels, **(values | changes))


@pytest.mark.parametrize("scaling", ["torch", "caffe", "tf"])
def test_scaling_families_are_those_of_keras(scaling: str) -> None:
    from keras.applications.imagenet_utils import preprocess_input

    image = np.linspace(0, 1, 32 * 32, dtype=np.float32).reshape(32, 32)
    got = scale(image, PreprocessSpec(scaling=scaling))
    rgb = np.repeat(image[:, :, None] * 255, 3, axis=2)
    expected = preprocess_input(rgb.copy(), data_format="channels_last", mode=scaling)
    np.testing.assert_allclose(got, expected, atol=2e-5)
    assert got.dtype == np.float32


def test_scaling_corners_by_hand() -> None:
    image = np.array([[0.0, 0.5, 1.0]], np.float32)
    got = {name: scale(image, PreprocessSpec(scaling=name))[0] for name in SCALINGS}
    np.testing.assert_array_equal(got["unit"][:, 0], [0, 0.5, 1])
    np.testing.assert_array_equal(got["none"][:, 1], [0, 127.5, 255])
    np.testing.assert_array_equal(got["tf"][:, 2], [-1, 0, 1])
    np.testing.assert_allclose(got["torch"][0], [-0.485 / 0.229, -0.456 / 0.224, -0.406 / 0.225])
    np.testing.assert_allclose(got["caffe"][0], [-103.939, -116.779, -123.68])
    np.testing.assert_allclose(got["caffe"][2], [151.061, 138.221, 131.32], rtol=1e-6)


def test_grey_channels_are_equal_before_the_means() -> None:
    for name in ("unit", "none", "tf"):
        got = preprocess(make(), PreprocessSpec(scaling=name))
        np.testing.assert_array_equal(got[..., 0], got[..., 1])
        np.testing.assert_array_equal(got[..., 0], got[..., 2])


@pytest.mark.parametrize("resampling", RESAMPLINGS)
def test_a_film_that_fits_is_not_resampled(resampling: str) -> None:
    film = make((224, 224))
    got = resize(film.image, PreprocessSpec(resampling=resampling))
    np.testing.assert_array_equal(got, film.image)
    got[:] = 0
    assert film.image.any()


@pytest.mark.parametrize("resampling", RESAMPLINGS)
@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (224, 225), (700, 31)])
def test_any_size_is_stretched(resampling: str, shape: tuple[int, int]) -> None:
    spec = PreprocessSpec(height_px=20, width_px=30, resampling=resampling)
    got = resize(make(shape).image, spec)
    assert got.shape == (20, 30)
    assert got.dtype == np.float32
    assert got.min() >= 0
    assert got.max() <= 1


def test_bilinear_by_hand() -> None:
    image = np.array([[0, 0, 1, 1], [0, 0, 1, 1]], np.float32)
    box = resize(image, PreprocessSpec(height_px=1, width_px=2, resampling="box"))
    np.testing.assert_array_equal(box, [[0, 1]])
    up = resize(np.array([[0, 1]], np.float32), PreprocessSpec(height_px=1, width_px=4))
    np.testing.assert_allclose(up, [[0, 0.25, 0.75, 1]])


def test_a_constant_film_stays_constant() -> None:
    image = np.full((301, 207), 0.5, np.float32)
    np.testing.assert_allclose(resize(image, PreprocessSpec()), 0.5, atol=1e-6)


def test_lanczos_ringing_is_clipped() -> None:
    image = np.zeros((64, 64), np.float32)
    image[:, 32:] = 1
    spec = PreprocessSpec(height_px=100, width_px=100, resampling="lanczos")
    raw = np.asarray(Image.fromarray(image).resize((100, 100), Image.Resampling.LANCZOS))
    assert raw.max() > 1
    assert resize(image, spec).max() == 1


@pytest.mark.parametrize("scaling", SCALINGS)
def test_batch_equals_single_bit_for_bit(scaling: str) -> None:
    films = [make((200 + 40 * seed, 260), seed) for seed in range(3)]
    spec = PreprocessSpec(height_px=64, width_px=48, scaling=scaling)
    batch = preprocess_batch(films, spec)
    assert batch.shape == (3, 64, 48, 3)
    assert batch.dtype == np.float32
    for row, film in zip(batch, films, strict=True):
        np.testing.assert_array_equal(row, preprocess(film, spec))


def test_a_film_that_travelled_grey_equals_one_that_did_not() -> None:
    """Networks of one size share one grey image, whatever their ranges."""
    film = make(seed=3)
    specs = [PreprocessSpec(scaling=scaling) for scaling in SCALINGS]
    specs += [PreprocessSpec(resampling="lanczos"), PreprocessSpec(height_px=96, width_px=80)]
    shrunk = shrink(film, [*specs, specs[0]])
    assert len(shrunk.images) == 3
    prepared, travelled = prepare(film, specs), shrunk.prepared(specs)
    assert list(prepared.inputs) == list(travelled.inputs) == specs
    for spec in specs:
        expected = preprocess(film, spec)[None]
        assert np.array_equal(prepared.inputs[spec], expected)
        assert np.array_equal(travelled.inputs[spec], expected)
    assert np.array_equal(prepared.layout, travelled.layout)
    assert (travelled.sha256, travelled.notices) == (film.sha256, film.notices)


def test_polarity_reaches_the_network() -> None:
    spec = PreprocessSpec(height_px=32, width_px=32)
    got = preprocess(make(is_inverted=True), spec)
    np.testing.assert_allclose(got, 1 - preprocess(make(), spec), atol=1e-6)


def test_the_film_is_left_as_it_was() -> None:
    film = make((224, 224))
    before = (film.pixels.copy(), film.image.copy())
    for scaling in SCALINGS:
        preprocess(film, PreprocessSpec(scaling=scaling))[:] = -1
    np.testing.assert_array_equal(film.pixels, before[0])
    np.testing.assert_array_equal(film.image, before[1])


def test_an_empty_batch_is_refused() -> None:
    with pytest.raises(ValueError, match=r"`radiographs` must hold at least one film. Received"):
        preprocess_batch([], PreprocessSpec())


def test_spec_round_trip() -> None:
    spec = PreprocessSpec(height_px=600, width_px=512, resampling="lanczos", scaling="caffe")
    assert PreprocessSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec
    assert PreprocessSpec().to_dict() == {
        "height_px": 224,
        "width_px": 224,
        "resampling": "bilinear",
        "scaling": "unit",
    }


@pytest.mark.parametrize("value", [0, -1, 4097, 2.0, True, "224", None])
def test_sizes_are_checked(value: Any) -> None:
    for name in ("height_px", "width_px"):
        match = rf"`{name}` must be an int in \[1, 4096\]. Received: {name}="
        with pytest.raises(SpecMismatchError, match=match):
            PreprocessSpec(**{name: value})


@pytest.mark.parametrize("name", ["resampling", "scaling"])
@pytest.mark.parametrize("value", ["Bilinear", "", None, []])
def test_words_are_checked(name: str, value: Any) -> None:
    with pytest.raises(SpecMismatchError, match=rf"`{name}` must be one of .* Received: {name}="):
        PreprocessSpec(**{name: value})


def test_fields_are_checked() -> None:
    match = r"`preprocess` must have the fields .* Received: \["
    full = PreprocessSpec().to_dict()
    with pytest.raises(SpecMismatchError, match=match):
        PreprocessSpec.from_dict(full | {"colour": "rgb"})
    with pytest.raises(SpecMismatchError, match=match):
        PreprocessSpec.from_dict({"height_px": 224})
