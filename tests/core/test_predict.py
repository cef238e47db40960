"""The predictor: one film's way, agreement, threads, maps without a second pass."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from cxr_core.bundle import Bundle
from cxr_core.errors import SpecMismatchError
from cxr_core.explain.cam import METHODS
from cxr_core.io import read_path
from cxr_core.labels import CLASSES, SYSTEMS
from cxr_core.predict import Predictor
from cxr_core.preprocess import preprocess
from tests.conftest import write_film
from tests.tiny import write_tiny_bundle


class CountingEngine:
    """Counts the passes of another engine."""

    def __init__(self, engine, feature_shape=None):
        self.engine, self.n_runs = engine, 0
        self.feature_shape = feature_shape or engine.feature_shape

    def run(self, batch):
        self.n_runs += len(batch)
        return self.engine.run(batch)


def test_a_reading_has_five_systems(tiny_predictor, film_path):
    reading = tiny_predictor.read(read_path(film_path))
    assert tuple(reading.systems) == SYSTEMS
    assert reading.status == "ok"
    assert reading.trust.ood_verdict == "not_run"
    assert reading.trust.prediction_set is None
    for system in reading.systems.values():
        assert system.probs.sum() == pytest.approx(1.0, abs=1e-12)
        assert system.label == CLASSES[int(system.logits.argmax())]
    labels = [system.label for system in reading.systems.values()]
    assert reading.trust.agreement == max(map(labels.count, labels)) / 5
    assert set(reading.timing_ms) == {"preprocess", "engine", "trust", "total"}


def test_one_system_has_no_agreement(tmp_path, film_path):
    bundle = write_tiny_bundle(tmp_path / "one", members=("vgg16",), ensembles=False)
    reading = Predictor(bundle).read(read_path(film_path))
    assert reading.trust.agreement is None


def test_maps_need_no_second_pass(tiny_bundle_dir, tiny_predictor, film_path):
    engines = {name: CountingEngine(engine) for name, engine in tiny_predictor._engines.items()}
    predictor = Predictor(Bundle.load(tiny_bundle_dir), engines=engines)
    reading = predictor.read(read_path(film_path))
    for system in SYSTEMS:
        for name in CLASSES:
            for method in METHODS:
                assert predictor.explain(reading, system, name, method=method).grid.shape == (7, 7)
    assert [engine.n_runs for engine in engines.values()] == [1, 1, 1]


def test_the_network_gets_what_preprocess_makes(tiny_predictor, film_path):
    radiograph = read_path(film_path)
    for name, member in tiny_predictor.bundle.members.items():
        batch = preprocess(radiograph, member.preprocess)[None]
        expected = tiny_predictor._engines[name].run(batch)[0]
        np.testing.assert_array_equal(tiny_predictor.features(radiograph)[name], expected)


def test_eight_threads_with_mixed_films(tiny_predictor, tmp_path):
    films = [read_path(write_film(tmp_path / f"{seed}.png", seed=seed)) for seed in range(8)]
    expected = [tiny_predictor.read(film).systems for film in films]
    order = np.random.default_rng(0).integers(0, 8, 160)
    with ThreadPoolExecutor(8) as pool:
        readings = list(pool.map(lambda index: tiny_predictor.read(films[index]), order))
    for index, reading in zip(order, readings, strict=True):
        assert reading.radiograph is films[index]
        for name, system in reading.systems.items():
            np.testing.assert_array_equal(system.logits, expected[index][name].logits)


def test_features_cannot_be_changed(tiny_predictor, film_path):
    reading = tiny_predictor.read(read_path(film_path))
    with pytest.raises(ValueError, match="read-only"):
        reading.features["vgg16"][0, 0, 0] = 1


def test_an_engine_of_another_shape(tiny_bundle_dir, tiny_predictor):
    wrong = dict(tiny_predictor._engines)
    wrong["vgg16"] = CountingEngine(wrong["vgg16"], feature_shape=(7, 7, 9))
    with pytest.raises(SpecMismatchError, match=r"vgg16: the network's map must have shape"):
        Predictor(Bundle.load(tiny_bundle_dir), engines=wrong)
