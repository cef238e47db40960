"""The five Keras systems: the write-up's numbers, flat graphs, and heads taken out as numpy."""

from __future__ import annotations

import numpy as np
import pytest

from cxr_core.backbones import BACKBONES, build
from cxr_core.errors import ConfigError, SpecMismatchError
from cxr_core.labels import MEMBERS
from train import keras_system as systems

keras = pytest.importorskip("keras")

PARAMETERS = {"densenet201": 1_106_179, "efficientnetb7": 1_474_819, "vgg16": 598_403}


def trainable(model):
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


@pytest.fixture(scope="module")
def members():
    film = keras.Input((224, 224, 3), name="film")
    return {name: systems.build_member(name, input_tensor=film) for name in MEMBERS}


@pytest.fixture(scope="module")
def before(members):
    """Counts taken before an ensemble freezes the members."""
    return {name: trainable(model) for name, model in members.items()}


@pytest.fixture(scope="module")
def ensembles(members, before):
    built = list(members.values())
    return {
        "ensemble_probs": systems.build_ensemble_probs(built),
        "ensemble_dense": systems.build_ensemble_dense(built),
    }


@pytest.fixture
def small():
    """Two small members on inputs of their own."""
    return [
        systems.build_member("mobilenetv2", input_shape=(64, 64, 3)),
        systems.build_member("vgg16", input_shape=(64, 64, 3)),
    ]


def assert_flat(model):
    assert not any(isinstance(layer, keras.Model) for layer in model.layers)
    names = [layer.name for layer in model.layers]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", MEMBERS)
def test_member_is_the_write_up(name, members, before):
    model = members[name]
    assert before[name] == PARAMETERS[name]
    assert tuple(model.output.shape) == (None, 3)
    shape = model.get_layer(BACKBONES[name].feature_layer).output.shape
    assert tuple(shape) == (None, 7, 7, BACKBONES[name].n_channels)
    assert_flat(model)
    head = [layer for layer in model.layers if layer.name.startswith(f"{name}_")]
    kinds = [type(layer).__name__ for layer in head]
    n_hidden = len(systems.MEMBER_HIDDEN[name])
    assert kinds == ["AveragePooling2D", "Flatten", *(["Dense", "Dropout"] * n_hidden), "Dense"]
    assert head[-1].get_config()["activation"] == "softmax"
    assert head[3].rate == 0.5


def test_feature_widths_are_the_write_up():
    assert [BACKBONES[name].n_channels for name in MEMBERS] == [1920, 2560, 512]


@pytest.mark.parametrize(("name", "n"), [("ensemble_probs", 30), ("ensemble_dense", 579)])
def test_ensembles_are_the_write_up(name, n, ensembles):
    model = ensembles[name]
    assert trainable(model) == n
    assert model.name == name
    assert len(model.inputs) == 1
    assert tuple(model.output.shape) == (None, 3)
    assert_flat(model)
    width = {"ensemble_probs": 9, "ensemble_dense": 192}[name]
    assert tuple(model.get_layer(f"{name}_concat").output.shape) == (None, width)


@pytest.mark.parametrize("name", MEMBERS)
def test_head_alone_has_the_members_parameters(name):
    shape = (7, 7, BACKBONES[name].n_channels)
    head = systems.build_head(shape, systems.MEMBER_HIDDEN[name], name=name)
    assert trainable(head) == PARAMETERS[name]
    arrays = systems.extract_head(head, name)
    assert sum(array.size for array in arrays.values()) == PARAMETERS[name]


def test_ensemble_heads_alone():
    probs, dense = systems.build_ensemble_probs_head(), systems.build_ensemble_dense_head()
    assert (trainable(probs), trainable(dense)) == (30, 579)
    assert tuple(probs.input.shape) == (None, 9)
    assert tuple(dense.input.shape) == (None, 192)
    assert {key: array.shape for key, array in systems.extract_head(dense, dense.name).items()} == {
        "logits/kernel": (192, 3),
        "logits/bias": (3,),
    }


def test_extracted_head_gives_the_models_probabilities():
    head = systems.build_head((4, 4, 5), (8, 6), name="vgg16")
    features = np.random.default_rng(0).random((3, 4, 4, 5), np.float32)
    arrays = systems.extract_head(head, "vgg16")
    assert list(arrays) == [
        *("dense_0/kernel", "dense_0/bias", "dense_1/kernel", "dense_1/bias"),
        *("logits/kernel", "logits/bias"),
    ]
    assert all(array.dtype == np.float32 for array in arrays.values())
    x = features.reshape(3, 2, 2, 2, 2, 5).mean(axis=(2, 4)).reshape(3, -1)
    for i in range(2):
        x = np.maximum(x @ arrays[f"dense_{i}/kernel"] + arrays[f"dense_{i}/bias"], 0)
    z = x @ arrays["logits/kernel"] + arrays["logits/bias"]
    probs = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(probs, np.asarray(head(features, training=False)), atol=1e-6)


