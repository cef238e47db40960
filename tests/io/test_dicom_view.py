"""What a header says about a film becomes a notice or a refusal, never a quotation."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom.dataset import Dataset

from cxr_core.errors import CxrError, UnreadableImageError, UnsupportedDicomError
from cxr_core.io import read
from tests.io.dicom_files import dataset, gradient, written


def film(**elements):
    return read(written(dataset(gradient(bits=12), bits=12, **elements)), name="film")


def codes(**elements):
    return {notice.code for notice in film(**elements).notices} - {"no_window"}


@pytest.mark.parametrize("modality", ["CR", "DX", "RG", "RF", "SC"])
def test_modalities_of_films(modality):
    assert codes(Modality=modality) == set()
    assert film(Modality=modality).dicom.modality == modality


@pytest.mark.parametrize("modality", ["OT", "XC", "IO", "XA"])
def test_modalities_that_seldom_are_films(modality):
    assert codes(Modality=modality, SOPClassUID="1.2.840.10008.5.1.4.1.1.7") == {"unusual_modality"}


def test_no_modality():
    assert codes(Modality=None) == {"unknown_modality"}
    assert film(Modality=None, SOPClassUID=None).dicom.modality is None


@pytest.mark.parametrize(
    ("modality", "words"),
    [("CT", "a CT image"), ("MR", "an MR image"), ("MG", "a mammogram"), ("US", "ultrasound")],
)
def test_other_modalities_are_refused_by_name(modality, words):
    with pytest.raises(UnsupportedDicomError, match=words) as caught:
        film(Modality=modality)
    assert "Choose the frontal chest film" in caught.value.hint


def test_a_modality_that_is_no_term_is_refused_and_not_quoted():
    with pytest.raises(UnsupportedDicomError, match="not known to hold films") as caught:
        film(Modality="DOE")
    assert "DOE" not in str(caught.value)


@pytest.mark.parametrize(
    ("sop_class", "words"),
    [
        ("1.2.840.10008.5.1.4.1.1.2", "“CT Image Storage”"),
        ("1.2.840.10008.1.3.10", "“Media Storage Directory Storage”"),
    ],
)
def test_classes_are_refused_by_name(sop_class, words):
    with pytest.raises(UnsupportedDicomError, match=words):
        film(SOPClassUID=sop_class)


def test_private_classes_are_judged_by_their_modality():
    assert codes(SOPClassUID="1.3.46.670589.1") == set()


def test_no_picture():
    """A film without pixels was cut short; another object may have none."""
    with pytest.raises(UnreadableImageError, match="damaged or cut short"):
        film(PixelData=None)
    bare = {"PixelData": None, "Rows": None, "SOPClassUID": "1.3.46.670589.1"}
    with pytest.raises(UnsupportedDicomError, match="an object of an unknown class without"):
        film(**bare)


@pytest.mark.parametrize(
    "elements",
    [
        {"ViewPosition": "LL"},
        {"ViewPosition": "LATERAL"},
        {"PatientOrientation": ["A", "F"]},
        {"PatientOrientation": ["P", "F"]},
        {"SeriesDescription": "Thorax seitlich Doe"},
        {"ProtocolName": "CHEST LAT"},
        {"SeriesDescription": "W034_LATERAL_2"},
    ],
)
def test_lateral_views(elements):
    got = film(**elements)
    (notice,) = [notice for notice in got.notices if notice.code == "lateral_view"]
    assert "Doe" not in notice.message


@pytest.mark.parametrize(
    "elements",
    [
        {"ViewPosition": "PA", "SeriesDescription": "CHEST LAT"},
        {"ViewPosition": "AP"},
        {"PatientOrientation": ["L", "F"], "SeriesDescription": "LATERAL"},
        {"SeriesDescription": "CHEST PA AND LATERAL"},
        {"SeriesDescription": "PLATELET CHEST COLLATERAL"},
    ],
)
def test_frontal_views(elements):
    assert "lateral_view" not in codes(**elements)


@pytest.mark.parametrize(("code", "is_lateral"), [("399173006", True), ("272479007", False)])
def test_coded_views(code, is_lateral):
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code, "SCT", "Doe"
    assert ("lateral_view" in codes(ViewCodeSequence=[item])) == is_lateral


@pytest.mark.parametrize(
    ("elements", "code"),
    [
        ({"PatientOrientation": ["R", "F"]}, "mirrored"),
        ({"PatientOrientation": ["L", "H"]}, "upside_down"),
        ({"PatientOrientation": ["F", "L"]}, "turned"),
        ({"BodyPartExamined": "EXTREMITY"}, "other_body_part"),
        ({"PresentationIntentType": "FOR PROCESSING"}, "for_processing"),
        ({"LossyImageCompression": "01", "LossyImageCompressionRatio": "10"}, "lossy"),
        ({"PixelAspectRatio": ["4", "3"]}, "pixel_aspect"),
        ({"BurnedInAnnotation": "YES"}, "burned_in"),
    ],
)
def test_notices(elements, code):
    assert codes(**elements) == {code}


@pytest.mark.parametrize(
    "elements",
    [
        {"PatientOrientation": ["L", "F"]},
        {"PatientOrientation": "L"},
        {"BodyPartExamined": "CHEST"},
        {"PresentationIntentType": "FOR PRESENTATION"},
        {"LossyImageCompression": "00"},
        {"PixelAspectRatio": ["1", "1"]},
        {"BurnedInAnnotation": "NO"},
        {"ViewPosition": "DOE"},
    ],
)
def test_nothing_to_tell(elements):
    got = film(**elements)
    assert {notice.code for notice in got.notices} <= {"no_window"}
    assert got.dicom.view is None


def test_overlays_are_left_out():
    ds = dataset(gradient(bits=12), bits=12)
    ds.add_new(0x60000010, "US", 96)
    ds.add_new(0x60003000, "OW", b"\xff" * 960)
    got = read(written(ds), name="film")
    assert "overlay_ignored" in {notice.code for notice in got.notices}
    assert np.array_equal(got.pixels, gradient(bits=12))


def test_odd_values_are_no_reason_to_fail():
    """Numbers with letters, several values for one, empty ones: the film is still read."""
    ds = dataset(gradient(bits=12), bits=12)
    for keyword in ("WindowCenter", "WindowWidth", "RescaleSlope", "LossyImageCompressionRatio"):
        ds.add_new(keyword, "DS", "1\\2")
        ds[keyword]._value = "Doe"
    ds.add_new("PatientOrientation", "CS", "")
    data = written(ds)
    assert b"Doe" in data
    got = read(data, name="film")
    assert np.array_equal(got.pixels, gradient(bits=12))
    assert not any("Doe" in notice.message for notice in got.notices)


def test_tiny_films_are_looked_at_without_an_error():
    for shape in ((1, 1), (2, 300), (9, 9)):
        try:
            got = read(written(dataset(np.zeros(shape, np.uint8))), name="film")
        except CxrError as err:
            pytest.fail(f"{shape}: {err}")
        assert got.pixels.shape == shape
