"""Kappa against scikit-learn, published examples and worked tables; nothing is ever NaN."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from cxr_core.evaluate.subgroup import TOO_FEW
from cxr_core.reader_study.kappa import (
    ALL_THE_SAME,
    NO_COMMON_FILM,
    ONE_READER,
    cohen_figure,
    cohen_kappa,
    fleiss_figure,
    fleiss_kappa,
)


def answers_of(table):
    """Two lists of answers from a table of counts."""
    pairs = [(i, j) for (i, j), count in np.ndenumerate(table) for _ in range(count)]
    a, b = zip(*pairs, strict=True)
    return list(a), list(b)


def test_cohens_own_example():
    """Cohen 1960, table 1, as reprinted in Cohen 1968: 200 patients, two judges, kappa .492."""
    table = np.array([[88, 14, 18], [10, 40, 10], [2, 6, 12]])
    found = cohen_kappa(*answers_of(table), 3)
    assert (found.observed, found.expected) == pytest.approx((0.70, 0.41))
    assert found.value == pytest.approx(0.29 / 0.59)
    assert round(found.value, 3) == 0.492
    assert found.n == 200


@pytest.mark.parametrize("seed", range(5))
def test_cohen_equals_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    a = rng.integers(0, 4, 60)
    b = np.where(rng.random(60) < 0.6, a, rng.integers(0, 3, 60))
    assert cohen_kappa(a, b, 4).value == pytest.approx(cohen_kappa_score(a, b), abs=1e-12)


def test_the_interval_is_the_quantiles_of_the_same_resamples_one_by_one():
    rng = np.random.default_rng(0)
    a = rng.integers(0, 3, 40)
    b = np.where(rng.random(40) < 0.7, a, rng.integers(0, 3, 40))
    found = cohen_figure(a, b, 4)
    from cxr_core.evaluate.resample import Resamples

    resamples = Resamples.draw(range(40), n_resamples=2000, seed=0)
    slow = []
    for weights in resamples.n_drawn[:, resamples.patient]:
        rows = np.repeat(np.arange(40), weights)
        slow.append(cohen_kappa_score(a[rows], b[rows]))
    assert [found["low"], found["high"]] == pytest.approx(np.quantile(slow, [0.025, 0.975]))
    assert found["low"] < found["value"] < found["high"]
    assert "reason" not in found


WIKIPEDIA = [
    [0, 0, 0, 0, 14],
    [0, 2, 6, 4, 2],
    [0, 0, 3, 5, 6],
    [0, 3, 9, 2, 0],
    [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0],
    [3, 2, 6, 3, 0],
    [2, 5, 3, 2, 2],
    [6, 5, 2, 1, 0],
    [0, 2, 2, 3, 7],
]


def test_fleiss_equals_the_published_example():
    """Ten subjects, fourteen raters; `statsmodels.stats.inter_rater.fleiss_kappa` gives this."""
    found = fleiss_kappa(WIKIPEDIA)
    assert found.value == pytest.approx(0.20993070442195522, abs=1e-15)
    assert (found.observed, found.expected) == pytest.approx((0.378, 0.213), abs=5e-4)


def test_fleiss_by_hand():
    """Three readers, two films: shares of pairs 1 and 1/3; half the answers are of each kind."""
    found = fleiss_kappa([[3, 0], [1, 2]])
    observed, expected = (1 + 1 / 3) / 2, (4 / 6) ** 2 + (2 / 6) ** 2
    assert found.value == pytest.approx((observed - expected) / (1 - expected))


def test_fleiss_interval_is_that_of_resampled_films():
    rng = np.random.default_rng(3)
    counts = rng.multinomial(4, [0.7, 0.2, 0.1], size=30)
    found = fleiss_figure(counts, 4)
    from cxr_core.evaluate.resample import Resamples

    resamples = Resamples.draw(range(30), n_resamples=2000, seed=0)
    slow = [
        fleiss_kappa(np.repeat(counts, weights, axis=0)).value
        for weights in resamples.n_drawn[:, resamples.patient]
    ]
    assert [found["low"], found["high"]] == pytest.approx(np.quantile(slow, [0.025, 0.975]))
    assert found["n_readers"] == 4


@pytest.mark.parametrize(
    ("a", "b", "reason"),
    [
        ([], [], NO_COMMON_FILM),
        ([1], [1], TOO_FEW),
        ([0, 1] * 9, [0, 1] * 9, TOO_FEW),
        ([1] * 25, [1] * 25, ALL_THE_SAME),
    ],
)
def test_what_is_not_defined_says_why(a, b, reason):
    found = cohen_figure(a, b, 4)
    assert (found["value"], found["low"], found["high"]) == (None, None, None)
    assert found["reason"] == reason
    assert found["n"] == len(a)


def test_perfect_agreement_and_one_constant_reader():
    assert cohen_kappa([0, 1, 2], [0, 1, 2], 3).value == 1.0
    assert cohen_kappa([0, 1, 2], [1, 1, 1], 3).value == 0.0
    assert fleiss_kappa([[3, 0], [0, 3]]).value == 1.0


def test_fleiss_degenerate():
    assert fleiss_figure(np.zeros((0, 4), int), 3)["reason"] == NO_COMMON_FILM
    assert fleiss_figure([[1, 0]] * 30, 1)["reason"] == ONE_READER
    assert fleiss_figure([[3, 0]] * 30, 3)["reason"] == ALL_THE_SAME
    assert fleiss_figure([[3, 0]] * 5, 3)["reason"] == TOO_FEW


def test_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match=r"`a` and `b` must have one shape \(n,\)\. Received"):
        cohen_kappa([1, 2], [1], 3)
    with pytest.raises(ValueError, match="`counts` must have rows of one sum of 2 or more"):
        fleiss_kappa([[3, 0], [1, 1]])
    with pytest.raises(ValueError, match="`counts` must have rows of one sum of 2 or more"):
        fleiss_kappa([[1, 0], [0, 1]])
