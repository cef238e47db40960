"""Lungs in a reading and on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from cxr_core.__main__ import main
from cxr_core.bundle import Bundle
from cxr_core.io import read_path
from cxr_core.lungs import (
    lung_share,
)
from cxr_core.predict import Predictor
from cxr_core.record import film_record
from tests.lungs.material import LEFT, RIGHT, codes, segmenter_of

SAMPLES = Path(__file__).resolve().parents[2] / "assets" / "samples"


def test_a_reading_carries_the_share_of_each_system(tiny_bundle_dir, tiny_predictor, film_path):
    probability = np.zeros((20, 20))
    probability[LEFT] = probability[RIGHT] = 1.0
    predictor = Predictor(Bundle.load(tiny_bundle_dir), lungs=segmenter_of(probability))
    radiograph = read_path(film_path)
    reading, plain = predictor.read(radiograph), tiny_predictor.read(radiograph)
    assert set(reading.trust.lung_share) <= set(predictor.systems)
    assert reading.trust.lung_share
    for name, share in reading.trust.lung_share.items():
        cam = predictor.explain(reading, name, reading.systems[name].label)
        assert share == lung_share(cam.grid, reading.lungs).share
    assert plain.lungs is None
    assert plain.trust.lung_share == {}
    for name, system in plain.systems.items():  # nothing else changes
        np.testing.assert_array_equal(reading.systems[name].probs, system.probs)
    record = film_record("film.png", reading, reading.timing_ms)
    assert record["trust"]["lung_share"] == dict(reading.trust.lung_share)


def test_a_reading_without_plausible_lungs_carries_no_share(tiny_bundle_dir, film_path):
    predictor = Predictor(Bundle.load(tiny_bundle_dir), lungs=segmenter_of(np.zeros((20, 20))))
    reading = predictor.read(read_path(film_path))
    assert codes(reading.lungs) == ["no_lungs"]
    assert reading.trust.lung_share == {}


def test_the_command_line_prints_the_share(tiny_bundle_dir, capsys):
    sample = SAMPLES / "synthetic-normal-1.png"
    assert main(["predict", str(sample), "--json", "--bundle", str(tiny_bundle_dir)]) == 0
    (result,) = json.loads(capsys.readouterr().out)["results"]
    shares = result["trust"]["lung_share"]
    assert shares
    assert all(0 <= share <= 1 for share in shares.values())
