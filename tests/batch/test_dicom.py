"""DICOM beside pictures, from folders and archives; nothing of a patient is written."""

from __future__ import annotations

import zipfile

import pytest

from cxr_core.batch import score
from cxr_core.batch.run import about_path, journal_path, write_scores
from cxr_core.io import read_path
from tests.conftest import write_film
from tests.io.dicom_files import dataset, gradient, written
from tests.io.dicom_planted import PLANTED, UID, planted_film

READY = {"ViewPosition": "PA", "BodyPartExamined": "CHEST", "PatientOrientation": ["L", "F"]}


@pytest.fixture
def folder(tmp_path):
    """Two DICOM films without suffix, one of another modality, a picture, an archive, an index."""
    path = tmp_path / "study"
    path.mkdir()
    for number in range(2):
        film = planted_film(gradient((200, 180 + number), bits=12), **READY)
        (path / f"IM{number}").write_bytes(written(film))
    (path / "IM2").write_bytes(written(planted_film(Modality="CT")))
    (path / "DICOMDIR").write_bytes(b"an index")
    write_film(path / "film.png", seed=0)
    with zipfile.ZipFile(path / "more.zip", "w") as archive:
        archive.writestr("IM9", written(dataset(gradient(bits=10), **READY)))
    return path


def test_dicom_and_pictures_together(tiny_predictor, folder):
    records = {record.file: record for record in score(tiny_predictor, [folder], n_decoders=3)}
    assert list(records) == ["IM0", "IM1", "IM2", "film.png", "more.zip/IM9"]
    assert [record.status for record in records.values()] == ["ok", "ok", "error", "ok", "ok"]
    assert records["IM2"].error["type"] == "UnsupportedDicomError"
    alone = tiny_predictor.read(read_path(folder / "IM1"))
    for name, system in alone.systems.items():
        assert records["IM1"].probs(name) == tuple(system.probs)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_nothing_of_a_patient_is_written(tiny_predictor, folder, tmp_path, suffix):
    out = tmp_path / f"results{suffix}"
    write_scores(tiny_predictor, [folder], out)
    for path in (out, about_path(out), journal_path(out)):
        data = path.read_bytes()
        assert [word for word in (*PLANTED, UID) if word.encode() in data] == []
