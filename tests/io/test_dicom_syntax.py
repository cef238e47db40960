"""Every transfer syntax, written in the test, gives the stored values back."""

from __future__ import annotations

import subprocess
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.pixels.processing import convert_color_space
from pydicom.uid import (
    JPEG2000,
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from cxr_core.errors import UnreadableImageError, UnsupportedDicomError
from cxr_core.io import read
from tests.io.dicom_files import (
    JPEG_LOSSLESS,
    PLAIN,
    big_endian,
    compressed,
    dataset,
    gradient,
    jpeg,
    pixels_of,
    with_frame,
    written,
)

LOSSLESS = (RLELossless, JPEGLSLossless, JPEG2000Lossless, JPEG_LOSSLESS)


def film(data):
    return read(data, name="film")


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
@pytest.mark.parametrize("syntax", PLAIN, ids=lambda uid: uid.name)
def test_plain_pixels(syntax, bits):
    values = gradient(bits=bits)
    got = film(written(dataset(values, bits=bits), syntax))
    assert got.pixels.dtype == values.dtype
    assert np.array_equal(got.pixels, values)
    assert (got.black, got.white) == (0.0, (1 << bits) - 1)
    assert got.dicom.bits_stored == bits
    assert got.source_format == "DICOM"


@pytest.mark.parametrize("bits", [8, 12])
def test_big_endian(bits):
    """Eight bits are written as OW, whose pairs of bytes are swapped."""
    values = gradient(bits=bits)
    got = film(written(big_endian(dataset(values, bits=bits)), ExplicitVRBigEndian))
    assert np.array_equal(got.pixels, values)


@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("syntax", LOSSLESS, ids=lambda uid: uid.name)
def test_lossless_codecs(syntax, bits):
    values = gradient(bits=bits)
    got = film(compressed(dataset(values, bits=bits), syntax))
    assert np.array_equal(got.pixels, values)
    assert got.dicom.transfer_syntax == syntax.name


@pytest.mark.parametrize("syntax", [*PLAIN, *LOSSLESS], ids=lambda uid: uid.name)
def test_signed_pixels(syntax):
    """Values from -2,048 to 2,047 in 12 bits: black is the lowest that the bits can hold."""
    values = gradient(bits=12).astype(np.int16) - 2048
    ds = dataset(values, bits=12)
    got = film(written(ds, syntax) if syntax in PLAIN else compressed(ds, syntax))
    assert got.pixels.dtype == np.int16
    assert np.array_equal(got.pixels, values)
    assert (got.black, got.white) == (-2048.0, 2047.0)
    assert np.allclose(got.image, (values + 2048.0) / 4095.0, atol=1e-6)


@pytest.mark.parametrize(
    ("syntax", "options", "worst"),
    [
        (JPEGLSNearLossless, {"jls_error": 2}, 2),
        (JPEG2000, {"j2k_cr": [4]}, 40),
        (JPEGBaseline8Bit, {}, 3),
    ],
    ids=["near-lossless JPEG-LS", "JPEG 2000", "JPEG"],
)
def test_lossy_codecs(syntax, options, worst):
    values = gradient(bits=8 if syntax == JPEGBaseline8Bit else 12)
    values[: values.shape[0] // 5] = values[values.shape[0] // 5]  # no edge, no ringing
    got = film(compressed(dataset(values, bits=8 * values.dtype.itemsize), syntax, **options))
    assert np.abs(got.pixels.astype(int) - values).max() <= worst


@pytest.mark.parametrize("syntax", [JPEGBaseline8Bit, JPEGLSLossless, JPEG_LOSSLESS])
def test_eight_bits_in_a_container_of_sixteen(syntax):
    """The codestream knows its depth better than BitsAllocated."""
    values = gradient(bits=8)
    ds = dataset(values)
    encoded = compressed(ds, syntax)
    ds = pydicom.dcmread(BytesIO(encoded))
    ds.BitsAllocated = 16
    got = film(written(ds, syntax))
    assert got.white == 255.0
    assert np.abs(got.pixels.astype(int) - values).max() <= 3


def test_values_that_do_not_end_at_the_lowest_bit():
    """Ten bits whose highest is bit 13; what lies beside them is an overlay, no value."""
    values = gradient(bits=10)
    container = (values << 4) | 0xC005
    got = film(written(dataset(container, bits=10, HighBit=13)))
    assert np.array_equal(got.pixels, values)
    assert got.white == 1023.0


def test_rubbish_above_the_stored_bits_is_no_value():
    values = gradient(bits=12)
    got = film(written(dataset(values | 0xF000, bits=12)))
    assert np.array_equal(got.pixels, values)


def test_signed_values_between_other_bits():
    values = gradient(bits=10).astype(np.int16) - 512
    container = ((values.astype(np.uint16) & 0x3FF) << 3) | 0x8003
    ds = dataset(container, bits=10, HighBit=12, PixelRepresentation=1)
    assert np.array_equal(film(written(ds)).pixels, values)


def test_odd_number_of_bytes():
    values = gradient((5, 7), bits=8)
    assert np.array_equal(film(written(dataset(values))).pixels, values)


def test_32_bits_allocated():
    values = gradient(bits=12).astype(np.uint32) * 16
    got = film(written(dataset(values, bits=20)))
    assert np.array_equal(got.pixels, values.astype(np.float32))


@pytest.mark.parametrize("has_meta", [True, False])
@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
def test_no_preamble(syntax, has_meta):
    values = gradient()
    data = written(dataset(values, bits=12), syntax, has_preamble=False, has_meta=has_meta)
    assert not data.startswith(bytes(128))
    assert np.array_equal(film(data).pixels, values)


def test_big_endian_without_anything_in_front():
    values = gradient()
    ds = big_endian(dataset(values, bits=12))
    data = written(ds, ExplicitVRBigEndian, has_preamble=False, has_meta=False)
    assert np.array_equal(film(data).pixels, values)


def test_only_the_first_frame_is_read():
    frames = np.stack([gradient(), gradient()[::-1]])
    ds = dataset(frames[0], bits=12)
    ds.NumberOfFrames = 2
    ds.PixelData = frames.astype("<u2").tobytes()
    for data in (written(ds), compressed(ds, RLELossless)):
        got = film(data)
        assert np.array_equal(got.pixels, frames[0])
        assert "multi_frame" in [notice.code for notice in got.notices]


def test_colours_become_brightness():
    red = np.zeros((40, 50, 3), np.uint8)
    red[:, 25:] = (200, 100, 50)
    got = film(written(dataset(red)))
    assert got.pixels[0, 0] == 0
    assert got.pixels[0, -1] == round(0.299 * 200 + 0.587 * 100 + 0.114 * 50)
    assert "colour_image" in [notice.code for notice in got.notices]


def test_colour_by_plane_and_other_colours():
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (40, 50, 3), np.uint8)
    expected = film(written(dataset(picture))).pixels
    ds = dataset(picture)
    ds.PixelData = np.moveaxis(picture, 2, 0).tobytes()
    ds.PlanarConfiguration = 1
    assert np.array_equal(film(written(ds)).pixels, expected)
    ybr = dataset(convert_color_space(picture, "RGB", "YBR_FULL"))
    ybr.PhotometricInterpretation = "YBR_FULL"
    assert np.abs(film(written(ybr)).pixels.astype(int) - expected).max() <= 2
    lossless = film(compressed(dataset(picture), JPEG_LOSSLESS))
    assert np.array_equal(lossless.pixels, expected)
    grey = np.repeat(gradient(bits=8)[..., None], 3, axis=2)
    as_jpeg = dataset(grey, PhotometricInterpretation="YBR_FULL_422")
    got = film(with_frame(as_jpeg, jpeg(grey), JPEGBaseline8Bit))
    assert np.abs(got.pixels.astype(int) - grey[..., 0]).max() <= 3


def test_palette():
    """Value 3 is the fourth entry of each channel; entries have 16 bits."""
    index = (np.arange(40 * 50, dtype=np.uint8) % 4).reshape(40, 50)
    ds = dataset(index, PhotometricInterpretation="PALETTE COLOR")
    for colour, entries in {"Red": [0, 1, 2, 60000], "Green": [0] * 4, "Blue": [0] * 4}.items():
        setattr(ds, f"{colour}PaletteColorLookupTableDescriptor", [4, 0, 16])
        data = np.array(entries, "<u2").tobytes()
        setattr(ds, f"{colour}PaletteColorLookupTableData", data)
    got = film(written(ds))
    assert got.pixels[0, 3] == round(0.299 * 60000)
    assert got.white == 65535.0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"PhotometricInterpretation": None}, "no PhotometricInterpretation"),
        ({"PhotometricInterpretation": "HSV"}, "an unusual kind of colour"),
        ({"BitsAllocated": 64, "BitsStored": 12}, "64 bits allocated"),
        ({"BitsAllocated": 1, "BitsStored": 1, "HighBit": 0}, "1 bits allocated"),
        ({"BitsAllocated": 32, "BitsStored": 32, "HighBit": 31}, "32 bits stored"),
        ({"FloatPixelData": b"\0" * 8}, "pixels that are fractions"),
    ],
)
def test_pixels_that_are_refused(changes, words):
    with pytest.raises(UnsupportedDicomError, match=words) as caught:
        film(written(dataset(gradient(), bits=12, **changes)))
    assert caught.value.hint.endswith(".")


