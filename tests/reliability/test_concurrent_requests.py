"""Two thousand HTTP requests of sixteen clients: every answer is of the film that was sent."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from cxr_core.explain.cam import METHODS
from cxr_core.io import read
from cxr_core.labels import CLASSES
from cxr_core.predict import PublishedModels
from tests.http.live import serving, until
from tests.reliability.many import N_REQUESTS, at_once, films

N_FILMS = 33


@pytest.fixture(scope="module")
def server(tiny_bundle_dir):
    models = PublishedModels(tiny_bundle_dir)
    with serving(lambda: models, wait_s=300.0, read_s=300.0) as live:
        until(lambda: live.service.is_ready)
        yield live


def scores_of(predictor, data):
    """Digest, and each system's label and probabilities."""
    reading = predictor.read(read(data, name="film"))
    systems = {
        name: (system.label, dict(zip(CLASSES, system.probs.tolist(), strict=True)))
        for name, system in reading.systems.items()
    }
    return reading, (hashlib.sha256(data).hexdigest(), systems)


def said_in(result):
    systems = {
        name: (system["label"], system["probabilities"])
        for name, system in result["systems"].items()
    }
    return result["sha256"], systems


def has_own_maps(predictor, reading, found, method):
    """Whether all maps of an answer are those of its film."""
    for name in reading.systems:
        cams = predictor.explain_classes(reading, name, method=method)
        if not METHODS[method].is_class_specific:
            cams = {"any": cams[CLASSES[0]]}
        for label, cam in cams.items():
            own = found[name][method][label]
            if own["score"] != cam.score or not np.array_equal(np.float32(own["grid"]), cam.grid):
                return False
    return True


@pytest.mark.parametrize("n", [48, pytest.param(N_REQUESTS, marks=pytest.mark.slow)])
def test_requests_are_answered_with_their_own_films(server, tiny_predictor, n):
    sent = films(N_FILMS)
    alone = [scores_of(tiny_predictor, data) for data in sent]
    methods = ("gradcam", "hirescam", "eigencam")

    def ask(number):
        i, kind = number % N_FILMS, number % 4
        if kind == 0:  # bytes alone
            answer, wanted = server.predict_raw(sent[i]), [i]
        elif kind == 1:  # several films
            wanted = [i, (i + 7) % N_FILMS, (i + 1) % N_FILMS]
            answer = server.predict(*((f"{number}-{j}", sent[j]) for j in wanted))
        else:  # with maps
            wanted = [i]
            method = methods[number % 3]
            answer = server.predict((f"{number}-{i}", sent[i]), explain=method)
        assert answer.status == 200, answer.body
        results = answer.json["results"]
        names = [f"{number}-{j}" for j in wanted] if kind else ["film"]
        assert [result["file"] for result in results] == names
        assert [said_in(result) for result in results] == [alone[j][1] for j in wanted]
        if kind > 1:
            assert has_own_maps(tiny_predictor, alone[i][0], results[0]["maps"], method)
        return True

    assert all(at_once(ask, n))
    until(lambda: server.service.admission.n_requests == 0)
