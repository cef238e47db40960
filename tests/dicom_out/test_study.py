"""Whose the objects are: names in every alphabet, odd headers, identifiers taken out, silence."""

from __future__ import annotations

import logging

import pytest

from cxr_core.dicom_out.study import source_of
from cxr_core.io.dicom.clean import Pseudonyms
from tests.io.dicom_files import dataset, gradient, written
from tests.io.dicom_planted import PLANTED, UID, planted_film

NAMES = {
    "ISO_IR 100": "Müller^Käthe",
    "": "Jørgen^Åse",
    "ISO_IR 126": "Διονυσιος",
    "ISO_IR 144": "Жуков^Юлия",
    "ISO_IR 192": "Wang^XiaoDong=王^小東",
    "GB18030": "Wang^XiaoDong=王^小东",
    ("", "ISO 2022 IR 87"): "Yamada^Tarou=山田^太郎=やまだ^たろう",
    ("", "ISO 2022 IR 149"): "Hong^Gildong=洪^吉洞=홍^길동",
}


def film(**elements):
    return dataset(gradient(bits=8), bits=8, **elements)


@pytest.mark.parametrize("charset", NAMES)
def test_a_name_is_read_in_any_alphabet(charset):
    characters = charset or None if isinstance(charset, str) else list(charset)
    ds = film(SpecificCharacterSet=characters, PatientName=NAMES[charset])
    source = source_of(written(ds), name="film")
    assert str(source.identity.PatientName) == NAMES[charset]
    assert source.notices == ()


def test_names_come_through_to_every_object(exported):
    characters = ("", "ISO 2022 IR 87")
    ds = film(
        SpecificCharacterSet=list(characters),
        PatientName=NAMES[characters],
        ReferringPhysicianName="Suzuki^Ichirou=鈴木^一郎",
    )
    found = exported(written(ds))
    for each in found.objects:
        assert str(each.PatientName) == NAMES[characters]
        assert str(each.ReferringPhysicianName) == "Suzuki^Ichirou=鈴木^一郎"
        assert each.SpecificCharacterSet == "ISO_IR 192"


def test_a_name_that_cannot_be_read_is_told(exported):
    ds = film(PatientName="MXller^KXthe", SpecificCharacterSet="ISO_IR 192")
    data = written(ds).replace(b"MXller^KXthe", b"M\xfcller^K\xe4the")
    found = exported(data)
    assert found.codes == ["unreadable_name"]
    assert "ller" not in found.notices[0].message


def test_the_whole_of_patient_and_study_is_copied(exported):
    values = {
        "PatientBirthDate": "19470613",
        "PatientSex": "F",
        "PatientAge": "079Y",
        "PatientSize": "1.68",
        "IssuerOfPatientID": "St. Mungo",
        "PatientComments": "left handed",
        "StudyDate": "20260102",
        "StudyTime": "031415.123",
        "AccessionNumber": "A-17",
        "StudyID": "S1",
        "StudyDescription": "Thorax",
    }
    ds = film(**values)
    issuer = type(ds)()
    issuer.LocalNamespaceEntityID = "RIS"
    ds.IssuerOfAccessionNumberSequence = [issuer]
    for each in exported(written(ds)).objects:
        assert {keyword: str(each.get(keyword)) for keyword in values} == values
        assert each.IssuerOfAccessionNumberSequence[0].LocalNamespaceEntityID == "RIS"


def test_what_may_not_stand_in_an_element_is_left_out(exported):
    data = written(film(PatientBirthDate="19470613", PatientSex="F"))
    data = data.replace(b"19470613", b"13061947").replace(b"CS\x02\x00F ", b"CS\x02\x00Q ")
    for each in exported(data).objects:
        assert (each.PatientBirthDate, each.PatientSex) == ("", "")
        assert str(each.PatientName) == "Doe^Jane"


