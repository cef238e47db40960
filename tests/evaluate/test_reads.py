"""The table that all evidence comes from: shapes, parts of it, round trips, and a real folder."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxr_core.errors import SpecMismatchError, UnreadableImageError
from cxr_core.evaluate import folder_reads, patients
from cxr_core.evaluate.folder_reads import (
    age_band,
    describe,
    drawn_paths,
    labelled_paths,
    read_folder,
)
from cxr_core.evaluate.reads import FilmList, Reads
from cxr_core.io import read_path
from cxr_core.predict import Predictor
from tests.tiny import write_tiny_bundle


def films(n=4):
    """Return films of two patients and three classes."""
    return FilmList(
        tuple(f"{i:064x}" for i in range(n)),
        np.arange(n) % 3,
        np.arange(n) // 2,
        "manifest",
        {"source": tuple("ab"[i % 2] for i in range(n))},
    )


def test_films_survive_json():
    before = films()
    after = FilmList.from_dict(json.loads(json.dumps(before.to_dict())))
    assert after.to_dict() == before.to_dict()
    assert after.n_patients == 2
    assert after.n_by_class == {"COVID19": 2, "NORMAL": 1, "PNEUMONIA": 1}


@pytest.mark.parametrize("drop", ["schema", "y_true", "patient"])
def test_films_without_a_field_are_refused(drop):
    content = films().to_dict()
    del content[drop]
    with pytest.raises(SpecMismatchError, match="cxr-reads/1"):
        FilmList.from_dict(content)


def test_films_of_other_classes_are_refused():
    with pytest.raises(SpecMismatchError, match="y_true"):
        FilmList.from_dict({**films().to_dict(), "y_true": [0, 1, 2, 3]})


def test_lengths_must_agree():
    with pytest.raises(ValueError, match="must have 1 entries"):
        FilmList(("a",), np.array([0, 1]), np.array([0, 1]), "none")
    with pytest.raises(ValueError, match="must have shape"):
        Reads(films(), {"vgg16": np.zeros((3, 3))})
    with pytest.raises(ValueError, match="must have 4 rows"):
        Reads(films(), {"vgg16": np.zeros((4, 3))}, hidden={"vgg16": np.zeros((3, 5), np.float32)})


def test_some_of_the_films():
    reads = Reads(
        films(),
        {"vgg16": np.arange(12.0).reshape(4, 3)},
        {"vgg16": np.arange(8, dtype=np.float32).reshape(4, 2)},
    )
    some = reads.take(reads.y_true == 0)
    assert some.films.sha256 == (f"{0:064x}", f"{3:064x}")
    assert some.films.groups == {"source": ("a", "b")}
    np.testing.assert_array_equal(some.logits["vgg16"], [[0, 1, 2], [9, 10, 11]])
    np.testing.assert_array_equal(some.hidden["vgg16"], [[0, 1], [6, 7]])
    np.testing.assert_allclose(some.probs("vgg16").sum(axis=1), 1)


@pytest.mark.parametrize(
    ("age", "band"),
    [
        ("", ""),
        ("old", ""),
        ("-1", ""),
        ("0.5", "0 to 5"),
        ("40", "40 to 59"),
        ("91", "80 and over"),
    ],
)
def test_age_bands(age, band):
    assert age_band(age) == band


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A labelled folder of noise with a manifest and one broken file."""
    folder = tmp_path_factory.mktemp("set")
    rng = np.random.default_rng(0)
    lines = ["path,patient,source,view,age"]
    for label in ("COVID19", "NORMAL"):
        (folder / label).mkdir()
        for i in range(2):
            name = f"{label}/film-{i}.png"
            Image.fromarray(rng.integers(0, 255, (64, 64), np.uint8)).save(folder / name)
            lines.append(f"{name},anna,clinic {i},PA,{50 if i else ''}")
    (folder / "NORMAL" / "broken.png").write_bytes(b"no film")
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n", "utf-8")
    return folder


@pytest.fixture(scope="module")
def predictor(tmp_path_factory):
    """A tiny bundle's predictor."""
    return Predictor(write_tiny_bundle(tmp_path_factory.mktemp("bundle") / "bundle"))