def test_extraction_copies():
    head = systems.build_head((2, 2, 3), name="vgg16")
    systems.extract_head(head, "vgg16")["logits/bias"][:] = 7
    assert not systems.extract_head(head, "vgg16")["logits/bias"].any()


def test_extraction_needs_the_system(small):
    with pytest.raises(SpecMismatchError, match="must have the layer densenet201_predictions"):
        systems.extract_head(small[0], "densenet201")


@pytest.mark.parametrize(
    ("pooling", "width"), [("average2_valid", 45), ("average2_same", 80), ("global", 5)]
)
def test_pooling_widths(pooling, width):
    head = systems.build_head((7, 7, 5), pooling=pooling)
    assert systems.extract_head(head, "head")["dense_0/kernel"].shape == (width, 64)


@pytest.mark.parametrize(
    ("pooling", "is_seen"), [("average2_valid", False), ("average2_same", True), ("global", True)]
)
def test_last_row_is_seen_or_not(pooling, is_seen):
    head = systems.build_head((7, 7, 2), pooling=pooling)
    dark = np.ones((1, 7, 7, 2), np.float32)
    bright = dark.copy()
    bright[:, 6] = 50
    bright[:, :, 6] = 50
    one, two = (np.asarray(head(features, training=False)) for features in (dark, bright))
    assert (not np.array_equal(one, two)) == is_seen


def test_ensembles_of_separate_inputs_equal_their_members(small):
    arrays = [systems.extract_head(model, model.name) for model in small]
    films = [np.random.default_rng(i).random((2, 64, 64, 3), np.float32) for i in range(2)]
    joined = np.concatenate(
        [np.asarray(model(film, training=False)) for model, film in zip(small, films, strict=True)],
        axis=1,
    )
    ensemble = systems.build_ensemble_probs(small)
    assert len(ensemble.inputs) == 2
    assert_flat(ensemble)
    assert trainable(ensemble) == 3 * 6 + 3
    head = systems.build_ensemble_probs_head(2)
    last = ensemble.get_layer("ensemble_probs_predictions")
    head.get_layer("ensemble_probs_predictions").set_weights(last.get_weights())
    np.testing.assert_allclose(
        np.asarray(ensemble(films, training=False)),
        np.asarray(head(joined, training=False)),
        atol=1e-6,
    )
    for model, expected in zip(small, arrays, strict=True):
        kept = systems.extract_head(ensemble, model.name)
        assert all(np.array_equal(kept[key], array) for key, array in expected.items())


def test_dense_ensemble_skips_the_dropout(small):
    ensemble = systems.build_ensemble_dense(small)
    assert trainable(ensemble) == 3 * 128 + 3
    names = {layer.name for layer in ensemble.layers}
    assert {"mobilenetv2_dense_0", "vgg16_dense_1"} <= names
    assert not {"mobilenetv2_dropout_0", "vgg16_dropout_1"} & names


def test_same_family_needs_prefixes():
    film = keras.Input((64, 64, 3), name="film")
    first = systems.build_member("vgg16", input_tensor=film)
    clash = systems.build_member("other", backbone="vgg16", input_tensor=film)
    with pytest.raises(ConfigError, match="must have distinct layer names") as caught:
        systems.build_ensemble_probs([first, clash])
    assert "prefix_backbone" in caught.value.hint
    apart = systems.build_member("other", backbone="vgg16", input_tensor=film, prefix_backbone=True)
    ensemble = systems.build_ensemble_probs([first, apart])
    assert ensemble.get_layer("other_block5_pool") is not ensemble.get_layer("block5_pool")


def test_built_backbone_is_used_as_it_is():
    backbone = build("vgg16", input_shape=(64, 64, 3))
    member = systems.build_member("vgg16", backbone=backbone, trainable_backbone=True, dropout=0.2)
    assert member.input is backbone.input
    assert trainable(member) > 14_000_000
    assert member.get_layer("vgg16_dropout_1").rate == 0.2


def test_arguments_that_are_refused(small):
    with pytest.raises(ConfigError, match="`pooling` must be one of"):
        systems.build_head((7, 7, 2), pooling="max")
    with pytest.raises(ConfigError, match=r"`dropout` must lie in \[0, 1\)"):
        systems.build_head((7, 7, 2), dropout=1.0)
    with pytest.raises(ConfigError, match="`hidden` must be whole numbers above 0"):
        systems.build_head((7, 7, 2), (0,))
    with pytest.raises(ConfigError, match="must have a 2 by 2 map"):
        systems.build_head((1, 7, 2))
    with pytest.raises(ConfigError, match="`members` must hold at least one"):
        systems.build_ensemble_probs([])
    with pytest.raises(ConfigError, match="`widths` must hold at least one"):
        systems.build_ensemble_probs_head(0)
    with pytest.raises(ConfigError, match="`widths` must be whole numbers"):
        systems.build_ensemble_dense_head((64, 0))
    with pytest.raises(ConfigError, match="`members` must each have a dense layer"):
        systems.build_ensemble_dense([systems.build_head((7, 7, 2), (), name="bare")])
    with pytest.raises(ConfigError, match="`name` must be one of"):
        systems.build_member("resnet50")
