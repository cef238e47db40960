"""Sixteen sessions of one dashboard with distinct films: each is shown its own readings."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from cxr_core.io import read
from tests.reliability.many import N_THREADS, films
from tests.reliability.shown_words import words_of
from tests.security.served import served
from ui.film_view import film_view, summary_of

N_FILMS = 7  # more than the readings that a session keeps, so that some go while others come
N_RUNS = 6


def expected(predictor, data):
    reading = predictor.read(read(data, name="film.png"))
    view = film_view(reading, predictor.explain_classes)
    return words_of(reading, [view.scores, summary_of(reading).scores], view.maps)


@pytest.mark.slow
def test_sessions_of_one_dashboard_never_mix(tiny_predictor, tiny_bundle_dir, tmp_path):
    sent = films(N_THREADS + N_FILMS)
    for number, data in enumerate(sent):
        (tmp_path / str(number)).write_bytes(data)
    alone = [expected(tiny_predictor, data) for data in sent]
    assert len(set(alone)) == len(alone)
    more = {"CXR_BUNDLE": str(tiny_bundle_dir), "CXR_TEST_FILMS": str(tmp_path)}
    with served("tests/reliability/session_page.py", tmp_path, **more) as server:

        def read_many(first):
            with server.session() as session:
                for n in range(N_RUNS):
                    number = first + (n * 3) % N_FILMS  # some of them those of other sessions
                    session.received = b""
                    session.run(f"film={number}" + "&forget=1" * (n % 4 == 3))
                    (said,) = re.findall(rb"said ([0-9a-f ]+) end", session.received)
                    assert said.decode() == alone[number]
            return True

        with ThreadPoolExecutor(N_THREADS) as pool:
            assert all(pool.map(read_many, range(N_THREADS)))
