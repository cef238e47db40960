"""Films for a server, a fake server, and the real one."""

from __future__ import annotations

import pytest

from cxr_core.io.dicomweb.client import DicomWeb
from tests.dicomweb import orthanc
from tests.dicomweb.fake_server import FakeServer
from tests.io.dicom_files import dataset, gradient, written

STUDY, SERIES = "1.2.826.0.1.3680043.2.71.1", "1.2.826.0.1.3680043.2.71.2"


def film(number=1, **elements):
    """A frontal CR film; films of one study by default."""
    ready = {
        "StudyInstanceUID": STUDY,
        "SeriesInstanceUID": SERIES,
        "SOPInstanceUID": f"{SERIES}.{number}",
        "ViewPosition": "PA",
        "BodyPartExamined": "CHEST",
        "PatientOrientation": ["L", "F"],
        "StudyDate": "20240131",
        "AccessionNumber": "A-77",
        "PatientID": "P 4711",
        "ImageType": ["ORIGINAL", "PRIMARY"],
    }
    pixels = gradient((120 + number, 100), bits=12)
    return written(dataset(pixels, bits=12, **{**ready, **elements}))


@pytest.fixture
def fake():
    """A server with a frontal film, a lateral one, and a study of another patient."""
    server = FakeServer(
        film(1),
        film(2, ViewPosition="LL"),
        film(
            3,
            StudyInstanceUID=f"{STUDY}.9",
            SeriesInstanceUID=f"{SERIES}.9",
            Modality="DX",
            PatientID="P 12",
            StudyDate="20231203",
        ),
    )
    yield server
    server.stop()


@pytest.fixture
def server(fake):
    """A client of the fake server; it waits a second at most."""
    with DicomWeb(fake.settings(), film_s=1.0, silence_s=1.0) as client:
        yield client


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """A running Orthanc with an empty storage."""
    if orthanc.missing():
        pytest.skip(orthanc.missing())
    running = orthanc.Orthanc(tmp_path_factory.mktemp("orthanc"))
    yield running
    running.stop()
