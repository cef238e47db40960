"""DICOM films of any depth, sign, polarity and lossless syntax give their stored values back."""

from __future__ import annotations

import string
from dataclasses import dataclass

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from cxr_core.errors import CxrError
from cxr_core.grey_window import Window
from cxr_core.io import Limits, read
from cxr_core.io.dicom.clean import Pseudonyms, clean
from tests.io.dicom_files import PLAIN, big_endian, compressed, dataset, written
from tests.strategies import pixels

CODED = (RLELossless, JPEGLSLossless, JPEG2000Lossless)
UIDS = {f"{kind}InstanceUID": f"1.2.3.{i}" for i, kind in enumerate(["SOP", "Study", "Series"])}
photometrics = st.sampled_from(["MONOCHROME1", "MONOCHROME2"])
sides = st.tuples(st.integers(2, 20), st.integers(2, 20))


@dataclass(frozen=True, eq=False)
class Stored:
    """Values as a file stores them."""

    values: np.ndarray
    bits: int

    def file(self, syntax=ExplicitVRLittleEndian, **elements):
        """Write them."""
        ds = dataset(self.values_in(syntax), bits=self.bits, **UIDS, **elements)
        if syntax == ExplicitVRBigEndian:
            return written(big_endian(ds), syntax)
        return compressed(ds, syntax) if syntax in CODED else written(ds, syntax)

    def values_in(self, syntax):
        """Return the values as a file of that syntax has them.

        pydicom's encoders write 8 bits in two bytes wrongly; those of JPEG take no tiny film.
        """
        values = self.values
        if syntax in (JPEGLSLossless, JPEG2000Lossless):
            values = np.tile(values, (17, 17))[:40, :36]
        if syntax in CODED and self.bits <= 8:
            values = values.astype(f"{values.dtype.kind}1")
        return values

    def __repr__(self):
        """Return what can be pasted into a test."""
        return f"Stored({self.values!r}, {self.bits})"


@st.composite
def stored(draw, signs=(False, True), least_bits=2):
    """Films of 2 to 16 bits, signed or not, in one byte or two."""
    is_signed = draw(st.sampled_from(signs))
    bits = draw(st.integers(least_bits, 16))
    size = 1 if bits <= 8 and draw(st.booleans()) else 2
    dtype = np.dtype(f"{'i' if is_signed else 'u'}{size}")
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if is_signed else (0, (1 << bits) - 1)
    return Stored(draw(pixels(low, high, dtype, sides)), bits)


def film(data):
    """Read, under a name that tells nothing."""
    return read(data, name="film")


@given(stored(), st.sampled_from([*PLAIN, ExplicitVRBigEndian]), photometrics)
def test_plain_pixels_come_back(source, syntax, photometric):
    assume(syntax != ExplicitVRBigEndian or source.values.nbytes % 2 == 0)
    got = film(source.file(syntax, PhotometricInterpretation=photometric))
    np.testing.assert_array_equal(got.pixels, source.values)
    assert got.is_inverted == (photometric == "MONOCHROME1")
    assert got.dicom.bits_stored == source.bits
    assert got.black <= source.values.min()
    assert source.values.max() <= got.white


@given(stored(least_bits=8), st.sampled_from(CODED), photometrics)
def test_lossless_codecs_give_the_same_values(source, syntax, photometric):
    got = film(source.file(syntax, PhotometricInterpretation=photometric))
    np.testing.assert_array_equal(got.pixels, source.values_in(syntax))
    assert got.dicom.transfer_syntax == syntax.name


@given(stored(), st.floats(-100, 4000), st.floats(2, 5000))
def test_monochrome1_is_the_negative_of_monochrome2(source, center, width):
    window = {"WindowCenter": round(center, 2), "WindowWidth": round(width, 2)}
    for elements in ({}, window):
        one, two = (
            film(source.file(PhotometricInterpretation=f"MONOCHROME{i}", **elements)).image
            for i in (1, 2)
        )
        np.testing.assert_allclose(one, 1 - two, atol=1e-6)


@given(stored(), st.integers(1, 9), st.integers(-2000, 2000))
def test_a_rescale_gives_what_the_values_stand_for(source, slope, intercept):
    got = film(source.file(RescaleSlope=slope, RescaleIntercept=intercept, RescaleType="US"))
    expected = source.values.astype(np.int64) * slope + intercept
    np.testing.assert_array_equal(got.pixels.astype(np.float64), expected)
    assert got.dicom.is_rescaled == ((slope, intercept) != (1, 0))


