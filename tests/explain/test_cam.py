"""Closed-form maps against hand-worked numbers, central differences and brute force."""

from __future__ import annotations

import numpy as np
import pytest

from cxr_core.errors import NotApplicableError
from cxr_core.explain.cam import (
    METHODS,
    ablation_falls,
    eigencam,
    explain,
    explain_classes,
    logit_gradients,
    target_coefficients,
)
from cxr_core.heads import POOLINGS, Dense, HeadSet, MemberHead, softmax
from cxr_core.labels import CLASSES, SYSTEMS
from tests.tiny import random_features, random_head, random_heads

COMPLETE = ("densenet201", "efficientnetb7", "vgg16", "ensemble_dense")
EYE = np.eye(3)


def captum_toy() -> tuple[HeadSet, dict[str, np.ndarray]]:
    """Captum's one-convolution network on arange(16), from its ReLU on.

    Convolution with a kernel of ones and biases -50, -75; ReLU; a dense layer of 8 to 4 units whose
    rows are five ones and three minus ones; ReLU. Units are ordered channel by channel there and
    cell by cell here.
    """
    features = np.array([[0.0, 4, 31, 40], [0, 0, 6, 15]]).T.reshape(2, 2, 2)
    row = np.array([1.0] * 5 + [-1] * 3).reshape(2, 4).T.ravel()
    hidden = Dense(np.repeat(row[:, None], 4, axis=1), np.zeros(4))
    logits = Dense(np.eye(4)[:, :3], np.zeros(3))
    head = MemberHead((hidden, logits), "none", (2, 2, 2))
    return HeadSet({"vgg16": head}), {"vgg16": features}


def test_gradcam_gives_captums_published_vector():
    heads, features = captum_toy()
    cam = explain(heads, heads.forward(features), features, "vgg16", "COVID19", method="gradcam")
    np.testing.assert_allclose(cam.grid, [[0, 4], [28, 32.5]])
    assert cam.score == 54.0


def test_hirescam_by_hand_on_captums_network():
    heads, features = captum_toy()
    cam = explain(heads, heads.forward(features), features, "vgg16", "COVID19", method="hirescam")
    np.testing.assert_allclose(cam.grid, [[0, 4], [31 - 6, 40 - 15]])
    assert cam.bias == 0.0


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        # A = [[1, 2], [3, 4]] in one channel, gradient = [[1, -1], [2, 2]]
        ("gradcam", [[1, 2], [3, 4]]),  # mean gradient 1
        ("hirescam", [[1, -2], [6, 8]]),
        ("layercam", [[1, 0], [6, 8]]),
    ],
)
def test_methods_by_hand(method, expected):
    cells, gradient = np.array([[1.0], [2], [3], [4]]), np.array([1.0, -1, 2, 2])
    heads, features = linear_system(cells.reshape(2, 2, 1), gradient)
    cam = explain(heads, heads.forward(features), features, "vgg16", "COVID19", method=method)
    np.testing.assert_allclose(cam.grid, expected)


def test_gradcampp_by_hand():
    """Equation 19 with the sum of A over positions, 10, and epsilon 1e-6."""
    cells, gradient = np.array([[1.0], [2], [3], [4]]), np.array([1.0, -1, 2, 2])
    alpha = [1 / (2 + 10 * 1 + 1e-6), 0, *([4 / (8 + 10 * 8 + 1e-6)] * 2)]
    weight = alpha[0] * 1 + alpha[2] * 2 + alpha[3] * 2
    heads, features = linear_system(cells.reshape(2, 2, 1), gradient)
    cam = explain(heads, heads.forward(features), features, "vgg16", "COVID19", method="gradcampp")
    np.testing.assert_allclose(cam.grid.ravel(), weight * cells.ravel(), rtol=1e-6)


def linear_system(features: np.ndarray, gradient: np.ndarray) -> tuple[HeadSet, dict]:
    """A head whose COVID19 logit has the given gradient: one unit for, one against."""
    kernel = np.stack([gradient, -gradient], axis=1)
    hidden = Dense(kernel, np.array([100.0, 100.0]))  # both units stay active
    logits = Dense(np.array([[0.5, 0, 0], [-0.5, 0, 0]]), np.zeros(3))
    head = MemberHead((hidden, logits), "none", features.shape)
    return HeadSet({"vgg16": head}), {"vgg16": features}


