"""A planted shortcut is found, and where there is none the classifiers do no better than chance."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from cxr_core.audit.films import find_films
from cxr_core.audit.learner import cross_predict, folds, predict
from cxr_core.audit.look import look_at
from cxr_core.audit.shortcut import majority, shortcuts
from cxr_core.errors import CancelledCheckError, NotApplicableError, TrainingDataError
from cxr_core.labels import CLASSES
from tests.audit.material import (
    TwoLungs,
    bright_border,
    marked_corner,
    noise,
    write_films,
    write_splits,
)


def measured(folder, *, lungs=None, **options):
    """Cues of a folder, with few resamples."""
    looks = look_at(find_films(folder), lungs=lungs)
    return shortcuts(looks, n_resamples=60, **options)


def test_a_bright_border_is_found_by_the_border_and_not_by_the_file(tmp_path, all_trees):
    found = measured(write_splits(tmp_path, 12, 6, change=bright_border))
    assert found["border_only"]["accuracy"]["value"] >= 0.9
    assert found["border_only"]["macro_auroc"]["value"] >= 0.95
    assert found["dimensions"]["accuracy"]["value"] == pytest.approx(1 / 3)
    assert found["dimensions"]["is_constant"]
    assert not found["border_only"]["is_constant"]
    assert found["border_only"]["n"] == 18
    assert found["border_only"]["external"] is None


def test_letters_in_the_corners_are_found(tmp_path):
    found = measured(write_splits(tmp_path, 12, 6, change=marked_corner))
    assert found["corners"]["accuracy"]["value"] >= 0.9


def test_the_size_of_the_file_is_found_without_opening_a_picture(tmp_path):
    def busy(k, i, film):
        rng = np.random.default_rng(1000 * k + i)
        return (film + rng.integers(0, 1 + 25 * k, film.shape)).astype(np.uint8)

    found = measured(write_splits(tmp_path, 12, 6, change=busy))
    assert found["file"]["accuracy"]["value"] >= 0.9


def test_the_size_of_the_film_is_found_in_another_format(tmp_path):
    for k, label in enumerate(CLASSES):
        (tmp_path / label).mkdir()
        for i in range(8):
            film = Image.fromarray(noise(100 * k + i, 40 + 8 * k))
            film.save(tmp_path / label / f"{i}.jpg", quality=90 - 20 * k)
    found = measured(tmp_path)
    assert found["dimensions"]["accuracy"]["value"] == 1.0
    assert found["file"]["accuracy"]["value"] >= 0.8


def test_where_there_is_no_shortcut_nothing_beats_chance_by_much(tmp_path, all_trees):
    found = measured(write_splits(tmp_path, 30, 30))
    for name in ("corners", "border_only", "thumbnail", "histogram"):
        assert 0.3 < found[name]["macro_auroc"]["value"] < 0.7, name
        assert found[name]["accuracy"]["value"] < 0.55, name


def test_films_without_lungs_are_left_out_where_lungs_are_needed(tmp_path):
    def some_dark(_k, i, film):
        return film // 12 if i == 0 else film

    folder = write_splits(tmp_path, 6, 3, change=some_dark)
    found = measured(folder, lungs=TwoLungs())
    assert found["lungs_only"]["n"] == 6
    assert found["lungs_only"]["n_left_out"] == {"COVID19": 1, "NORMAL": 1, "PNEUMONIA": 1}
    assert found["thumbnail"]["n"] == 9
    assert sum(found["thumbnail"]["n_left_out"].values()) == 0


def test_without_a_lung_network_the_rows_say_so(tmp_path):
    found = measured(write_splits(tmp_path, 3, 2))
    assert found["lungs_only"]["reason"] == "No film with plausible lungs to judge."
    assert "accuracy" in found["corners"]


def test_other_films_are_judged_and_never_learnt_from(tmp_path):
    folder = write_splits(tmp_path / "own", 12, 2, change=bright_border)
    dark = write_films(
        tmp_path / "other",
        4,
        change=lambda _k, _i, film: bright_border(0, 0, film),
        classes=("NORMAL",),
        first_seed=77,
    )
    found = measured(folder, external=look_at(find_films(dark)))
    called = found["border_only"]["external"]
    assert called["COVID19"]["n_hits"] == called["COVID19"]["n"] == 4


def test_one_class_gives_a_reason(tmp_path):
    found = measured(write_films(tmp_path, 4, classes=("NORMAL",)))
    assert found["thumbnail"]["reason"] == "Films of at least two classes are needed."


def test_what_is_alike_for_all_films_tells_nothing_and_lies_about_nothing(tmp_path):
    found = measured(write_films(tmp_path, 4))["dimensions"]
    assert found["is_constant"]
    assert found["accuracy"]["value"] == pytest.approx(1 / 3)
    assert found["macro_auroc"]["value"] == 0.5


def test_three_films_give_a_reason(tmp_path):
    found = measured(write_films(tmp_path, 1))
    assert found["thumbnail"]["reason"] == "Each class needs films of at least two patients."


def test_two_classes_in_training_and_three_in_testing(tmp_path):
    write_films(tmp_path / "train", 6, classes=("COVID19", "NORMAL"))
    write_films(tmp_path / "test", 3, first_seed=500)
    found = measured(tmp_path)
    assert found["thumbnail"]["n"] == 9
    assert found["thumbnail"]["recall_PNEUMONIA"]["value"] == 0.0


def test_the_commonest_class_is_told_by_the_films_to_learn_from(tmp_path):
    write_films(tmp_path / "train", 4, classes=("PNEUMONIA",))
    write_films(tmp_path / "train", 1, classes=("NORMAL",), first_seed=70)
    write_films(tmp_path / "test", 2, first_seed=500)
    found = majority(find_films(tmp_path), n_resamples=20)
    assert found["recall_PNEUMONIA"]["value"] == 1.0
    assert found["accuracy"]["value"] == pytest.approx(1 / 3)


def test_the_same_films_give_the_same_figures(tmp_path):
    folder = write_splits(tmp_path, 5, 3)
    assert measured(folder) == measured(folder)


def test_an_unreadable_film_is_left_out_and_nothing_readable_is_an_error(tmp_path):
    write_films(tmp_path, 2)
    (tmp_path / "NORMAL" / "cut.png").write_bytes(b"\x89PNG")
    looks = look_at(find_films(tmp_path))
    assert len(looks.films) == 6
    assert [name for name, _ in looks.unreadable] == ["NORMAL/cut.png"]
    for path in (tmp_path / "NORMAL").iterdir():
        path.write_bytes(b"no film")
    only = find_films(tmp_path).take(np.arange(2, 5))
    with pytest.raises(TrainingDataError, match="must hold films that can be read"):
        look_at(only)


def test_a_callback_may_stop_the_reading(tmp_path):
    films = find_films(write_films(tmp_path, 2))
    with pytest.raises(CancelledCheckError, match="after 2 of 6 steps"):
        look_at(films, on_step=lambda n_done, _: n_done < 2)


def test_nobody_is_judged_by_a_classifier_that_saw_their_films(all_trees):
    """Patients have marks of their own; a classifier that saw the patient would know the class."""
    rng = np.random.default_rng(0)
    patient = np.repeat(np.arange(40), 3)
    y_true = rng.integers(0, 2, 40)[patient]
    marks = np.eye(40)[patient]
    probs = cross_predict(marks, y_true, patient)
    assert (probs.argmax(axis=1) == y_true).mean() < 0.75
    for learnt, held in folds(y_true, patient):
        assert not set(patient[learnt]) & set(patient[held])


def test_classes_nobody_showed_get_no_probability():
    features = np.random.default_rng(0).normal(size=(20, 3))
    probs = predict(features, np.repeat([0, 2], 10), features[:4])
    assert (probs[:, 1] == 0).all()
    assert np.allclose(probs.sum(axis=1), 1)
    assert predict(features, np.repeat([0, 2], 10), features[:0]).shape == (0, 3)
    with pytest.raises(NotApplicableError, match="at least two classes"):
        predict(features, np.zeros(20, int), features)
