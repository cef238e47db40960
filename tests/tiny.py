"""Tiny networks, heads and bundles with random weights, built without TensorFlow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from cxr_core.bundle import Bundle, seal
from cxr_core.engine.openvino import import_openvino
from cxr_core.heads import Dense, HeadSet, MemberHead, pool_matrix
from cxr_core.preprocess import PreprocessSpec

CHANNELS = {"densenet201": 12, "efficientnetb7": 10, "vgg16": 8}
HIDDEN = {"densenet201": (64,), "efficientnetb7": (64,), "vgg16": (128, 64)}


def random_head(
    rng: np.random.Generator,
    name: str,
    *,
    channels: int | None = None,
    pooling: str = "average2_valid",
    dtype: type = np.float64,
    gain: float = 1.4,
) -> MemberHead:
    """Return a head with random weights on a 7 by 7 map."""
    shape = (7, 7, channels or CHANNELS[name])
    n_in = len(pool_matrix(pooling, 7, 7)) * shape[2]
    layers = []
    for width in (*HIDDEN[name], 3):
        kernel = rng.normal(size=(n_in, width)) * gain / np.sqrt(n_in)
        layers.append(Dense(kernel.astype(dtype), rng.normal(0, 0.1, width).astype(dtype)))
        n_in = width
    return MemberHead(tuple(layers), pooling, shape)


def random_heads(
    rng: np.random.Generator, *, pooling: str = "average2_valid", dtype: type = np.float64
) -> HeadSet:
    """Return random heads of all five systems."""
    members = {name: random_head(rng, name, pooling=pooling, dtype=dtype) for name in CHANNELS}
    ensembles = {
        "ensemble_probs": Dense(
            rng.normal(size=(9, 3)).astype(dtype), rng.normal(size=3).astype(dtype)
        ),
        "ensemble_dense": Dense(
            (rng.normal(size=(192, 3)) / 8).astype(dtype), rng.normal(size=3).astype(dtype)
        ),
    }
    return HeadSet(members, ensembles)


def random_features(
    rng: np.random.Generator, heads: HeadSet, dtype: type = np.float64
) -> dict[str, np.ndarray]:
    """Return a random non-negative feature map for each member."""
    return {
        name: np.maximum(rng.normal(size=head.feature_shape), 0).astype(dtype)
        for name, head in heads.members.items()
    }


def write_tiny_network(xml_path: Path, channels: int, seed: int) -> None:
    """Write a network of one 32 by 32 convolution of stride 32: 224 px give a 7 by 7 map."""
    openvino = import_openvino()
    from openvino import opset13 as ops

    rng = np.random.default_rng(seed)
    kernel = (rng.normal(size=(channels, 3, 32, 32)) / 20).astype(np.float32)
    batch = ops.parameter([1, 224, 224, 3], np.float32)
    planes = ops.transpose(batch, ops.constant([0, 3, 1, 2]))
    maps = ops.relu(ops.convolution(planes, ops.constant(kernel), [32, 32], [0, 0], [0, 0], [1, 1]))
    output = ops.transpose(maps, ops.constant([0, 2, 3, 1]))
    xml_path.parent.mkdir(parents=True, exist_ok=True)
    openvino.save_model(openvino.Model([output], [batch]), xml_path, compress_to_fp16=False)


def write_tiny_bundle(
    folder: Path, *, members: tuple[str, ...] = tuple(CHANNELS), ensembles: bool = True
) -> Bundle:
    """Write a bundle on tiny networks; with `ensembles` it holds all five systems."""
    heads = random_heads(np.random.default_rng(7), dtype=np.float32)
    for seed, name in enumerate(members):
        write_tiny_network(folder / "backbones" / f"{name}.xml", CHANNELS[name], seed)
    arrays = {}
    for name in members:
        for index, layer in enumerate(heads.members[name].layers[:-1]):
            arrays[f"{name}/dense_{index}/kernel"] = layer.kernel
            arrays[f"{name}/dense_{index}/bias"] = layer.bias
        arrays[f"{name}/logits/kernel"] = heads.members[name].layers[-1].kernel
        arrays[f"{name}/logits/bias"] = heads.members[name].layers[-1].bias
    variant = folder / "variants" / "tiny"
    variant.mkdir(parents=True)
    save_file(arrays, variant / "heads.safetensors")
    if ensembles:
        joined = {}
        for name, layer in heads.ensembles.items():
            joined[f"{name}/logits/kernel"] = layer.kernel
            joined[f"{name}/logits/bias"] = layer.bias
        save_file(joined, variant / "ensembles.safetensors")
    (folder / "MODEL_CARD.md").write_text("# Tiny\n\nRandom weights for tests.\n", "utf-8")
    return seal(folder, tiny_manifest(members, ensembles=ensembles))


def tiny_manifest(members: tuple[str, ...], *, ensembles: bool) -> dict:
    """Return the manifest of a tiny bundle, without hashes."""
    entry = {
        "title": "Random weights",
        "members": {
            name: {
                "backbone": name,
                "preprocess": PreprocessSpec().to_dict(),
                "pooling": "average2_valid",
            }
            for name in members
        },
        "ensembles": ["ensemble_probs", "ensemble_dense"] if ensembles else [],
        "heads": "variants/tiny/heads.safetensors",
        "training": {"preset": "tiny"},
    }
    if ensembles:
        entry["ensemble_members"] = list(members)
        entry["ensembles_file"] = "variants/tiny/ensembles.safetensors"
    return {
        "name": "tiny",
        "version": "0.0.1",
        "created": "2026-01-01T00:00:00Z",
        "default_variant": "tiny",
        "backbones": {
            name: {
                "network": f"backbones/{name}.xml",
                "feature_layer": "relu",
                "feature_shape": [7, 7, CHANNELS[name]],
                "weights_origin": "random",
                "compression": "none",
            }
            for name in members
        },
        "variants": {"tiny": entry},
    }
