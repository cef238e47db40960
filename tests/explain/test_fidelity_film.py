"""Fidelity checks of real readings: one film through tiny networks, and all checks of one map."""

from __future__ import annotations

import numpy as np
import pytest

from cxr_core.bundle import Bundle
from cxr_core.errors import CancelledCheckError, NotApplicableError, SpecMismatchError
from cxr_core.explain.cam import METHODS
from cxr_core.explain.fidelity import (
    CHANGES,
    Change,
    FilmProbe,
    Settings,
    check_map,
    measure_orders,
    random_heads,
)
from cxr_core.io import read_path
from cxr_core.labels import CLASSES, SYSTEMS
from cxr_core.predict import Predictor
from cxr_core.preprocess import resize
from tests.conftest import write_film

ALL_SEEN = np.ones((7, 7), bool)


@pytest.fixture(scope="module")
def radiograph(tmp_path_factory):
    return read_path(write_film(tmp_path_factory.mktemp("film") / "film.png", seed=1))


@pytest.fixture(scope="module")
def probe(tiny_predictor, radiograph):
    return FilmProbe(tiny_predictor, radiograph)


class CountingEngine:
    """An engine that counts its runs."""

    def __init__(self, engine):
        self._engine, self.n_runs = engine, 0
        self.feature_shape = engine.feature_shape

    def run(self, batch):
        self.n_runs += len(batch)
        return self._engine.run(batch)


def test_run_member_is_the_members_part_of_a_reading(tiny_predictor, radiograph):
    reading = tiny_predictor.read(radiograph)
    for name, member in tiny_predictor.members.items():
        image = resize(radiograph.image, member.preprocess)
        found = tiny_predictor.run_member(name, image)
        np.testing.assert_array_equal(found, reading.features[name])
        assert not found.flags.writeable
    with pytest.raises(SpecMismatchError, match=r"`name` must be one of .*name='resnet50'"):
        tiny_predictor.run_member("resnet50", image)
    with pytest.raises(ValueError, match=r"`batch` must be float32 of shape"):
        tiny_predictor.run_member("vgg16", image[:100])


@pytest.mark.parametrize("system", SYSTEMS)
def test_an_uncovered_film_has_the_readings_score(probe, system):
    for index, name in enumerate(CLASSES):
        score = probe.score(system, name)(ALL_SEEN)
        assert score == pytest.approx(probe.reading.systems[system].probs[index], abs=1e-6)
    assert probe.label(system) == probe.reading.systems[system].label


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_covered_cell_moves_the_score_as_a_reading_of_the_covered_film(
    tiny_predictor, probe, system
):
    """The tiny networks see 32 by 32 pixels for each cell, so only that cell changes."""
    seen = ALL_SEEN.copy()
    seen[2, 4] = False
    changed = probe.score(system, "NORMAL")(seen)
    assert changed != probe.score(system, "NORMAL")(ALL_SEEN)
    assert 0 <= changed <= 1
    assert probe.score(system, "NORMAL", cover="mean")(seen) != changed


def test_a_change_of_nothing_gives_the_map_of_the_film(probe):
    for system in SYSTEMS:
        for method in METHODS:
            grid = probe.cam(system, "NORMAL", method).grid
            found = probe.changed_grid(Change(), system, "NORMAL", method)
            np.testing.assert_allclose(found, grid, rtol=1e-4, atol=1e-5)


def test_nothing_is_computed_twice(tiny_predictor, radiograph, tiny_bundle_dir):
    engines = {name: CountingEngine(engine) for name, engine in tiny_predictor._engines.items()}
    predictor = Predictor(Bundle.load(tiny_bundle_dir), engines=engines)
    probe = FilmProbe(predictor, radiograph)
    settings = Settings(n_orders=2, n_draws=1)
    for _ in range(2):
        for system in SYSTEMS:
            check_map(probe, system, "gradcam", class_name="NORMAL", settings=settings)
        if _ == 0:
            n_runs = [engine.n_runs for engine in engines.values()]
    assert [engine.n_runs for engine in engines.values()] == n_runs
    # the film, 6 changes, 2 random orders of 3 films and all covered (shared by all systems),
    # and for each of 3 systems that use a member 3 + 3 of deletion and insertion, 2 + 2 of ROAD
    assert max(n_runs) <= 1 + len(CHANGES) + 2 * 3 + 1 + 3 * 10


