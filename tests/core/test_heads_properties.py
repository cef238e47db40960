"""The five systems against plain loops, and what no weights can change."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cxr_core.comparison import ensemble_parts
from cxr_core.heads import (
    POOLINGS,
    Dense,
    HeadSet,
    head_from_arrays,
    in_member_order,
    pool_matrix,
    softmax,
)
from cxr_core.labels import ENSEMBLES, MEMBERS, SYSTEMS
from tests.strategies import Case, bytes_of, cases, head_sets, logits, seeds

shifts = st.floats(-50, 50)


def slow_pool(features, pooling):
    """Pooled cells in order, each a list over channels, as the layers' documents say."""
    height, width, channels = features.shape
    if pooling == "none":
        blocks = [[(y, x)] for y in range(height) for x in range(width)]
    elif pooling == "global":
        blocks = [[(y, x) for y in range(height) for x in range(width)]]
    else:
        blocks = []
        for top in range(0, height, 2):
            for left in range(0, width, 2):
                cells = [(y, x) for y in (top, top + 1) for x in (left, left + 1)]
                inside = [(y, x) for y, x in cells if y < height and x < width]
                if pooling == "average2_same" or len(inside) == 4:
                    blocks.append(inside)
    return [
        [sum(float(features[y, x, c]) for y, x in block) / len(block) for c in range(channels)]
        for block in blocks
    ]


def slow_dense(values, layer):
    """One affine layer."""
    return [
        sum(value * float(layer.kernel[i, j]) for i, value in enumerate(values))
        + float(layer.bias[j])
        for j in range(layer.kernel.shape[1])
    ]


def slow_softmax(values):
    """Probabilities of small logits by the definition."""
    powers = [math.exp(value - max(values)) for value in values]
    return [power / sum(powers) for power in powers]


def slow_logits(case: Case):
    """All five systems in plain Python."""
    found, probs, hidden = {}, [], []
    for name in MEMBERS:
        head = case.heads.members[name]
        values = [x for cell in slow_pool(case.features[name], head.pooling) for x in cell]
        for layer in head.layers[:-1]:
            values = [max(x, 0.0) for x in slow_dense(values, layer)]
        found[name] = slow_dense(values, head.layers[-1])
        hidden += values
        probs += slow_softmax(found[name])
    for name, joined in zip(ENSEMBLES, (probs, hidden), strict=True):
        found[name] = slow_dense(joined, case.heads.ensembles[name])
    return found


@given(cases())
def test_all_systems_are_what_plain_loops_say(case):
    got, expected = case.state.logits, slow_logits(case)
    assert tuple(got) == SYSTEMS
    for system in SYSTEMS:
        np.testing.assert_allclose(got[system], expected[system], rtol=1e-9, atol=1e-9)


@given(cases(np.float32))
def test_single_precision_differs_by_rounding_only(case):
    heads, features = case.heads, case.features
    exact = slow_logits(case)
    for system, found in heads.forward(features).logits.items():
        size = max(1.0, *np.abs(exact[system]), *(np.abs(f).max() for f in features.values()))
        np.testing.assert_allclose(found, exact[system], atol=3e-5 * size)
        assert found.dtype == np.float32


@given(logits(), shifts)
def test_a_softmax_sums_to_one_keeps_the_order_and_knows_no_level(rows, shift):
    probs = softmax(rows)
    np.testing.assert_allclose(probs.sum(axis=-1), 1, atol=1e-12)
    assert ((probs >= 0) & (probs <= 1)).all()
    for row, scores in zip(rows, probs, strict=True):
        assert (np.diff(scores[np.argsort(row, kind="stable")]) >= 0).all()
        np.testing.assert_allclose(scores, slow_softmax(row.tolist()), atol=1e-12)
    np.testing.assert_allclose(softmax(rows + shift), probs, atol=1e-9)


@given(st.sampled_from(POOLINGS), st.integers(1, 9), st.integers(1, 9), seeds)
def test_pooling_is_a_mean_of_cells(pooling, height, width, seed):
    features = np.random.default_rng(seed).normal(size=(height, width, 2))
    matrix = pool_matrix(pooling, height, width)
    np.testing.assert_allclose(matrix.sum(axis=1), 1)
    expected = np.array(slow_pool(features, pooling)).reshape(-1, 2)
    np.testing.assert_allclose(matrix @ features.reshape(-1, 2), expected, atol=1e-12)


