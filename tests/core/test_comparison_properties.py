"""Systems side by side: bounds, and the farthest pair by sets of classes."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_core.comparison import compare, entropy, margin
from cxr_core.labels import CLASSES, ENSEMBLES, SYSTEMS
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