def test_a_folder_reads_as_its_films_do(folder, predictor):
    counted = []
    reads = read_folder(predictor, folder, on_film=counted.append)
    assert counted == [1, 2, 3, 4, 5]
    assert reads.films.n_by_class == {"COVID19": 2, "NORMAL": 2, "PNEUMONIA": 0}
    assert reads.films.n_patients == 1
    assert reads.films.groups["source"] == ("clinic 0", "clinic 1") * 2
    assert reads.films.groups["age_band"] == ("", "40 to 59") * 2
    assert [name for name, _ in reads.films.unreadable] == ["NORMAL/broken.png"]
    reading = predictor.read(read_path(folder / "COVID19" / "film-1.png"))
    assert reads.films.sha256[1] == reading.radiograph.sha256
    for name, system in reading.systems.items():
        np.testing.assert_allclose(reads.logits[name][1], system.logits, atol=1e-6)
    for name, member in reading.state.members.items():
        np.testing.assert_allclose(reads.hidden[name][1], member.hidden, atol=1e-6)
        mean = reading.features[name].mean(axis=(0, 1))
        np.testing.assert_allclose(reads.pooled[name][1], mean, atol=1e-6)


def test_a_stopped_folder_keeps_what_was_read(folder, predictor):
    asked = iter([False, False, True])
    assert len(read_folder(predictor, folder, should_stop=lambda: next(asked))) == 2


def test_an_empty_folder_says_so(tmp_path, predictor):
    with pytest.raises(UnreadableImageError, match="must hold films"):
        read_folder(predictor, tmp_path)


def test_some_films_of_each_class(folder, predictor):
    reads = read_folder(predictor, folder, n_per_class=1)
    assert len(reads) + len(reads.films.unreadable) == 2
    assert [name for _, name in drawn_paths(folder, 1)] == ["COVID19", "NORMAL"]
    assert drawn_paths(folder, 1) == drawn_paths(folder, 1)
    assert len(drawn_paths(folder)) == len(drawn_paths(folder, 100)) == 5


def labelled(folder, n=2):
    """Write films of one class that are free to be changed."""
    (folder / "NORMAL").mkdir(parents=True)
    rng = np.random.default_rng(1)
    for i in range(n):
        film = Image.fromarray(rng.integers(0, 255, (64, 64), np.uint8))
        film.save(folder / "NORMAL" / f"film-{i}.png")
    return folder


def test_a_film_that_goes_after_it_was_read_still_counts(tmp_path, predictor):
    folder = labelled(tmp_path / "films")
    whole = read_folder(predictor, folder)
    first = folder / "NORMAL" / "film-0.png"
    reads = read_folder(predictor, folder, on_film=lambda n: first.unlink() if n == 1 else None)
    assert reads.films.to_dict() == whole.films.to_dict()
    assert reads.films.unreadable == ()


def test_a_film_that_goes_before_its_turn_is_listed(tmp_path, predictor):
    folder = labelled(tmp_path / "films")
    last = folder / "NORMAL" / "film-1.png"
    reads = read_folder(predictor, folder, on_film=lambda n: last.unlink() if n == 1 else None)
    assert len(reads) == 1
    assert [name for name, _ in reads.films.unreadable] == ["NORMAL/film-1.png"]


def test_no_film_is_read_again_for_its_digest(tmp_path, predictor, monkeypatch):
    folder = labelled(tmp_path / "films")
    monkeypatch.setattr(folder_reads, "digest_of", lambda _: pytest.fail("read again"))
    monkeypatch.setattr(patients, "digest_of", lambda _: pytest.fail("read again"))
    assert len(read_folder(predictor, folder)) == 2


@pytest.mark.skipif(os.name != "posix", reason="names of bytes")
def test_names_that_are_not_utf_8_can_be_written(tmp_path, predictor):
    folder = labelled(tmp_path / "films", 1)
    Path(os.fsdecode(os.fsencode(folder) + b"/NORMAL/broken\xff.png")).write_bytes(b"x")
    ((name, message),) = read_folder(predictor, folder).films.unreadable
    assert name == "NORMAL/broken\\udcff.png"
    assert message.encode("utf-8")


def test_a_name_that_is_too_long_is_no_folder(tmp_path):
    with pytest.raises(UnreadableImageError, match="no such folder"):
        list(labelled_paths(tmp_path / ("a" * 300)))


def test_a_folder_that_may_not_be_opened_says_so(tmp_path, monkeypatch):
    def refuse(_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(UnreadableImageError, match="Received: Permission denied"):
        list(labelled_paths(tmp_path))


def test_digests_that_are_given_are_taken(tmp_path):
    paths = [tmp_path / "NORMAL" / f"gone-{i}.png" for i in range(2)]
    films = describe(tmp_path, paths, ["NORMAL"] * 2, digests=["a" * 64, "b" * 64])
    assert films.sha256 == ("a" * 64, "b" * 64)
    assert films.n_patients == 2
    with pytest.raises(UnreadableImageError, match=r"`gone-0\.png` must be a file"):
        describe(tmp_path, paths, ["NORMAL"] * 2)
