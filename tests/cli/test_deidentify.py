"""`deidentify` on the command line: files, folders, names of files, exit status."""

from __future__ import annotations

import errno
import os
import re
from io import BytesIO
from pathlib import Path

import pydicom
import pytest

from cxr_core.__main__ import main
from tests.io.dicom_files import dataset, gradient, written
from tests.io.dicom_planted import PLANTED, planted_film

NAME = "Featherstonehaugh_Rosalind_8675309"


@pytest.fixture
def folder(tmp_path):
    """Two films of one patient, one without an extension, a picture and a broken film."""
    source = tmp_path / "in" / NAME
    source.mkdir(parents=True)
    first = planted_film(BurnedInAnnotation="NO", SOPInstanceUID="1.2.3.1")
    (source / f"{NAME}.dcm").write_bytes(written(first))
    (source / "IM0001").write_bytes(written(planted_film(SOPInstanceUID="1.2.3.2")))
    (source / "notes.txt").write_text("8675309", "utf-8")
    return source.parent


def test_a_folder(folder, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["deidentify", str(folder), str(out)]) == 0
    printed = capsys.readouterr()
    files = [path for path in out.rglob("*") if path.is_file()]
    assert len(files) == 2
    films = [pydicom.dcmread(path) for path in files]
    assert [path.stem for path in files] == [film.SOPInstanceUID for film in films]
    assert len({film.PatientID for film in films}) == 1
    for data in [*(path.read_bytes() for path in files), printed.out.encode()]:
        told = re.sub(rb"2\.25\.\d+", b"", data)  # new UIDs: by chance any six digits, a time too
        assert not [word for word in PLANTED if word.encode() in told]
    assert printed.err == ""
    assert "2 films written, 0 in error, 1 files that are not DICOM left out" in printed.out
    assert "check: The file does not say whether text is burned into the picture" in printed.out
    assert "pixels are not cleaned" in printed.out


def test_a_folder_that_may_not_be_opened_is_said(folder, tmp_path, capsys, monkeypatch):
    closed = folder / "closed"
    closed.mkdir()
    scan = os.scandir

    def some(path):
        if Path(path) == closed:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", some)
    assert main(["deidentify", str(folder), str(tmp_path / "out")]) == 1
    printed = capsys.readouterr()
    assert "closed" in printed.err
    assert "2 films written, 1 in error" in printed.out


def test_one_film_to_a_named_file(folder, tmp_path, capsys):
    source, target = folder / NAME / "IM0001", tmp_path / "new" / "film"
    assert main(["deidentify", str(source), str(target)]) == 0
    assert pydicom.dcmread(target).PatientIdentityRemoved == "YES"
    assert main(["deidentify", str(source), str(target)]) == 2
    assert "exists: name another file" in capsys.readouterr().err


def test_copies_of_one_film(folder, tmp_path):
    data = (folder / NAME / "IM0001").read_bytes()
    (folder / "copy").write_bytes(data)
    assert main(["deidentify", str(folder), str(tmp_path / "out")]) == 0
    assert len(list((tmp_path / "out").glob("*-2.dcm"))) == 1


def test_one_film_to_a_folder(folder, tmp_path):
    (tmp_path / "out").mkdir()
    assert main(["deidentify", str(folder / NAME / "IM0001"), str(tmp_path / "out")]) == 0
    (written_file,) = (tmp_path / "out").iterdir()
    assert written_file.suffix == ".dcm"


def test_a_broken_film_does_not_stop_the_others(folder, tmp_path, capsys):
    data = written(dataset(gradient(), bits=12))
    (folder / "cut").write_bytes(data[:-100])
    (folder / "ct").write_bytes(written(dataset(gradient(), bits=12, Modality="CT")))
    assert main(["deidentify", str(folder), str(tmp_path / "out")]) == 1
    printed = capsys.readouterr()
    assert "2 films written, 2 in error" in printed.out
    assert "damaged or cut short" in printed.err
    assert "a CT image" in printed.err
    assert len(list((tmp_path / "out").iterdir())) == 2


@pytest.mark.parametrize(
    ("source", "target", "words"),
    [
        ("nowhere", "out", "does not exist"),
        ("in", "in", "name a folder outside it"),
        ("in", "in/out", "name a folder outside it"),
        ("in", "file", "is a file: name a folder"),
    ],
)
def test_wrong_usage(folder, tmp_path, capsys, source, target, words):
    (tmp_path / "file").write_text("x", "utf-8")
    status = main(["deidentify", str(tmp_path / source), str(tmp_path / target)])
    assert status == 2
    assert words in capsys.readouterr().err


def test_a_folder_without_dicom(tmp_path, capsys):
    (tmp_path / "in").mkdir()
    assert main(["deidentify", str(tmp_path / "in"), str(tmp_path / "out")]) == 1
    assert "0 films written" in capsys.readouterr().out


def test_the_bytes_are_a_part_10_file(folder, tmp_path):
    target = tmp_path / "film.dcm"
    assert main(["deidentify", str(folder / NAME / f"{NAME}.dcm"), str(target)]) == 0
    data = target.read_bytes()
    assert data[:132] == bytes(128) + b"DICM"
    assert pydicom.dcmread(BytesIO(data)).Modality == "CR"


LONG = "x" * 300


@pytest.mark.parametrize(
    ("source", "target", "status", "words"),
    [
        (LONG, "out", 2, f"{LONG} does not exist, or may not be looked at"),
        ("in", LONG, 1, "File name too long"),
        (f"in/{NAME}/IM0001", LONG, 1, "File name too long"),
        (f"in/{NAME}/IM0001", f"{LONG}/film", 1, "File name too long"),
    ],
)
def test_names_that_are_too_long(folder, tmp_path, capsys, source, target, status, words):
    assert main(["deidentify", str(tmp_path / source), str(tmp_path / target)]) == status
    assert words in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_a_target_that_leads_to_itself(folder, tmp_path, capsys):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert main(["deidentify", str(folder), str(tmp_path / "loop")]) == 1
    assert "must be a file that can be written" in capsys.readouterr().err


def test_a_film_that_nobody_may_look_at_is_in_error(folder, tmp_path, monkeypatch, capsys):
    """As in a folder whose names may be read, but nothing else."""
    closed = folder / NAME / "IM0001"
    stat = Path.stat

    def refuse(path, **options):
        if path == closed:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return stat(path, **options)

    monkeypatch.setattr(Path, "stat", refuse)
    assert main(["deidentify", str(folder), str(tmp_path / "out")]) == 1
    printed = capsys.readouterr()
    assert "`IM0001` must be readable. Received: Permission denied" in printed.err
    assert "1 films written, 1 in error" in printed.out
