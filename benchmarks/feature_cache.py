"""One epoch of a head on cached features beside one epoch of the whole frozen network, in one run.

    python -m benchmarks.feature_cache --data DIR --weights vgg16=SOURCE [--films 96]

Both train the write-up's head with batches of 16 on the same films; a frozen network gives the same
features every epoch, so the second way computes again what the first has kept. Filling the cache
costs one pass of the network, once, and is printed too.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cxr_core.array import Float32Array
from cxr_core.dataset import scan_split
from cxr_core.heads import pool_matrix
from cxr_core.labels import CLASSES, class_index
from train.features import FeatureCache, FeatureKey, fill_cache, network_input
from train.keras_system import build_head, build_member
from train.network import prepare_network
from train.preset import load_preset

BATCH = 16
EPOCHS = 3


def main(argv: Sequence[str] | None = None) -> None:
    """Print the two times and their ratio.

    Args:
        argv: Arguments without the program's name; those of the process if `None`.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.feature_cache")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", required=True, metavar="NAME=SOURCE")
    parser.add_argument("--films", type=int, default=96)
    parser.add_argument("--cache", type=Path, default=Path(".cache") / "train")
    arguments = parser.parse_args(argv)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    name, source = arguments.weights.split("=", 1)
    films = scan_split(arguments.data, "train")
    films = films[:: max(1, len(films) // arguments.films)][: arguments.films]
    config = load_preset("seed")
    network = prepare_network(name, config, source, cache=arguments.cache)
    key = FeatureKey(name, network.digest, network.preprocess, config.augment, 0, 0)
    labels = np.eye(len(CLASSES), dtype=np.float32)[[class_index(film.label) for film in films]]
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        cache = FeatureCache(Path(folder), key, network.engine.feature_shape)
        fill_cache(cache, films, network.engine)
        filling = time.perf_counter() - started
        maps = cache.load([film.sha256 for film in films])
    height, width, channels = network.engine.feature_shape
    pooled = pool_matrix(config.pooling, height, width).astype(np.float32) @ maps.reshape(
        len(films), -1, channels
    )
    head = build_head((pooled.shape[1], 1, channels), name=name, pooling="none")
    cached = _epoch_seconds(head, pooled[:, :, None, :], labels)
    whole = build_member(name, backbone_weights=source)
    batch = np.stack([network_input(film, key) for film in films])
    plain = _epoch_seconds(whole, batch, labels)
    print(f"{name}, {len(films)} films, batches of {BATCH}, median of {EPOCHS} epochs after one")
    print(f"filling the cache once: {filling:.1f} s ({1000 * filling / len(films):.0f} ms a film)")
    print(f"epoch, whole frozen network: {plain:.2f} s")
    print(f"epoch, cached features:      {cached:.4f} s")
    print(f"ratio: {plain / cached:.0f}")


def _epoch_seconds(model: Any, inputs: Float32Array, labels: Float32Array) -> float:
    """Return the median seconds of an epoch of `fit`, after one that compiles."""
    import keras

    model.compile(
        keras.optimizers.Adam(1e-4), keras.losses.CategoricalCrossentropy(label_smoothing=0.1)
    )
    seconds = []
    for _ in range(EPOCHS + 1):
        started = time.perf_counter()
        model.fit(inputs, labels, batch_size=BATCH, epochs=1, verbose=0)
        seconds.append(time.perf_counter() - started)
    return float(np.median(seconds[1:]))


if __name__ == "__main__":
    main()
