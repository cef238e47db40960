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


def assert_flat(model):
    assert not any(isinstance(layer, keras.Model) for layer in model.layers)
    names = [layer.name for layer in model.layers]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", MEMBERS)
def test_member_is_the_write_up(name):
    model = systems.build_member(name)
    assert trainable(model) == PARAMETERS[name]
    assert tuple(model.output.shape) == (None, 3)
    shape = model.get_layer(BACKBONES[name].feature_layer).output.shape
    assert tuple(shape) == (None, 7, 7, BACKBONES[name].n_channels)
    assert_flat(model)
    head = [layer for layer in model.layers[1:] if layer.name.startswith(f"{name}_")]
    kinds = [type(layer).__name__ for layer in head]
    n_hidden = len(systems.MEMBER_HIDDEN[name])
    assert kinds == ["AveragePooling2D", "Flatten", *(["Dense", "Dropout"] * n_hidden), "Dense"]
    assert head[-1].get_config()["activation"] == "softmax"
    assert head[3].rate == 0.5


def test_feature_widths_are_the_write_up():
    assert [BACKBONES[name].n_channels for name in MEMBERS] == [1920, 2560, 512]


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


def test_extraction_needs_the_system():
    vgg16 = systems.build_head((2, 2, 3), name="vgg16")
    with pytest.raises(SpecMismatchError, match="must have the layer densenet201_predictions"):
        systems.extract_head(vgg16, "densenet201")


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


def test_built_backbone_is_used_as_it_is():
    backbone = build("vgg16", input_shape=(64, 64, 3))
    member = systems.build_member("vgg16", backbone=backbone, trainable_backbone=True, dropout=0.2)
    assert member.input is backbone.input
    assert trainable(member) > 14_000_000
    assert member.get_layer("vgg16_dropout_1").rate == 0.2


def test_arguments_that_are_refused():
    with pytest.raises(ConfigError, match="`pooling` must be one of"):
        systems.build_head((7, 7, 2), pooling="max")
    with pytest.raises(ConfigError, match=r"`dropout` must lie in \[0, 1\)"):
        systems.build_head((7, 7, 2), dropout=1.0)
    with pytest.raises(ConfigError, match="`hidden` must be whole numbers above 0"):
        systems.build_head((7, 7, 2), (0,))
    with pytest.raises(ConfigError, match="must have a 2 by 2 map"):
        systems.build_head((1, 7, 2))
    with pytest.raises(ConfigError, match="`widths` must hold at least one"):
        systems.build_ensemble_probs_head(0)
    with pytest.raises(ConfigError, match="`widths` must be whole numbers"):
        systems.build_ensemble_dense_head((64, 0))
    with pytest.raises(ConfigError, match="`name` must be one of"):
        systems.build_member("resnet50")