@pytest.mark.parametrize("pooling", POOLINGS)
def test_gradients_equal_central_differences(pooling):
    """Every logit and probability of the five systems, each member's map, 20 directions."""
    rng = np.random.default_rng(11)
    heads = random_heads(rng, pooling=pooling)
    features = random_features(rng, heads)
    state, step, worst = heads.forward(features), 1e-5, 0.0
    for system in SYSTEMS:
        probs = softmax(state.logits[system])
        jacobian = np.diag(probs) - np.outer(probs, probs)
        gradients = logit_gradients(heads, state, system, np.hstack([EYE, jacobian]))
        for member, gradient in gradients.items():
            for _ in range(20):
                way = rng.normal(size=features[member].shape)
                difference = _scores(heads, features, system, member, step * way)
                difference -= _scores(heads, features, system, member, -step * way)
                exact = np.einsum("ic,icn->n", way.reshape(-1, way.shape[2]), gradient)
                # a standard normal direction has |way . g| of the size of the norm of g
                scale = np.linalg.norm(gradient, axis=(0, 1))
                worst = max(worst, (np.abs(difference / (2 * step) - exact) / scale).max())
    assert worst <= 1e-8


def _scores(heads, features, system, member, change):
    """Logits, then probabilities, of a system after a change of one member's map."""
    moved = {**features, member: features[member] + change}
    logits = heads.forward(moved).logits[system]
    return np.concatenate([logits, softmax(logits)])


def _active_bias(head, state, of_hidden):
    """The constant term of scores that are linear in the map once the ReLU masks are held."""
    constant = np.zeros_like(head.layers[0].bias)
    for index, (layer, values) in enumerate(
        zip(head.layers[:-1], state.pre_activations, strict=True)
    ):
        constant = (layer.bias + (constant @ layer.kernel if index else 0)) * (values > 0)
    return constant @ of_hidden


@pytest.mark.parametrize("system", COMPLETE)
@pytest.mark.parametrize("pooling", POOLINGS)
def test_hirescam_is_complete(system, pooling):
    """Cells and the biases of active units, computed apart, add up to the logit."""
    rng = np.random.default_rng(12)
    heads = random_heads(rng, pooling=pooling)
    for _ in range(20):
        features = random_features(rng, heads)
        state = heads.forward(features)
        of_hidden = heads.hidden_gradients(state, system)
        constant = sum(
            _active_bias(heads.members[name], state.members[name], columns)
            for name, columns in of_hidden.items()
        )
        own = heads.members[system].layers[-1] if system in heads.members else None
        constant = constant + (own or heads.ensembles[system]).bias
        for index, name in enumerate(CLASSES):
            cam = explain(heads, state, features, system, name, method="hirescam")
            assert cam.bias == pytest.approx(constant[index], abs=1e-12)
            total = float(cam.grid.sum(dtype=np.float64)) + constant[index]
            assert total == pytest.approx(cam.score, abs=1e-5)


def test_hirescam_is_complete_in_float32():
    rng = np.random.default_rng(13)
    heads = random_heads(rng, dtype=np.float32)
    exact = HeadSet(
        {
            name: MemberHead(
                tuple(
                    Dense(layer.kernel.astype(np.float64), layer.bias.astype(np.float64))
                    for layer in head.layers
                ),
                head.pooling,
                head.feature_shape,
            )
            for name, head in heads.members.items()
        }
    )
    for _ in range(100):
        features = random_features(rng, heads, np.float32)
        state = heads.forward(features)
        wide = {name: array.astype(np.float64) for name, array in features.items()}
        exact_state = exact.forward(wide)
        for system in exact.members:
            cam = explain(heads, state, features, system, "NORMAL", method="hirescam")
            constant = explain(exact, exact_state, wide, system, "NORMAL", method="hirescam").bias
            scale = np.abs(state.logits[system]).max()
            assert abs(cam.grid.sum() + constant - cam.score) <= 1e-5 * max(scale, 1)


def test_the_probability_ensemble_is_said_not_to_add_up():
    rng = np.random.default_rng(14)
    heads = random_heads(rng)
    features = random_features(rng, heads)
    state = heads.forward(features)
    cam = explain(heads, state, features, "ensemble_probs", "COVID19", method="hirescam")
    assert cam.bias is None
    assert any("does not add up to the logit" in note for note in cam.notes)


