"""Secondary Captures: what is drawn, where they belong, films that were no DICOM objects."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from pydicom.uid import SecondaryCaptureImageStorage

from cxr_core import io
from cxr_core.dicom_out.capture import overlay_capture
from cxr_core.dicom_out.device import Device
from cxr_core.dicom_out.export import MapChoice, export, silent, words_below
from cxr_core.dicom_out.picture import overlay_picture
from cxr_core.dicom_out.study import new_uid, source_of
from cxr_core.errors import NotApplicableError
from cxr_core.explain.cam import Cam
from cxr_core.provenance import Provenance
from tests.io.dicom_files import dataset, gradient, written


def png(pixels, container="PNG"):
    stream = BytesIO()
    Image.fromarray(pixels).save(stream, container)
    return stream.getvalue()


def cam(grid=None):
    grid = np.zeros((7, 7), np.float32) if grid is None else grid
    return Cam("vgg16", "COVID19", "hirescam", grid, 1.0)


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_in_the_study_of_the_film(exported, bits):
    film = dataset(gradient(bits=bits), bits=bits)
    found = exported(written(film), systems=("vgg16", "ensemble_dense"))
    assert found.kinds == ["overlay", "overlay", "report"]
    assert found.codes == []
    for ds in found.objects:
        assert ds.StudyInstanceUID == film.StudyInstanceUID
        assert (str(ds.PatientName), ds.PatientID) == ("Doe^Jane", "4711")
        assert ds.SOPInstanceUID.startswith("2.25.")
        assert ds.SeriesInstanceUID.startswith("2.25.")
    overlays = found.overlays
    assert [ds.InstanceNumber for ds in overlays] == [1, 2]
    assert len({ds.SeriesInstanceUID for ds in overlays}) == 1
    assert len({ds.SeriesInstanceUID for ds in found.objects}) == 2
    assert len({ds.SOPInstanceUID for ds in found.objects}) == 3
    for ds in overlays:
        assert ds.SOPClassUID == SecondaryCaptureImageStorage
        assert (ds.PhotometricInterpretation, ds.BitsStored) == ("RGB", 8)
        assert ds.ImageType[:2] == ["DERIVED", "SECONDARY"]
        (source,) = ds.SourceImageSequence
        assert source.ReferencedSOPInstanceUID == film.SOPInstanceUID
        assert source.PurposeOfReferenceCodeSequence[0].CodeValue == "121322"
        assert "research use only" in ds.ImageComments.lower()


def test_the_words_say_what_made_it(exported, tiny_predictor):
    ds = exported(written(dataset(gradient()))).overlays[0]
    for words in ("VGG16", "HiResCAM", "tiny 0.0.1", tiny_predictor.bundle.digest, "variant tiny"):
        assert words in ds.DerivationDescription


def test_the_lines_below(tiny_predictor):
    reading = tiny_predictor.read(io.read(written(dataset(gradient())), name="film"))
    probs = np.array([0.2, 0.7, 0.1])
    systems = {**reading.systems, "vgg16": replace(reading.systems["vgg16"], probs=probs)}
    reading = replace(reading, systems=systems)
    provenance = Provenance.of(tiny_predictor)
    lines = words_below(reading, "vgg16", "NORMAL", cam(), provenance)
    assert lines == [
        "VGG16 · HiResCAM · COVID-19 · research use only",
        "Probability of Normal, neither of the other two: 0.700 (not calibrated)",
        provenance.line(),
        "The map shows what moved the score, not where disease is. Research use only. Not a "
        "medical device. Not for diagnosis.",
    ]
    refused = replace(reading, trust=replace(reading.trust, ood_verdict="refused"))
    assert "do not believe" in words_below(refused, "vgg16", "COVID19", cam(), provenance)[2]


def test_polarity_is_respected(exported):
    pixels = gradient(bits=8)
    plain = exported(written(dataset(pixels, bits=8))).overlays[0].pixel_array
    inverted = dataset(255 - pixels, bits=8, PhotometricInterpretation="MONOCHROME1")
    assert np.array_equal(exported(written(inverted)).overlays[0].pixel_array, plain)


def test_the_map_lies_on_its_cells():
    grid = np.zeros((7, 7), np.float32)
    grid[1, 5] = 2.0
    drawn = overlay_picture(np.zeros((70, 140), np.float32), cam(grid), ["one", "two"])
    film = drawn[:128, :256].astype(int)  # the fixture makes the longer side 256
    cell = film[int(1.5 / 7 * 128), int(5.5 / 7 * 256)]
    assert cell.sum() > film[64, 64].sum() + 200
    assert drawn.shape[1] == 640  # room for the words
    assert drawn[128:].any()  # the words
    assert not overlay_picture(np.zeros((70, 140), np.float32), cam(), [])[128:].any()


@pytest.mark.parametrize("shape", [(1, 900), (900, 1), (5, 5)])
def test_odd_shapes_are_drawn(shape):
    assert overlay_picture(np.ones(shape, np.float32), cam(), ["words " * 90]).ndim == 3


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ({"BurnedInAnnotation": "YES"}, {"BurnedInAnnotation": "YES"}),
        ({"BurnedInAnnotation": "NO"}, {"BurnedInAnnotation": "NO"}),
        ({}, {"BurnedInAnnotation": None, "LossyImageCompression": None}),
        (
            {"LossyImageCompression": "01", "LossyImageCompressionRatio": 12.5},
            {"LossyImageCompression": "01", "LossyImageCompressionRatio": 12.5},
        ),
        (
            {"BodyPartExamined": "CHEST", "Laterality": "R"},
            {"BodyPartExamined": "CHEST", "Laterality": None},
        ),
        (
            {"BodyPartExamined": "HAND", "Laterality": "R"},
            {"BodyPartExamined": "HAND", "Laterality": "R"},
        ),
        ({"PatientOrientation": ["L", "F"]}, {"PatientOrientation": ["L", "F"]}),
    ],
)
def test_what_the_film_says_of_its_picture(elements, expected):
    film = written(dataset(gradient(bits=8), bits=8, **elements))
    reference = source_of(film, name="film").reference
    device = Device("2.25.1", "models 1", "ab" * 32, "clean", "f32")
    drawn = np.zeros((8, 8, 3), np.uint8)
    with silent():
        ds = overlay_capture(reference, drawn, cam(), device, series_uid=new_uid(), number=1)
    assert {keyword: ds.get(keyword) for keyword in expected} == expected
    assert ("Laterality" in ds) is (elements.get("BodyPartExamined") != "CHEST")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_picture_becomes_a_study_of_its_own(exported, tiny_predictor, dtype):
    pixels = gradient((120, 100), bits=8 * np.dtype(dtype).itemsize)
    found = exported(png(pixels))
    assert found.kinds == ["film", "overlay", "report"]
    assert found.codes == ["study_of_nobody"]
    film = found.film
    assert film.pixel_array.dtype == dtype
    assert np.array_equal(film.pixel_array, pixels)
    assert str(film.PatientName) == film.PatientID
    assert {ds.PatientID for ds in found.objects} == {film.PatientID}
    assert {ds.StudyInstanceUID for ds in found.objects} == {film.StudyInstanceUID}
    (source,) = found.overlays[0].SourceImageSequence
    assert source.ReferencedSOPInstanceUID == film.SOPInstanceUID
    again = tiny_predictor.read(io.read(found.files[0].data, name="film"))
    for name, system in found.reading.systems.items():
        assert again.systems[name].probs == pytest.approx(system.probs, abs=1e-6)


def test_two_pictures_are_not_one_patient(exported):
    data = png(gradient(bits=8))
    one, other = exported(data, is_new=True), exported(data, is_new=True)
    assert one.film.PatientID != other.film.PatientID
    assert one.film.StudyInstanceUID != other.film.StudyInstanceUID


def test_a_jpeg_says_that_it_lost_something(exported):
    film = exported(png(gradient(bits=8), "JPEG")).film
    assert (film.LossyImageCompression, film.LossyImageCompressionMethod) == ("01", "ISO_10918_1")


def test_any_class_and_method_can_be_drawn(tiny_predictor):
    data = written(dataset(gradient(bits=8), bits=8))
    reading = tiny_predictor.read(io.read(data, name="film"))
    choice = MapChoice("densenet201", "PNEUMONIA", "gradcam")
    found = export(data, reading, tiny_predictor, [choice])
    assert b"DenseNet201" in found.objects[0].data
    with pytest.raises(NotApplicableError, match="resnet"):
        export(data, reading, tiny_predictor, [MapChoice("resnet")])


def test_raw_probabilities_are_named_raw(exported):
    found = exported(written(dataset(gradient(bits=8), bits=8)), is_raw=True)
    assert found.kinds == ["overlay", "report"]


def test_the_archive_holds_every_object_under_a_name_without_names(exported):
    found = exported(written(dataset(gradient(bits=8), bits=8)))
    with zipfile.ZipFile(BytesIO(found.zipped())) as packed:
        names = packed.namelist()
        assert packed.read(names[0]) == found.files[0].data
    expected = [
        f"{kind}-{ds.SOPInstanceUID}.dcm"
        for kind, ds in zip(found.kinds, found.objects, strict=True)
    ]
    assert names == expected
