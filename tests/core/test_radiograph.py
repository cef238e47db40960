from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from cxr_core.grey_window import Window
from cxr_core.radiograph import Notice, Radiograph


def make(pixels: np.ndarray, **changes: Any) -> Radiograph:
    values = {"black": 0, "white": 255, "name": "f.png", "sha256": "0" * 64, "source_format": "PNG"}
    return Radiograph(pixels=pixels, **(values | changes))


@pytest.mark.parametrize(
    ("dtype", "white"), [(np.uint8, 255), (np.uint16, 4095), (np.uint16, 65535), (np.float32, 1)]
)
def test_corners_of_the_scale(dtype: type, white: int) -> None:
    step = 1 if dtype is not np.float32 else 2**-10
    stored = [0, step, white / 2 if dtype is np.float32 else white // 2, white - step, white]
    got = make(np.array([stored], dtype), white=white).image
    assert got.dtype == np.float32
    np.testing.assert_allclose(got[0], np.array(stored) / white, rtol=1e-6)
    assert (got[0, 0], got[0, -1]) == (0.0, 1.0)
    assert (np.diff(got[0]) > 0).all()


@pytest.mark.parametrize(("dtype", "white"), [(np.uint8, 255), (np.uint16, 65535)])
def test_every_stored_value_keeps_its_place(dtype: type, white: int) -> None:
    got = make(np.arange(white + 1, dtype=dtype)[None], white=white).image
    assert (np.diff(got[0]) > 0).all()


def test_values_outside_the_scale_are_clipped() -> None:
    got = make(np.array([[0, 50, 100, 150, 255]], np.uint8), black=50, white=150).image
    np.testing.assert_allclose(got, [[0, 0, 0.5, 1, 1]])


def test_polarity_twice_is_identity() -> None:
    rng = np.random.default_rng(3)
    for dtype, white in ((np.uint8, 255), (np.uint16, 65535)):
        pixels = rng.integers(0, white + 1, (9, 7)).astype(dtype)
        once = make(pixels, white=white)
        flipped = make(pixels, white=white, is_inverted=True)
        np.testing.assert_array_equal(flipped.image, 1 - once.image)
        twice = make(white - pixels, white=white, is_inverted=True)
        np.testing.assert_allclose(twice.image, once.image, atol=1e-7)


def test_extreme_floats_do_not_overflow() -> None:
    pixels = np.array([[-3e38, 0, 3e38]], np.float32)
    got = make(pixels, black=float(pixels.min()), white=float(pixels.max())).image
    np.testing.assert_allclose(got, [[0, 0.5, 1]])


def test_nothing_can_be_changed() -> None:
    source = np.full((4, 5), 7, np.uint8)
    film = make(source)
    source[:] = 0
    assert (film.pixels == 7).all()
    assert source.flags.writeable
    for array in (film.pixels, film.image):
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0] = 1
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot assign to field 'white'"):
        film.white = 3


def test_a_read_only_array_is_not_copied() -> None:
    source = np.zeros((4, 5), np.uint8)
    source.flags.writeable = False
    assert make(source).pixels is source


def test_image_is_computed_once_and_equal_in_threads() -> None:
    film = make(np.arange(256, dtype=np.uint8).reshape(16, 16))
    with ThreadPoolExecutor(4) as pool:
        images = list(pool.map(lambda _: film.image, range(40)))
    assert all(image is images[0] for image in images)


def test_size_and_defaults() -> None:
    film = make(np.zeros((4, 5), np.uint8))
    assert (film.height_px, film.width_px) == (4, 5)
    assert (film.is_inverted, film.notices) == (False, ())
    assert Notice("a", "b") == Notice("a", "b")


@pytest.mark.parametrize("shape", [(4,), (4, 5, 1), (0, 5), (4, 0)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"`pixels` must have shape \(h, w\). Received: shape="):
        make(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("dtype", [bool, np.int8, np.int32, np.float64, np.complex64])
def test_other_dtypes_are_refused(dtype: type) -> None:
    with pytest.raises(
        TypeError, match=r"must be uint8, uint16, int16 or float32. Received: dtype="
    ):
        make(np.zeros((4, 5), dtype))


@pytest.mark.parametrize(("black", "white"), [(0, 0), (5, 4), (0, float("nan"))])
def test_a_scale_must_have_a_width(black: float, white: float) -> None:
    with pytest.raises(ValueError, match=r"`white` must be above `black`. Received: black="):
        make(np.zeros((4, 5), np.uint8), black=black, white=white)


def test_the_first_window_makes_the_image() -> None:
    """A window of stored values 10 to 20, a table that falls, and polarity after both."""
    pixels = np.array([[0, 10, 15, 20, 99]], np.int16)
    window = Window("Window 1", 10, 20)
    table = Window.from_table(np.array([255, 0]), 10, 255.0)
    film = make(pixels, black=-100, white=100, windows=(window, table))
    assert film.image.tolist() == [[0.0, 0.0, 0.5, 1.0, 1.0]]
    inverted = make(pixels, black=-100, white=100, windows=(window,), is_inverted=True)
    assert inverted.image.tolist() == [[1.0, 1.0, 0.5, 0.0, 0.0]]
    falling = make(np.array([[10, 11]], np.float32), black=0, white=99, windows=(table,))
    assert falling.image.tolist() == [[1.0, 0.0]]
    assert film.image.dtype == falling.image.dtype == np.float32


def test_signed_pixels_span_their_scale() -> None:
    film = make(np.array([[-100, 0, 100]], np.int16), black=-100, white=100)
    assert film.image.tolist() == [[0.0, 0.5, 1.0]]
