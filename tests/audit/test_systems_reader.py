"""The systems on covered films, and what their features tell of the source."""

from __future__ import annotations

import numpy as np
import pytest

from cxr_core.audit.covered import CONDITIONS, covered_figures, read_covered, system_figures
from cxr_core.audit.films import find_films
from cxr_core.audit.source import NO_SOURCE, ONE_SOURCE, joined, source_prediction
from cxr_core.audit.systems_reader import SystemsReader
from cxr_core.bundle import Bundle
from cxr_core.evaluate.reads import FilmList, Reads
from cxr_core.io import read_path
from cxr_core.predict import Predictor
from tests.audit.material import write_films


class Counted:
    """An engine that counts how often it runs."""

    def __init__(self, engine):
        self._engine, self.n_runs = engine, 0
        self.feature_shape = engine.feature_shape

    def run(self, batch):
        self.n_runs += 1
        return self._engine.run(batch)


def test_the_reader_says_what_the_predictor_says(tiny_reader, tiny_predictor, film_path):
    film = read_path(film_path)
    (logits,) = tiny_reader.logits(film.image).values()
    reading = tiny_predictor.read(film)
    for name, system in reading.systems.items():
        assert np.allclose(logits[name], system.logits, atol=1e-6)


def test_a_network_that_two_variants_share_runs_once(tiny_bundle_dir, film_path):
    bundle = Bundle.load(tiny_bundle_dir)
    plain = Predictor(bundle)
    engines = {name: Counted(plain._engines[name]) for name in plain.members}
    two = {name: Predictor(bundle, engines=engines) for name in ("a", "b")}
    found = SystemsReader(two).features(read_path(film_path).image)
    assert [engine.n_runs for engine in engines.values()] == [1, 1, 1]
    assert set(found) == {"a", "b"}
    assert found["a"]["vgg16"] is found["b"]["vgg16"]


def test_loading_several_variants_gives_one_predictor_each(tiny_bundle_dir):
    reader = SystemsReader.load(Bundle.load(tiny_bundle_dir), ("tiny",))
    assert reader.variants == ("tiny",)
    assert reader.predictors["tiny"].variant == "tiny"


def test_covered_films_are_read_and_compared_with_whole_ones(tiny_reader, lungs, tmp_path):
    def some_dark(_k, i, film):
        return film // 12 if i == 0 else film

    films = find_films(write_films(tmp_path, 3, change=some_dark))
    (own,) = read_covered(tiny_reader, films, lungs=lungs).values()
    assert tuple(own) == CONDITIONS
    assert [len(own[name]) for name in CONDITIONS] == [9, 9, 6, 6]
    found = covered_figures(own, n_resamples=30)
    assert set(found) == {"border_only", "lungs_removed", "lungs_only"}
    assert found["lungs_only"]["n_left_out"] == {"COVID19": 1, "NORMAL": 1, "PNEUMONIA": 1}
    for cover in found.values():
        for system in cover["systems"].values():
            assert system["kept"]["n"] == system["n"]
    same = covered_figures({**own, "border_only": own["whole"]}, n_resamples=30)
    kept = same["border_only"]["systems"]["vgg16"]["kept"]
    assert (kept["n_hits"], kept["n"]) == (9, 9)
    whole = system_figures(own["whole"], n_resamples=30)
    assert same["border_only"]["systems"]["vgg16"]["accuracy"] == whole["vgg16"]["accuracy"]


def test_without_a_lung_network_covers_that_need_it_are_left_out(tiny_reader, tmp_path):
    films = find_films(write_films(tmp_path, 1))
    (own,) = read_covered(tiny_reader, films).values()
    assert tuple(own) == ("whole", "border_only")


def reads(y_true, source, features, patient=None):
    """Reads with one member's features."""
    n = len(y_true)
    films = FilmList(
        tuple(f"{i:064x}" for i in range(n)),
        np.array(y_true),
        np.arange(n) if patient is None else np.array(patient),
        "manifest",
        {"source": tuple(source)} if source else {},
    )
    features = np.asarray(features, np.float32)
    return Reads(films, {"vgg16": np.zeros((n, 3))}, {"vgg16": features}, {"vgg16": features})


def test_a_planted_source_is_told_and_an_absent_one_is_not():
    rng = np.random.default_rng(0)
    source = ["a", "b"] * 30
    blind = rng.normal(size=(60, 4))
    telling = blind + np.array([[1.5 if word == "a" else 0.0] for word in source])
    found = source_prediction(reads([0] * 60, source, telling), n_resamples=60)
    figures = found["COVID19"]["members"]["vgg16"]["pooled"]
    assert figures["macro_auroc"]["value"] > 0.95
    assert figures["macro_auroc"]["low"] <= figures["macro_auroc"]["value"]
    assert found["COVID19"]["n_by_source"] == {"a": 30, "b": 30}
    assert found["COVID19"]["too_few"] == []
    assert set(found) == {"COVID19"}
    found = source_prediction(reads([0] * 60, source, blind), n_resamples=60)
    assert 0.25 < found["COVID19"]["members"]["vgg16"]["hidden"]["macro_auroc"]["value"] < 0.75


def test_a_source_whose_films_are_of_one_patient_cannot_be_told():
    made = reads([1] * 6, list("aaabbb"), np.zeros((6, 2)), patient=[0, 1, 2, 3, 3, 3])
    found = source_prediction(made, n_resamples=10)["NORMAL"]
    assert found["reason"] == (
        "cannot be measured: each source needs films of at least two patients"
    )


def test_one_source_and_no_source_are_said():
    found = source_prediction(reads([0, 1, 1], ["a", "a", "b"], np.zeros((3, 2))), n_resamples=10)
    assert found["COVID19"]["reason"] == ONE_SOURCE
    assert found["COVID19"]["too_few"] == ["a"]
    assert source_prediction(reads([2], None, [[0.0]]))["PNEUMONIA"]["reason"] == NO_SOURCE


def test_a_constant_feature_gives_chance_and_never_a_nan():
    made = reads([0] * 40, ["a", "b"] * 20, np.ones((40, 3)))
    figures = source_prediction(made, n_resamples=40)["COVID19"]["members"]["vgg16"]["pooled"]
    assert figures["macro_auroc"]["value"] == pytest.approx(0.5, abs=0.2)


def test_joined_reads_keep_patients_apart():
    one, other = (reads([k], ["a"], [[float(k)]]) for k in (0, 1))
    both = joined(one, other, same_patients=False)
    assert both.patient.tolist() == [0, 1]
    assert both.y_true.tolist() == [0, 1]
    assert joined(one, other, same_patients=True).patient.tolist() == [0, 0]
    assert both.pooled["vgg16"].tolist() == [[0.0], [1.0]]
    assert both.films.groups["source"] == ("a", "a")