@pytest.mark.parametrize("system", SYSTEMS)
def test_ablation_equals_brute_force(system):
    rng = np.random.default_rng(15)
    heads = random_heads(rng)
    features = random_features(rng, heads)
    state = heads.forward(features)
    falls = ablation_falls(heads, state, system, features, EYE)
    for member, fall in falls.items():
        for channel in range(features[member].shape[2]):
            without = features[member].copy()
            without[:, :, channel] = 0
            logits = heads.forward({**features, member: without}).logits[system]
            np.testing.assert_allclose(fall[channel], state.logits[system] - logits, atol=1e-12)


def test_an_ensembles_map_is_the_sum_of_its_members_maps():
    """With a kernel of one member only, the ensemble's HiResCAM is built on that member alone."""
    rng = np.random.default_rng(16)
    heads = random_heads(rng)
    kernel = np.zeros((192, 3))
    kernel[128:] = heads.members["vgg16"].layers[-1].kernel
    bias = heads.members["vgg16"].layers[-1].bias
    heads = HeadSet(heads.members, {"ensemble_dense": Dense(kernel, bias)})
    features = random_features(rng, heads)
    state = heads.forward(features)
    for method in ("gradcam", "hirescam", "layercam", "gradcampp", "ablationcam"):
        joined = explain(heads, state, features, "ensemble_dense", "PNEUMONIA", method=method)
        alone = explain(heads, state, features, "vgg16", "PNEUMONIA", method=method)
        np.testing.assert_allclose(joined.grid, alone.grid, atol=1e-6)


def test_against_is_the_difference_of_two_maps():
    rng = np.random.default_rng(17)
    heads = random_heads(rng)
    features = random_features(rng, heads)
    state = heads.forward(features)

    def cam(name, against=None):
        return explain(heads, state, features, "vgg16", name, method="hirescam", against=against)

    difference = cam("COVID19", "NORMAL")
    np.testing.assert_allclose(difference.grid, cam("COVID19").grid - cam("NORMAL").grid, atol=1e-6)
    logits = state.logits["vgg16"]
    assert difference.score == pytest.approx(logits[0] - logits[1])


def test_eigencam_equals_a_full_decomposition():
    rng = np.random.default_rng(18)
    features = np.maximum(rng.normal(size=(7, 7, 40)), 0)
    cells = features.reshape(49, 40)
    centred = cells - cells.mean(axis=0)
    projection = centred @ np.linalg.svd(centred, full_matrices=True)[2][0]
    ours = eigencam([features]).ravel()
    assert abs(np.corrcoef(ours, projection)[0, 1]) == pytest.approx(1.0, abs=1e-6)
    assert np.abs(ours) == pytest.approx(np.abs(projection), abs=1e-5)
    assert ours[np.argmax(np.abs(ours))] > 0


def test_eigencam_has_no_class_and_does_not_see_the_head():
    rng = np.random.default_rng(19)
    one, other = random_heads(rng), random_heads(rng)
    features = random_features(rng, one)
    cams = [
        explain(heads, heads.forward(features), features, "vgg16", name, method="eigencam")
        for heads in (one, other)
        for name in ("COVID19", "NORMAL")
    ]
    assert all(cam.class_name is None for cam in cams)
    for cam in cams[1:]:
        np.testing.assert_array_equal(cam.grid, cams[0].grid)


@pytest.mark.parametrize("method", [name for name, m in METHODS.items() if m.is_class_specific])
def test_a_randomised_head_changes_every_class_specific_map(method):
    rng = np.random.default_rng(20)
    one, other = random_heads(rng), random_heads(rng)
    features = random_features(rng, one)
    first, second = (
        explain(heads, heads.forward(features), features, "vgg16", "COVID19", method=method).grid
        for heads in (one, other)
    )
    assert not np.allclose(first, second, atol=1e-3)


def test_the_last_row_and_column_are_zero_in_hirescam_and_said_to_be_unseen():
    rng = np.random.default_rng(21)
    heads = random_heads(rng)
    features = random_features(rng, heads)
    state = heads.forward(features)
    exact = explain(heads, state, features, "vgg16", "COVID19", method="hirescam")
    assert not exact.grid[6].any()
    assert not exact.grid[:, 6].any()
    assert any("cannot see 26.5%" in note for note in exact.notes)
    painted = explain(heads, state, features, "vgg16", "COVID19", method="gradcam")
    assert painted.grid[6].any()


