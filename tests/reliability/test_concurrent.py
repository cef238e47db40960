"""Sixteen threads with distinct films: every answer is, byte for byte, that of its film alone."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from cxr_core.predict import PublishedModels
from tests.reliability.many import N_REQUESTS, N_THREADS, at_once, films, fingerprint

N_FILMS = 42
N_KINDS = 30  # five systems, six methods: with 42 films, 210 different requests


@pytest.mark.parametrize("n", [60, pytest.param(N_REQUESTS, marks=pytest.mark.slow)])
def test_readings_and_maps_of_one_predictor_never_mix(tiny_predictor, n):
    sent = films(N_FILMS)
    alone = {}
    for number in range(min(n, 210)):
        key = (number % N_FILMS, number % N_KINDS)
        alone[key] = fingerprint(tiny_predictor, sent[key[0]], number % N_KINDS)
    assert len(set(alone.values())) == len(alone)

    def ask(number):
        film, kind = number % N_FILMS, number % N_KINDS
        return fingerprint(tiny_predictor, sent[film], kind) == alone[film, kind]

    assert all(at_once(ask, n))


def test_threads_that_come_first_share_one_predictor(tiny_bundle_dir):
    models = PublishedModels(tiny_bundle_dir)
    together = threading.Barrier(N_THREADS)

    def ask(number):
        together.wait()
        return models.predictor(None if number % 2 else "tiny")

    assert len(set(at_once(ask, N_THREADS))) == 1


def test_whoever_has_models_does_not_wait_for_those_that_are_compiled(tiny_bundle_dir, monkeypatch):
    models = PublishedModels(tiny_bundle_dir)
    ready = models.predictor()
    begun, go = threading.Event(), threading.Event()
    compiled = models._compile

    def slowly(networks, precision):
        begun.set()
        assert go.wait(60)
        compiled(networks, precision)

    monkeypatch.setattr(models, "_compile", slowly)
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(models.predictor, None, "bf16")
        try:
            assert begun.wait(60)
            assert models.predictor() is ready  # a lock here would wait for ever
        finally:
            go.set()
        assert other.result(60) is not ready
