"""Heads: pooling matrices, parameter counts, agreement with Keras."""

from __future__ import annotations

import numpy as np
import pytest

from cxr_core.errors import NotApplicableError, SpecMismatchError
from cxr_core.heads import (
    Dense,
    HeadSet,
    ensemble_from_arrays,
    head_from_arrays,
    in_member_order,
    pool_matrix,
    softmax,
)
from tests.tiny import HIDDEN, random_features, random_head, random_heads

FULL_CHANNELS = {"densenet201": 1920, "efficientnetb7": 2560, "vgg16": 512}
PARAMETERS = {"densenet201": 1_106_179, "efficientnetb7": 1_474_819, "vgg16": 598_403}


def test_pool_matrix_by_hand():
    cells = np.arange(9.0)  # 3 by 3
    assert pool_matrix("average2_valid", 3, 3) @ cells == pytest.approx([(0 + 1 + 3 + 4) / 4])
    same = pool_matrix("average2_same", 3, 3) @ cells
    assert same == pytest.approx([2.0, (2 + 5) / 2, (6 + 7) / 2, 8.0])
    assert pool_matrix("global", 3, 3) @ cells == pytest.approx([4.0])
    assert pool_matrix("none", 3, 3) @ cells == pytest.approx(cells)


@pytest.mark.parametrize("pooling", ["average2_valid", "average2_same"])
@pytest.mark.parametrize("size", [(7, 7), (6, 5)])
def test_pool_matrix_equals_keras(pooling, size):
    import keras

    maps = np.random.default_rng(0).normal(size=(1, *size, 4)).astype(np.float32)
    expected = keras.layers.AveragePooling2D(2, padding=pooling.removeprefix("average2_"))(maps)
    ours = pool_matrix(pooling, *size) @ maps.reshape(-1, 4)
    np.testing.assert_allclose(ours.ravel(), np.ravel(expected), atol=1e-6)


def test_valid_pooling_cannot_see_thirteen_cells_of_seven_by_seven():
    unseen = ~pool_matrix("average2_valid", 7, 7).any(axis=0).reshape(7, 7)
    assert unseen.sum() == 13
    assert unseen[6].all()
    assert unseen[:, 6].all()


def test_unknown_pooling():
    with pytest.raises(ValueError, match=r"`pooling` must be one of .* Received: pooling='max'"):
        pool_matrix("max", 7, 7)


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameter_counts_of_the_write_up(name):
    head = random_head(np.random.default_rng(0), name, channels=FULL_CHANNELS[name])
    assert head.n_parameters == PARAMETERS[name]


def test_parameter_counts_of_the_ensembles():
    ensembles = random_heads(np.random.default_rng(0)).ensembles
    assert ensembles["ensemble_probs"].n_parameters == 30
    assert ensembles["ensemble_dense"].n_parameters == 579


@pytest.mark.parametrize("name", HIDDEN)
@pytest.mark.parametrize("pooling", ["average2_valid", "average2_same", "global"])
def test_member_equals_keras(name, pooling):
    from train.keras_system import build_head, extract_head

    model = build_head((7, 7, 16), HIDDEN[name], name=name, pooling=pooling)
    rng = np.random.default_rng(1)
    for layer in model.layers:
        layer.set_weights([rng.normal(0, 0.1, w.shape) for w in layer.get_weights()])
    head = head_from_arrays(extract_head(model, name), pooling=pooling, feature_shape=(7, 7, 16))
    maps = np.maximum(rng.normal(size=(5, 7, 7, 16)), 0).astype(np.float32)
    expected = np.asarray(model(maps, training=False))
    ours = np.stack([head.forward(one).probs for one in maps])
    np.testing.assert_allclose(ours, expected, atol=1e-5)


def test_ensembles_equal_keras():
    from train.keras_system import (
        build_ensemble_dense_head,
        build_ensemble_probs_head,
        extract_head,
    )

    rng = np.random.default_rng(2)
    heads = random_heads(rng, dtype=np.float32)
    models = {
        "ensemble_probs": build_ensemble_probs_head(3),
        "ensemble_dense": build_ensemble_dense_head((64, 64, 64)),
    }
    layers = {}
    for name, model in models.items():
        for layer in model.layers:
            layer.set_weights([rng.normal(0, 0.5, w.shape) for w in layer.get_weights()])
        layers[name] = ensemble_from_arrays(extract_head(model, name))
    heads = HeadSet(heads.members, layers)
    state = heads.forward(random_features(rng, heads, np.float32))
    parts = {
        "ensemble_probs": [member.probs for member in state.members.values()],
        "ensemble_dense": [member.hidden for member in state.members.values()],
    }
    for name, model in models.items():
        expected = np.asarray(model(np.concatenate(parts[name])[None], training=False))[0]
        np.testing.assert_allclose(softmax(state.logits[name]), expected, atol=1e-5)


def test_forward_changes_nothing():
    rng = np.random.default_rng(3)
    heads = random_heads(rng)
    features = random_features(rng, heads)
    before = {name: array.copy() for name, array in features.items()}
    first = heads.forward(features).logits
    second = heads.forward(features).logits
    for name, array in features.items():
        np.testing.assert_array_equal(array, before[name])
    for name in heads.systems:
        np.testing.assert_array_equal(first[name], second[name])


def test_ensemble_needs_all_its_members():
    heads = random_heads(np.random.default_rng(0))
    two = {name: heads.members[name] for name in ("densenet201", "vgg16")}
    with pytest.raises(SpecMismatchError, match=r"`ensemble_probs` must take 6 values .* 9"):
        HeadSet(two, heads.ensembles)


def test_unknown_system():
    rng = np.random.default_rng(0)
    heads = random_heads(rng)
    state = heads.forward(random_features(rng, heads))
    with pytest.raises(NotApplicableError, match=r"`system` must be one of .*'resnet50'"):
        heads.hidden_gradients(state, "resnet50")


def test_wrong_map_shape():
    head = random_head(np.random.default_rng(0), "vgg16")
    with pytest.raises(SpecMismatchError, match=r"must have shape \(7, 7, 8\)\. Received"):
        head.forward(np.zeros((7, 7, 9)))


def test_arrays_are_named_in_the_message():
    arrays = {"logits/kernel": np.zeros((4, 3))}
    with pytest.raises(SpecMismatchError, match=r"`arrays` must be .*logits/bias"):
        ensemble_from_arrays(arrays)


def test_layers_must_fit_each_other():
    with pytest.raises(SpecMismatchError, match=r"Received: \(4, 3\) and \(2,\)"):
        Dense(np.zeros((4, 3)), np.zeros(2))
    arrays = {
        "dense_0/kernel": np.zeros((9 * 8, 64)),
        "dense_0/bias": np.zeros(64),
        "logits/kernel": np.zeros((32, 3)),
        "logits/bias": np.zeros(3),
    }
    with pytest.raises(SpecMismatchError, match=r"`layers` must be two or more that fit"):
        head_from_arrays(arrays, pooling="average2_valid", feature_shape=(7, 7, 8))


def test_softmax_does_not_overflow():
    probs = softmax(np.array([1e4, 0.0, -1e4]))
    np.testing.assert_array_equal(probs, [1.0, 0.0, 0.0])


def test_member_order():
    assert in_member_order(("vgg16", "mobilenetv2", "densenet201")) == (
        "densenet201",
        "vgg16",
        "mobilenetv2",
    )
