"""Rescale, tables, windows, polarity and padding, each worked out by hand or by pydicom."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_voi, apply_windowing
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

from cxr_core.io import read
from tests.io.dicom_files import big_endian, dataset, gradient, written


def film(ds, *arguments):
    return read(written(ds, *arguments), name="film")


def codes(got):
    return [notice.code for notice in got.notices]


def table(entries, first, bits, *, words="US", explanation=None):
    """One item of a sequence of lookup tables."""
    item = Dataset()
    n_entries = 0 if len(entries) == 65536 else len(entries)
    item.add_new("LUTDescriptor", "US" if first >= 0 else "SS", [n_entries, first, bits])
    if words == "US":
        item.add_new("LUTData", "US", [int(entry) for entry in entries])
    else:
        dtype = {"OW": "<u2", "packed": "u1", "big": ">u2"}[words]
        item.add_new("LUTData", "OW", np.asarray(entries).astype(dtype).tobytes())
    if explanation:
        item.LUTExplanation = explanation
    return item


STEPS = np.arange(4096) >> 4
"""An 8-bit table for 12 bits."""


@pytest.mark.parametrize("words", ["US", "OW", "packed"])
def test_an_8_bit_table_of_more_than_256_entries(words):
    """pydicom 3.0's `apply_voi` wraps the positions around: 300 would show entry 44."""
    values = np.array([[300, 2000], [4095, 0]], np.uint16)
    ds = dataset(values, bits=12)
    ds.VOILUTSequence = [table(STEPS, 0, 8, words=words)]
    got = film(ds)
    assert np.rint(got.image * 255).tolist() == [[18, 125], [255, 0]]
    assert got.pixels.tolist() == values.tolist()
    if words == "US":
        assert apply_voi(values, ds).tolist() != [[18, 125], [255, 0]]  # still needed


def test_a_packed_table_in_big_endian():
    """The first entry is the low byte of the first word, whatever the byte order."""
    ds = big_endian(dataset(np.array([[300, 2000], [4095, 0]], np.uint16), bits=12))
    packed = np.frombuffer(STEPS.astype("u1").tobytes(), "<u2")
    item = table(STEPS, 0, 8)
    item.add_new("LUTData", "OW", packed.astype(">u2").tobytes())
    ds.VOILUTSequence = [item]
    got = film(ds, ExplicitVRBigEndian)
    assert np.rint(got.image * 255).tolist() == [[18, 125], [255, 0]]


def test_a_table_agrees_with_pydicom_where_pydicom_is_right():
    rng = np.random.default_rng(0)
    entries = np.sort(rng.integers(0, 4096, 3000))
    values = gradient(bits=12)
    ds = dataset(values, bits=12)
    ds.VOILUTSequence = [table(entries, 500, 12)]
    expected = apply_voi(values, ds) / 4095.0
    assert np.allclose(film(ds).image, expected, atol=1e-5)
    assert np.allclose(film(ds, ImplicitVRLittleEndian).image, expected, atol=1e-5)


def test_a_table_of_65536_entries_and_one_for_negative_values():
    values = np.array([[0, 32768], [65535, 16384]], np.uint16)
    ds = dataset(values)
    ds.VOILUTSequence = [table(np.arange(65536)[::-1], 0, 16, words="OW")]
    assert film(ds).image.ravel() == pytest.approx([1, 0.5, 0, 0.75], abs=1e-4)
    ds = dataset(np.array([[-500, -499], [-498, 0]], np.int16))
    ds.VOILUTSequence = [table([0, 100, 255, 255], -500, 8)]
    for syntax in ((), (ImplicitVRLittleEndian,)):
        assert film(ds, *syntax).image.ravel() == pytest.approx([0, 100 / 255, 1, 1], abs=1e-4)


def test_a_table_that_names_the_depth_of_its_container():
    ds = dataset(gradient(bits=12), bits=12)
    ds.VOILUTSequence = [table(np.arange(4096), 0, 16)]
    assert np.allclose(film(ds).image, gradient(bits=12) / 4095.0, atol=1e-4)


