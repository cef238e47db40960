"""Limits from few films: published factors, Wilks's numbers, what is too few."""

from __future__ import annotations

import json

import numpy as np
import pytest

from cxr_core.trust.gate_limit import Limit, tolerance_factor, tolerance_limit, tolerance_rank


@pytest.mark.parametrize(
    ("n", "share", "factor"), [(10, 0.05, 2.911), (30, 0.05, 2.220), (10, 0.01, 3.981)]
)
def test_factors_are_those_of_the_published_tables(n, share, factor):
    """One-sided factors at 95 %: Natrella 1963, "Experimental Statistics", table A-7."""
    assert tolerance_factor(n, share, 0.95) == pytest.approx(factor, abs=2e-3)


def test_ranks_are_those_of_wilks():
    """59 values are needed for the largest to be a limit, 93 for the one before it."""
    assert tolerance_rank(58, 0.05, 0.95) == 59
    assert tolerance_rank(59, 0.05, 0.95) == 59
    assert tolerance_rank(92, 0.05, 0.95) == 92
    assert tolerance_rank(93, 0.05, 0.95) == 92


def test_the_limit_holds_what_it_promises():
    """Of 300 draws of 35 films, few give a limit that more than 5 % of all films are above."""
    rng = np.random.default_rng(0)
    limits = [tolerance_limit(np.exp(rng.normal(0, 1, 35)), 0.05).value for _ in range(300)]
    too_low = np.mean(np.log(limits) < 1.6449)
    assert 0.02 < too_low < 0.09


def test_many_films_of_another_distribution_are_ranked():
    scores = np.exp(np.r_[np.zeros(290), np.linspace(5, 6, 10)])
    limit = tolerance_limit(scores, 0.05)
    assert limit.rule == (
        "95% sure that at most 5% of such films are above: score 292 of 300 in order"
    )
    assert limit.value == pytest.approx(np.sort(scores)[291])


def test_the_film_that_a_limit_is_made_of_is_not_above_it():
    scores = np.random.default_rng(1).uniform(0.1, 9, 400)
    limit = tolerance_limit(scores, 0.05)
    assert (scores > limit.value).sum() == 400 - tolerance_rank(400, 0.05, 0.95)


@pytest.mark.parametrize("n", [0, 1, 9])
def test_too_few_films_set_no_limit(n):
    assert tolerance_limit(np.ones(n), 0.05) == Limit(None, n, "too few films: 10 are needed")


def test_equal_scores_are_their_own_limit():
    limit = tolerance_limit(np.full(20, 3.0), 0.05)
    assert limit.value == pytest.approx(3.0)
    assert limit.value >= 3.0


def test_shares_out_of_range_are_refused():
    with pytest.raises(ValueError, match=r"share=0, confidence=0\.95"):
        tolerance_limit(np.ones(20), 0)


def test_a_limit_goes_through_json():
    for limit in (tolerance_limit(np.arange(1.0, 40), 0.05), Limit(None, 3, "too few")):
        assert Limit.from_dict(json.loads(json.dumps(limit.to_dict()))) == limit
