"""`report` on the command line: one PDF of all films, or one of each."""

from __future__ import annotations

import pytest

from cxr_core.__main__ import main
from tests.conftest import write_film
from tests.io.dicom_files import dataset, gradient, written
from tests.report.conftest import reader, text


@pytest.fixture
def films(tmp_path):
    """Two pictures, a DICOM film named like its patient, and a note."""
    folder = tmp_path / "films"
    folder.mkdir()
    write_film(folder / "a b.png", seed=1)
    write_film(folder / "ü.png", seed=2)
    (folder / "Doe_Jane.dcm").write_bytes(written(dataset(gradient(bits=12), bits=12)))
    (folder / "notes.txt").write_text("x", "utf-8")
    return folder


def run(*arguments, bundle):
    return main(["report", *map(str, arguments), "--bundle", str(bundle)])


def test_one_pdf_of_a_folder(films, tmp_path, tiny_bundle_dir, capsys):
    out = tmp_path / "new" / "all.pdf"
    assert run(films, "--out", out, bundle=tiny_bundle_dir) == 0
    told = capsys.readouterr()
    expected = "3 files: 3 read, 0 refused by the gate, 0 in error."
    assert told.out == f"{expected} Report: {out}. Research use only.\n"
    data = out.read_bytes()
    assert len(reader(data).pages) == 4
    assert "Doe" not in text(data)
    assert "a b.png" in text(data, 0)


def test_one_pdf_a_film(films, tmp_path, tiny_bundle_dir, capsys):
    out = tmp_path / "reports"
    assert run(films, "--out", out, "--system", "vgg16", bundle=tiny_bundle_dir) == 0
    assert capsys.readouterr().out.count(str(out)) == 3
    names = sorted(path.name.rsplit("-", 1)[0] for path in out.iterdir())
    assert names == ["_", "a_b", "dicom"]
    for path in out.iterdir():
        assert len(reader(path.read_bytes()).pages) == 1
        assert "(map above)" in text(path.read_bytes())
    assert not [path for path in out.iterdir() if "Doe" in path.name]


def test_one_film_in_error_never_stops_the_others(films, tmp_path, tiny_bundle_dir, capsys):
    (films / "cut.png").write_bytes((films / "a b.png").read_bytes()[:90])
    out = tmp_path / "all.pdf"
    assert run(films, tmp_path / "gone.png", "--out", out, bundle=tiny_bundle_dir) == 1
    told = capsys.readouterr()
    assert "cut.png: " in told.err
    assert "gone.png: The file could not be opened" in told.err
    assert "5 files: 3 read, 0 refused by the gate, 2 in error." in told.out
    table = text(out.read_bytes(), 0)
    assert table.count("IN ERROR") == 2
    assert len(reader(out.read_bytes()).pages) == 4


@pytest.mark.parametrize("option", [("--system", "x"), ("--variant", "x")])
def test_wrong_usage(films, tmp_path, tiny_bundle_dir, capsys, option):
    assert run(films, "--out", tmp_path / "x.pdf", *option, bundle=tiny_bundle_dir) == 2
    assert "Received:" in capsys.readouterr().err
    assert not (tmp_path / "x.pdf").exists()


def test_nothing_to_report(tmp_path, tiny_bundle_dir, capsys):
    (tmp_path / "empty").mkdir()
    assert run(tmp_path / "empty", "--out", tmp_path / "x.pdf", bundle=tiny_bundle_dir) == 1
    assert "no film was found" in capsys.readouterr().err
    assert run(tmp_path / "empty", "--out", tmp_path / "x.pdf", bundle=tmp_path / "none") == 1
    assert "bundle.json" in capsys.readouterr().err


def test_a_place_that_cannot_be_written(films, tmp_path, tiny_bundle_dir, capsys):
    (tmp_path / "taken.pdf").mkdir()
    assert run(films, "--out", tmp_path / "taken.pdf", bundle=tiny_bundle_dir) == 1
    assert "could not be written" in capsys.readouterr().err
