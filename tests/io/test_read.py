"""Good files: every mode, depth, polarity and orientation comes out as it was meant."""

from __future__ import annotations

import hashlib
import struct
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image, ImageFile

from cxr_core.io import read
from cxr_core.radiograph import Radiograph

Encode = Callable[..., bytes]


def codes(radiograph: Radiograph) -> list[str]:
    return [notice.code for notice in radiograph.notices]


@pytest.mark.parametrize("container", ["PNG", "TIFF", "BMP", "GIF"])
def test_eight_bits_are_exact_and_without_notices(
    film: np.ndarray, encode: Encode, container: str
) -> None:
    data = encode(film, container)
    got = read(data, name="a/b/film.xyz")
    np.testing.assert_array_equal(got.pixels, film)
    assert got.pixels.dtype == np.uint8
    assert (got.black, got.white, got.is_inverted) == (0.0, 255.0, False)
    assert (got.name, got.source_format, got.notices) == ("film.xyz", container, ())
    assert got.sha256 == hashlib.sha256(data).hexdigest()


def test_lossy_containers_are_close(film: np.ndarray, encode: Encode) -> None:
    for data in (encode(film, "JPEG", quality=95), encode(film, "WebP", quality=95)):
        got = read(data, name="film")
        assert np.mean(np.abs(got.pixels.astype(int) - film)) < 4
        assert set(codes(got)) <= {"colour_mode"}


@pytest.mark.parametrize("make", ["make_png", "make_tiff"])
def test_sixteen_bits_are_exact(make: str, request: pytest.FixtureRequest) -> None:
    values = np.resize(np.array([0, 1, 32767, 65534, 65535], np.uint16), (64, 65))
    got = read(request.getfixturevalue(make)(values), name="film")
    np.testing.assert_array_equal(got.pixels, values)
    assert got.pixels.dtype == np.dtype(np.uint16)
    assert (got.white, codes(got)) == (65535.0, [])
    expected = np.array([0, 1 / 65535, 32767 / 65535, 65534 / 65535, 1])
    np.testing.assert_allclose(got.image[0, :5], expected, rtol=1e-6)
    assert got.image[0, 4] == 1.0


def test_big_endian_tiff_is_exact(make_tiff: Encode) -> None:
    values = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64) * 16
    got = read(make_tiff(values, order=">"), name="film")
    np.testing.assert_array_equal(got.pixels, values)
    assert got.pixels.dtype.isnative


@pytest.mark.parametrize(
    ("high", "white"),
    [(200, 255), (256, 1023), (1023, 1023), (4095, 4095), (4096, 16383), (16384, 65535)],
)
def test_values_in_the_low_bits_only(make_png: Encode, high: int, white: int) -> None:
    values = np.linspace(0, high, 64 * 64).astype(np.uint16).reshape(64, 64)
    got = read(make_png(values), name="film")
    np.testing.assert_array_equal(got.pixels, values)
    assert got.white == white
    assert codes(got) == ([] if white == 65535 else ["low_bits"])


@pytest.mark.parametrize("n_channels", [2, 3, 4])
def test_sixteen_bit_colour_png_keeps_its_depth(make_png: Encode, n_channels: int) -> None:
    grey = np.random.default_rng(7).integers(0, 65536, (70, 64), dtype=np.uint16)
    values = np.repeat(grey[:, :, None], n_channels, axis=2)
    if n_channels != 3:
        values[..., -1] = 65535
    got = read(make_png(values), name="film")
    np.testing.assert_array_equal(got.pixels, grey)
    assert codes(got) == []


def test_sixteen_bit_colour_tiff_keeps_its_depth(make_tiff: Encode) -> None:
    grey = np.random.default_rng(8).integers(0, 65536, (70, 64), dtype=np.uint16)
    for order in "<>":
        got = read(make_tiff(np.repeat(grey[:, :, None], 3, axis=2), order=order), name="film")
        np.testing.assert_array_equal(got.pixels, grey)


