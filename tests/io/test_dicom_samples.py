"""Files of pydicom and pydicom-data: a real chest film in four encodings, tables, odd files."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import data_store
import numpy as np
import pydicom
import pytest
from pydicom.pixels.processing import apply_modality_lut, apply_voi

from cxr_core.errors import CxrError, UnreadableImageError
from cxr_core.io import read_path

DATA = Path(data_store.__file__).parent / "data"
OWN = Path(pydicom.__file__).parent / "data"
FOLDERS = (DATA, OWN / "test_files", OWN / "charset_files")
RG1 = ("RG1_UNCR", "RG1_J2KR", "RG1_UNCI", "RG1_J2KI")


@cache
def film(name):
    return read_path(DATA / f"{name}.dcm")


def codes(got):
    return {notice.code for notice in got.notices}


@pytest.mark.parametrize(("plain", "packed"), [("RG1_UNCR", "RG1_J2KR"), ("RG1_UNCI", "RG1_J2KI")])
def test_a_chest_film_is_the_same_in_both_encodings(plain, packed):
    assert np.array_equal(film(plain).pixels, film(packed).pixels)
    assert np.array_equal(film(plain).image, film(packed).image)


def test_what_the_lossy_encoding_changed():
    """10:1 JPEG 2000, made before the files were published: 1.3 % of full scale at worst."""
    difference = np.abs(film("RG1_UNCR").image - film("RG1_UNCI").image)
    assert 0.01 < difference.max() < 0.02
    assert difference.mean() < 0.002
    assert "lossy" in codes(film("RG1_J2KI"))
    assert "lossy" not in codes(film("RG1_J2KR"))


@pytest.mark.parametrize("name", RG1)
def test_the_polarity_of_the_chest_film(name):
    """Lungs are darker than spine and belly, and air beside the neck is darkest."""
    got = film(name)
    assert got.is_inverted
    assert "min_is_white" in codes(got)
    height, width = got.image.shape

    def brightness(y, x):
        y, x = round(y * height), round(x * width)
        return float(got.image[y - 20 : y + 20, x - 20 : x + 20].mean())

    lung, spine, belly, air = (
        brightness(*at) for at in [(0.28, 0.2), (0.5, 0.5), (0.9, 0.3), (0.06, 0.97)]
    )
    assert air < lung < 0.75 < spine < belly


def test_what_the_chest_film_says_of_itself():
    got = film("RG1_J2KR")
    assert (got.dicom.modality, got.dicom.view, got.dicom.bits_stored) == ("CR", "PA", 15)
    assert [(window.low, window.high) for window in got.windows] == [(0.0, 29999.0)]
    assert (got.black, got.white) == (0.0, 32767.0)
    assert codes(got) == {"min_is_white"}


def test_an_ankle_is_told_from_a_chest():
    assert {"other_body_part", "mirrored"} <= codes(film("RG3_UNCR"))


def test_modality_table_file():
    ds = pydicom.dcmread(DATA / "mlut_18.dcm")
    assert np.array_equal(film("mlut_18").pixels, apply_modality_lut(ds.pixel_array, ds))


def test_voi_table_file():
    """Its table has 256 entries, so pydicom is right."""
    ds = pydicom.dcmread(DATA / "vlut_04.dcm")
    item = ds.VOILUTSequence[0]
    white = (1 << item.LUTDescriptor[2]) - 1
    assert np.allclose(film("vlut_04").image, apply_voi(ds.pixel_array, ds) / white, atol=1e-4)


@pytest.mark.parametrize(
    "name",
    [
        *("SC_rgb_rle", "SC_rgb_small_odd_big_endian", "SC_rgb_dcmtk_+eb+cr", "SC_rgb_jpeg_dcmtk"),
        *("SC_rgb_jpeg_gdcm", "SC_rgb_gdcm_KY", "SC_ybr_full_422_uncompressed"),
    ],
)
def test_colours_agree_with_pydicom(name):
    path = OWN / "test_files" / f"{name}.dcm"
    rgb = pydicom.dcmread(path).pixel_array.astype(int)
    got = read_path(path).pixels.astype(int)
    luma = np.rint(rgb @ np.array([0.299, 0.587, 0.114]))
    assert np.abs(got - luma).max() <= 2


def test_a_codestream_that_is_too_short():
    with pytest.raises(UnreadableImageError):
        film("emri_small_jpeg_2k_lossless_too_short")


@pytest.mark.filterwarnings("error")
def test_every_file_is_read_or_refused():
    paths = [path for folder in FOLDERS for path in sorted(folder.glob("*.dcm"))]
    assert len(paths) > 140
    n_read = 0
    for path in paths:
        if path.stem in RG1 or path.stem.startswith("RG3"):
            continue
        try:
            got = read_path(path)
        except CxrError:
            continue
        n_read += 1
        assert np.isfinite(got.image).all()
    assert n_read > 50