@pytest.mark.parametrize("item", [Dataset(), table([5, 5, 5], 0, 8), table([0, 9], 60000, 8)])
def test_tables_that_show_nothing_are_left_out(item):
    ds = dataset(gradient(bits=12), bits=12, WindowCenter=2048, WindowWidth=4096)
    ds.VOILUTSequence = [item]
    got = film(ds)
    assert [window.name for window in got.windows] == ["Window 1"]
    assert "window_ignored" in codes(got)


def test_table_before_window():
    ds = dataset(gradient(bits=12), bits=12, WindowCenter=2048, WindowWidth=4096)
    ds.VOILUTSequence = [table(STEPS, 0, 8, explanation="NORMAL"), table(STEPS[::-1], 0, 8)]
    got = film(ds)
    assert [window.name for window in got.windows] == ["Table 1: normal", "Table 2", "Window 1"]
    assert np.allclose(got.image, STEPS[gradient(bits=12)] / 255.0, atol=1e-5)


@pytest.mark.parametrize("function", [None, "LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize(("center", "width"), [(2048, 4096), (900.5, 300), (3000, 1000)])
def test_windows_agree_with_pydicom(function, center, width):
    values = gradient(bits=12)
    ds = dataset(values, bits=12, WindowCenter=center, WindowWidth=width, VOILUTFunction=function)
    expected = apply_windowing(values, ds) / 4095.0
    assert np.allclose(film(ds).image, expected, atol=1e-6)


def test_several_windows():
    ds = dataset(gradient(bits=12), bits=12)
    ds.WindowCenter, ds.WindowWidth = [2048, 1000, 3000], [4096, 500, 800]
    ds.WindowCenterWidthExplanation = ["NORMAL", "Doe^Jane", "HARDER_2"]
    got = film(ds)
    names = [window.name for window in got.windows]
    assert names == ["Window 1: normal", "Window 2", "Window 3: harder 2"]
    assert (got.windows[1].low, got.windows[1].high) == (750.0, 1249.0)
    assert np.allclose(got.image, gradient(bits=12) / 4095.0, atol=1e-6)


@pytest.mark.parametrize(
    ("center", "width"), [(9000, 100), (2048, 0), (2048, -5), ("1e30", 5), (2048, 0.5)]
)
def test_windows_that_show_nothing_are_left_out(center, width):
    got = film(dataset(gradient(bits=12), bits=12, WindowCenter=center, WindowWidth=width))
    assert got.windows == ()
    assert codes(got) == ["window_ignored", "no_window"]
    assert np.allclose(got.image, gradient(bits=12) / 4095.0, atol=1e-6)


def test_centre_without_width():
    got = film(dataset(gradient(bits=12), bits=12, WindowCenter=2048))
    assert (got.windows, codes(got)) == ((), ["no_window"])


def test_no_window_reads_like_a_picture_of_the_same_values():
    """16 bits stored and at most 4,095: as a PNG of these values, taken for 12 bits deep."""
    got = film(dataset(gradient(bits=12)))
    assert (got.black, got.white) == (0.0, 4095.0)
    assert "low_bits" in codes(got)


@pytest.mark.parametrize(
    ("slope", "intercept", "dtype"),
    [(1, -1024, np.int16), (2, 5, np.uint16), (0.5, 0.25, np.float32)],
)
def test_rescale_then_window(slope, intercept, dtype):
    values = gradient(bits=12)
    whole = values.astype(int)
    center, width = 2048 * slope + intercept, 1000 * slope
    ds = dataset(values, bits=12, RescaleSlope=slope, RescaleIntercept=intercept)
    ds.WindowCenter, ds.WindowWidth = center, width
    got = film(ds)
    assert got.pixels.dtype == dtype
    assert np.array_equal(got.pixels, whole * slope + intercept)
    assert (got.black, got.white) == (intercept, 4095 * slope + intercept)
    low, high = center - 0.5 - (width - 1) / 2, center - 0.5 + (width - 1) / 2
    expected = np.clip((whole * slope + intercept - low) / (high - low), 0, 1)
    assert np.allclose(got.image, expected, atol=1e-6)


def test_a_falling_rescale():
    got = film(dataset(gradient(bits=12), bits=12, RescaleSlope=-1, RescaleIntercept=4095))
    assert np.array_equal(got.pixels, 4095 - gradient(bits=12).astype(int))
    assert (got.black, got.white) == (0.0, 4095.0)


@pytest.mark.parametrize(("slope", "intercept"), [(0, 5), ("1e40", 0)])
def test_a_rescale_without_sense_is_ignored(slope, intercept):
    ds = dataset(gradient(bits=12), bits=12, RescaleSlope=slope, RescaleIntercept=intercept)
    got = film(ds)
    assert np.array_equal(got.pixels, gradient(bits=12))
    assert "rescale_ignored" in codes(got)


def test_modality_table():
    ds = dataset(np.array([[9, 10], [11, 99]], np.uint16), bits=12)
    ds.ModalityLUTSequence = [table([7, 1000, 4095], 9, 12)]
    got = film(ds)
    assert got.pixels.tolist() == [[7, 1000], [4095, 4095]]
    assert (got.black, got.white) == (0.0, 4095.0)


@pytest.mark.parametrize(
    ("photometric", "shape", "is_inverted", "is_odd"),
    [
        ("MONOCHROME2", None, False, False),
        ("MONOCHROME2", "IDENTITY", False, False),
        ("MONOCHROME1", None, True, False),
        ("MONOCHROME1", "INVERSE", True, False),
        ("MONOCHROME2", "INVERSE", True, True),
        ("MONOCHROME1", "IDENTITY", True, True),
    ],
)
def test_polarity(photometric, shape, is_inverted, is_odd):
    """MONOCHROME1 and INVERSE state the same inversion twice: it is made once."""
    ds = dataset(gradient(bits=12), bits=12, WindowCenter=2048, WindowWidth=4096)
    ds.PhotometricInterpretation = photometric
    if shape:
        ds.PresentationLUTShape = shape
    got = film(ds)
    expected = gradient(bits=12) / 4095.0
    assert np.allclose(got.image, 1 - expected if is_inverted else expected, atol=1e-6)
    assert ("polarity_conflict" in codes(got)) == is_odd
    assert ("min_is_white" in codes(got)) == (is_inverted and not is_odd)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("value", [0, 3000])
def test_padding_is_black(photometric, value):
    values = gradient(bits=12)
    values[values == value] += 1
    values[:, :10] = value
    ds = dataset(values, bits=12, PixelPaddingValue=value, PhotometricInterpretation=photometric)
    got = film(ds)
    assert not got.image[:, :10].any()
    assert got.image[:, 10:].max() > 0.8
    assert "padding" in codes(got)


def test_padding_range_and_windows():
    """The window leaves the padding out of sight, and the levels do not see it either."""
    values = gradient(bits=12) // 8
    values[:5] = 4000
    values[5:10] = 4095
    ds = dataset(values, PixelPaddingValue=4000, PixelPaddingRangeLimit=4095)
    got = film(ds)
    assert not got.image[:10].any()
    assert got.white == 1023.0


def test_signed_padding_written_as_unsigned():
    values = gradient(bits=12).astype(np.int16) - 1000
    values[0] = -2000
    ds = dataset(values, PixelPaddingValue=65536 - 2000)
    ds["PixelPaddingValue"].VR = "US"
    got = film(ds)
    assert not got.image[0].any()
    assert "padding" in codes(got)


@pytest.mark.parametrize("value", [4000, -1])
def test_padding_that_is_nowhere_or_everywhere(value):
    values = np.full((70, 70), 4000, np.uint16)
    values[0] = 7
    ds = dataset(values, bits=12)
    ds.add_new("PixelPaddingValue", "SS", value)
    assert ("padding" in codes(film(ds))) == (value == 4000)
    ds = dataset(np.full((70, 70), 4000, np.uint16), bits=12, PixelPaddingValue=4000)
    assert "padding" not in codes(film(ds))
