"""Real backbones in end-to-end training: their blocks, what is frozen, and the way back."""

from __future__ import annotations

import json

import numpy as np
import pytest

from cxr_core.backbones import build
from cxr_core.bundle import DEFAULT_BUNDLE, Bundle
from train.pretrain import FineTuneConfig, PretrainConfig, Stage, build_pretrained
from train.pretrain.network import blocks_of, new_network, residual_norms, tuned_network
from train.pretrain.start import graph_of

keras = pytest.importorskip("keras")

SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    ("name", "count", "first", "last"),
    [
        ("vgg16", 5, "block1", "block5"),
        pytest.param("densenet121", 4, "conv2", "conv5", marks=SLOW),
        pytest.param("efficientnetb0", 16, "block1a", "block7a", marks=SLOW),
        pytest.param("mobilenetv2", 17, "expanded_conv", "block_16", marks=SLOW),
        pytest.param("mobilenetv3large", 15, "expanded_conv", "expanded_conv_14", marks=SLOW),
    ],
)
def test_blocks(name, count, first, last):
    blocks = list(blocks_of(build(name, input_shape=(32, 32, 3))))
    assert (len(blocks), blocks[0], blocks[-1]) == (count, first, last)


def test_last_block_of_public_weights_learns(tmp_path):
    file = tmp_path / "notop.weights.h5"
    donor = build("vgg16", input_shape=(32, 32, 3))
    donor.save_weights(file)
    config = FineTuneConfig("vgg16", (Stage(32, 1),), weights=f"imagenet:{file}", last_blocks=1)
    network = tuned_network(config)
    trained = [layer.name for layer in network.base.layers if layer.trainable_weights]
    assert trained == ["block5_conv1", "block5_conv2", "block5_conv3"]
    assert (network.scaling, network.graph) == ("caffe", "keras")
    assert network.origin == "imagenet, file notop.weights.h5"
    assert config.to_dict()["weights"] == "imagenet:notop.weights.h5"
    for ours, theirs in zip(network.base.get_weights(), donor.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_published_network_learns_on_in_half_precision():
    """Its weights come back from 8 bits in full, whatever precision they are trained in."""
    config = FineTuneConfig(
        "vgg16", (Stage(32, 1),), weights=f"bundle:{DEFAULT_BUNDLE}", last_blocks=1
    )
    whole = tuned_network(config)
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        network = tuned_network(config)
        assert keras.mixed_precision.global_policy().name == "mixed_bfloat16"
    finally:
        keras.mixed_precision.set_global_policy("float32")
    entry = Bundle.load().backbone("vgg16")
    assert network.origin == f"published ({entry.weights_origin})"
    assert (network.scaling, network.graph) == (entry.public_scaling, graph_of("vgg16"))
    assert len(network.seen) > 3000
    for ours, theirs in zip(network.base.get_weights(), whole.base.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.slow
def test_half_precision_efficientnet_comes_back_in_float32(tmp_path):
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        network = new_network(PretrainConfig("efficientnetb0", (Stage(32, 1),)))
    finally:
        keras.mixed_precision.set_global_policy("float32")
    network.base.save_weights(tmp_path / "backbone.weights.h5")
    record = {
        "schema": "cxr-pretraining/1",
        "config": {"backbone": "efficientnetb0"},
        "graph": network.graph,
        "scaling": network.scaling,
    }
    (tmp_path / "pretraining.json").write_text(json.dumps(record), "utf-8")
    served = build_pretrained(tmp_path, "efficientnetb0", input_shape=(64, 64, 3))
    assert (network.graph, network.scaling) == ("efficientnet", "unit")
    assert served.output.shape == (None, 2, 2, 1280)
    assert {layer.dtype_policy.name for layer in served.layers} == {"float32"}
    for ours, theirs in zip(served.get_weights(), network.base.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.slow
def test_every_residual_branch_can_start_at_zero():
    film = keras.Input((None, None, 3))
    base = build("efficientnetb0", input_tensor=film, graph="efficientnet")
    found = [layer.name for layer in residual_norms(base)]
    repeats = {2: "b", 3: "b", 4: "bc", 5: "bc", 6: "bcd"}
    assert found == [f"block{n}{k}_project_bn" for n, letters in repeats.items() for k in letters]
    assert residual_norms(build("vgg16", input_shape=(64, 64, 3))) == []