@pytest.mark.parametrize(
    ("keyword", "value"),
    [("StudyInstanceUID", None), ("SOPInstanceUID", None), ("SeriesInstanceUID", "no uid")],
)
def test_without_a_uid_the_film_is_written_once_more(exported, keyword, value):
    ds = film()
    study = ds.StudyInstanceUID
    old = str(ds[keyword].value).encode()
    if value is None:
        del ds[keyword]
        data = written(ds)
    else:
        data = written(ds).replace(old, b"x" * len(old))
    found = exported(data)
    assert found.kinds == ["film", "overlay", "report"]
    assert found.codes == ["written_anew"]
    is_new = keyword == "StudyInstanceUID"
    for each in found.objects:
        assert (each.StudyInstanceUID == study) is not is_new
        assert str(each.PatientName) == "Doe^Jane"
    words = "in a new study of the same patient" if is_new else "in the same study"
    assert words in found.notices[0].message
    (source,) = found.overlays[0].SourceImageSequence
    assert source.ReferencedSOPInstanceUID == found.film.SOPInstanceUID


def test_a_film_of_a_private_class_is_written_once_more(exported):
    ds = film(SOPClassUID="1.2.3.4.5")
    found = exported(written(ds))
    assert found.kinds == ["film", "overlay", "report"]
    assert found.film.StudyInstanceUID == ds.StudyInstanceUID
    assert found.film.SOPInstanceUID != ds.SOPInstanceUID


def test_of_a_planted_film_only_valid_elements_go_back(exported):
    found = exported(written(planted_film(SOPInstanceUID="1.2.3.1", SeriesInstanceUID="1.2.3.2")))
    assert found.kinds == ["overlay", "report"]
    for each in found.objects:
        assert each.StudyInstanceUID == UID
        assert str(each.PatientName) == "Featherstonehaugh^Rosalind"
        assert "InstitutionName" not in each
        assert not [element for element in each if element.tag.is_private]


def test_without_identifiers_nothing_planted_is_in_any_object(exported):
    names = Pseudonyms()
    ready = {"BurnedInAnnotation": "NO", "SeriesInstanceUID": "1.2.3.2"}
    one = exported(written(planted_film(SOPInstanceUID="1.2.3.1", **ready)), pseudonyms=names)
    other = exported(written(planted_film(SOPInstanceUID="1.2.3.9", **ready)), pseudonyms=names)
    assert one.kinds == ["film", "overlay", "report"]
    for file in (*one.files, *other.files):
        assert not [word for word in (*PLANTED, UID) if word.encode() in file.data]
    for ds in one.objects:
        assert ds.PatientIdentityRemoved == "YES"
        assert ds.StudyInstanceUID == other.film.StudyInstanceUID
        assert ds.PatientID == other.film.PatientID
    (source,) = one.overlays[0].SourceImageSequence
    assert source.ReferencedSOPInstanceUID == one.film.SOPInstanceUID
    assert one.report.DeidentificationMethod == one.film.DeidentificationMethod
    assert one.report.DeidentificationMethodCodeSequence[0].CodeValue == "113100"


def test_burned_in_text_is_told_and_stays_stated(exported):
    ds = film(BurnedInAnnotation="YES")
    found = exported(written(ds), pseudonyms=Pseudonyms())
    assert found.codes == ["burned_in"]
    for each in found.objects:
        assert each.PatientIdentityRemoved == "NO"
    assert found.overlays[0].BurnedInAnnotation == "YES"


def test_nothing_is_logged_or_warned(exported, caplog, recwarn):
    caplog.set_level(logging.DEBUG)
    ready = {"SOPInstanceUID": "1.2.8675309.1", "SeriesInstanceUID": "1.2.8675309.2"}
    data = written(planted_film(PatientName="Featherstonehaugh", **ready))
    exported(data)
    exported(data, pseudonyms=Pseudonyms())
    assert not [word for word in PLANTED if word in caplog.text]
    assert not recwarn.list


def test_what_is_kept_of_a_file_names_nobody_where_it_is_shown():
    source = source_of(written(planted_film()), name="film")
    shown = f"{source!r} {source.reference}"
    assert not [word for word in PLANTED[:3] if word in shown]
