"""What a session keeps of its films: few, the latest, and none of a film that was dropped."""

from __future__ import annotations

import threading
import time
from collections import UserDict
from concurrent.futures import ThreadPoolExecutor

import pytest
import streamlit as st

from tests.app.conftest import png
from tests.app.fakes import FakePredictor
from ui import reading_cache, state
from ui.kept import Kept


class SessionOfThread(threading.local, UserDict):
    """A session's state for each thread."""


@pytest.fixture
def session(monkeypatch):
    held = {}
    monkeypatch.setattr(st, "session_state", held)
    return held


def made_again(kept, digest):
    """Whether a result had to be made, by models `m`."""
    calls = []
    kept.get(digest, "m", lambda: calls.append(1) or digest)
    return bool(calls)


@pytest.fixture
def films(session):
    """Three films on the shelf, by digest."""
    shelf = state.shelf()
    return [shelf.add(f"{n}.png", bytes([n])) for n in range(3)]


def test_a_result_is_made_once_for_each_film_and_models(films):
    kept = Kept("k", 4)
    assert made_again(kept, films[0])
    assert not made_again(kept, films[0])
    assert kept.get(films[0], "other models", lambda: "theirs") == "theirs"
    assert kept.get(films[0], "m", lambda: "never") == films[0]


def test_the_one_not_asked_for_longest_goes_first(films):
    kept = Kept("k", 2)
    made_again(kept, films[0])
    made_again(kept, films[1])
    assert not made_again(kept, films[0])
    assert made_again(kept, films[2])
    assert not made_again(kept, films[0])
    assert made_again(kept, films[1])


def test_nothing_is_kept_of_a_film_that_left_the_shelf(films, session):
    kept = Kept("k", 9)
    for digest in films:
        made_again(kept, digest)
    state.shelf().remove(films[1])
    made_again(kept, "0" * 64)  # not on the shelf itself, as the films of a study
    assert {digest for digest, _ in session["k"]} == {films[0], films[2], "0" * 64}


def test_what_is_put_takes_the_place_of_what_was_kept(films):
    kept = Kept("k", 2)
    kept.get(films[0], "m", lambda: "a failure")
    kept.put(films[0], "m", "a result")
    assert kept.get(films[0], "m", lambda: "never") == "a result"


def test_all_that_is_known_of_a_dropped_film_goes_with_it(session):
    shelf = state.shelf()
    shelf.add("a.png", png(1))
    shelf.add("b.png", png(2))
    predictor = FakePredictor()
    for film in state.films():
        reading_cache.view(film, predictor)
    kinds = [kind for kind in session if str(kind).startswith("kept-")]
    assert {"kept-readings", "kept-views", "kept-summaries"} <= set(kinds)
    gone, stays = (film.digest for film in state.films())
    shelf.remove(gone)
    reading_cache.let_go()
    for kind in kinds:
        assert {digest for digest, _ in session[kind]} <= {stays}
    assert {digest for digest, _ in session["kept-summaries"]} == {stays}


def test_the_page_lets_go_of_dropped_films(app, predictor, samples, monkeypatch):
    called = []
    monkeypatch.setattr(reading_cache, "let_go", lambda: called.append(1))
    app.run()
    assert not app.exception
    assert called


def test_an_error_is_not_kept(films):
    kept = Kept("k", 2)

    def fail():
        msg = "not now"
        raise OSError(msg)

    with pytest.raises(OSError, match="not now"):
        kept.get(films[0], "m", fail)
    assert made_again(kept, films[0])


def test_kinds_do_not_meet_and_all_is_dropped_at_once(films):
    first, second = Kept("k", 2), Kept("l", 2)
    made_again(first, films[0])
    assert made_again(second, films[0])
    first.clear()
    assert made_again(first, films[0])
    assert not made_again(second, films[0])


def test_what_is_made_on_demand_is_looked_up_alone(films):
    kept = Kept("k", 2)
    assert kept.find(films[0], "m") is None
    kept.put(films[0], "m", "first")
    kept.put(films[1], "m", "second")
    assert kept.find(films[0], "other models") is None
    assert kept.find(films[0], "m") == "first"
    kept.put(films[2], "m", "third")  # the one not asked for longest goes
    assert kept.find(films[1], "m") is None
    assert kept.find(films[0], "m") == "first"


def test_what_is_worked_out_on_demand_goes_with_its_film(films, session):
    from ui.components.audit_film import _CURVES
    from ui.components.fidelity_panel import _RESULTS

    for kept in (_RESULTS, _CURVES):
        kept.put(films[0], "m", "of the first")
        kept.put(films[1], "m", "of the second")
    state.shelf().remove(films[0])
    reading_cache.let_go()
    for kept in (_RESULTS, _CURVES):
        assert kept.find(films[0], "m") is None
        assert kept.find(films[1], "m") == "of the second"
    reading_cache.forget()
    assert not any(session[kind] for kind in ("fidelity-results", "audit-film-curves"))


def test_a_kept_reading_is_without_the_grey_values_that_the_networks_saw(session):
    predictor = FakePredictor()
    film = state.Film("a.png", "a.png", "0" * 64, png(7))
    first = reading_cache.reading(film, predictor)
    assert reading_cache.reading(film, predictor) is first
    assert predictor.n_read == 1
    assert "image" not in vars(first.radiograph)
    assert first.radiograph.image.shape == first.radiograph.pixels.shape


def test_all_sessions_together_read_few_films_at_once(monkeypatch):
    at_once, most = [], []

    class Slow(FakePredictor):
        def read(self, radiograph):
            at_once.append(1)
            most.append(len(at_once))
            time.sleep(0.02)
            at_once.pop()
            return super().read(radiograph)

    def visit(n):
        film = state.Film("a.png", "a.png", f"{n:064}", png(7))
        return reading_cache.reading(film, Slow())

    monkeypatch.setattr(st, "session_state", SessionOfThread())
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(visit, range(16)))
    assert len(most) == 16
    assert max(most) == reading_cache.MAX_READ_AT_ONCE
