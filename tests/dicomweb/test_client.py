"""The client against a server that behaves: search, films, retrieve, store."""

from __future__ import annotations

import logging

import pytest
import requests

from cxr_core import io
from cxr_core.errors import ImageTooLargeError, UnreadableImageError
from cxr_core.io.dicomweb import Query, QueryError, ServerFilm, ServerReplyError, Study
from cxr_core.io.dicomweb.item import list_films
from cxr_core.io.dicomweb.store import Stored
from tests.dicomweb.conftest import SERIES, STUDY, film
from tests.dicomweb.fake_server import multipart, multipart_type, send


def test_studies_are_found_by_each_part(server):
    found = server.studies(Query())
    assert [study.modalities for study in found.studies] == [("CR",), ("DX",)]
    assert not found.is_cut
    first = found.studies[0]
    assert (first.uid, first.date, first.patient_id) == (STUDY, "2024-01-31", "P 4711")
    assert (first.patient_name, first.accession, first.n_instances) == ("Doe^Jane", "A-77", 1)
    for parts, n_expected in (
        ({"patient_id": "P 4711"}, 1),
        ({"patient_id": "P*"}, 2),
        ({"patient_id": "47"}, 0),
        ({"accession": "A-77"}, 2),
        ({"modalities": ("DX",)}, 1),
        ({"date_from": "2024-01-01"}, 1),
        ({"date_to": "20231231"}, 1),
        ({"date_from": "20231203", "date_to": "2023-12-03"}, 1),
        ({"study_uid": STUDY}, 1),
    ):
        assert len(server.studies(Query(**parts)).studies) == n_expected, parts


def test_the_latest_study_comes_first(server, fake):
    for n, day in ((1, "20240305"), (2, None), (3, "20240307")):
        uid = f"{STUDY}.7.{n}"
        fake.take(film(70 + n, StudyInstanceUID=uid, SeriesInstanceUID=uid, StudyDate=day))
    dates = [study.date for study in server.studies(Query()).studies]
    assert dates == ["2024-03-07", "2024-03-05", "2024-01-31", "2023-12-03", ""]


def test_a_limit_is_asked_for_and_kept(server, fake):
    found = server.studies(Query(limit=1))
    assert len(found.studies) == 1
    assert found.is_cut
    assert {request.query["limit"] for request in fake.requests} == {"1"}


def test_what_an_address_must_escape_is_searched_as_any_letter(server, fake):
    """Orthanc's DICOMweb 1.7 does not decode the values of a search."""
    server.studies(Query(patient_id="P 4711", accession="Ä+&7*"))
    assert "PatientID=P?4711" in fake.requests[0].path
    assert "AccessionNumber=???7*" in fake.requests[0].path
    assert fake.requests[0].headers["Host"] == fake.url.split("/")[2]


def test_a_server_that_ignores_the_search_shows_no_other_patient(server, fake):
    fake._asked = lambda _ds, _query: True
    assert [s.patient_id for s in server.studies(Query(patient_id="P 12")).studies] == ["P 12"]
    assert len(server.studies(Query(modalities=("DX",))).studies) == 1


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"date_from": "31.1.2024"}, "`date_from` must be a date"),
        ({"date_to": "2024-02-31"}, "`date_to` must be a date"),
        ({"date_from": "20240202", "date_to": "20240201"}, "must not be after"),
        ({"patient_id": "a\nb"}, "`patient_id` must be one line"),
        ({"accession": "x" * 65}, "`accession` must be one line"),
        ({"patient_id": "a\\b"}, "`patient_id` must be one line"),
        ({"modalities": ("CT",)}, "`modalities` must be some of"),
        ({"modalities": ()}, "`modalities` must be some of"),
        ({"study_uid": "../x"}, "`study_uid` must be numbers"),
        ({"limit": 0}, "`limit` must be from 1 to 500"),
        ({"limit": 501}, "`limit` must be from 1 to 500"),
    ],
)
def test_a_query_is_checked(parts, words):
    with pytest.raises(QueryError, match=words) as raised:
        Query(**parts)
    assert raised.value.hint


