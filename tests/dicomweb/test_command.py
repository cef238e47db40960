"""`dicomweb list`, `score` and `store`, against the fake server."""

from __future__ import annotations

import csv
import io
import json
import stat
import sys

import pytest

from cxr_core.__main__ import main
from tests.dicomweb.conftest import SERIES, STUDY, film
from tests.dicomweb.fake_server import send

IDENTIFYING = ("P 4711", "P 12", "Doe", "A-77", "2024", STUDY, SERIES)


@pytest.fixture
def run(fake, monkeypatch, capsys):
    """Run a command with the fake server in the environment; return status, output and errors."""
    monkeypatch.setenv("CXR_DICOMWEB_URL", fake.url)
    for name in ("USER", "PASSWORD", "TOKEN", "CA", "PLAIN_HTTP"):
        monkeypatch.delenv(f"CXR_DICOMWEB_{name}", raising=False)

    def call(*words):
        status = main(["dicomweb", *map(str, words)])
        said = capsys.readouterr()
        return status, said.out, said.err

    return call


def test_list_names_nobody(run):
    status, out, err = run("list")
    assert (status, err) == (0, "")
    assert out.splitlines() == [
        "study  modalities  objects",
        "1      CR          1",
        "2      DX          1",
        "2 studies. Dates, patients and numbers are not shown; --show-identifiers shows them.",
    ]


def test_list_shows_identifiers_when_asked(run):
    status, out, _ = run("list", "--show-identifiers", "--patient-id", "P 12")
    assert status == 0
    assert out.splitlines()[1].split() == [
        *("1", "DX", "1", "2023-12-03", "P", "12", "Doe^Jane", "A-77", f"{STUDY}.9")
    ]
    assert out.endswith("1 study.\n")


def test_list_as_json(run):
    status, out, _ = run("list", "--json", "--limit", "1", "--modality", "DX")
    row = {"study": 1, "modalities": ["DX"], "objects": 1}
    assert status == 0
    assert json.loads(out) == {"studies": [row], "is_cut": True}


def test_a_number_need_not_stand_on_the_command_line(run, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("P 12\n"))
    status, out, err = run("list", "--patient-id", "-")
    assert status == 0
    assert err == "patient id: "
    assert out.count("\n") == 3


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["list", "--from", "1.1.2024"], 2, "must be a date"),
        (["list", "--limit", "501"], 2, "`limit` must be from 1 to 500"),
        (["list", "--modality", "CT"], 2, "invalid choice"),
        (["store"], 2, "FILE"),
        (["score", "--out", "x.txt"], 2, "--out must end in one of"),
        ([], 2, "ACTION"),
    ],
)
def test_wrong_usage(run, words, status, said):
    got, _, err = run(*words)
    assert (got, said in err) == (status, True)


def test_no_server_is_set(run, monkeypatch):
    monkeypatch.delenv("CXR_DICOMWEB_URL")
    status, out, err = run("list")
    assert (status, out) == (2, "")
    assert "`CXR_DICOMWEB_URL` must be set" in err
    assert "docs/dicomweb.md" in err


def test_an_error_of_the_server_is_said(run, fake):
    fake.behave = lambda handler: send(handler, 401) is None
    status, out, err = run("list", "--patient-id", "P 4711")
    assert (status, out) == (1, "")
    assert err.startswith("error: The server must let us in. Received: status 401\nwhat to do: ")
    assert not [word for word in (*IDENTIFYING, fake.url, "127.0.0.1") if word in err]


def score(run, out, bundle, *words):
    return run("score", "--out", out, "--bundle", bundle, *words)


def test_score_reads_the_frontal_films(run, fake, tmp_path, tiny_bundle_dir):
    out, keys = tmp_path / "r.csv", tmp_path / "keys.csv"
    status, said, err = score(run, out, tiny_bundle_dir, "--keys", keys)
    assert status == 0
    assert "2 studies, 2 frontal films; 1 other images left out, 0 studies without" in err
    with out.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["file"] for row in rows] == ["study-0001-film-01", "study-0002-film-01"]
    assert {row["error_type"] for row in rows} == {""}
    assert all(float(row["vgg16_NORMAL"]) > 0 for row in rows)
    left = said + err
    for path in tmp_path.iterdir():
        left += "" if path == keys else path.read_text("utf-8")
    assert not [word for word in IDENTIFYING if word in left and word != "2024"]
    lines = keys.read_text("utf-8").splitlines()
    assert lines[0] == "file,StudyInstanceUID,SeriesInstanceUID,SOPInstanceUID"
    assert lines[1] == f"study-0001-film-01,{STUDY},{SERIES},{SERIES}.1"
    assert stat.S_IMODE(keys.stat().st_mode) == 0o600
    before = out.read_bytes()
    status, said, _ = score(run, out, tiny_bundle_dir, "--resume")
    assert status == 0
    assert "The journal held 2 readings" in said
    assert out.read_bytes() == before


def test_score_tells_of_films_that_do_not_come(run, fake, tmp_path, tiny_bundle_dir):
    lost = f"instances/{SERIES}.1"
    fake.behave = lambda h: send(h, 404) is None if h.path.endswith(lost) else False
    status, _, err = score(run, tmp_path / "r.csv", tiny_bundle_dir)
    assert status == 1
    assert "in error: study-0001-film-01: The server must have what is asked for" in err
    text = (tmp_path / "r.csv").read_text("utf-8")
    assert "study-0001-film-01,,error,NotOnServerError" in text
    assert "study-0002-film-01" in text


def test_score_without_a_film(run, tmp_path, tiny_bundle_dir):
    status, out, err = score(run, tmp_path / "r.csv", tiny_bundle_dir, "--from", "20300101")
    assert (status, out) == (1, "")
    assert "No frontal film was found" in err
    assert not list(tmp_path.iterdir())


def test_store(run, fake, tmp_path):
    good, bad = tmp_path / "good.dcm", tmp_path / "bad.dcm"
    good.write_bytes(film(31))
    bad.write_bytes(b"no DICOM")
    status, out, err = run("store", good, bad, tmp_path / "none.dcm")
    assert status == 1
    assert out == f"stored: {good}\n1 of 3 files stored\n"
    assert err.count("not stored: ") == 2
    assert fake.files[f"{SERIES}.31"] == good.read_bytes()
    fake.refuses = 0xA700
    status, out, err = run("store", good)
    assert (status, out) == (1, "0 of 1 files stored\n")
    assert err == f"not stored: {good}: the server has no room\n"
    assert run("store", "--help")[0] == 0