def test_ten_thousand_random_heads_give_finite_maps():
    """Random, saturated, dead and silent heads on maps of either sign; every method, no NaN."""
    rng = np.random.default_rng(22)
    names = list(METHODS)
    for index in range(10_000):
        gain = 10.0 ** rng.uniform(-4, 4)
        head = random_head(rng, "vgg16", channels=4, dtype=np.float32, gain=gain)
        heads = HeadSet({"vgg16": head})
        maps = rng.normal(size=head.feature_shape) * 10.0 ** rng.uniform(-6, 3)
        kind = index % 5
        if kind == 0:
            maps = np.maximum(maps, 0)
        elif kind == 1:
            maps = np.zeros_like(maps)
        elif kind == 2:
            maps = np.full_like(maps, maps[0, 0, 0])
        elif kind == 3:
            maps = -np.abs(maps)
        features = {"vgg16": maps.astype(np.float32)}
        state = heads.forward(features)
        name, method = CLASSES[index % 3], names[index % len(names)]
        cam = explain(heads, state, features, "vgg16", name, method=method)
        assert np.isfinite(cam.grid).all(), (index, method)
        if not cam.grid.any():
            assert any("flat" in note for note in cam.notes)


def test_a_saturated_probability_still_has_a_map():
    rng = np.random.default_rng(23)
    heads = HeadSet({"vgg16": random_head(rng, "vgg16", dtype=np.float32, gain=40.0)})
    features = random_features(rng, heads, np.float32)
    state = heads.forward(features)
    assert state.members["vgg16"].probs.max() == 1.0
    label = CLASSES[int(state.logits["vgg16"].argmax())]
    assert explain(heads, state, features, "vgg16", label, method="gradcam").grid.any()


def test_a_map_against_the_class_is_said_to_be_so():
    features = np.ones((2, 2, 1))
    heads, maps = linear_system(features, np.array([-1.0, -1, -1, -1]))
    cam = explain(heads, heads.forward(maps), maps, "vgg16", "COVID19", method="hirescam")
    assert cam.grid.max() < 0
    assert any("No cell speaks for this class" in note for note in cam.notes)


def test_nothing_is_changed():
    rng = np.random.default_rng(24)
    heads = random_heads(rng)
    features = random_features(rng, heads)
    before = {name: array.copy() for name, array in features.items()}
    state = heads.forward(features)
    for method in METHODS:
        explain(heads, state, features, "ensemble_dense", "COVID19", method=method)
    for name, array in features.items():
        np.testing.assert_array_equal(array, before[name])


def test_wrong_arguments():
    rng = np.random.default_rng(25)
    heads = random_heads(rng)
    features = random_features(rng, heads)
    state = heads.forward(features)
    with pytest.raises(ValueError, match=r"`method` must be one of .* method='scorecam'"):
        explain(heads, state, features, "vgg16", "COVID19", method="scorecam")
    with pytest.raises(ValueError, match=r"`name` must be one of .* name='covid'"):
        explain(heads, state, features, "vgg16", "covid")
    with pytest.raises(ValueError, match=r"`against` must differ .* 'NORMAL'"):
        target_coefficients("NORMAL", "NORMAL")
    with pytest.raises(NotApplicableError, match=r"`system` must be one of"):
        explain(heads, state, features, "resnet50", "COVID19")


def test_maps_of_two_sizes_are_refused():
    rng = np.random.default_rng(26)
    small = MemberHead(
        (Dense(rng.normal(size=(8, 64)), np.zeros(64)), Dense(rng.normal(size=(64, 3)), EYE[0])),
        "global",
        (4, 4, 8),
    )
    large = random_head(rng, "vgg16")
    joined = Dense(rng.normal(size=(128, 3)), np.zeros(3))
    heads = HeadSet({"densenet201": small, "vgg16": large}, {"ensemble_dense": joined})
    features = random_features(rng, heads)
    with pytest.raises(NotApplicableError, match=r"maps of one size\. Received: \[\(4, 4\)"):
        explain(heads, heads.forward(features), features, "ensemble_dense", "COVID19")


@pytest.mark.parametrize("method", METHODS)
def test_all_classes_at_once_equal_one_by_one(method):
    rng = np.random.default_rng(27)
    heads = random_heads(rng)
    features = random_features(rng, heads)
    state = heads.forward(features)
    for system in SYSTEMS:
        for name, cam in explain_classes(heads, state, features, system, method=method).items():
            one = explain(heads, state, features, system, name, method=method)
            np.testing.assert_allclose(cam.grid, one.grid, atol=1e-6)
            assert (cam.class_name, cam.notes) == (one.class_name, one.notes)
            assert cam.score == pytest.approx(one.score)
            assert (cam.bias is None) == (one.bias is None)
