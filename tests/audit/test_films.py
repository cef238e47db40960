"""Which films an audit looks at: layouts, splits, patients, what cannot be used."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cxr_core.audit.films import WHOLE, find_films
from cxr_core.audit.look import look_at
from cxr_core.errors import TrainingDataError
from tests.audit.material import write_films, write_splits


def test_test_films_are_judged_and_the_others_learnt_from(tmp_path):
    films = find_films(write_splits(tmp_path, 3, 2))
    assert films.has_test
    assert len(films) == 15
    assert films.n_by_split["test"] == {"COVID19": 2, "NORMAL": 2, "PNEUMONIA": 2}
    assert len(films.judged) == 6
    assert {films.splits[i] for i in films.judged} == {"test"}
    assert np.array_equal(np.sort(np.concatenate([films.judged, films.learnt])), np.arange(15))


def test_a_data_level_and_a_val_split(tmp_path):
    write_splits(tmp_path / "data", 2, 1)
    write_films(tmp_path / "data" / "val", 1, first_seed=9000)
    films = find_films(tmp_path)
    assert set(films.splits) == {"train", "val", "test"}
    assert len(films.learnt) == 9


@pytest.mark.parametrize("split", ["", "test"])
def test_without_splits_every_film_is_judged(tmp_path, split):
    write_films(tmp_path / split, 2)
    films = find_films(tmp_path)
    assert set(films.splits) == {WHOLE}
    assert not films.has_test
    assert len(films.judged) == 6
    assert len(films.learnt) == 0


def test_classes_may_be_missing(tmp_path):
    films = find_films(write_films(tmp_path, 2, classes=("NORMAL",)))
    assert films.films.n_by_class == {"COVID19": 0, "NORMAL": 2, "PNEUMONIA": 0}


def test_a_manifest_tells_patients_and_sources(tmp_path):
    write_films(tmp_path, 2, classes=("NORMAL",))
    lines = ["path,patient,source"]
    lines += [f"NORMAL/normal-0-{i}.png,anna,clinic" for i in range(2)]
    (tmp_path / "manifest.csv").write_text("\n".join(lines), "utf-8")
    films = find_films(tmp_path)
    assert films.films.n_patients == 1
    assert films.groups("source") == ("clinic", "clinic")
    assert films.groups("view") == ("", "")


def test_a_part_keeps_patients_and_names(tmp_path):
    films = find_films(write_films(tmp_path, 2))
    part = films.take(np.array([4, 1]))
    assert [part.name(0), part.name(1)] == [films.name(4), films.name(1)]
    assert part.films.patient.tolist() == [4, 1]


@pytest.mark.parametrize("make", [lambda _path: None, lambda path: (path / "train").mkdir()])
def test_a_folder_without_films_says_what_to_do(tmp_path, make):
    make(tmp_path)
    with pytest.raises(TrainingDataError, match="must hold films, one folder a class") as caught:
        find_films(tmp_path)
    assert "Name a folder with train/ and test/" in caught.value.hint


def test_a_missing_folder(tmp_path):
    with pytest.raises(TrainingDataError, match="no such folder"):
        find_films(tmp_path / "nowhere")


def test_a_name_that_is_too_long_is_our_own_error(tmp_path):
    with pytest.raises(TrainingDataError, match="must hold films"):
        find_films(tmp_path / ("a" * 300))


def refuse(monkeypatch, is_refused):
    """Let some files be unreadable, as they are to a reader who is not root."""
    opened = Path.open

    def some(self, *args, **options):
        if is_refused(self):
            raise PermissionError(13, "Permission denied")
        return opened(self, *args, **options)

    monkeypatch.setattr(Path, "open", some)


def test_one_unreadable_film_is_listed_and_the_others_go_on(tmp_path, monkeypatch):
    write_films(tmp_path, 2)
    refuse(monkeypatch, lambda path: path.name == "normal-0-0.png")
    films = find_films(tmp_path)
    assert films.films.n_by_class == {"COVID19": 2, "NORMAL": 1, "PNEUMONIA": 2}
    ((name, message),) = films.unreadable
    assert name == "NORMAL/normal-0-0.png"
    assert message.endswith("Received: Permission denied")
    assert films.take(np.array([0])).unreadable == films.unreadable
    (tmp_path / "COVID19" / "covid19-0-1.png").write_bytes(b"no film")
    looks = look_at(find_films(tmp_path))
    assert len(looks.films) == 4
    assert [name for name, _ in looks.unreadable] == [
        "NORMAL/normal-0-0.png",
        "COVID19/covid19-0-1.png",
    ]


def test_a_folder_of_unreadable_films_says_so(tmp_path, monkeypatch):
    write_films(tmp_path, 1)
    refuse(monkeypatch, lambda path: path.suffix == ".png")
    with pytest.raises(TrainingDataError, match=r"can be read\. Received: none of 3"):
        find_films(tmp_path)
