"""Names, numbers and dates planted everywhere: nothing of them is listed or comes through."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pydicom
import pytest
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit

from cxr_core.errors import UnsupportedDicomError
from cxr_core.io import read
from cxr_core.io.dicom import policy
from cxr_core.io.dicom.clean import METHOD, Pseudonyms, clean
from cxr_core.io.dicom.listing import MASKED, list_header
from tests.io.dicom_files import compressed, dataset, gradient, jpeg, with_frame, written
from tests.io.dicom_planted import PLANTED, UID, planted_film, profile_tags


@pytest.fixture(scope="module")
def planted():
    data = bytearray(written(planted_film(BurnedInAnnotation="NO")))
    data[:20] = b"Featherstonehaugh   "  # the preamble can hold anything
    return bytes(data)


def found_in(data):
    """The planted texts that some bytes hold."""
    return [word for word in (*PLANTED, UID) if word.encode() in data]


def test_the_film_is_full_of_names(planted):
    assert set(found_in(planted)) == {*PLANTED, UID}
    assert len(pydicom.dcmread(BytesIO(planted))) > 1500


def test_no_element_of_the_profile_passes(planted):
    ds = pydicom.dcmread(BytesIO(planted))
    elements = [ds[tag] for tag in profile_tags() if tag in ds]
    assert len(elements) > 500
    assert [element.keyword for element in elements if policy.passing_value(element)] == []


def test_the_header_masks(planted):
    listing = list_header(planted, name="film")
    shown = "\n".join(element.value for element in listing.elements)
    assert found_in(shown.encode()) == []
    assert listing.n_private == 3
    assert listing.n_masked > 1000
    values = {element.tag: element.value for element in listing.elements}
    assert values["0010,0010"] == MASKED
    assert (values["0028,0010"], values["0028,0103"], values["0008,0060"]) == ("96", "0", "CR")


def test_a_radiograph_carries_nothing_of_the_patient(planted):
    film = read(planted, name="film")
    said = f"{film} {film.dicom} {film.notices} {film.windows}"
    assert found_in(said.encode()) == []


def test_cleaning(planted):
    cleaned = clean(planted, Pseudonyms(), name="film")
    assert found_in(cleaned.data) == []
    assert cleaned.data[:128] == bytes(128)
    before, after = read(planted, name="a"), read(cleaned.data, name="b")
    assert np.array_equal(before.image, after.image)
    ds = pydicom.dcmread(BytesIO(cleaned.data))
    assert (ds.PatientIdentityRemoved, ds.DeidentificationMethod) == ("YES", METHOD)
    assert len(METHOD) <= 64
    assert ds.DeidentificationMethodCodeSequence[0].CodeValue == "113100"
    assert ds.LongitudinalTemporalInformationModified == "REMOVED"
    assert ds.SOPInstanceUID == ds.file_meta.MediaStorageSOPInstanceUID == cleaned.uid
    assert (ds.StudyDate, ds.PatientBirthDate, ds.AccessionNumber) == ("", "", "")
    assert ds.PatientName == ds.PatientID
    assert not any(element.tag.is_private for element in ds.iterall())
    assert cleaned.notices == ()


def test_identifiers_are_replaced_alike_within_a_run_and_not_across():
    names = Pseudonyms()
    first, second = (
        dataset(gradient(), bits=12, StudyInstanceUID=UID, PatientID=patient, SeriesNumber=3)
        for patient in ("8675309", "42")
    )
    other = dataset(gradient(), bits=12, StudyInstanceUID=UID, PatientID="8675309")
    cleaned = [
        pydicom.dcmread(BytesIO(clean(written(ds), names, name="film").data))
        for ds in (first, second, other)
    ]
    assert len({str(ds.StudyInstanceUID) for ds in cleaned}) == 1
    assert len({str(ds.SOPInstanceUID) for ds in cleaned}) == 3
    assert cleaned[0].PatientID == cleaned[2].PatientID != cleaned[1].PatientID
    assert cleaned[0].SeriesNumber == 3
    again = pydicom.dcmread(BytesIO(clean(written(first), Pseudonyms(), name="film").data))
    assert again.StudyInstanceUID != cleaned[0].StudyInstanceUID
    assert again.PatientID != cleaned[0].PatientID


def test_what_the_picture_needs_is_kept():
    ds = dataset(gradient(bits=12), bits=12, PhotometricInterpretation="MONOCHROME1")
    ds.WindowCenter, ds.WindowWidth, ds.VOILUTFunction = [2000, 1000], [3000, 500], "SIGMOID"
    ds.WindowCenterWidthExplanation = ["Rosalind", "NORMAL"]
    ds.RescaleSlope, ds.RescaleIntercept, ds.PixelSpacing = 2, -5, [0.143, 0.143]
    ds.ViewPosition, ds.BodyPartExamined, ds.PatientOrientation = "PA", "CHEST", ["L", "F"]
    ds.Manufacturer, ds.ManufacturerModelName = "Philips Rosalind", "Rosalind's"
    ds.PixelPaddingValue = 0
    cleaned = clean(written(ds), Pseudonyms(), name="film")
    got = pydicom.dcmread(BytesIO(cleaned.data))
    assert (got.ViewPosition, got.BodyPartExamined, got.Manufacturer) == ("PA", "CHEST", "Philips")
    assert got.PixelSpacing == [0.143, 0.143]
    assert found_in(cleaned.data) == []
    before, after = read(written(ds), name="a"), read(cleaned.data, name="b")
    assert np.array_equal(before.image, after.image)
    assert len(before.windows) == len(after.windows) == 2


def test_codestreams_keep_their_pixels_but_no_comments():
    values = gradient(bits=8)
    frame = jpeg(values, comment=b"Rosalind 8675309", exif=b"Exif\0\0Featherstonehaugh")
    data = with_frame(dataset(values), frame, JPEGBaseline8Bit)
    assert {"Rosalind", "Featherstonehaugh"} <= set(found_in(data))
    cleaned = clean(data, Pseudonyms(), name="film")
    assert found_in(cleaned.data) == []
    assert np.array_equal(read(data, name="a").pixels, read(cleaned.data, name="b").pixels)
    j2k = compressed(dataset(gradient(bits=12), bits=12), JPEG2000Lossless)
    ds = pydicom.dcmread(BytesIO(j2k))
    stream = pydicom.encaps.get_frame(ds.PixelData, 0, number_of_frames=1)
    at = stream.index(b"\xff\x52")
    stream = stream[:at] + b"\xff\x64\x00\x0c\x00\x01Rosalind" + stream[at:]
    data = with_frame(ds, stream, JPEG2000Lossless)
    assert found_in(data) == ["Rosalind"]
    cleaned = clean(data, Pseudonyms(), name="film")
    assert found_in(cleaned.data) == []
    assert np.array_equal(read(data, name="a").pixels, read(cleaned.data, name="b").pixels)


def test_an_overlay_in_unused_bits_is_cleared():
    values = gradient(bits=12)
    ds = dataset(values | 0x8000, bits=12)
    ds.add_new(0x60000100, "US", 16)
    ds.add_new(0x60000102, "US", 15)
    cleaned = pydicom.dcmread(BytesIO(clean(written(ds), Pseudonyms(), name="film").data))
    assert np.array_equal(np.frombuffer(cleaned.PixelData, "<u2"), values.ravel())
    assert not [element for element in cleaned if element.tag.group == 0x6000]


def test_text_in_the_picture_is_left_to_a_person():
    data = written(dataset(gradient(bits=12), bits=12))
    (notice,) = clean(data, Pseudonyms(), name="film").notices
    assert notice.code == "burned_in_unknown"
    ds = dataset(gradient(bits=12), bits=12, BurnedInAnnotation="YES")
    cleaned = clean(written(ds), Pseudonyms(), name="film")
    assert [notice.code for notice in cleaned.notices] == ["burned_in"]
    got = pydicom.dcmread(BytesIO(cleaned.data))
    assert (got.PatientIdentityRemoved, got.BurnedInAnnotation) == ("NO", "YES")


def test_what_cannot_be_read_is_not_cleaned():
    with pytest.raises(UnsupportedDicomError, match="a CT image"):
        clean(written(dataset(gradient(), bits=12, Modality="CT")), Pseudonyms(), name="film")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Philips Medical Systems", "Philips"),
        ("SIEMENS", "Siemens"),
        ("FUJI PHOTO FILM CO. LTD.", "Fuji"),
        ("FUJIFILM Corporation", "Fuji"),
        ("GE Healthcare", "GE"),
        ("AGFA-Gevaert", "Agfa"),
        ("George Featherstonehaugh", None),
        ("Rosalind", None),
        ("", None),
    ],
)
def test_makers(text, shown):
    assert policy.maker(text) == shown