def test_nothing_that_names_a_person_is_in_a_representation():
    query = Query("20240101", patient_id="Secret", accession="Secret", study_uid="1.22333")
    study = Study("1.22333", date="2024", patient_id="Secret", patient_name="Secret")
    place = ServerFilm("1.22333", "1.22333", "1.22333")
    text = repr((query, study, place))
    assert "Secret" not in text
    assert "22333" not in text
    assert "2024" not in text


def test_nothing_is_logged_at_any_level(server, fake, caplog):
    """The libraries log every address with its search; other exchanges of theirs still do."""
    caplog.set_level(logging.DEBUG)
    study = server.studies(Query(patient_id="P 4711")).studies[0]
    server.fetch(server.films(study.uid).films[0], name="film")
    server.store([film(5)])
    fake.behave = lambda handler: send(handler, 302, Location="http://127.0.0.1/P?4711") is None
    with pytest.raises(ServerReplyError, match="a redirect"):
        server.studies(Query(patient_id="P 4711"))
    assert not caplog.records
    requests.get(fake.url, timeout=5, allow_redirects=False)
    assert [record.name for record in caplog.records].count("urllib3.connectionpool") == 2


def test_films_are_the_frontal_ones(server, fake):
    made = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}
    fake.take(film(4, ViewPosition=None))
    fake.take(film(5, ImageType=["DERIVED", "SECONDARY"], **made))
    fake.take(film(6, ImageType=["ORIGINAL", "SECONDARY"], **made))
    fake.take(film(7, SOPClassUID="1.2.840.10008.5.1.4.1.1.1.1.1"))
    fake.take(film(8, SeriesInstanceUID=f"{SERIES}.8", Modality="SR"))
    found = server.films(STUDY)
    assert [place.uid[-2:] for place in found.films] == [".1", ".4", ".6"]
    assert [place.view for place in found.films] == ["PA", None, "PA"]
    assert found.n_left_out == 3


def test_a_study_of_films_for_processing_alone_is_not_empty(server, fake):
    fake.files.clear()
    fake.take(film(1, SOPClassUID="1.2.840.10008.5.1.4.1.1.1.1.1"))
    assert len(server.films(STUDY).films) == 1


def test_a_film_comes_as_the_bytes_that_the_server_has(server, fake):
    place = server.films(STUDY).films[0]
    data = server.fetch(place, name="a film")
    assert data == fake.files[place.uid]
    assert io.read(data, name="a film").dicom.view == "PA"
    sent = fake.requests[-1].headers
    assert sent["Accept"] == 'multipart/related; type="application/dicom"; transfer-syntax=*'
    assert sent["Accept-Encoding"] == "identity"
    assert "Authorization" not in sent


@pytest.mark.parametrize(
    ("body", "content_type", "error", "words"),
    [
        (lambda d: multipart(d)[:-20], multipart_type(), ServerReplyError, "cut off"),
        (lambda _: b"x" * 99, multipart_type(), ServerReplyError, "no boundary"),
        (lambda _: multipart(), multipart_type(), ServerReplyError, "no part"),
        (lambda d: multipart(d, d), multipart_type(), ServerReplyError, "one film asked for"),
        (lambda d: multipart(d), "multipart/related", ServerReplyError, "another kind"),
        (lambda d: d, "text/html", ServerReplyError, "another kind"),
        (lambda _: multipart(b"<html>"), multipart_type(), UnreadableImageError, "a web page"),
        (lambda _: multipart(b""), multipart_type(), UnreadableImageError, "an empty file"),
        (lambda _: multipart(film(9)), multipart_type(), ServerReplyError, "another"),
        (lambda d: multipart(d[:140]), multipart_type(), Exception, "damaged|another"),
        (
            lambda d: multipart(d).replace(b"dicom\r\n", b"dicom\r\nContent-Length: 7\r\n", 1),
            multipart_type(),
            ServerReplyError,
            "another length",
        ),
        (
            lambda _: b"--a-boundary\r\nno end" + b"x" * 9000 + b"\r\n--a-boundary--",
            multipart_type(),
            ServerReplyError,
            "without an end",
        ),
        (
            lambda d: multipart(d).replace(b"y\r\n", b"yy\r\n"),
            multipart_type(),
            ServerReplyError,
            "is none",
        ),
    ],
)
def test_a_broken_answer_is_no_film(server, fake, body, content_type, error, words):
    place = server.films(STUDY).films[0]
    data = body(fake.files[place.uid])
    fake.behave = lambda handler: send(handler, 200, data, content_type) is None
    with pytest.raises(error, match=words) as raised:
        server.fetch(place, name="a film")
    assert raised.value.hint


