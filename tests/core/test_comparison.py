"""Systems side by side: worked by hand, and exact sums on random heads."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cxr_core.comparison import compare, difference_map, ensemble_parts, entropy
from cxr_core.errors import NotApplicableError, SpecMismatchError
from cxr_core.explain.cam import Cam
from cxr_core.heads import Dense, HeadSet
from cxr_core.io import read_path
from cxr_core.labels import CLASSES
from tests.tiny import random_features, random_heads

RNG = np.random.default_rng(0)
HEADS = random_heads(RNG)
STATE = HEADS.forward(random_features(RNG, HEADS))


def cam(grid):
    return Cam("vgg16", "COVID19", "gradcam", np.array(grid, np.float32), 0.0, None)


def test_entropy_in_bits():
    assert entropy(np.array([1.0, 0, 0])) == 0
    assert entropy(np.array([0.5, 0.5, 0])) == 1
    assert entropy(np.full(3, 1 / 3)) == pytest.approx(math.log2(3))


@pytest.mark.parametrize("system", ["ensemble_probs", "ensemble_dense"])
def test_parts_add_up_to_the_logits(system):
    parts = ensemble_parts(HEADS, STATE, system)
    np.testing.assert_allclose(parts.logits, STATE.logits[system], rtol=1e-12)
    by_member = parts.by_member()
    assert tuple(by_member) == tuple(HEADS.members)
    np.testing.assert_allclose(sum(by_member.values()) + parts.bias, parts.logits, rtol=1e-12)


def test_parts_by_hand():
    """One member of weight 2 for its own class, biases 1, 0, 0."""
    heads = HeadSet(
        {"vgg16": HEADS.members["vgg16"]},
        {"ensemble_probs": Dense(2 * np.eye(3), np.array([1.0, 0, 0]))},
    )
    state = heads.forward({"vgg16": np.zeros(HEADS.members["vgg16"].feature_shape)})
    probs = state.members["vgg16"].probs
    parts = ensemble_parts(heads, state, "ensemble_probs")
    assert parts.names == tuple(("vgg16", name) for name in CLASSES)
    np.testing.assert_allclose(parts.inputs, probs)
    np.testing.assert_allclose(parts.parts, np.diag(2 * probs))
    np.testing.assert_allclose(parts.logits, 2 * probs + [1, 0, 0])


def test_an_ensemble_that_is_not_there():
    heads = HeadSet(HEADS.members)
    with pytest.raises(NotApplicableError, match="must be an ensemble of this variant, none"):
        ensemble_parts(heads, STATE, "ensemble_dense")
    with pytest.raises(NotApplicableError, match="system='vgg16'"):
        ensemble_parts(HEADS, STATE, "vgg16")


def test_difference_map_by_hand():
    first, second = cam([[2.0, -4.0], [0, 0]]), cam([[1.0, 0], [0, 0.5]])
    np.testing.assert_allclose(difference_map(first, second), [[-0.5, -1], [0, -0.5]])
    np.testing.assert_array_equal(difference_map(cam(np.zeros((2, 2))), cam(np.zeros((2, 2)))), 0)
    with pytest.raises(
        SpecMismatchError, match=r"must be a map of 2 by 2 cells\. Received: 1 by 2"
    ):
        difference_map(first, cam([[1.0, 2.0]]))


def test_comparison_by_hand():
    said = {"vgg16": [0.7, 0.2, 0.1], "densenet201": [0.1, 0.5, 0.4], "ensemble_probs": [0, 0, 1]}
    found = compare({name: np.array(probs) for name, probs in said.items()})
    assert found.labels == dict(zip(said, CLASSES, strict=True))
    assert found.margins == pytest.approx({"vgg16": 0.5, "densenet201": 0.1, "ensemble_probs": 1.0})
    assert found.entropies["ensemble_probs"] == 0
    np.testing.assert_allclose(found.mean, [0.4, 0.35, 0.25])
    assert found.mean_entropy == pytest.approx(entropy(found.mean))
    apart = found.disagreement
    assert (apart.first, apart.second, apart.class_name) == ("vgg16", "ensemble_probs", "PNEUMONIA")
    assert apart.distance == pytest.approx(0.9)


def test_one_system_disagrees_with_nobody():
    assert compare({"vgg16": np.full(3, 1 / 3)}).disagreement is None
    with pytest.raises(ValueError, match="must name at least one system"):
        compare({})


def test_every_reading_can_be_compared(tiny_predictor, film_path):
    reading = tiny_predictor.read(read_path(film_path))
    found = compare({name: system.probs for name, system in reading.systems.items()})
    assert found.labels == {name: system.label for name, system in reading.systems.items()}
    assert 0 <= found.disagreement.distance <= 1
    parts = ensemble_parts(tiny_predictor.heads, reading.state, "ensemble_dense")
    np.testing.assert_allclose(
        parts.logits, reading.systems["ensemble_dense"].logits, rtol=1e-5, atol=1e-5
    )
