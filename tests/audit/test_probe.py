"""Changes to a film: pure, bounded, nothing at the level that leaves the film as it is."""

from __future__ import annotations

import numpy as np
import pytest

from cxr_core.audit.change import blacken_border, crop, rotate, stretch_contrast
from cxr_core.audit.films import find_films
from cxr_core.audit.probe import PROBE_BY_NAME, PROBES, ProbeCurve, n_changes, probe_film, probed
from cxr_core.audit.probe_folder import draw, probe_films
from cxr_core.errors import CancelledCheckError
from cxr_core.io import read_path
from tests.audit.material import noise, write_films


@pytest.fixture
def image():
    """A film of 96 by 80 pixels."""
    return np.ascontiguousarray(noise(5, 96)[:, :80]).astype(np.float32) / 255


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name)
def test_every_probe_is_pure_and_bounded(probe, image):
    before = image.copy()
    assert probe.unchanged in probe.levels
    assert list(probe.levels) == sorted(probe.levels)
    for level in probe.levels:
        changed = probe.apply(image, level)
        assert changed.dtype == np.float32
        assert 0 <= changed.min() <= changed.max() <= 1
        assert np.array_equal(changed, probe.apply(image, level))
        assert np.array_equal(changed, image) == (level == probe.unchanged), level
    assert np.array_equal(image, before)
    assert probe.apply(np.full((1, 1), 0.5, np.float32), probe.levels[-1]).shape == (1, 1)


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name)
def test_a_stronger_level_changes_more(probe, image):
    start = probe.levels.index(probe.unchanged)
    for side in (probe.levels[start:], probe.levels[: start + 1][::-1]):
        size = [
            float(np.abs(probe.apply(image, level) - image).mean())
            for level in side
            if probe.name != "crop"
        ]
        assert size == sorted(size)


def test_border_and_crop_by_hand():
    film = np.arange(100, dtype=np.float32).reshape(10, 10) / 100
    framed = blacken_border(film, 0.2)
    assert framed[:2].max() == framed[:, -2:].max() == 0
    assert np.array_equal(framed[2:-2, 2:-2], film[2:-2, 2:-2])
    assert np.array_equal(crop(film, 0.2), film[2:-2, 2:-2])
    assert crop(film, 0.5).size


def test_contrast_and_rotation_by_hand():
    film = np.array([[0.25, 0.75]], np.float32)
    assert stretch_contrast(film, 2.0).tolist() == [[0.0, 1.0]]
    square = np.zeros((9, 9), np.float32)
    square[1, 4] = 1
    assert rotate(square, 90.0)[4, 1] == pytest.approx(1, abs=1e-4)


def test_a_changed_film_has_a_digest_of_its_own(film_path):
    film = read_path(film_path)
    one, other = (probed(film, PROBE_BY_NAME["gamma"], level) for level in (0.5, 2.0))
    assert len({film.sha256, one.sha256, other.sha256}) == 3
    assert np.allclose(one.image, film.image**0.5, atol=1e-6)
    assert one.image.mean() > other.image.mean()


def test_curves_hold_the_reading_of_the_film_itself(tiny_reader, tiny_predictor, film_path):
    film = read_path(film_path)
    probes = (PROBE_BY_NAME["crop"], PROBE_BY_NAME["rotation"])
    told = []
    found = probe_film(
        tiny_reader, film.image, probes=probes, on_step=lambda *step: told.append(step)
    )
    reading = tiny_predictor.read(film)
    (curves,) = found.values()
    assert [curve.name for curve in curves] == ["crop", "rotation"]
    for curve, probe in zip(curves, probes, strict=True):
        start = probe.levels.index(probe.unchanged)
        for system, own in reading.systems.items():
            assert np.allclose(curve.probs(system)[start], own.raw_probs, atol=1e-6)
            assert np.allclose(curve.probs(system).sum(axis=1), 1)
            soft = curve.probs(system, temperature=4.0)
            assert soft.max() <= curve.probs(system).max()
    assert told[-1] == (n_changes(probes), n_changes(probes)) == (12, 12)


def test_a_callback_may_stop_the_probes(tiny_reader, image):
    with pytest.raises(CancelledCheckError, match="after 3 of"):
        probe_film(tiny_reader, image, on_step=lambda n_done, _: n_done < 3)


def test_the_first_flip_is_the_one_nearest_to_the_film():
    labels = np.eye(3)[[1, 0, 0, 1, 2]]
    curve = ProbeCurve("crop", (-2.0, -1.0, 0.0, 1.0, 2.0), {"vgg16": labels})
    assert curve.first_flip("vgg16", 0.0) == 1.0
    steady = ProbeCurve("crop", (0.0, 1.0), {"vgg16": labels[1:3]})
    assert steady.first_flip("vgg16", 0.0) is None


def test_films_are_put_to_the_probes(tiny_reader, tmp_path):
    films = find_films(write_films(tmp_path, 2))
    drawn = draw(films, 4, seed=1)
    assert len(drawn) == 4
    assert set(drawn.films.n_by_class.values()) == {1, 2}
    probes = (PROBE_BY_NAME["gamma"],)
    found = probe_films(tiny_reader, drawn, probes=probes, n_resamples=50)
    (own,) = found.values()
    assert (own["n"], own["n_patients"]) == (4, 4)
    levels = own["probes"]["gamma"]["levels"]
    unchanged = next(each for each in levels if each["level"] == 1.0)
    for figures in unchanged["systems"].values():
        assert figures["flipped"]["n_hits"] == 0
        assert figures["change"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert any(
        abs(figures["change"]["value"]) > 0
        for each in levels
        for figures in each["systems"].values()
    )
    assert draw(films, 4, seed=1).paths == drawn.paths
    assert len(draw(films, 99)) == 6


def test_one_patient_has_no_interval_of_change(tiny_reader, tmp_path):
    films = find_films(write_films(tmp_path, 1, classes=("NORMAL",)))
    probes = (PROBE_BY_NAME["jpeg"],)
    (own,) = probe_films(tiny_reader, films, probes=probes, n_resamples=20).values()
    figures = own["probes"]["jpeg"]["levels"][0]["systems"]["vgg16"]
    assert figures["change"]["low"] is None
    assert figures["flipped"]["n"] == 1