def test_sixteen_bit_alpha_is_laid_over_black(make_png: Encode) -> None:
    values = np.full((64, 64, 2), 65535, np.uint16)
    values[:32, :, 1] = 257 * 100
    got = read(make_png(values), name="film")
    assert set(np.unique(got.pixels)) == {25700, 65535}
    assert codes(got) == ["alpha"]


def test_transparency_is_laid_over_black(film: np.ndarray, encode: Encode) -> None:
    rgba = np.dstack([film, film, film, np.full_like(film, 255)])
    assert codes(read(encode(rgba, "PNG"), name="film")) == []
    rgba[:10, :, 3] = 0
    rgba[10:20, :, 3] = 128
    got = read(encode(rgba, "PNG"), name="film")
    assert not got.pixels[:10].any()
    np.testing.assert_array_equal(got.pixels[10:20], np.round(film[10:20] * (128 / 255)))
    np.testing.assert_array_equal(got.pixels[20:], film[20:])
    assert codes(got) == ["alpha"]
    assert got.notices[0].message.startswith("20.8% of the film is transparent")
    la = read(encode(Image.fromarray(rgba).convert("LA"), "PNG"), name="film")
    np.testing.assert_array_equal(la.pixels, got.pixels)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_one_transparent_grey_value(make_png: Encode, dtype: type) -> None:
    values = np.full((64, 64), 200, dtype)
    values[0] = 255
    got = read(make_png(values, chunks=((b"tRNS", struct.pack(">H", 200)),)), name="film")
    assert (got.pixels[0] == 255).all()
    assert not got.pixels[1:].any()
    assert codes(got)[0] == "alpha"


def test_one_transparent_colour(make_png: Encode) -> None:
    values = np.full((64, 64, 3), 200, np.uint8)
    values[0] = 255
    got = read(make_png(values, chunks=((b"tRNS", struct.pack(">HHH", 200, 200, 200)),)), name="f")
    assert (got.pixels[0] == 255).all()
    assert not got.pixels[1:].any()


def test_palette(film: np.ndarray, encode: Encode) -> None:
    levels = film // 64 * 64
    image = Image.fromarray(levels).convert("RGB").quantize(8)
    got = read(encode(image, "PNG"), name="film")
    np.testing.assert_array_equal(got.pixels, levels)
    assert codes(got) == []
    got = read(encode(image, "PNG", transparency=image.getpixel((0, 0))), name="film")
    assert not got.pixels[:20, :30].any()
    assert codes(got) == ["alpha"]


@pytest.mark.parametrize("container", ["PNG", "TIFF", "BMP"])
def test_one_bit(film: np.ndarray, encode: Encode, container: str) -> None:
    is_white = film > 127
    got = read(encode(Image.fromarray(is_white), container), name="film")
    np.testing.assert_array_equal(got.pixels, np.where(is_white, 255, 0))
    assert codes(got) == ["one_bit"]


def test_cmyk_jpeg(film: np.ndarray, encode: Encode) -> None:
    smooth = np.tile(np.arange(0, 240, 3, dtype=np.uint8), (96, 1))
    image = Image.fromarray(smooth).convert("RGB").convert("CMYK")
    got = read(encode(image, "JPEG", quality=95), name="film")
    assert "cmyk" in codes(got)
    assert np.abs(got.pixels.astype(int) - smooth).max() < 12


def test_colour_photograph(encode: Encode) -> None:
    values = np.zeros((64, 80, 3), np.uint8)
    values[:, :20] = (255, 0, 0)
    values[:, 20:40] = (0, 255, 0)
    values[:, 40:] = (9, 9, 9)
    got = read(encode(values, "PNG"), name="film")
    assert [int(value) for value in got.pixels[0, [0, 20, 40]]] == [76, 150, 9]
    assert codes(got) == ["colour_image"]
    assert "50.0% of the pixels have a colour" in got.notices[0].message
    luma = np.asarray(Image.fromarray(values).convert("L"))
    np.testing.assert_array_equal(got.pixels, luma)


def test_nearly_grey_colour_is_told_mildly(film: np.ndarray, encode: Encode) -> None:
    base = np.minimum(film, 250)
    got = read(encode(np.dstack([base, base + 5, base]), "PNG"), name="film")
    assert codes(got) == ["colour_mode"]


