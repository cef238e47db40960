"""DICOM objects of a film on the front page: what is offered, said, and made by the click."""

from __future__ import annotations

import zipfile
from io import BytesIO

import pydicom
import pytest

from cxr_core.dicom_out import picture
from tests.app.conftest import png
from tests.app.test_dicom_page import PLANTED, film
from tests.app.test_pages import text, upload
from ui.components import dicom_export
from ui.state import Film


def offered(at):
    """Labels of the download buttons."""
    return [button.label for button in at.get("download_button")]


def said(at):
    """What stands on the page, captions too."""
    return "\n".join([text(at), *(caption.value for caption in at.caption)])


def made(data, *, is_cleaned=False, is_raw=False, shown=("vgg16", None), predictor):
    """What the click makes, by kind."""
    held = Film("Rosalind.dcm", "Rosalind.dcm", "ab" * 32, data)
    archive = dicom_export._objects(held, predictor, shown, is_cleaned, is_raw)
    with zipfile.ZipFile(BytesIO(archive)) as packed:
        files = {name.split("-")[0]: packed.read(name) for name in packed.namelist()}
    return {kind: pydicom.dcmread(BytesIO(data)) for kind, data in files.items()}


@pytest.fixture(autouse=True)
def _small_pictures(monkeypatch):
    monkeypatch.setattr(picture, "LONG_SIDE_PX", 256)


def test_a_dicom_film_goes_back_into_its_study(app, predictor):
    upload(app.run(), ("film.dcm", film()))
    assert not app.exception
    assert dicom_export.BUTTON in offered(app)
    assert "they hold the patient's name and number" in said(app)
    assert not [word for word in PLANTED if word in said(app)]
    (toggle,) = app.toggle
    assert toggle.label == dicom_export.WITHOUT
    toggle.set_value(True).run()
    assert "identifiers taken out" in said(app)


def test_a_picture_has_nobody_to_take_out(app, predictor):
    upload(app.run(), ("film.png", png(3)))
    assert dicom_export.BUTTON in offered(app)
    assert not app.toggle
    assert "with a random number for a patient" in said(app)


def test_nothing_is_made_before_the_click(app, predictor, monkeypatch):
    monkeypatch.setattr(dicom_export, "_objects", lambda *_: pytest.fail("made too early"))
    upload(app.run(), ("film.dcm", film()))
    assert not app.exception


def test_the_click_makes_both_objects(predictor):
    data = film()
    found = made(data, predictor=predictor)
    assert list(found) == ["overlay", "report"]
    source = pydicom.dcmread(BytesIO(data))
    assert found["report"].StudyInstanceUID == source.StudyInstanceUID
    assert str(found["overlay"].PatientName) == "Featherstonehaugh^Rosalind"
    assert found["overlay"].ImageComments.startswith("VGG16")


def test_without_identifiers_none_are_in_them(predictor):
    found = made(film(), predictor=predictor, is_cleaned=True, shown=("vgg16", "NORMAL"))
    assert list(found) == ["film", "overlay", "report"]
    for ds in found.values():
        assert not [word for word in PLANTED if word in str(ds)]
    assert "Normal" in found["overlay"].ImageComments


def test_raw_probabilities_where_the_session_shows_them(predictor):
    found = made(png(3), predictor=predictor, is_raw=True)
    assert list(found) == ["film", "overlay", "report"]
    assert b"not calibrated" in str(found["report"]).encode()


def test_without_highdicom_it_says_so(app, predictor, monkeypatch):
    monkeypatch.setattr(dicom_export, "find_spec", lambda _: None)
    upload(app.run(), ("film.dcm", film()))
    assert dicom_export.NOT_INSTALLED in said(app)
    assert dicom_export.BUTTON not in offered(app)