@given(stored(), st.floats(0.1, 0.9), st.floats(0.3, 1), st.sampled_from(["LINEAR", "SIGMOID"]))
def test_a_window_of_the_file_is_how_it_is_shown(source, place, share, function):
    low, high = int(source.values.min()), int(source.values.max())
    assume(high - low >= 3)
    center = round(low + place * (high - low), 1)
    width = round(max(2.0, share * (high - low)), 1)
    elements = {"WindowCenter": center, "WindowWidth": width, "VOILUTFunction": function}
    got = film(source.file(**elements))
    if not got.windows:  # one that shows nothing of this film is left out, and that is said
        assert "window_ignored" in {notice.code for notice in got.notices}
        return
    window = Window.from_dicom(center, width, function=function)
    np.testing.assert_allclose(got.image, window.brightness(source.values), atol=1e-6)


@given(stored(signs=(False,)), st.data())
def test_padding_is_black_and_the_rest_as_stored(source, data):
    padding = int(data.draw(st.sampled_from(np.unique(source.values).tolist())))
    is_padding = source.values == padding
    assume(not is_padding.all())
    for photometric in ("MONOCHROME1", "MONOCHROME2"):
        got = film(source.file(PhotometricInterpretation=photometric, PixelPaddingValue=padding))
        np.testing.assert_array_equal(got.pixels[~is_padding], source.values[~is_padding])
        assert (got.image[is_padding] == 0).all()


def outcome(data):
    """Read, or refuse with a typed error and a hint; nothing else may happen."""
    try:
        got = read(data, name="film", limits=Limits(max_bytes=2**20, max_pixels=10**6))
    except CxrError as err:
        got, hint = None, err.hint
    assert hint if got is None else np.isfinite(got.image).all()
    return got


@given(stored(), st.sampled_from([*PLAIN, *CODED]), st.data())
def test_a_file_cut_short_is_refused(source, syntax, data):
    assume(syntax in PLAIN or source.bits >= 8)
    whole = source.file(syntax)
    n_last = 2 if source.values.nbytes % 2 else 1  # a byte of padding is no loss
    cut = data.draw(st.integers(0, len(whole) - n_last))
    got = outcome(whole[:cut])
    if syntax in PLAIN[:2]:
        assert got is None
    elif got is not None:  # only what follows the pixels was lost
        np.testing.assert_array_equal(got.pixels, source.values_in(syntax))


@given(stored(), st.lists(st.tuples(st.integers(0, 2**16), st.integers(0, 255)), max_size=4))
def test_a_changed_file_is_read_or_refused(source, changes):
    changed = bytearray(source.file())
    for place, value in changes:
        changed[place % len(changed)] = value
    outcome(bytes(changed))


words = st.text(string.ascii_letters + string.digits, min_size=10, max_size=14).map("Zq".__add__)


@given(
    stored(),
    words,
    st.lists(
        st.sampled_from(
            [
                *(
                    "PatientID",
                    "PatientComments",
                    "StudyDescription",
                    "SeriesDescription",
                    "ImageComments",
                ),
                *("AccessionNumber", "InstitutionName", "OperatorsName", "ReferringPhysicianName"),
                *(
                    "ProtocolName",
                    "StationName",
                    "RequestedProcedureDescription",
                    "DeviceSerialNumber",
                ),
                *(
                    "AdditionalPatientHistory",
                    "StudyID",
                    "PatientBirthName",
                    "WindowCenterWidthExplanation",
                ),
            ]
        ),
        min_size=1,
        max_size=5,
        unique=True,
    ),
)
def test_a_cleaned_film_has_the_same_pixels_and_none_of_the_words(source, word, places):
    ds = dataset(source.values, bits=source.bits, PatientName=f"{word}^A", BurnedInAnnotation="NO")
    for place in places:
        setattr(ds, place, word)
    data = written(ds)
    assert word.encode() in data
    cleaned = clean(data, Pseudonyms(), name="film")
    assert word.encode() not in cleaned.data
    assert word not in repr(cleaned)
    assert word not in repr(film(data))
    np.testing.assert_array_equal(film(cleaned.data).pixels, film(data).pixels)
