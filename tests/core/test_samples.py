"""The synthetic sample films: what is published, and the sampler on random arrays."""

from __future__ import annotations

import hashlib
import importlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "assets" / "samples"
CLASSES = ("COVID19", "NORMAL", "PNEUMONIA")
SIDE = 64


@pytest.fixture(scope="module")
def manifest():
    return json.loads((FOLDER / "manifest.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def tool():
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        yield importlib.import_module("make_samples")
    finally:
        sys.path.remove(str(ROOT / "tools"))


@pytest.fixture(scope="module")
def align(tool):
    return importlib.import_module("samples.align")


@pytest.fixture(scope="module")
def model(tool):
    return importlib.import_module("samples.model")


@pytest.fixture(scope="module")
def components(tool):
    return importlib.import_module("samples.components")


@pytest.fixture(scope="module")
def distance(tool):
    return importlib.import_module("samples.distance")


@pytest.fixture(scope="module")
def fitted(align, model):
    films = _films(n=12, seed=3)
    fields = np.random.default_rng(4).normal(0, 1, (12, SIDE, SIDE, 2)).astype(np.float32)
    fields = np.stack([align.smooth(field, 6) * 8 for field in fields])
    warped = np.stack([align.warp(a, b) for a, b in zip(films, fields, strict=True)])
    return model.fit_model(align.AlignedFilms(films, fields, warped))


def _films(*, n, seed):
    """Discs on a ramp under noise, (n, SIDE, SIDE) float32 in [0, 1]."""
    rng = np.random.default_rng(seed)
    rows, columns = np.indices((SIDE, SIDE)) / SIDE
    films = []
    for x, y in rng.uniform(0.4, 0.6, (n, 2)):
        disc = np.hypot(columns - x, rows - y) < 0.25
        films.append(0.3 + 0.2 * rows + 0.4 * disc + rng.normal(0, 0.03, disc.shape))
    return np.clip(films, 0, 1).astype(np.float32)


def _near(**changes):
    numbers = {"distance": 0.5, "min_typical": 0.4, "typical_distance": 0.6}
    return numbers | {"detail": numbers} | changes


class TestPublished:
    def test_manifest_lists_every_picture_once(self, manifest):
        listed = [film["file"] for film in manifest["films"]]
        assert manifest["schema"] == "cxr-samples/1"
        assert sorted(listed) == sorted(path.name for path in FOLDER.glob("*.png"))
        assert {path.suffix for path in FOLDER.iterdir()} == {".png", ".json"}

    def test_hashes_match(self, manifest):
        for film in manifest["films"]:
            data = (FOLDER / film["file"]).read_bytes()
            assert hashlib.sha256(data).hexdigest() == film["sha256"], film["file"]

    def test_counts(self, manifest):
        drawn = [film["drawn_from"] for film in manifest["films"] if film["kind"] == "chest"]
        others = [film for film in manifest["films"] if film["kind"] == "not_chest"]
        assert {name: drawn.count(name) for name in CLASSES} == dict.fromkeys(CLASSES, 4)
        assert len(others) >= 4
        assert all(film["drawn_from"] is None for film in others)
        assert len(drawn) + len(others) == len(manifest["films"])

    def test_pixels_and_sizes(self, manifest):
        sizes = []
        for film in manifest["films"]:
            path = FOLDER / film["file"]
            sizes.append(path.stat().st_size)
            with Image.open(path) as image:
                assert min(image.size) >= 512, film["file"]
                if film["kind"] == "chest":
                    assert image.mode == "L"
                    assert np.asarray(image).std() > 20, film["file"]
        assert max(sizes) < 250_000
        assert sum(sizes) < 2_500_000

    def test_every_file_says_synthetic(self, manifest):
        assert "SYNTHETIC" in manifest["note"]
        assert "no ground truth" in manifest["note"]
        for film in manifest["films"]:
            assert film["synthetic"] is True
            with Image.open(FOLDER / film["file"]) as image:
                assert image.text["Description"].startswith("SYNTHETIC"), film["file"]

    def test_no_chest_film_is_near_a_training_film(self, manifest):
        for film in manifest["films"]:
            near = film["nearest_training"]
            if film["kind"] == "not_chest":
                assert near is None
                continue
            for numbers in (near, near["detail"]):
                assert numbers["min_typical"] <= numbers["distance"], film["file"]
                assert 0 < numbers["min_typical"] < numbers["typical_distance"]
                r = 1 - numbers["distance"] ** 2 / 2
                assert numbers["correlation"] == pytest.approx(r, abs=2e-4)

    def test_the_films_differ_from_each_other(self, manifest, distance):
        chest = [film["file"] for film in manifest["films"] if film["kind"] == "chest"]
        films = np.stack([np.asarray(Image.open(FOLDER / file)) for file in chest])
        assert distance.nearest(films, films, is_same=True).min() > 0.2

    def test_titles_are_short_and_name_no_training_file(self, manifest):
        titles = [film["title"] for film in manifest["films"]]
        assert len(set(titles)) == len(titles)
        assert all(0 < len(title) <= 60 for title in titles)
        assert ".jp" not in json.dumps(manifest)


class TestAlign:
    def test_normalise_reaches_both_ends_and_keeps_flat_films_finite(self, align):
        ramp = np.tile(np.arange(200, dtype=np.uint8), (10, 1))
        image = align.normalise(ramp)
        assert (image.min(), image.max()) == (0, 1)
        assert np.array_equal(align.normalise(np.full((8, 8), 7, np.uint8)), np.zeros((8, 8)))

    def test_warp_looks_where_the_field_points(self, align):
        image = np.arange(16, dtype=np.float32).reshape(4, 4)
        field = np.zeros((4, 4, 2), np.float32)
        field[..., 0] = 1
        assert np.array_equal(align.warp(image, field)[:, :3], image[:, 1:])

    def test_invert_undoes_a_smooth_field(self, align):
        rng = np.random.default_rng(0)
        field = align.smooth(rng.normal(0, 1, (SIDE, SIDE, 2)).astype(np.float32), 8) * 20
        back = align.invert(field)
        left = back + align.warp(field, back)
        assert np.abs(field).max() > 1
        assert np.abs(left).max() < 0.02

    def test_alignment_sharpens_the_mean_and_changes_nothing(self, align):
        films = _films(n=16, seed=0)
        before = films.copy()
        aligned = align.align_films(films)
        assert np.array_equal(films, before)
        assert len(aligned.films) == len(aligned.fields) == len(aligned.warped)
        assert aligned.warped.std(axis=0).mean() < 0.8 * aligned.films.std(axis=0).mean()

    def test_refuses_too_few_films(self, align):
        with pytest.raises(ValueError, match=r"`films` must be at least 8 .* Received: .*\(3, 64"):
            align.align_films(_films(n=3, seed=0))


class TestModel:
    def test_components_are_those_of_the_covariance(self, components):
        data = np.random.default_rng(0).normal(size=(9, 5)).astype(np.float32) * [5, 3, 2, 1, 0.5]
        found = components.fit_components(data.astype(np.float32), 5)
        values, vectors = np.linalg.eigh(np.cov(data.T))
        assert found.spread**2 == pytest.approx(values[::-1], rel=1e-4)
        assert np.abs(found.axes @ vectors[:, ::-1]) == pytest.approx(np.eye(5), abs=1e-3)
        assert found.share[-1] == pytest.approx(1)

    def test_draws_are_deterministic_for_a_seed(self, model, fitted):
        one, same, other = (
            model.draw_film(fitted, np.random.default_rng(seed), size=128) for seed in (5, 5, 6)
        )
        assert one.shape == (128, 128)
        assert one.dtype == np.uint8
        assert np.array_equal(one, same)
        assert not np.array_equal(one, other)

    def test_without_gains_a_draw_is_the_template(self, model, fitted):
        still = model.Gains(0, 1, 0, 0, 0, 0, 1, 0)
        films = [
            model.draw_film(fitted, np.random.default_rng(seed), size=SIDE, gains=still)
            for seed in (1, 2)
        ]
        assert np.array_equal(*films)

    def test_draw_normal_is_truncated(self, components):
        values = components.draw_normal(np.random.default_rng(0), 5000, 1.5)
        assert np.abs(values).max() <= 1.5
        with pytest.raises(ValueError, match=r"`limit` must be above 0\. Received: limit=0"):
            components.draw_normal(np.random.default_rng(0), 3, 0)

    def test_match_histogram_keeps_the_order(self, model):
        film = np.random.default_rng(0).uniform(0.2, 0.6, (32, 32)).astype(np.float32)
        goal = np.linspace(0, 1, 9).astype(np.float32)
        moved = model.match_histogram(film, goal, 1.0)
        assert np.array_equal(np.argsort(moved, axis=None), np.argsort(film, axis=None))
        assert np.percentile(moved, 50) == pytest.approx(0.5, abs=0.02)
        assert model.match_histogram(film, goal, 0.0) == pytest.approx(film, abs=1e-4)
        assert np.isfinite(model.match_histogram(np.zeros((8, 8), np.float32), goal, 0.5)).all()

    def test_fill_zoom(self, model):
        field = np.zeros((100, 100, 2), np.float32)
        assert model.fill_zoom(field, 0.9) == 1
        field[:20] = (0, -90)
        assert model.fill_zoom(field, 1.0) == pytest.approx(1 / 0.6, abs=0.03)
        assert model.fill_zoom(np.full_like(field, 500), 0.9) == float("inf")

    def test_a_fold_is_noticed_and_a_stretch_is_not(self, model):
        rows = np.indices((SIDE, SIDE), dtype=np.float32)[0] - SIDE / 2
        for height, expected in ((5, False), (12, True)):
            bump = height * np.exp(-((rows / 5) ** 2))
            field = np.stack([0 * rows, bump], axis=-1)
            assert model.is_folded(field, np.ones_like(rows)) is expected
            assert not model.is_folded(field, np.zeros_like(rows))
        assert not model.is_folded(np.stack([0 * rows, 1.3 * rows], axis=-1), np.ones_like(rows))


class TestNearCopies:
    def test_distance_is_the_rms_of_standardised_pixels(self, distance):
        films = np.random.default_rng(0).integers(0, 255, (2, 224, 224), dtype=np.uint8)
        a, b = ((film - film.mean()) / film.std() for film in films.astype(np.float64))
        expected = np.sqrt(np.mean((a - b) ** 2))
        assert distance.nearest(films[:1], films[1:])[0] == pytest.approx(expected, rel=1e-5)

    def test_exposure_does_not_hide_a_copy(self, distance):
        films = np.random.default_rng(0).integers(0, 120, (5, 224, 224), dtype=np.uint8)
        for is_detail in (False, True):
            found = distance.nearest(films[2:3] * 2 + 3, films, is_detail=is_detail, block=2)
            assert found[0] < 0.01
            others = distance.nearest(films, films, is_same=True, is_detail=is_detail, block=2)
            assert others.min() > 1

    def test_spacing_looks_over_all_classes(self, distance):
        films = np.random.default_rng(0).integers(0, 255, (6, 224, 224), dtype=np.uint8)
        spacing = distance.measure_spacing({"a": films[:3], "b": np.stack([films[0], films[5]])})
        assert spacing["a"].minimum < 0.2 < 1.2 < spacing["a"].typical

    def test_a_copy_is_refused_and_nothing_is_written(self, tool, tmp_path):
        sample = tool.Sample("x.png", np.zeros((8, 8), np.uint8), "x", "NORMAL")
        close = {"distance": 0.1, "min_typical": 0.4, "typical_distance": 0.6}
        for near in (_near(distance=0.1), _near(detail=close)):
            with pytest.raises(ValueError, match=r"x\.png .* at least 0\.4.* distance=0\.1"):
                tool.write_sample(sample, tmp_path, near)
        with pytest.raises(ValueError, match=r"`near` must be given .* x\.png"):
            tool.write_sample(sample, tmp_path, None)
        with pytest.raises(ValueError, match="distance=nan"):
            tool.write_sample(sample, tmp_path, _near(distance=float("nan")))
        assert not list(tmp_path.iterdir())

    def test_draws_from_a_model_of_copies_are_refused(self, tool, distance, fitted, monkeypatch):
        copy = np.random.default_rng(0).integers(0, 255, (224, 224), dtype=np.uint8)
        noise = np.random.default_rng(1).integers(0, 255, (4, 224, 224), dtype=np.uint8)
        monkeypatch.setattr(tool, "draw_film", lambda *_, **__: copy)
        neighbours = distance.Neighbours({"NORMAL": np.concatenate([copy[None], noise])})
        with pytest.raises(ValueError, match=r"must give 4 films in 24 draws\. Received: 0"):
            tool.draw_chest(fitted, "NORMAL", neighbours, np.random.default_rng(0))

    def test_what_is_far_is_written_with_its_mark(self, tool, tmp_path):
        sample = tool.Sample("x.png", np.zeros((8, 8), np.uint8), "x", "NORMAL")
        entry = tool.write_sample(sample, tmp_path, _near())
        assert hashlib.sha256((tmp_path / "x.png").read_bytes()).hexdigest() == entry["sha256"]
        with Image.open(tmp_path / "x.png") as image:
            assert image.text["Description"].startswith("SYNTHETIC chest-like film")


def test_other_pictures_are_deterministic(tool):
    first, again = tool.draw_others(0), tool.draw_others(0)
    for one, same in zip(first, again, strict=True):
        assert np.array_equal(one.pixels, same.pixels), one.file
        assert one.pixels.shape[:2] == (512, 512)


def test_read_films_refuses_an_empty_folder(tool, tmp_path):
    with pytest.raises(ValueError, match=r"`folder` must hold images\. Received: folder="):
        tool.read_films(tmp_path)
