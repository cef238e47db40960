"""Data scan, augmentation and feature cache."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from cxr_core.dataset import class_counts, data_digest, scan_classes, scan_split
from cxr_core.engine.openvino import OpenVinoEngine
from cxr_core.errors import TrainingDataError
from cxr_core.io import read_path
from cxr_core.preprocess import PreprocessSpec, preprocess
from tests.conftest import write_film
from tests.tiny import write_tiny_network
from train.augment import AugmentSpec, augment, film_rng
from train.features import FeatureCache, FeatureKey, fill_cache, network_input

AUGMENT = AugmentSpec(zoom=0.2, rotation_deg=15.0, horizontal_flip=True)


@pytest.fixture(scope="module")
def engine(tmp_path_factory) -> OpenVinoEngine:
    path = tmp_path_factory.mktemp("network") / "tiny.xml"
    write_tiny_network(path, 4, seed=0)
    return OpenVinoEngine(path)


def key_of(number: int = 0, **changes) -> FeatureKey:
    values = {
        "backbone": "vgg16",
        "network_digest": "0" * 64,
        "preprocess": PreprocessSpec(),
        "augment": AUGMENT,
        "seed": 0,
        "augmentation_pass": number,
    }
    return FeatureKey(**{**values, **changes})


def test_training_and_serving_prepare_a_film_alike_bit_for_bit(data_dir):
    for scaling in ("unit", "torch", "caffe", "tf", "none"):
        spec = PreprocessSpec(scaling=scaling)
        for film in scan_split(data_dir, "test"):
            ours = network_input(film, key_of(preprocess=spec))
            np.testing.assert_array_equal(ours, preprocess(read_path(film.path), spec))


def test_scan(data_dir):
    train, test = scan_split(data_dir, "train"), scan_split(data_dir / "Data", "TEST")
    assert class_counts(train) == {"COVID19": 6, "NORMAL": 6, "PNEUMONIA": 6}
    assert class_counts(test) == {"COVID19": 3, "NORMAL": 3, "PNEUMONIA": 3}
    assert data_digest(train) == data_digest(train[::-1])
    assert data_digest(train) != data_digest(train[1:])


def test_missing_split_and_class(data_dir, tmp_path):
    with pytest.raises(TrainingDataError, match=r"must hold a folder named val\. Received: \['D"):
        scan_split(data_dir, "val")
    with pytest.raises(TrainingDataError, match="no such folder"):
        scan_split(tmp_path / "nowhere", "train")
    copy = tmp_path / "copy"
    shutil.copytree(data_dir, copy)
    shutil.rmtree(copy / "Data" / "train" / "NORMAL")
    with pytest.raises(TrainingDataError, match=r"must hold films in COVID19, NORMAL.*'PNEUM"):
        scan_split(copy, "train")


def test_augmentation_is_repeatable_and_changes_nothing():
    image = np.random.default_rng(0).random((40, 30)).astype(np.float32)
    before = image.copy()
    one = augment(image, AUGMENT, film_rng(0, 1, "a"))
    np.testing.assert_array_equal(one, augment(image, AUGMENT, film_rng(0, 1, "a")))
    np.testing.assert_array_equal(image, before)
    assert not np.array_equal(one, augment(image, AUGMENT, film_rng(0, 2, "a")))
    assert one.shape == image.shape
    assert one.min() >= 0
    assert one.max() <= 1


def test_no_augmentation_is_the_identity_and_a_flip_is_a_mirror():
    image = np.random.default_rng(0).random((40, 30)).astype(np.float32)
    same = augment(image, AugmentSpec(), np.random.default_rng(0))
    np.testing.assert_allclose(same, image, atol=1e-5)
    spec = AugmentSpec(horizontal_flip=True)
    variants = [augment(image, spec, np.random.default_rng(seed)) for seed in range(20)]
    mirrored = [np.abs(variant - image[:, ::-1]).max() < 1e-5 for variant in variants]
    unchanged = [np.abs(variant - image).max() < 1e-5 for variant in variants]
    assert all(a != b for a, b in zip(mirrored, unchanged, strict=True))
    assert 0 < sum(mirrored) < 20


def test_the_cache_gives_what_the_engine_gives(data_dir, engine, tmp_path):
    films = scan_split(data_dir, "test")
    cache = FeatureCache(tmp_path, key_of(), engine.feature_shape)
    assert fill_cache(cache, films, engine) == []
    loaded = FeatureCache(tmp_path, key_of(), engine.feature_shape).load(
        [film.sha256 for film in reversed(films)]
    )
    for film, features in zip(reversed(films), loaded, strict=True):
        expected = engine.run(preprocess(read_path(film.path), PreprocessSpec())[None])[0]
        np.testing.assert_array_equal(features, expected)


@pytest.mark.parametrize("cut_bytes", [1, 100, 7 * 7 * 4 * 4, 1000])
def test_a_cache_that_was_cut_off_goes_on_from_the_last_whole_row(
    data_dir, engine, tmp_path, cut_bytes
):
    films = scan_split(data_dir, "test")
    cache = FeatureCache(tmp_path, key_of(), engine.feature_shape)
    fill_cache(cache, films, engine)
    whole = cache.load([film.sha256 for film in films])
    path = next(tmp_path.glob("*/features.f32"))
    path.write_bytes(path.read_bytes()[:-cut_bytes])
    again = FeatureCache(tmp_path, key_of(), engine.feature_shape)
    assert len(again) < len(films)
    fill_cache(again, films, engine)
    np.testing.assert_array_equal(again.load([film.sha256 for film in films]), whole)


def test_an_index_line_that_was_cut_off_is_dropped(data_dir, engine, tmp_path):
    films = scan_split(data_dir, "test")
    fill_cache(FeatureCache(tmp_path, key_of(), engine.feature_shape), films, engine)
    path = next(tmp_path.glob("*/films.txt"))
    path.write_text(path.read_text("utf-8")[:-10], "utf-8")
    again = FeatureCache(tmp_path, key_of(), engine.feature_shape)
    assert len(again) == len(films) - 1
    assert films[-1].sha256 not in again


def test_keys_tell_apart_what_changes_the_numbers():
    names = {
        key_of().folder_name,
        key_of(1).folder_name,
        key_of(2).folder_name,
        key_of(1, seed=1).folder_name,
        key_of(preprocess=PreprocessSpec(scaling="caffe")).folder_name,
        key_of(network_digest="1" * 64).folder_name,
        key_of(1, augment=AugmentSpec(zoom=0.1)).folder_name,
    }
    assert len(names) == 7
    assert key_of(seed=1).folder_name == key_of(augment=AugmentSpec()).folder_name


def test_unreadable_films_are_listed_and_skipped(engine, tmp_path):
    folder = tmp_path / "COVID19"
    folder.mkdir()
    write_film(folder / "good.png", seed=0)
    (folder / "bad.png").write_bytes(b"not a film")
    films = scan_classes(tmp_path, split="test", required=("COVID19",))
    cache = FeatureCache(tmp_path / "cache", key_of(), engine.feature_shape)
    unreadable = fill_cache(cache, films, engine)
    assert [film.path.name for film, _ in unreadable] == ["bad.png"]
    assert len(cache) == 1


def test_a_full_disk_is_said_and_keeps_what_is_stored(data_dir, engine, tmp_path, monkeypatch):
    films = scan_split(data_dir, "test")
    cache = FeatureCache(tmp_path, key_of(), engine.feature_shape)
    fill_cache(cache, films[:3], engine)
    path_type, open_file = type(cache._data_path), type(cache._data_path).open

    def refuse(self, *args, **kwargs):
        if self.name == "features.f32" and args[:1] == ("ab",):
            raise OSError(28, "No space left on device")
        return open_file(self, *args, **kwargs)

    monkeypatch.setattr(path_type, "open", refuse)
    with pytest.raises(TrainingDataError, match=r"must have room .*No space left") as error:
        fill_cache(cache, films, engine)
    assert "Free disk space" in error.value.hint
    monkeypatch.undo()
    assert len(FeatureCache(tmp_path, key_of(), engine.feature_shape)) == 3
