"""Clients that send rubbish, leave in the middle or take their time do not stop the others."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from cxr_core.http import connection
from cxr_core.predict import PublishedModels
from tests.http.live import serving, status_of, until
from tests.reliability.many import films

HEAD = "POST /api/predict HTTP/1.1\nHost: x\nContent-Type: image/png\nContent-Length: "


@pytest.fixture(scope="module")
def models(tiny_bundle_dir):
    found = PublishedModels(tiny_bundle_dir)
    found.predictor()
    return found


def good(live, sent, n=24):
    """Send films from six threads; the statuses, and the longest wait."""

    def ask(number):
        begun = time.perf_counter()
        status = live.predict_raw(sent[number % len(sent)]).status
        return status, time.perf_counter() - begun

    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(ask, range(n)))
    return {status for status, _ in found}, max(seconds for _, seconds in found)


def trickle(live, data, end, answers):
    """Send a film a byte a second, until told to end; what is answered, if anything."""
    with live.raw_socket(f"{HEAD}{len(data)}") as link, contextlib.suppress(OSError):
        for i in range(len(data)):
            if end.wait(1.0):
                return
            link.sendall(data[i : i + 1])
            link.settimeout(0.01)
            with contextlib.suppress(TimeoutError):
                answers.append(status_of(link))
                return
            link.settimeout(30)


@pytest.mark.slow
def test_slow_clients_do_not_stop_others_and_are_let_go(models):
    sent, end, answers = films(6), threading.Event(), []
    with serving(lambda: models, upload_s=4.0) as live:
        until(lambda: live.service.is_ready)
        slow = [
            threading.Thread(target=trickle, args=(live, sent[0], end, answers)) for _ in range(8)
        ]
        try:
            for thread in slow:
                thread.start()
            until(lambda: live.service.admission.n_requests == 8)
            statuses, longest_s = good(live, sent)
            until(lambda: live.service.admission.n_requests == 0)  # after `upload_s`
            until(lambda: len(answers) == 8)
        finally:
            end.set()
            for thread in slow:
                thread.join()
    assert statuses == {200}
    assert longest_s < 20
    assert set(answers) == {408}


def test_clients_that_leave_in_the_middle_of_a_film(models):
    sent = films(6)
    with serving(lambda: models, max_requests=64, max_per_client=64) as live:
        until(lambda: live.service.is_ready)

        def leave(number):
            data = sent[number % 6]
            link = live.raw_socket(f"{HEAD}{len(data)}", data[: len(data) // 2])
            link.close()

        with ThreadPoolExecutor(4) as pool:
            leaving = [pool.submit(leave, number) for number in range(32)]
            statuses, _ = good(live, sent)
            for each in leaving:
                each.result()
        until(lambda: live.service.admission.n_requests == 0)
        assert statuses == {200}
        assert live.predict_raw(sent[0]).status == 200


def test_damaged_films_are_the_error_of_their_own_request(models):
    sent = films(6)
    broken = [data[: len(data) // 2] for data in sent] + [b"", b"no film", sent[0][:40]]
    with serving(lambda: models) as live:
        until(lambda: live.service.is_ready)
        with ThreadPoolExecutor(4) as pool:
            bad = [pool.submit(live.predict_raw, broken[n % len(broken)]) for n in range(36)]
            statuses, _ = good(live, sent)
            refused = {each.result().status for each in bad}
        mixed = live.predict(("a.png", sent[0]), ("b.png", broken[0]), ("c.png", sent[1]))
    assert statuses == {200}
    assert refused <= {400, 415, 422}
    assert [one["status"] for one in mixed.json["results"]] == ["ok", "error", "ok"]


@pytest.mark.parametrize("head", [b"", b"POST /api/predict HTTP/1.1\r\nX-Header: "])
def test_connections_on_which_no_request_comes_are_let_go(models, monkeypatch, head):
    monkeypatch.setattr(connection, "HEAD_S", 0.3)
    sent = films(3)
    with serving(lambda: models) as live, contextlib.ExitStack() as links:
        until(lambda: live.service.is_ready)
        idle = [
            links.enter_context(socket.create_connection(("127.0.0.1", live.port), timeout=30))
            for _ in range(20)
        ]
        for link in idle:
            link.sendall(head)
        assert good(live, sent, n=12)[0] == {200}
        assert [link.recv(1) for link in idle] == [b""] * 20  # closed by the server


def test_a_connection_in_use_is_not_let_go(models, monkeypatch):
    monkeypatch.setattr(connection, "HEAD_S", 0.2)
    (data,) = films(1)
    with serving(lambda: models) as live:
        until(lambda: live.service.is_ready)
        with live.raw_socket(f"{HEAD}{len(data)}", data[:20]) as link:
            time.sleep(0.7)  # in the body, which has its own bound
            link.sendall(data[20:])
            assert status_of(link) == 200