def test_a_few_coloured_pixels(film: np.ndarray, encode: Encode) -> None:
    values = np.dstack([film] * 3)
    values[50, 50] = (255, 0, 0)
    [notice] = read(encode(values, "PNG"), name="film").notices
    assert notice.code == "colour_image"
    assert "less than 0.1%" in notice.message


def test_min_is_white_eight_bits(film: np.ndarray, make_tiff: Encode) -> None:
    got = read(make_tiff(255 - film, t262=0), name="film")
    np.testing.assert_array_equal(got.pixels, film)
    assert (got.is_inverted, codes(got)) == (False, ["min_is_white"])


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_min_is_white_deep(film: np.ndarray, make_tiff: Encode, dtype: type) -> None:
    full = 65535 if dtype is np.uint16 else 255
    stored = ((255 - film.astype(int)) * (full // 255)).astype(dtype)
    got = read(make_tiff(stored, t262=0), name="film")
    np.testing.assert_array_equal(got.pixels, stored)
    assert got.is_inverted
    np.testing.assert_allclose(got.image, film / 255, atol=1e-6)


def test_min_is_white_and_black_show_the_same_film(make_tiff: Encode) -> None:
    stored = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64) * 16
    stored[0, 0] = 65535
    upright = read(make_tiff(stored), name="film")
    inverted = read(make_tiff(65535 - stored, t262=0), name="film")
    np.testing.assert_allclose(upright.image, inverted.image, atol=1e-6)


def test_float_tiff_is_stretched(make_tiff: Encode) -> None:
    values = np.linspace(-1.5, 2.5, 64 * 64, dtype=np.float32).reshape(64, 64)
    got = read(make_tiff(values), name="film")
    np.testing.assert_array_equal(got.pixels, values)
    assert (got.black, got.white, codes(got)) == (-1.5, 2.5, ["stretched_range"])
    assert "from -1.5 to 2.5" in got.notices[0].message
    assert (got.image.min(), got.image.max()) == (0.0, 1.0)


@pytest.mark.parametrize("span", [(-3e38, 3e38), (0.0, 1e-44), (1e30, 1e30)])
def test_extreme_floats_stay_finite(make_tiff: Encode, span: tuple[float, float]) -> None:
    values = np.full((64, 64), span[0], np.float32)
    values[0] = span[1]
    image = read(make_tiff(values), name="film").image
    assert image[0, 0] == (0.0 if span[0] == span[1] else 1.0)
    assert (image[1:] == 0).all()


@pytest.mark.parametrize(
    ("dtype", "low", "high", "kept", "code"),
    [
        (np.int32, 0, 65535, np.uint16, None),
        (np.int32, 0, 4000, np.uint16, "low_bits"),
        (np.int32, -1000, 3000, np.float32, "stretched_range"),
        (np.uint32, 0, 4_000_000_000, np.float32, "stretched_range"),
        (np.int16, -1000, 3000, np.float32, "stretched_range"),
    ],
)
def test_wide_and_signed_integers(
    make_tiff: Encode, dtype: type, low: int, high: int, kept: type, code: str | None
) -> None:
    values = np.linspace(low, high, 64 * 64).astype(dtype).reshape(64, 64)
    got = read(make_tiff(values), name="film")
    np.testing.assert_array_equal(got.pixels, values.astype(kept))
    assert got.pixels.dtype == kept
    assert codes(got) == ([] if code is None else [code])


STORED = {  # where a film of that orientation has its pixels (EXIF 2.32, tag 274)
    1: lambda film: film,
    2: np.fliplr,
    3: lambda film: np.rot90(film, 2),
    4: np.flipud,
    5: np.transpose,
    6: lambda film: np.rot90(film, 1),
    7: lambda film: np.rot90(film, 2).T,
    8: lambda film: np.rot90(film, -1),
}


@pytest.mark.parametrize("orientation", STORED)
def test_orientation_is_applied(
    film: np.ndarray, encode: Encode, make_tiff: Encode, orientation: int
) -> None:
    stored = np.ascontiguousarray(STORED[orientation](film))
    exif = Image.Exif()
    exif[274] = orientation
    expected = [] if orientation == 1 else ["exif_orientation"]
    files = [
        encode(stored, "PNG", exif=exif),
        make_tiff(stored, t274=orientation),
        make_tiff(stored.astype(np.uint16) * 257, t274=orientation),
        encode(stored, "WebP", exif=exif, lossless=True),
        encode(stored, "JPEG", exif=exif, quality=100),
    ]
    for data in files:
        got = read(data, name="film")
        pixels = got.pixels // 257 if got.pixels.dtype == np.uint16 else got.pixels
        slack = 8 if got.source_format == "JPEG" else 0
        assert np.abs(pixels.astype(int) - film).max() <= slack
        assert codes(got) == expected
        assert got.pixels.flags.c_contiguous


def test_damaged_exif_does_not_hide_a_film(film: np.ndarray, encode: Encode) -> None:
    orientation_as_text = struct.pack("<HHHI4s", 1, 274, 2, 2, b"a\0\0\0")
    data = encode(film, "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0" + orientation_as_text)
    got = read(data, name="film")
    assert got.pixels.shape == film.shape
    assert codes(got) == ["exif_damaged"]


@pytest.mark.parametrize("container", ["GIF", "WebP", "TIFF", "PNG"])
def test_of_several_frames_the_first_is_read(
    film: np.ndarray, encode: Encode, container: str
) -> None:
    options = {"lossless": True} if container == "WebP" else {}
    others = [Image.fromarray(255 - film), Image.fromarray(film.T.copy()).resize((80, 96))]
    data = encode(film, container, save_all=True, append_images=others, **options)
    got = read(data, name="film")
    np.testing.assert_array_equal(got.pixels, film)
    assert codes(got) == ["multi_frame"]


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((1, 1), ["flat_image", "small_film"]),
        ((63, 64), ["small_film"]),
        ((64, 64), []),
        ((64, 128), []),
        ((64, 129), ["aspect_ratio"]),
        ((129, 64), ["aspect_ratio"]),
        ((3, 7), ["small_film", "aspect_ratio"]),
    ],
)
def test_unusual_shapes(encode: Encode, shape: tuple[int, int], expected: list[str]) -> None:
    values = np.zeros(shape, np.uint8)
    values[-1, -1] = 255
    got = read(encode(values, "PNG"), name="film")
    assert got.pixels.shape == shape
    assert codes(got) == expected


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("value", [0, 200])
def test_flat_films(make_tiff: Encode, dtype: type, value: int) -> None:
    got = read(make_tiff(np.full((64, 64), value, dtype)), name="film")
    assert "flat_image" in codes(got)
    assert np.isfinite(got.image).all()


def test_nothing_can_be_changed_afterwards(
    film: np.ndarray, encode: Encode, make_tiff: Encode
) -> None:
    for data in (encode(film, "PNG"), make_tiff(film.astype(np.float32))):
        got = read(data, name="film")
        for array in (got.pixels, got.image):
            with pytest.raises(ValueError, match="read-only"):
                array[0, 0] = 1


def test_pillow_is_left_as_it_was(film: np.ndarray, encode: Encode) -> None:
    before = (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, list(warnings.filters))
    read(encode(film, "TIFF"), name="film")
    after = (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, list(warnings.filters))
    assert before == after


def test_the_limit_of_pillow_is_not_asked(
    film: np.ndarray, encode: Encode, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = encode(film, "PNG")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    np.testing.assert_array_equal(read(data, name="film").pixels, film)


def test_threads_read_the_same(film: np.ndarray, encode: Encode) -> None:
    files = [encode(film, container) for container in ("PNG", "TIFF", "BMP", "GIF")] * 20
    filters = list(warnings.filters)
    with ThreadPoolExecutor(4) as pool:
        for got in pool.map(lambda data: read(data, name="film"), files):
            np.testing.assert_array_equal(got.pixels, film)
    assert list(warnings.filters) == filters