def test_a_film_may_come_without_wrapping(server, fake):
    place = server.films(STUDY).films[0]
    data = fake.files[place.uid]
    fake.behave = lambda handler: send(handler, 200, data, "application/dicom") is None
    assert server.fetch(place, name="a film") == data


def test_a_film_that_is_too_large_is_not_fetched(server, fake):
    place = server.films(STUDY).films[0]
    limits = io.Limits(max_bytes=10_000)
    with pytest.raises(ImageTooLargeError, match=r"at most 10,000 bytes. Received: name='a film'"):
        server.fetch(place, name="a film", limits=limits)


def test_what_is_stored_is_checked_object_by_object(server, fake):
    new = [film(21), film(22)]
    counted = []
    assert server.store(new, on_object=counted.append) == (Stored(True), Stored(True))
    assert counted == [1, 2]
    assert [fake.files[f"{SERIES}.{n}"] for n in (21, 22)] == new
    fake.refuses = 0x0122
    refused = server.store([film(23)])
    assert refused == (Stored(False, "the server takes no objects of this kind"),)
    fake.refuses = 0xC123
    assert "does not understand" in server.store([film(23)])[0].words


OTHER = b'{"00081199": {"Value": [{"00081155": {"Value": ["1.2"]}}]}}'


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (200, b"", "application/dicom+json", "does not name it"),
        (200, b"{}", "application/dicom+json", "does not name it"),
        (200, b"[[[", "application/json", "does not name it"),
        (200, b"<x/>", "application/dicom+xml", "does not name it"),
        (
            200,
            b'{"00081199": {"Value": [{"00081155": {"Value": ["1.2"]}}]}}',
            "text/json",
            "not name",
        ),
        (202, b'{"0008119A": {"Value": [{}]}}', "application/json", "no reason given"),
        (202, b'{"00081199": 3, "00081198": []}', "application/json", "does not name it"),
    ],
)
def test_a_status_alone_is_not_believed(server, fake, status, body, kind, words):
    fake.behave = lambda handler: send(handler, status, body, kind) is None
    (outcome,) = server.store([film(1)])
    assert not outcome.is_stored
    assert words in outcome.words


def test_what_is_no_dicom_is_not_sent(server, fake):
    with pytest.raises(UnreadableImageError, match="object 2"):
        server.store([film(1), b"not DICOM"])
    with pytest.raises(UnreadableImageError, match="must have a study and a UID"):
        server.store([film(1, StudyInstanceUID="")])
    assert not fake.requests


def test_items_are_named_by_their_place(server):
    studies = list(enumerate(server.studies(Query()).studies, 1))
    looked = []
    found = list_films(server, studies, on_study=looked.append)
    assert [item.name for item in found.items] == ["study-0001-film-01", "study-0002-film-01"]
    assert (found.n_left_out, found.n_without, found.errors, looked) == (1, 0, (), [1, 2])
    assert found.items[0].read_bytes() == server.fetch(found.items[0].film, name="x")
    assert "71" not in repr(found.items[0])


def test_a_study_that_went_away_does_not_stop_the_others(server, fake):
    gone = Study(f"{STUDY}.404")
    fake.behave = lambda h: send(h, 404) is None if ".404" in h.path else False
    found = list_films(server, [(1, gone), (2, server.studies(Query()).studies[0])])
    assert [item.name for item in found.items] == ["study-0002-film-01"]
    assert [position for position, _ in found.errors] == [1]
