"""A DICOM film on the front page: what is shown of it, what is masked, what is said."""

from __future__ import annotations

import hashlib

import pytest

from tests.app.conftest import png
from tests.app.test_pages import text, upload, viewers
from tests.io.dicom_files import dataset, gradient, written

PLANTED = ("Featherstonehaugh", "Rosalind", "8675309", "19470613", "St. Mungo", "31415926")


def film(**elements):
    """A film full of planted names and numbers."""
    ds = dataset(gradient((96, 80), bits=12), bits=12)
    ds.PatientName, ds.PatientID = "Featherstonehaugh^Rosalind", "8675309"
    ds.PatientBirthDate, ds.InstitutionName = "19470613", "St. Mungo"
    ds.SeriesDescription, ds.StudyDescription = "CHEST Rosalind", "8675309"
    ds.WindowCenter, ds.WindowWidth = [2048, 1000], [4096, 300]
    ds.WindowCenterWidthExplanation = ["HARDER", "Rosalind"]
    ds.ViewPosition, ds.ExposureTime = "PA", "8"
    ds.private_block(0x0011, "Featherstonehaugh", create=True).add_new(1, "LO", "31415926")
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    return written(ds)


def panel(at):
    """The header's table, or `None`."""
    frames = at.dataframe
    return frames[0].value if frames else None


def everything(at):
    """All that was sent to the browser, as text."""
    parts = [text(at), str(viewers(at))]
    parts += [
        str(node) for kind in ("warning", "error", "expander", "button") for node in at.get(kind)
    ]
    if panel(at) is not None:
        parts.append(panel(at).to_csv())
    return "\n".join(parts)


def key_of(data):
    return f"header-{hashlib.sha256(data).hexdigest()[:16]}"


def opened(at, data):
    """Open the header's panel."""
    at.session_state[key_of(data)] = True
    at.run()
    assert not at.exception
    return at


def test_the_film_brings_its_windows_and_facts(app, predictor):
    upload(app.run(), ("film", film()))
    assert "DICOM, CR, PA view, 12 bits stored, Explicit VR Little Endian, 80 by 96" in text(app)
    (shown,) = viewers(app)
    names = [window["name"] for window in shown["film"]["windows"]]
    assert names[:3] == ["Window 1: harder", "Window 2", "Full range"]
    assert not [word for word in PLANTED if word in everything(app)]


def test_the_header_is_read_when_it_is_opened_and_masks(app, predictor, monkeypatch):
    data = film()
    upload(app.run(), ("film.dcm", data))
    assert panel(app) is None
    opened(app, data)
    table = panel(app)
    values = dict(zip(table["Tag"], table["Value"], strict=True))
    assert values["0010,0010"] == values["0010,0020"] == values["0008,103E"] == "masked"
    assert (values["0018,1150"], values["0028,0010"], values["0018,5101"]) == ("8", "96", "PA")
    assert "2 private elements are not listed." in text(app)
    assert not [word for word in PLANTED if word in everything(app)]


@pytest.mark.parametrize(
    ("elements", "words"),
    [
        ({"ViewPosition": "LL"}, "this is a lateral or oblique view"),
        ({"BodyPartExamined": "HAND"}, "another part of the body than the chest"),
        ({"BurnedInAnnotation": "YES"}, "text is burned into the picture"),
        ({"PresentationLUTShape": "INVERSE"}, "Air should look dark: check that it does."),
    ],
)
def test_serious_notices_stand_above_the_film(app, predictor, elements, words):
    upload(app.run(), ("film", film(**elements)))
    assert [warning for warning in app.warning if words in warning.value.replace("\\", "")]
    assert words not in text(app)


def test_another_modality_is_refused_by_name_and_its_header_can_be_read(app, predictor):
    data = film(Modality="CT")
    upload(app.run(), ("film", data))
    assert "a CT image (modality CT)" in text(app)
    assert panel(opened(app, data)) is not None
    assert not [word for word in PLANTED if word in everything(app)]


def test_a_picture_has_no_header(app, predictor):
    data = png(3)
    upload(app.run(), ("film.png", data))
    assert key_of(data) not in app.session_state
    upload(app, ("film.dcm", dicom := film()))
    assert key_of(dicom) in app.session_state
