"""A film's patient is asked of manifest, header and file name in this order, film by film."""

from __future__ import annotations

import pytest

from cxr_core.dataset import ManifestRow, scan
from cxr_core.dataset.patient import NOTHING, TELLERS, first_teller, told_patient
from cxr_core.evaluate.patients import patient_keys
from tests.io.dicom_files import dataset, gradient, written


def test_the_order_of_tellers(tmp_path):
    film = tmp_path / "person7_virus_1.dcm"
    film.write_bytes(written(dataset(gradient((96, 80), bits=12), bits=12, PatientID="Zq-4711")))
    assert told_patient(film, ManifestRow(patient="anna")) == ("anna", "manifest")
    word, teller = told_patient(film, ManifestRow(source="clinic"))
    assert teller == "DICOM headers"
    assert "Zq-4711" not in word
    film.write_bytes(b"no DICOM")
    assert told_patient(film, ManifestRow()) == ("person7", "file names")
    assert told_patient(tmp_path / "film.png", ManifestRow()) == ("", "")


@pytest.mark.parametrize(
    ("told_by", "expected"),
    [
        ({"file names", "manifest", ""}, "manifest"),
        ({"file names", "DICOM headers"}, "DICOM headers"),
        ({"file names", ""}, "file names"),
        ({""}, "none"),
        (set(), "none"),
    ],
)
def test_of_several_tellers_the_first_is_named(told_by, expected):
    assert first_teller(told_by) == expected
    assert expected in (*TELLERS, NOTHING)


def test_a_scan_and_an_evaluation_know_the_same_patients(folder, write_manifest):
    train = folder / "train" / "NORMAL"
    for i in range(2):
        (train / f"normal-{i}.png").rename(train / f"person7_virus_{i}.png")
    write_manifest("path,patient", "train/COVID19/covid19-0.png,anna")
    found = scan(folder)
    paths = [film.path for film in found.films]
    keys, told_by = patient_keys(folder, paths)
    assert told_by == found.patients_from == "manifest"
    pairs = [(i, j) for i in range(len(keys)) for j in range(i)]
    assert [keys[i] == keys[j] for i, j in pairs] == [
        found.groups[i] == found.groups[j] for i, j in pairs
    ]
    assert len(set(keys)) == len(keys) - 1
