"""Figures of a reader's folder are measured again as soon as anything told of its films changes."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from cxr_core.evaluate.reads import Reads
from tests.evaluate.material import make_reads
from ui import evidence

READS = make_reads([0, 1, 2, 2], patient=[0, 1, 2, 3], systems=("vgg16",))


@pytest.fixture
def key_of(monkeypatch):
    """Return the key under which the figures of some films are kept; nothing is measured."""
    monkeypatch.setattr(evidence, "models_key", lambda _: "models")
    monkeypatch.setattr(evidence, "_measured", lambda *_: {"systems": {}})
    predictor = SimpleNamespace(trust_model=None)

    def key(**changes):
        reads = Reads(replace(READS.films, **changes), READS.logits)
        return evidence.own_evidence(predictor, "films", reads).key

    return key


def test_the_same_films_are_measured_once(key_of):
    assert key_of() == key_of()


@pytest.mark.parametrize(
    "changes",
    [
        {"patient": READS.patient * 0},
        {"patients_from": "DICOM headers"},
        {"groups": {"source": ("a", "b", "a", "b")}},
        {"unreadable": (("NORMAL/broken.png", "why"),)},
        {"y_true": READS.y_true[::-1]},
        {"sha256": tuple(reversed(READS.films.sha256))},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_what_decides_figures_decides_the_key(key_of, changes):
    assert key_of(**changes) != key_of()