@given(cases(), st.permutations(MEMBERS))
def test_the_order_of_members_is_a_matter_of_the_ensembles_rows(case, order):
    """Members in another order with the rows of the ensembles moved along are the same systems."""
    heads = case.heads
    ensembles = {}
    for system, axis in zip(ENSEMBLES, (1, 0), strict=True):
        layer, rows, start = heads.ensembles[system], {}, 0
        for name in MEMBERS:
            n_rows = heads.members[name].layers[-1].kernel.shape[axis]
            rows[name] = layer.kernel[start : start + n_rows]
            start += n_rows
        ensembles[system] = Dense(np.concatenate([rows[name] for name in order]), layer.bias)
    other = HeadSet({name: heads.members[name] for name in order}, ensembles)
    for system, found in other.forward(case.features).logits.items():
        np.testing.assert_allclose(found, case.state.logits[system], rtol=1e-9, atol=1e-9)
    assert in_member_order(order) == MEMBERS


@given(cases())
def test_the_mean_of_equal_members_is_that_member(case):
    name = "densenet201"
    head, features = case.heads.members[name], case.features[name]
    mean = Dense(np.concatenate([np.eye(3) / 3] * 3), np.zeros(3))
    heads = HeadSet(dict.fromkeys(MEMBERS, head), {"ensemble_probs": mean})
    found = heads.forward(dict.fromkeys(MEMBERS, features)).logits["ensemble_probs"]
    np.testing.assert_allclose(found, softmax(head.forward(features).logits), atol=1e-12)


@given(cases(), shifts)
def test_an_equal_push_on_all_logits_of_a_member_moves_no_ensemble_of_probabilities(case, shift):
    members = dict(case.heads.members)
    last = members["vgg16"].layers[-1]
    pushed = (*members["vgg16"].layers[:-1], Dense(last.kernel, last.bias + shift))
    members["vgg16"] = replace(members["vgg16"], layers=pushed)
    found = HeadSet(members, case.heads.ensembles).forward(case.features).logits
    for system in ENSEMBLES:
        np.testing.assert_allclose(found[system], case.state.logits[system], atol=1e-9)
    np.testing.assert_allclose(found["vgg16"], case.state.logits["vgg16"] + shift, atol=1e-9)


@given(head_sets(), st.integers(1, 4), seeds)
def test_many_pre_activations_at_once_are_each_by_itself(heads, n, seed):
    rng = np.random.default_rng(seed)
    for head in heads.members.values():
        rows = rng.normal(size=(n, head.layers[0].kernel.shape[1]))
        together = head.forward_from(rows)
        for i, row in enumerate(rows):
            one = head.forward_from(row)
            np.testing.assert_allclose(together.logits[i], one.logits, atol=1e-12)
            np.testing.assert_allclose(together.probs[i], one.probs, atol=1e-12)


@given(cases())
def test_a_forward_pass_changes_nothing_and_repeats(case):
    arrays = [*case.features.values()]
    for head in case.heads.members.values():
        arrays += [part for layer in head.layers for part in (layer.kernel, layer.bias)]
    before = bytes_of(*arrays)
    first, second = case.state, case.state
    assert bytes_of(*arrays) == before
    assert bytes_of(*first.logits.values()) == bytes_of(*second.logits.values())


@given(cases())
def test_an_ensembles_parts_add_up_to_its_logits(case):
    for system in ENSEMBLES:
        parts = ensemble_parts(case.heads, case.state, system)
        np.testing.assert_allclose(parts.logits, case.state.logits[system], atol=1e-9)
        total = sum(parts.by_member().values()) + parts.bias
        np.testing.assert_allclose(total, parts.logits, atol=1e-9)
        assert tuple(parts.by_member()) == MEMBERS


@given(cases())
def test_a_head_survives_its_arrays(case):
    for name, head in case.heads.members.items():
        arrays = {}
        for i, layer in enumerate(head.layers):
            key = "logits" if i == len(head.layers) - 1 else f"dense_{i}"
            arrays |= {f"{key}/kernel": layer.kernel, f"{key}/bias": layer.bias}
        turned = dict(reversed(arrays.items()))
        again = head_from_arrays(turned, pooling=head.pooling, feature_shape=head.feature_shape)
        features = case.features[name]
        assert bytes_of(again.forward(features).logits) == bytes_of(head.forward(features).logits)
