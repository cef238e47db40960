"""Films beside the training folder that show its patients."""

from __future__ import annotations

import shutil
from types import SimpleNamespace

import pytest

from cxr_core.dataset import scan
from train.material import ADDED, Request, gather
from train.member_data import added_rows
from train.preset import load_preset

CARVED = ["validation_share=0.34", "calibration_share=0.17", "leaks=report"]


@pytest.fixture
def request_of(data_dir, tmp_path):
    """A run whose three added films show a training patient, a test patient and somebody else."""
    folder = tmp_path / "films"
    shutil.copytree(data_dir, folder)
    added = sorted(folder.rglob("train/NORMAL/*"))[:3]
    (tmp_path / "adults" / "NORMAL").mkdir(parents=True)
    for number, path in enumerate(added):
        target = tmp_path / "adults" / "NORMAL" / f"film-{number}.png"
        target.write_bytes(path.read_bytes() + b"\0")  # other bytes, so that it is another film
    films = {film.split: film for film in scan(folder).films if film.label == "COVID19"}
    assert films["train"].sha256 != films["test"].sha256
    rows = f"{films['train'].sha256},anna\n{films['test'].sha256},berta\n"
    (folder / "manifest.csv").write_text(f"sha256,patient\n{rows}", "utf-8")
    names = ("anna", "berta", "clara")
    rows = "".join(f"NORMAL/film-{i}.png,{name}\n" for i, name in enumerate(names))
    (tmp_path / "adults" / "manifest.csv").write_text(f"path,patient\n{rows}", "utf-8")

    def make(**sets) -> Request:
        config = load_preset("mixed", CARVED)
        return Request(
            config, folder, tmp_path / "out", tmp_path / "cache", weights(config), **sets
        )

    return make, tmp_path / "adults", films


def weights(config) -> dict[str, str]:
    """Public weights for every member; nothing is loaded here."""
    return dict.fromkeys(config.members, "imagenet")


def test_training_films_of_an_added_patient_are_left_out(request_of):
    make, adults, films = request_of
    material = gather(make(extra=adults))
    assert material.n_shared == {ADDED: {"train": 1, "test": 1}}
    assert material.n_left_out == 1
    kept = {film.sha256 for own in material.parts.films.values() for film in own}
    assert films["train"].sha256 not in kept
    assert films["test"].sha256 in kept


def test_added_films_of_a_test_patient_are_not_fitted(request_of):
    make, adults, _ = request_of
    material = gather(make(extra=adults))
    data = SimpleNamespace(films={ADDED: material.sets[ADDED].films})
    assert added_rows(material, data).tolist() == [True, False, True]


def test_films_that_are_only_measured_leave_the_training_films_alone(request_of):
    make, adults, _ = request_of
    material = gather(make(measure={"adults": adults}))
    assert material.n_shared == {"adults": {"train": 1, "test": 1}}
    assert material.n_left_out == 0
    assert added_rows(material, SimpleNamespace(films={})) is None
