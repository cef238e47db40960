"""The shelf of films: order, identity by bytes, names that can be told apart."""

from __future__ import annotations

import ui.state
from ui.state import MAX_FILMS, Shelf


def labels(shelf):
    return [film.label for film in shelf.films]


def test_films_keep_the_order_of_arrival():
    shelf = Shelf()
    for name in ("b.png", "a.png"):
        shelf.add(name, name.encode())
    assert labels(shelf) == ["b.png", "a.png"]


def test_same_bytes_count_once_and_are_noted():
    shelf = Shelf()
    first = shelf.add("a.png", b"1")
    assert shelf.add("a.png", b"1") == first
    shelf.add("copy.png", b"1")
    assert labels(shelf) == ["a.png"]
    assert shelf.notes == [
        "“a.png” was given twice; it is counted once.",
        "“copy.png” holds the same bytes as “a.png”; it is counted once.",
    ]


def test_same_name_is_kept_and_told_apart():
    shelf = Shelf()
    for data in (b"1", b"2", b"3"):
        shelf.add("film.png", data)
    shelf.add("film.png (2)", b"4")
    assert labels(shelf) == ["film.png", "film.png (2)", "film.png (3)", "film.png (2) (2)"]


def test_folders_are_dropped_from_names():
    shelf = Shelf()
    shelf.add("/home/someone/film.png", b"1")
    shelf.add("C:\\patients\\film.png", b"2")
    shelf.add("", b"3")
    assert [film.name for film in shelf.films] == ["film.png", "film.png", "unnamed"]


def test_a_session_holds_a_bounded_number_of_films():
    shelf = Shelf()
    for i in range(MAX_FILMS + 1):
        shelf.add(f"{i}.png", str(i).encode())
    assert len(shelf.films) == MAX_FILMS
    limit = "a session holds at most 200 films of 1,024 MB together."
    assert shelf.notes == [f"“{MAX_FILMS}.png” was left out: {limit}"]
    for i in range(2):
        shelf.add(f"more-{i}.png", f"more {i}".encode())
    assert shelf.notes == [f"“{MAX_FILMS}.png” and 2 more were left out: {limit}"]
    shelf.clear_notes()
    assert shelf.notes == []
    assert shelf.left_out == []


def test_a_session_holds_a_bounded_number_of_bytes(monkeypatch):
    monkeypatch.setattr(ui.state, "MAX_BYTES", 5)
    shelf = Shelf()
    for data in (b"123", b"456", b"78"):
        shelf.add("film.png", data)
    assert [film.data for film in shelf.films] == [b"123", b"78"]
    assert len(shelf.notes) == 1


def test_film_bytes_stay_out_of_its_repr():
    shelf = Shelf()
    shelf.add("a.png", b"secret bytes")
    assert "secret" not in repr(shelf.films[0])
