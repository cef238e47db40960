"""File names about films, by hand."""

from __future__ import annotations

import pytest

from cxr_core.film_name import film_stem

DIGEST = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("film.png", "film-01234567"),
        ("a/b c/film_1-2.tar.gz", "film_1-2_tar-01234567"),
        ("C:\\x\\y.png", "y-01234567"),
        ("../../etc/passwd", "passwd-01234567"),
        ("..", "__-01234567"),
        ("", "-01234567"),
        ("a\0b/ü né.png", "__n_-01234567"),
        ("x" * 300 + ".png", "x" * 60 + "-01234567"),
        ("y" * 60 + "z.png", "y" * 60 + "-01234567"),
        (None, "dicom-01234567"),
    ],
)
def test_by_hand(name, expected):
    assert film_stem(name, DIGEST) == expected


def test_names_that_begin_alike_are_told_apart_by_their_films():
    one, other = (film_stem("x" * 60 + end, sha) for end, sha in (("a", "0" * 64), ("b", "1" * 64)))
    assert (one, other) == ("x" * 60 + "-00000000", "x" * 60 + "-11111111")