@pytest.mark.parametrize(
    ("syntax", "words"),
    [
        ("1.2.840.10008.1.2.4.100", "MPEG2 Main Profile"),
        ("1.2.840.10008.1.2.4.95", "JPIP"),
        ("1.2.999.10008.1.2.4.100", "an unknown transfer syntax"),
    ],
)
def test_transfer_syntaxes_that_are_refused(syntax, words):
    known = "1.2.840.10008.1.2.4.100"
    data = with_frame(dataset(gradient(), bits=12), b"\0" * 100, UID(known))
    padding = b"\0" * (len(known) - len(syntax))
    data = data.replace(known.encode(), syntax.encode() + padding)
    with pytest.raises(UnsupportedDicomError, match=words):
        film(data)


def test_a_codestream_of_another_size_never_reaches_a_codec():
    """The codec would take the memory for what the stream claims."""
    large = jpeg(gradient((400, 500), bits=8))
    data = with_frame(dataset(gradient(bits=8)), large, JPEGBaseline8Bit)
    with pytest.raises(UnreadableImageError, match="a complete DICOM file"):
        film(data)


def test_a_folder_named_dl_does_not_break_the_import(tmp_path):
    """GDCM imports a module of that name where there is one in the working directory."""
    (tmp_path / "dl").mkdir()
    path = tmp_path / "film.dcm"
    path.write_bytes(written(dataset(gradient(), bits=12)))
    root = Path(__file__).resolve().parents[2]
    code = (
        f"import sys; sys.path.append({str(root)!r})\n"
        "from cxr_core.io import read_path; print(read_path('film.dcm').pixels.shape)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "(96, 80)", done.stderr


def test_the_builder_gives_what_it_was_given():
    values = gradient(bits=12)
    assert np.array_equal(pixels_of(dataset(values, bits=12)), values)
