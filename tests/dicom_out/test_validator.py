"""What other people's software says of the objects: dciodvfy (dicom3tools) and dsrdump (dcmtk)."""

from __future__ import annotations

import shutil
import subprocess
from io import BytesIO

import pytest
from PIL import Image
from pydicom.data import get_testdata_file

from cxr_core import io
from cxr_core.bundle import Bundle
from cxr_core.dicom_out import code
from cxr_core.dicom_out.export import MapChoice, export
from cxr_core.io.dicom.clean import Pseudonyms
from cxr_core.predict import Predictor
from tests.dicom_out.test_structured_report import calibrated
from tests.io.dicom_files import dataset, gradient, written

pytestmark = pytest.mark.slow

EXPECTED = (
    f"Unrecognized defined term = <{code.SCHEME}>",  # private schemes are not in its list
    f"Unrecognized defined term = <{code.SCHEME_UID}>",
    "Missing attribute or value that would be needed to build DICOMDIR",  # empty study date
    "is only permitted to be empty when actually unknown",  # the side of a body part, and it is
    "Retired Person Name form",  # names of one component, as the film has them
)
"""Warnings, each with its reason; any other fails the test, and so does every error."""


def png(pixels):
    stream = BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def rg1():
    path = get_testdata_file("RG1_UNCR.dcm", download=False)
    if path is None:
        pytest.skip("pydicom-data is not installed")
    with open(path, "rb") as stream:  # noqa: PTH123 - pydicom gives a string
        return stream.read()


FILMS = {
    "8 bits": lambda: written(dataset(gradient(bits=8), bits=8)),
    "16 bits": lambda: written(dataset(gradient(bits=16), bits=16)),
    "MONOCHROME1": lambda: written(
        dataset(gradient(), bits=12, PhotometricInterpretation="MONOCHROME1")
    ),
    "orientation and spacing": lambda: written(
        dataset(
            gradient(),
            bits=12,
            PatientOrientation=["L", "F"],
            ImagerPixelSpacing=[0.143, 0.143],
            BodyPartExamined="CHEST",
        )
    ),
    "no study": lambda: written(dataset(gradient(), bits=12, StudyInstanceUID=None)),
    "Japanese name": lambda: written(
        dataset(
            gradient(),
            bits=12,
            SpecificCharacterSet=["", "ISO 2022 IR 87"],
            PatientName="Yamada^Tarou=山田^太郎=やまだ^たろう",
        )
    ),
    "picture": lambda: png(gradient(bits=8)),
    "deep picture": lambda: png(gradient(bits=16)),
    "RG1": rg1,
}


def complaints(tool, path):
    """Lines of dciodvfy that are no expected warning."""
    done = subprocess.run([tool, "-new", str(path)], capture_output=True, text=True, check=False)
    lines = (done.stdout + done.stderr).splitlines()
    told = [line for line in lines if line.startswith(("Error", "Warning"))]
    return done.returncode, [line for line in told if not any(words in line for words in EXPECTED)]


@pytest.mark.parametrize("is_cleaned", [False, True], ids=["as it is", "without identifiers"])
@pytest.mark.parametrize("title", FILMS)
def test_dciodvfy_finds_no_error(exported, tmp_path, title, is_cleaned):
    tool = shutil.which("dciodvfy")
    if tool is None:
        pytest.skip("dciodvfy is not installed (Debian: apt-get install dicom3tools)")
    names = Pseudonyms() if is_cleaned else None
    found = exported(FILMS[title](), change=calibrated, pseudonyms=names)
    ours = [file for file in found.files if not (is_cleaned and file.kind == "film")]
    for file in ours:  # a film that was cleaned is what the source made it
        path = tmp_path / file.file_name
        path.write_bytes(file.data)
        assert complaints(tool, path) == (0, []), file.kind


def test_dcmtk_reads_the_report_of_the_published_models(tmp_path):
    tool = shutil.which("dsrdump")
    if tool is None:
        pytest.skip("dsrdump is not installed (Debian: apt-get install dcmtk)")
    predictor = Predictor(Bundle.load())
    data = rg1()
    reading = predictor.read(io.read(data, name="film"))
    found = export(data, reading, predictor, [MapChoice("ensemble_dense")])
    path = tmp_path / "report.dcm"
    path.write_bytes(found.objects[-1].data)
    done = subprocess.run(
        [tool, "+Pl", "+Pc", str(path)], capture_output=True, text=True, check=True
    )
    assert "E:" not in done.stderr
    assert "Verification Flag   : UNVERIFIED" in done.stdout
    assert "Completion Flag     : COMPLETE" in done.stdout
    assert predictor.bundle.digest in done.stdout
    for system in reading.systems.values():
        for value in system.probs:
            assert f'"{value:.10f}'[:9] in done.stdout
