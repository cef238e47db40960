"""Errors by hand: which, in which order, who else; and neighbours by hand."""

from __future__ import annotations

import numpy as np
import pytest

from cxr_core.evaluate.misread import joined_features, misread_films, nearest_rows
from tests.evaluate.material import make_reads

PROBS = {
    "vgg16": np.array([[0.1, 0.8, 0.1], [0.2, 0.7, 0.1], [0.9, 0.05, 0.05], [0.1, 0.6, 0.3]]),
    "other": np.array([[0.9, 0.1, 0.0], [0.1, 0.8, 0.1], [0.6, 0.2, 0.2], [0.0, 0.1, 0.9]]),
}


@pytest.fixture
def films():
    """Four films: COVID-19, normal, pneumonia, pneumonia."""
    return make_reads([0, 1, 2, 2], groups={"source": ("a", "", "b", "b")}).films


def test_the_surest_error_comes_first(films):
    found = misread_films(films, PROBS, "vgg16")
    assert [(error.row, error.true, error.called) for error in found] == [
        (2, "PNEUMONIA", "COVID19"),
        (0, "COVID19", "NORMAL"),
        (3, "PNEUMONIA", "NORMAL"),
    ]
    assert (found[0].p_called, found[0].p_true) == (0.9, 0.05)
    assert [error.n_wrong for error in found] == [2, 1, 1]
    assert found[1].words == {"source": "a"}
    assert found[1].sha256 == films.sha256[0]


def test_errors_of_one_pair_of_classes(films):
    assert [e.row for e in misread_films(films, PROBS, "vgg16", true="PNEUMONIA")] == [2, 3]
    assert [e.row for e in misread_films(films, PROBS, "vgg16", called="NORMAL")] == [0, 3]
    only = misread_films(films, PROBS, "vgg16", true="PNEUMONIA", called="NORMAL")
    assert [error.row for error in only] == [3]
    assert misread_films(films, PROBS, "vgg16", true="NORMAL") == []


def test_no_film_has_no_error():
    empty = make_reads([])
    probs = {name: empty.probs(name) for name in empty.systems}
    assert misread_films(empty.films, probs, "vgg16") == []


def test_members_count_alike_in_joined_features():
    joined = joined_features({"a": [[3, 4], [0, 0]], "b": [[0, 100], [1, 0]]}, ["a", "b"])
    np.testing.assert_allclose(joined[0], np.array([0.6, 0.8, 0, 1]) / np.sqrt(2))
    np.testing.assert_allclose(joined[1], np.array([0, 0, 1, 0]) / np.sqrt(2))
    np.testing.assert_allclose(np.linalg.norm(joined[0]), 1)


def test_the_most_alike_come_first():
    reference = np.array([[0.0, 1.0], [1.0, 0.0], [0.6, 0.8], [-1.0, 0.0]])
    found = nearest_rows(np.array([1.0, 0.0]), reference, k=3)
    assert [row for row, _ in found] == [1, 2, 0]
    assert [alike for _, alike in found] == pytest.approx([1.0, 0.6, 0.0])
    assert len(nearest_rows(np.array([1.0, 0.0]), reference, k=9)) == 4
