"""Systems side by side, and figures as text: bounds, sets of classes, and numbers read back."""

from __future__ import annotations

import itertools
import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_core.compare import compare, entropy, margin
from cxr_core.figure_text import NOT_DEFINED, counts_text, figure_text, share_text
from cxr_core.labels import CLASS_TITLES, CLASSES, ENSEMBLES, SYSTEMS
from tests.strategies import probabilities

subsets = [s for n in range(4) for s in itertools.combinations(range(3), n)]


@given(probabilities(1))
def test_entropy_and_margin_of_one_system(rows):
    probs = rows[0]
    expected = -sum(p * math.log2(p) for p in probs.tolist() if p > 0)
    assert entropy(probs) == pytest.approx(expected, abs=1e-12)
    assert 0 <= entropy(probs) <= math.log2(3) + 1e-12
    ordered = sorted(probs.tolist())
    assert margin(probs) == pytest.approx(ordered[2] - ordered[1])
    assert entropy(probs[::-1]) == pytest.approx(entropy(probs), abs=1e-12)


@given(st.integers(1, 5).flatmap(probabilities))
def test_systems_side_by_side(rows):
    probs = dict(zip(SYSTEMS, rows, strict=False))
    found = compare(probs)
    members = [values for name, values in probs.items() if name not in ENSEMBLES]
    np.testing.assert_allclose(found.mean, sum(members) / len(members), atol=1e-12)
    assert found.mean_entropy >= np.mean([entropy(values) for values in members]) - 1e-9
    for name, values in probs.items():
        assert values[CLASSES.index(found.labels[name])] == values.max()
    if len(probs) == 1:
        assert found.disagreement is None
        return
    worst = found.disagreement
    distances = {
        (a, b): max(abs(sum(probs[a][list(s)]) - sum(probs[b][list(s)])) for s in subsets)
        for a, b in itertools.combinations(probs, 2)
    }
    assert worst.distance == pytest.approx(max(distances.values()), abs=1e-12)
    assert distances[worst.first, worst.second] == pytest.approx(worst.distance, abs=1e-12)
    gaps = np.abs(probs[worst.first] - probs[worst.second])
    assert gaps[CLASSES.index(worst.class_name)] == gaps.max()


numbers = st.floats(-5, 5) | st.integers(0, 1).map(float)


@given(st.none() | numbers, st.none() | numbers, st.none() | numbers, st.integers(1, 5))
def test_a_figure_can_be_read_back_from_its_text(value, low, high, digits):
    text = figure_text({"value": value, "low": low, "high": high}, digits=digits)
    found = [float(x) for x in re.findall(r"-?\d+\.\d+", text)]
    if value is None:
        assert text == NOT_DEFINED
    elif low is None or high is None:
        assert found == pytest.approx([value], abs=0.51 * 10**-digits)
    else:
        assert found == pytest.approx([value, low, high], abs=0.51 * 10**-digits)


@given(st.integers(0, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_a_share_keeps_its_counts(counts):
    n_hits, n = counts
    value = n_hits / n if n else None
    share = {"value": value, "low": value, "high": value, "n_hits": n_hits, "n": n}
    found = [int(x) for x in re.findall(r"\d+", share_text(share).replace(",", "", 2))]
    assert found[:2] == [n_hits, n]
    assert len(found) == (5 if n else 2)


@given(st.dictionaries(st.sampled_from(CLASSES), st.integers(0, 99)))
def test_counts_name_the_classes_that_have_films(by_class):
    text = counts_text(by_class)
    for label, title in CLASS_TITLES.items():
        assert (f"{title} {by_class.get(label)}" in text) == bool(by_class.get(label))
