"""No patient stands in two parts, whatever the folder holds."""

from __future__ import annotations

import shutil

import pytest

from cxr_core.dataset import scan
from cxr_core.errors import TrainingDataError
from train.parts import divide, folds_of, scan_extra
from train.preset import load_preset

CARVED = ["validation=carved", "validation_share=0.34", "calibration_share=0.17"]


def config(*overrides: str):
    return load_preset("clean", [*CARVED, *overrides])


def test_carved_parts_share_no_patient(data_dir):
    parts = divide(scan(data_dir), config())
    groups = {part: set(parts.groups(films)) for part, films in parts.films.items()}
    assert set(groups) == {"fit", "val", "calibration", "test"}
    for one in groups:
        for other in groups:
            assert one == other or not groups[one] & groups[other]
    assert parts.to_dict()["n_by_part"]["val"] == {"COVID19": 3, "NORMAL": 3, "PNEUMONIA": 3}
    assert sum(len(films) for films in parts.films.values()) == 27


def test_nobody_is_carved_whom_a_backbone_was_fitted_to(data_dir):
    dataset = scan(data_dir)
    free = divide(dataset, config())
    seen = {next(film.sha256 for film in free.films["val"] if film.label == "COVID19")}
    parts = divide(dataset, config(), seen)
    patients = {parts.group_of[digest] for digest in seen}
    assert not patients & {
        *parts.groups(parts.films["val"]),
        *parts.groups(parts.films["calibration"]),
    }
    assert patients <= set(parts.groups(parts.films["fit"]))
    assert parts.digest != free.digest == divide(dataset, config()).digest


def test_a_class_of_which_a_backbone_has_seen_every_patient(data_dir):
    dataset = scan(data_dir)
    seen = {film.sha256 for film in dataset.films if film.label == "NORMAL"}
    with pytest.raises(
        TrainingDataError, match=r"no backbone was fitted to\. Received: none of NO"
    ):
        divide(dataset, config(), seen)


def test_with_the_test_films_steering_they_stand_in_both(data_dir):
    parts = divide(scan(data_dir), load_preset("seed"))
    assert parts.films["val"] == parts.films["test"]
    assert len(parts.films["fit"]) == 18


@pytest.fixture
def leaking(data_dir, tmp_path):
    """The folder with one test film copied into the training films."""
    folder = tmp_path / "leaking"
    shutil.copytree(data_dir, folder)
    source = folder / "Data" / "test" / "NORMAL" / "film-0.png"
    shutil.copyfile(source, folder / "Data" / "train" / "NORMAL" / "copy.png")
    return folder


def test_a_leak_stops_clean_by_name(leaking):
    with pytest.raises(TrainingDataError, match=r"share no patient.*Received: copy\.png") as caught:
        divide(scan(leaking), config())
    assert "--set leaks=drop" in caught.value.hint


def test_a_leak_is_reported_or_dropped(leaking, caplog):
    dataset = scan(leaking)
    kept = divide(dataset, config("leaks=report"))
    assert (kept.n_leaks, kept.n_dropped) == (1, 0)
    assert "copy.png" in caplog.text
    dropped = divide(dataset, config("leaks=drop"))
    assert (dropped.n_leaks, dropped.n_dropped) == (1, 1)
    names = [film.path.name for films in dropped.films.values() for film in films]
    assert "copy.png" not in names
    assert sum(film.split == "test" for films in dropped.films.values() for film in films) == 9


def test_folds_keep_patients_together():
    groups = [0, 0, 1, 2, 3, 3, 4, 5, 6, 7]
    folds = folds_of(groups, [f"{i:064x}" for i in range(10)], ["NORMAL"] * 10, 4, 0)
    assert set(folds) == {0, 1, 2, 3}
    for group in set(groups):
        assert len({f for f, g in zip(folds, groups, strict=True) if g == group}) == 1


def test_more_folds_than_patients():
    with pytest.raises(TrainingDataError, match=r"`folds` must not exceed .* 2\. Received: 3"):
        folds_of([0, 0, 1], ["a", "b", "c"], ["NORMAL"] * 3, 3, 0)


def test_extra_films_know_their_patients(data_dir, tmp_path):
    folder = tmp_path / "extra"
    shutil.copytree(data_dir / "Data" / "test" / "NORMAL", folder / "normal")
    found = scan_extra(folder, "adults")
    assert len(found.films) == len(set(found.patients)) == 3
    rows = "".join(f"{film.sha256},anna\n" for film in found.films)
    (folder / "manifest.csv").write_text(f"sha256,patient\n{rows}", "utf-8")
    assert len(set(scan_extra(folder, "adults").patients)) == 1


def test_an_extra_folder_without_films(tmp_path):
    with pytest.raises(TrainingDataError, match="must hold films in folders named like classes"):
        scan_extra(tmp_path, "adults")


def test_a_fold_without_films():
    with pytest.raises(
        TrainingDataError, match=r"`folds` must each have films\. Received: 2 folds"
    ):
        folds_of([0, 1, 2], ["a", "b", "c"], ["COVID19", "NORMAL", "PNEUMONIA"], 2, 0)
