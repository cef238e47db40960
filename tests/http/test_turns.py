"""Many requests at once: places, turns, time-outs, clients that leave; errors without detail."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from cxr_core.errors import ArtifactIntegrityError
from cxr_core.http.error import BusyError, TooManyRequestsError
from cxr_core.http.queue import Admission
from cxr_core.http.service import Service
from cxr_core.http.settings import Settings
from tests.http.live import FakeModels, serving, status_of, until

PATIENT = "Featherstonehaugh"


def test_places_are_bounded_in_number_bytes_and_by_client():
    admission = Admission(Settings(max_requests=3, max_per_client=2, max_held_bytes=100))
    with admission.place("a", 40), admission.place("a", 40):
        with pytest.raises(TooManyRequestsError, match="2 requests"), admission.place("a", 1):
            pass
        with pytest.raises(BusyError, match="places"), admission.place("b", 21):
            pass
        with admission.place("b", 20):
            assert admission.n_requests == 3
            with pytest.raises(BusyError, match="places"), admission.place("c", 0):
                pass
    assert admission.n_requests == 0
    with admission.place("a", 100):
        pass


@pytest.mark.parametrize("is_stopped", [True, False])
def test_what_breaks_while_the_models_load_is_said_unless_the_server_ends(monkeypatch, is_stopped):
    going, raised, failures = threading.Event(), [], []
    monkeypatch.setattr(threading, "excepthook", raised.append)

    def load():
        going.wait(20)
        raise RuntimeError("cannot schedule new futures after shutdown")

    service = Service(load, Settings(), on_failure=failures.append)
    service.start()
    (thread,) = (thread for thread in threading.enumerate() if thread.name == "models")
    if is_stopped:
        service.stop()
    going.set()
    thread.join(20)
    service.stop()
    assert not service.is_ready
    assert len(raised) == len(failures) == (0 if is_stopped else 1)


@pytest.fixture
def waiting(film_path):
    """Models that wait, and a server with one worker, two places and little patience."""
    models = FakeModels()
    bounds = {"n_workers": 1, "max_requests": 2, "wait_s": 0.3, "read_s": 20.0}
    with serving(lambda: models, **bounds) as live, ThreadPoolExecutor(4) as pool:
        until(lambda: live.service.is_ready)
        data = film_path.read_bytes()
        first = pool.submit(live.predict, ("first.png", data))
        until(lambda: models.n_begun == 1)
        try:
            yield live, models, data, first
        finally:
            models.go.set()


def test_a_request_whose_turn_does_not_come_is_503(waiting):
    live, models, data, first = waiting
    answer = live.predict(("second.png", data))
    assert (answer.status, answer.error) == (503, "BusyError")
    assert int(answer.headers["retry-after"]) > 0
    models.go.set()
    assert first.result().status == 500
    assert models.n_begun == 1  # the second was never read


def test_without_a_place_the_body_is_not_read(waiting):
    live, _, data, _ = waiting
    with ThreadPoolExecutor(1) as pool:
        second = pool.submit(live.predict, ("second.png", data))
        until(lambda: live.service.admission.n_requests == 2)
        assert live.head_only(60_000_000) == 503
        assert second.result().status == 503


def test_a_client_with_too_many_requests_is_429(film_path):
    models = FakeModels()
    with serving(lambda: models, max_per_client=1) as live, ThreadPoolExecutor(1) as pool:
        until(lambda: live.service.is_ready)
        first = pool.submit(live.predict_raw, film_path.read_bytes())
        until(lambda: models.n_begun == 1)
        answer = live.predict_raw(b"x")
        assert (answer.status, answer.error) == (429, "TooManyRequestsError")
        assert "retry-after" in answer.headers
        models.go.set()
        first.result()


def test_a_client_that_leaves_frees_its_place(waiting):
    live, models, data, _ = waiting
    head = "POST /api/predict HTTP/1.1\nHost: x\nContent-Type: image/png\nContent-Length: "
    with live.raw_socket(f"{head}{len(data)}", data):
        until(lambda: live.service.admission.n_requests == 2)
    until(lambda: live.service.admission.n_requests == 1)
    models.go.set()
    until(lambda: live.service.admission.n_requests == 0)
    assert models.n_begun == 1


def test_a_reading_that_takes_too_long_is_503_and_keeps_its_turn(film_path):
    models = FakeModels()
    bounds = {"n_workers": 1, "wait_s": 0.2, "read_s": 0.2}
    with serving(lambda: models, **bounds) as live:
        until(lambda: live.service.is_ready)
        data = film_path.read_bytes()
        first = live.predict(("a.png", data), ("b.png", data))
        assert (first.status, first.error) == (503, "BusyError")
        assert "not read within" in first.json["error"]["message"]
        assert "turn" in live.predict_raw(data).json["error"]["message"]
        models.go.set()
        until(lambda: live.predict_raw(b"x").status == 415)
        assert models.n_begun == 1  # nobody waited for the second film of the first request


def test_an_error_of_the_server_says_nothing_of_the_film(film_path, caplog):
    def fail(radiograph):
        raise RuntimeError(f"no room for {radiograph.name} of {PATIENT}")

    models = FakeModels(fail)
    models.go.set()
    with caplog.at_level(logging.DEBUG), serving(lambda: models) as live:
        until(lambda: live.service.is_ready)
        answer = live.predict((f"{PATIENT}.png", film_path.read_bytes()))
    assert (answer.status, answer.error) == (500, "InternalError")
    assert PATIENT not in answer.body.decode()
    assert PATIENT not in caplog.text
    assert "RuntimeError at " in caplog.text
    assert "test_turns.py" in caplog.text


def test_it_lives_before_it_is_ready():
    models = FakeModels()

    def load():
        assert models.go.wait(30)
        return models

    with serving(load) as live:
        health, ready = live.ask("/healthz"), live.ask("/readyz")
        assert (health.status, health.json["status"], health.json["ready"]) == (200, "ok", False)
        assert (ready.status, ready.json["status"], ready.json["bundle"]) == (503, "loading", None)
        early = live.predict_raw(b"x")
        assert (early.status, early.error) == (503, "NotReadyError")
        assert "retry-after" in early.headers
        models.go.set()
        until(lambda: live.ask("/readyz").status == 200)
        assert live.ask("/readyz").json["bundle"]["digest"] == "ab" * 32
        assert live.predict_raw(b"x").status == 415


def test_models_that_cannot_be_loaded_stay_a_503_without_detail():
    def load():
        raise ArtifactIntegrityError(f"{PATIENT}.bin must be whole.")

    with serving(load) as live:
        until(lambda: "could not" in live.predict_raw(b"x").json["error"]["message"])
        answer = live.predict_raw(b"x")
        assert (answer.status, answer.error) == (503, "NotReadyError")
        assert PATIENT not in answer.body.decode()
        assert live.ask("/healthz").status == 200
        ready = live.ask("/readyz")
        assert (ready.status, ready.json["status"]) == (503, "failed")


def test_a_pipelined_request_waits_for_the_one_before(live, film_path):
    data = film_path.read_bytes()
    head = "POST /api/predict HTTP/1.1\nHost: x\nContent-Type: image/png\nContent-Length: "
    block = f"{head}{len(data)}".replace("\n", "\r\n").encode() + b"\r\n\r\n" + data
    with live.raw_socket(f"{head}{len(data)}", data + block) as link:
        assert status_of(link) == 200
        received = b""
        while received.count(b"HTTP/1.1 200") < 1:
            received += link.recv(65536)
