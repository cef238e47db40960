"""A real Orthanc on loopback: store, query, read, send back, read back."""

from __future__ import annotations

import csv
import io as streams

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file

from cxr_core import io
from cxr_core.__main__ import main
from cxr_core.dicom_out.export import MapChoice, export
from cxr_core.io.dicomweb import (
    NotOnServerError,
    Query,
    ServerFilm,
    ServerLoginError,
    ServerSettings,
)
from cxr_core.io.dicomweb.client import DicomWeb
from cxr_core.io.dicomweb.store import Stored
from cxr_core.labels import CLASSES
from tests.dicomweb import orthanc
from tests.dicomweb.conftest import SERIES, STUDY, film
from tests.io.dicom_files import compressed, dataset, gradient

pytestmark = pytest.mark.slow

RG1 = ("RG1_UNCR", "RG1_J2KR", "RG1_UNCI", "RG1_J2KI")


@pytest.fixture(scope="module")
def server(real):
    """A client of Orthanc."""
    with DicomWeb(ServerSettings(real.url, orthanc.USER, orthanc.PASSWORD)) as client:
        yield client


@pytest.fixture(scope="module")
def stored(server):
    """A study on Orthanc: two films, one of them lateral."""
    assert server.store([film(1), film(2, ViewPosition="LL")]) == (Stored(is_stored=True),) * 2
    return STUDY


def test_a_film_is_found_by_everything_it_can_be_searched_by(server, stored):
    for parts in (
        {},
        {"patient_id": "P 4711"},
        {"patient_id": "P*"},
        {"accession": "A-77"},
        {"date_from": "2024-01-31", "date_to": "2024-01-31"},
        {"date_from": "2024-01-01"},
        {"date_to": "20241231"},
        {"modalities": ("CR",)},
        {"study_uid": stored},
    ):
        found = server.studies(Query(**parts))
        assert stored in [study.uid for study in found.studies], parts
    study = server.studies(Query(study_uid=stored)).studies[0]
    assert (study.date, study.patient_id, study.accession) == ("2024-01-31", "P 4711", "A-77")
    assert (study.modalities, study.n_instances) == (("CR",), 2)
    for parts in (
        {"patient_id": "P 4712"},
        {"accession": "A-78"},
        {"date_from": "2025-01-01"},
        {"modalities": ("DX",)},
    ):
        assert not server.studies(Query(**parts)).studies, parts


def test_the_frontal_film_comes_back_byte_for_byte(server, stored):
    found = server.films(stored)
    assert [(place.view, place.uid) for place in found.films] == [("PA", f"{SERIES}.1")]
    assert found.n_left_out == 1
    assert server.fetch(found.films[0], name="film") == film(1)


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.80"])
def test_a_packed_film_keeps_its_encoding(server, syntax):
    uid = f"{STUDY}.{syntax[-2:]}"
    data = compressed(
        dataset(gradient((200, 180)), 12, StudyInstanceUID=uid, Modality="DX"),
        pydicom.uid.UID(syntax),
    )
    assert server.store([data])[0].is_stored
    (place,) = server.films(uid).films
    assert server.fetch(place, name="film") == data


def test_errors_are_those_of_the_server(server, stored, real):
    with pytest.raises(NotOnServerError, match="status 404"):
        server.fetch(ServerFilm("1.2.3", "1.2.4", "1.2.5"), name="film")
    assert not server.films("1.2.3").films
    with (
        DicomWeb(ServerSettings(real.url, orthanc.USER, "wrong")) as stranger,
        pytest.raises(ServerLoginError, match="status 401"),
    ):
        stranger.studies(Query())
    with (
        DicomWeb(
            ServerSettings(real.url[: -len("dicom-web")] + "x", orthanc.USER, orthanc.PASSWORD)
        ) as lost,
        pytest.raises(NotOnServerError, match="status 404"),
    ):
        lost.studies(Query())


@pytest.mark.parametrize("name", RG1)
def test_a_real_film_reads_alike_through_the_server(server, name):
    path = get_testdata_file(f"{name}.dcm", download=False)
    if path is None:
        pytest.skip("pydicom-data is not installed")
    data = io.read_bytes(path)
    assert server.store([data])[0].is_stored
    uid = str(pydicom.dcmread(path, stop_before_pixels=True).StudyInstanceUID)
    images = [
        io.read(server.fetch(place, name=name), name=name).image
        for place in server.films(uid).films
    ]
    assert any(np.array_equal(image, io.read(data, name=name).image) for image in images)


def test_results_go_back_into_the_study_and_can_be_read(server, stored, tiny_predictor):
    place = server.films(stored).films[0]
    data = server.fetch(place, name="film")
    reading = tiny_predictor.read(io.read(data, name="film"))
    choices = [MapChoice("ensemble_dense"), MapChoice("vgg16", "COVID19")]
    exported = export(data, reading, tiny_predictor, choices)
    kinds = [written.kind for written in exported.objects]
    assert kinds == ["overlay", "overlay", "report"]
    outcomes = server.store([written.data for written in exported.objects])
    assert [outcome.is_stored for outcome in outcomes] == [True] * 3
    back = [returned(server, stored, written) for written in exported.objects]
    for ds, written in zip(back, exported.objects, strict=True):
        assert (ds.PatientID, ds.AccessionNumber) == ("P 4711", "A-77"), written.kind
        assert ds.StudyDate == "20240131"
    picture = pydicom.dcmread(streams.BytesIO(exported.objects[0].data))
    assert np.array_equal(back[0].pixel_array, picture.pixel_array)
    assert back[2].VerificationFlag == "UNVERIFIED"
    values = numbers(back[2])
    for system in reading.systems.values():
        for label, prob in zip(CLASSES, system.probs, strict=True):
            assert any(abs(value - prob) < 1e-6 for value in values), (system.name, label)
    assert server.films(stored).films == (place,)  # our own pictures are no films
    (study,) = server.studies(Query(study_uid=stored)).studies
    assert study.n_instances == 5
    assert {"CR", "OT", "SR"} == set(study.modalities)


def returned(server, study_uid, written):
    """Retrieve an object that we stored, by its own UIDs."""
    ds = pydicom.dcmread(streams.BytesIO(written.data), stop_before_pixels=True)
    place = ServerFilm(study_uid, str(ds.SeriesInstanceUID), written.uid)
    return pydicom.dcmread(streams.BytesIO(server.fetch(place, name="object")))


def numbers(ds):
    """All measured values of a report."""
    found = []
    for item in ds.get("ContentSequence", ()):
        if item.ValueType == "NUM":
            found += [float(value.NumericValue) for value in item.MeasuredValueSequence]
        found += numbers(item)
    return found


def test_the_commands(real, stored, tmp_path, monkeypatch, capsys, tiny_bundle_dir):
    monkeypatch.setenv("CXR_DICOMWEB_URL", real.url)
    monkeypatch.setenv("CXR_DICOMWEB_USER", orthanc.USER)
    monkeypatch.setenv("CXR_DICOMWEB_PASSWORD", orthanc.PASSWORD)
    assert main(["dicomweb", "list", "--study", stored]) == 0
    assert "1 study. Dates" in capsys.readouterr().out
    out = tmp_path / "results.csv"
    options = ["--out", str(out), "--bundle", str(tiny_bundle_dir)]
    assert main(["dicomweb", "score", "--study", stored, *options]) == 0
    with out.open(encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert row["file"] == "study-0001-film-01"
    path = tmp_path / "new.dcm"
    path.write_bytes(film(8))
    assert main(["dicomweb", "store", str(path)]) == 0
    assert "1 of 1 files stored" in capsys.readouterr().out
