"""Pictures of any pixels come back as they were written; damaged ones are refused with a reason."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from PIL import Image

from cxr_core.errors import CxrError, ImageTooLargeError
from cxr_core.io import Limits, read
from cxr_core.io.grey import DEPTHS, composite, levels, merge
from tests.io.picture_files import encoded, png, tiff
from tests.strategies import bytes_of, float_pixels, pixels, shapes

deep = st.sampled_from(DEPTHS[1:]).flatmap(lambda bits: pixels(0, (1 << bits) - 1, np.uint16))
shallow = pixels(0, 255, np.uint8)
orders = st.sampled_from("<>")
lossless = st.sampled_from(
    [("PNG", {}), ("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"}), ("BMP", {}), ("GIF", {})]
)
END = b"\0\0\0\0IEND\xae\x42\x60\x82"
UPRIGHT = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: a.T,
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).T,
    8: lambda a: np.rot90(a, 1),
}
"""What makes a film upright whose first row and column are where EXIF says (tag 274)."""


def film(data, **options):
    """Read, under a name that tells nothing."""
    return read(data, name="film", **options)


@given(shallow, lossless)
def test_eight_bits_come_back(values, how):
    got = film(encoded(values, how[0], **how[1]))
    np.testing.assert_array_equal(got.pixels, values)
    assert got.pixels.dtype == np.uint8
    assert (got.black, got.white, got.is_inverted) == (0, 255, False)
    np.testing.assert_allclose(got.image, values / 255, atol=1e-6)


@given(deep, orders)
def test_sixteen_bits_come_back_at_the_depth_that_holds_them(values, order):
    for data in (png(values), tiff(values, order)):
        got = film(data)
        np.testing.assert_array_equal(got.pixels, values)
        assert got.pixels.dtype == np.uint16
        high = int(values.max())
        depth = next((bits for bits in DEPTHS if high < 1 << bits), 16) if high else 16
        assert got.white == (1 << depth) - 1
        np.testing.assert_allclose(got.image, values / got.white, atol=1e-6)


@given(float_pixels(), orders)
def test_floats_come_back_and_reach_from_black_to_white(values, order):
    got = film(tiff(values, order))
    np.testing.assert_array_equal(got.pixels, values)
    assert np.isfinite(got.image).all()
    assert got.image.min() == 0
    assert got.image.max() == (1 if np.ptp(values) > 0 else 0)


@given(pixels(0, 1, np.uint8), st.sampled_from(["PNG", "TIFF", "BMP"]))
def test_one_bit_films_are_black_and_white(values, container):
    got = film(encoded(Image.fromarray(values.astype(bool)), container))
    np.testing.assert_array_equal(got.pixels, values * 255)


@given(pixels(0, 255, np.uint8, shapes(12)), st.sampled_from(sorted(UPRIGHT)))
def test_every_orientation_is_turned_upright(values, orientation):
    exif = Image.Exif()
    exif[274] = orientation
    expected = UPRIGHT[orientation](values)
    for data in (encoded(values, "PNG", exif=exif), tiff(values, t274=orientation)):
        np.testing.assert_array_equal(film(data).pixels, expected)


@given(deep | shallow, orders)
def test_white_as_zero_is_the_same_film_written_the_other_way(values, order):
    """TIFF MinIsWhite of the values turned around looks like MinIsBlack of the values.

    Pillow does not read it at 16 bits with the high byte first; such a file is refused.
    """
    order = "<" if values.dtype == np.uint16 else order
    plain = film(tiff(values, order))
    assume(values.dtype == np.uint8 or (plain.white == 65535 and values.min() == 0))
    full = np.iinfo(values.dtype).max
    other = film(tiff((full - values).astype(values.dtype), order, t262=0))
    np.testing.assert_allclose(other.image, plain.image, atol=1e-6)


@given(st.one_of(shallow, deep))
def test_a_grey_film_in_colour_channels_is_the_grey_film(values):
    got = film(png(np.repeat(values[:, :, None], 3, axis=2)))
    np.testing.assert_array_equal(got.pixels, values)


@given(pixels(0, 255, np.uint8), st.lists(st.integers(-255, 255), min_size=2, max_size=2))
def test_colours_become_their_brightness(values, shifts):
    planes = [values, *(np.clip(values.astype(int) + s, 0, 255).astype(np.uint8) for s in shifts)]
    before = bytes_of(*planes)
    got, _ = merge(planes)
    red, green, blue = (plane.astype(float) for plane in planes)
    expected = 0.299 * red + 0.587 * green + 0.114 * blue
    assert np.abs(got - expected).max() <= 0.501
    assert bytes_of(*planes) == before
    np.testing.assert_array_equal(film(png(np.dstack(planes))).pixels, got)


@given(pixels(0, 255, np.uint8), st.integers(0, 255))
def test_what_is_transparent_is_laid_over_black(values, opacity):
    alpha = np.full_like(values, opacity)
    got, _ = composite(values, alpha)
    assert np.abs(got - values * (opacity / 255)).max() <= 0.501
    np.testing.assert_array_equal(film(png(np.dstack([values, alpha]))).pixels, got)


@given(deep)
def test_a_scale_holds_every_value(values):
    black, white, _ = levels(values)
    assert black <= values.min()
    assert values.max() <= white


@given(pixels(0, 255, np.uint8, shapes(8)), st.data())
def test_one_flipped_bit_of_a_png_never_changes_a_film_unseen(values, data):
    """All that the pixels need is under a checksum or in the signature."""
    whole = png(values)
    place = data.draw(st.integers(0, 8 * len(whole) - 1))
    changed = bytearray(whole)
    changed[place // 8] ^= 1 << place % 8
    got = outcome(bytes(changed))
    if place < 8 * (len(whole) - len(END)):
        assert got is None
    elif got is not None:
        np.testing.assert_array_equal(got.pixels, values)


small = pixels(0, 255, np.uint8, shapes(10))
whole_files = st.one_of(
    small.map(png),
    small.map(lambda a: png(a.astype(np.uint16) * 257)),
    small.map(tiff),
    small.map(lambda a: tiff(a.astype(np.float32))),
    small.map(lambda a: encoded(a, "JPEG")),
    small.map(lambda a: encoded(a, "BMP")),
    small.map(lambda a: encoded(np.dstack([a] * 3), "WebP", lossless=True)),
    small.map(lambda a: encoded(a, "GIF")),
)


def outcome(data):
    """Read, or refuse with a typed error and a hint; nothing else may happen."""
    try:
        got = film(data, limits=Limits(max_bytes=2**20, max_pixels=10**6))
    except CxrError as err:
        got, hint = None, err.hint
    assert hint if got is None else ((got.image >= 0) & (got.image <= 1)).all()
    return got


@given(whole_files, st.data())
def test_a_file_cut_short_is_refused_or_lacks_nothing(whole, data):
    expected = outcome(whole)
    cut = data.draw(st.integers(0, len(whole) - 1))
    got = outcome(whole[:cut])
    if got is not None:  # nothing but the last bytes of the container were lost
        np.testing.assert_array_equal(got.pixels, expected.pixels)


@given(whole_files, st.lists(st.tuples(st.integers(0, 2**16), st.integers(0, 255)), max_size=4))
def test_a_changed_file_is_read_or_refused(whole, changes):
    changed = bytearray(whole)
    for place, value in changes:
        changed[place % len(changed)] = value
    outcome(bytes(changed))


@given(
    st.binary(max_size=64), st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"II*\0", b"\xff\xd8\xff"])
)
def test_bytes_that_are_no_film_are_refused(rest, start):
    with pytest.raises(CxrError):
        film(start + rest)


@given(shapes(30), st.integers(1, 200))
def test_a_film_over_the_limit_is_not_decoded(shape, most):
    data = png(np.zeros(shape, np.uint8))
    limits = Limits(max_pixels=most)
    if shape[0] * shape[1] <= most:
        assert film(data, limits=limits).pixels.shape == shape
    else:
        with pytest.raises(ImageTooLargeError):
            film(data, limits=limits)
