"""What the browser gets of one film: sizes, rounding, maps that do not apply."""

from __future__ import annotations

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest

import cxr_core.io
from cxr_core.errors import NotApplicableError
from cxr_core.explain.cam import METHODS
from cxr_core.labels import CLASSES, SYSTEMS
from tests.app.conftest import png
from tests.app.fakes import FakePredictor
from ui.components.film_card import consensus, trust_line
from ui.film_view import Score, film_view
from ui.words import GATE_NOT_RUN


@pytest.fixture
def view():
    fake = FakePredictor()
    film = cxr_core.io.read(png(30), name="film.png")
    return film_view(fake.read(film), fake.explain_classes)


def test_every_system_class_and_method_has_a_map(view):
    for system in SYSTEMS:
        assert list(view.maps[system]) == list(METHODS)
        for method, maps in view.maps[system].items():
            assert tuple(maps) == (CLASSES if METHODS[method].is_class_specific else ("",))


def test_a_map_that_does_not_apply_says_why(view):
    missing = view.maps["vgg16"]["ablationcam"]["NORMAL"]
    assert missing == {
        "missing": f"`method` must apply to the system. {NotApplicableError.default_hint}"
    }


def test_all_maps_of_a_film_fit_in_60_kb():
    """Random values are the worst case: nothing rounds to fewer than four digits."""
    rng = np.random.default_rng(0)
    fake = FakePredictor()
    reading = fake.read(cxr_core.io.read(png(30), name="film.png"))
    note = "The head cannot see 26.5% of the cells (last row and column): its pooling drops them."

    def explain_classes(*_, method):
        return {name: random_cam(method) for name in CLASSES}

    def random_cam(method):
        grid = rng.normal(0, 1e-3, (7, 7)).astype(np.float32)
        has_class = METHODS[method].is_class_specific
        return SimpleNamespace(
            grid=grid, score=1.2345, bias=0.1, notes=(note,), class_name="x" if has_class else None
        )

    maps = film_view(reading, explain_classes).maps
    assert len(json.dumps(maps, separators=(",", ":"), allow_nan=False)) < 60_000


def test_values_keep_four_significant_digits(view):
    grid = np.array(view.maps["densenet201"]["gradcam"]["COVID19"]["grid"])
    expected = math.exp(-1 / 4) - 0.1
    assert grid[1, 1] == pytest.approx(expected, rel=5e-4)
    assert grid[1, 1] == float(f"{expected:.3e}")


def scores(*labels):
    return [
        Score(name, label, dict.fromkeys(CLASSES, 1 / 3))
        for name, label in zip(SYSTEMS, labels, strict=False)
    ]


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        (["NORMAL"], "Highest score: **Normal**."),
        (["COVID19", "COVID19"], "All 2 systems score **COVID-19** highest."),
        (
            ["NORMAL", "COVID19", "NORMAL"],
            "The 3 systems differ. Scored highest: **Normal** by 2, **COVID-19** by 1.",
        ),
    ],
)
def test_consensus_names_the_classes_in_words(labels, sentence):
    assert consensus(scores(*labels)) == sentence


def test_agreement_is_left_out_for_a_single_system():
    fake = FakePredictor(systems=("vgg16",))
    reading = fake.read(cxr_core.io.read(png(30), name="film.png"))
    assert trust_line(reading.trust) == GATE_NOT_RUN