def test_all_checks_of_one_map(probe):
    told = []
    found = check_map(
        probe,
        "vgg16",
        "hirescam",
        settings=Settings(n_draws=2, n_orders=3),
        baseline=0.9,
        on_step=lambda done, total: told.append((done, total)),
    )
    assert (found.system, found.method) == ("vgg16", "hirescam")
    assert found.class_name == probe.label("vgg16")
    assert [stage.name for stage in found.randomisation.stages] == ["logits", "dense_1", "dense_0"]
    assert found.randomisation.passes is not None
    assert found.order.n_orders == 3
    assert len(found.order.deletion.scores) == 5
    assert found.order.deletion.scores[0] == found.order.insertion.scores[-1]
    assert found.order.deletion.scores[-1] == found.order.insertion.scores[0]
    assert len(found.road.most_relevant_first) == 2
    assert len(found.repeatability.spearman) == len(CHANGES)
    assert any("cannot see 26.5%" in note for note in found.notes)
    # 3 stages of 2 draws, 6 changes, 3 + 2 curves of 5 films, 2 times 2 shares
    total = 6 + 6 + 25 + 4
    assert told == [(done, total) for done in range(1, total + 1)]


def test_the_same_seed_gives_the_same_result(tiny_predictor, radiograph):
    settings = Settings(n_draws=2, n_orders=2, seed=5)
    results = [
        check_map(FilmProbe(tiny_predictor, radiograph), "ensemble_dense", "gradcam", settings=s)
        for s in (settings, settings, Settings(n_draws=2, n_orders=2, seed=6))
    ]
    assert results[0] == results[1]
    assert results[0].order.random_mean != results[2].order.random_mean


def test_shared_parts_change_nothing(tiny_predictor, probe):
    settings = Settings(n_draws=2, n_orders=2)
    label = probe.label("vgg16")
    shared = check_map(
        probe,
        "vgg16",
        "gradcam",
        settings=settings,
        heads=random_heads(tiny_predictor.heads, "vgg16", n_draws=2),
        orders=measure_orders(probe, "vgg16", label, settings),
    )
    assert shared == check_map(probe, "vgg16", "gradcam", settings=settings)


def test_checks_can_be_chosen_and_ended(probe):
    found = check_map(probe, "vgg16", "eigencam", checks=["road"])
    assert found.road is not None
    assert found.randomisation is found.order is found.repeatability is None
    assert any("no class in it" in note for note in found.notes)
    with pytest.raises(CancelledCheckError, match=r"cancelled after 3 of 4 steps"):
        check_map(probe, "vgg16", "gradcam", checks=["road"], on_step=lambda done, _: done < 3)
    with pytest.raises(ValueError, match=r"`checks` must be among .*\['luck'\]"):
        check_map(probe, "vgg16", "gradcam", checks=["luck"])
    with pytest.raises(NotApplicableError, match=r"`system` must be one of .*'resnet50'"):
        check_map(probe, "resnet50", "gradcam")


def test_nothing_is_changed(tiny_predictor, radiograph):
    before = tiny_predictor.read(radiograph)
    image = radiograph.image.copy()
    probe = FilmProbe(tiny_predictor, radiograph)
    kernels = [head.layers[0].kernel.copy() for head in tiny_predictor.heads.members.values()]
    check_map(probe, "ensemble_probs", "layercam", settings=Settings(n_draws=1, n_orders=1))
    after = tiny_predictor.read(radiograph)
    np.testing.assert_array_equal(radiograph.image, image)
    for name, features in before.features.items():
        np.testing.assert_array_equal(after.features[name], features)
        np.testing.assert_array_equal(probe.reading.features[name], features)
    for head, kernel in zip(tiny_predictor.heads.members.values(), kernels, strict=True):
        np.testing.assert_array_equal(head.layers[0].kernel, kernel)


def test_a_flat_film_ends_in_a_typed_error_or_finite_numbers(tiny_predictor, tmp_path):
    from PIL import Image

    Image.new("L", (240, 240), 90).save(tmp_path / "flat.png")
    probe = FilmProbe(tiny_predictor, read_path(tmp_path / "flat.png"))
    settings = Settings(n_draws=1, n_orders=1)
    n_flat = 0
    for system in SYSTEMS:
        for method in METHODS:
            if not np.ptp(probe.cam(system, probe.label(system), method).grid) > 0:
                n_flat += 1
                with pytest.raises(NotApplicableError, match=r"`grid` must not be flat"):
                    check_map(probe, system, method, settings=settings)
                continue
            found = check_map(probe, system, method, settings=settings)
            numbers = [found.order.deletion.area, found.road.gap, found.repeatability.mean]
            numbers += [stage.ssim for stage in found.randomisation.stages]
            assert np.isfinite(numbers).all()
    assert n_flat
