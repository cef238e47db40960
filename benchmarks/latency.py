"""One film, its reading and all its maps: ours beside the usual ways, in one run.

    python -m benchmarks.latency [--films 30] [--bundle DIR] [--threads 2]

Every way answers the same question on the same films: probabilities of VGG16 and a Grad-CAM map for
each of the three classes. Ours adds all other methods of `cxr_core.explain`. The Keras model has
the published head on a VGG16 graph; its convolutions have random weights, which cost the same time.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cxr_core.bundle import DEFAULT_BUNDLE, Bundle
from cxr_core.explain.cam import METHODS
from cxr_core.io import read_path
from cxr_core.labels import CLASSES
from cxr_core.predict import Predictor
from cxr_core.preprocess import preprocess_batch
from cxr_core.radiograph import Radiograph

SYSTEM = "vgg16"
SAMPLES = Path(__file__).resolve().parents[1] / "assets" / "samples"
Timer = Callable[[int], None]


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table.

    Args:
        argv: Arguments without the program's name; those of the process if `None`.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.latency")
    parser.add_argument("--films", type=int, default=30)
    parser.add_argument("--bundle", type=Path, default=DEFAULT_BUNDLE)
    arguments = parser.parse_args(argv)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    warnings.simplefilter("ignore")
    radiographs = [read_path(path) for path in sorted(SAMPLES.glob("*.png"))]
    radiographs = [radiographs[i % len(radiographs)] for i in range(arguments.films)]
    predictor = Predictor(Bundle.load(arguments.bundle))
    model = _keras_model(predictor)
    batch = preprocess_batch(radiographs, predictor.bundle.members[SYSTEM].preprocess)
    ways: dict[str, Timer] = {
        "ours: reading": lambda i: _ours(predictor, radiographs[i], methods=()),
        "ours: reading + all maps, all classes": lambda i: _ours(
            predictor, radiographs[i], methods=tuple(METHODS)
        ),
        "model.predict + eager GradientTape, 3 classes": _tape(model, batch),
        "model.predict + tf-keras-vis Grad-CAM, 3 classes": _keras_vis(model, batch),
    }
    samples = _interleaved(ways, arguments.films)
    print(f"{platform.machine()}, {os.cpu_count()} cores, {arguments.films} films, one at a time\n")
    print("| way | median, ms | p95, ms | times ours |\n|---|---:|---:|---:|")
    whole = statistics.median(samples["ours: reading + all maps, all classes"])
    for name, values in samples.items():
        median, p95 = statistics.median(values), float(np.percentile(values, 95))
        print(f"| {name} | {median:.1f} | {p95:.1f} | {median / whole:.2f} |")
    explain_ms = _explanation_ms(predictor, radiographs)
    reading = statistics.median(samples["ours: reading"])
    print(
        f"\nExplanation alone: median {statistics.median(explain_ms):.2f} ms, "
        f"p95 {np.percentile(explain_ms, 95):.2f} ms = "
        f"{statistics.median(explain_ms) / reading:.1%} of a reading "
        f"({len(METHODS)} methods x {len(CLASSES)} classes)."
    )


def _interleaved(ways: dict[str, Timer], n_films: int) -> dict[str, list[float]]:
    """Time every way on every film in turn, so that a busy moment hits all of them."""
    for run in ways.values():
        run(0)  # compile, allocate
    samples: dict[str, list[float]] = {name: [] for name in ways}
    for film in range(n_films):
        for name, run in ways.items():
            started = time.perf_counter()
            run(film)
            samples[name].append((time.perf_counter() - started) * 1e3)
    return samples


def _ours(predictor: Predictor, radiograph: Radiograph, *, methods: Sequence[str]) -> None:
    """Read one film and make its maps."""
    reading = predictor.read(radiograph)
    for method in methods:
        predictor.explain_classes(reading, SYSTEM, method=method)


def _explanation_ms(predictor: Predictor, radiographs: Sequence[Radiograph]) -> list[float]:
    """Time the maps alone, from a finished reading."""
    times = []
    for radiograph in radiographs:
        reading = predictor.read(radiograph)
        started = time.perf_counter()
        for method in METHODS:
            predictor.explain_classes(reading, SYSTEM, method=method)
        times.append((time.perf_counter() - started) * 1e3)
    return times


def _keras_model(predictor: Predictor) -> Any:
    """Return the member as a Keras model that ends in logits."""
    import keras

    from cxr_core import backbones

    head = predictor.bundle.heads().members[SYSTEM]
    backbone = backbones.build(SYSTEM)
    x = keras.layers.Flatten()(keras.layers.AveragePooling2D(2)(backbone.output))
    dense = [
        keras.layers.Dense(layer.kernel.shape[1], activation="relu" if index else None)
        for index, layer in zip(range(len(head.layers) - 1, -1, -1), head.layers, strict=True)
    ]
    for layer in dense:
        x = layer(x)
    model = keras.Model(backbone.input, x)
    for layer, stored in zip(dense, head.layers, strict=True):
        layer.set_weights([stored.kernel, stored.bias])
    return model


def _tape(model: Any, batch: np.ndarray) -> Timer:
    """Return the way of the Keras tutorials: predict, then one eager tape a class."""
    import keras
    import tensorflow as tf

    joined = keras.Model(model.input, [model.get_layer("block5_pool").output, model.output])

    def run(film: int) -> None:
        image = batch[film : film + 1]
        model.predict(image, verbose=0)
        for index in range(len(CLASSES)):
            with tf.GradientTape() as tape:
                features, logits = joined(image, training=False)
                tape.watch(features)
                score = logits[:, index]
            weights = tf.reduce_mean(tape.gradient(score, features), axis=(1, 2))
            tf.einsum("bijc,bc->bij", features, weights).numpy()

    return run


def _keras_vis(model: Any, batch: np.ndarray) -> Timer:
    """Return the way of tf-keras-vis: predict, then one call a class."""
    from tf_keras_vis.gradcam import Gradcam
    from tf_keras_vis.utils.scores import CategoricalScore

    visualizer = Gradcam(model, clone=False)

    def run(film: int) -> None:
        image = batch[film : film + 1]
        model.predict(image, verbose=0)
        for index in range(len(CLASSES)):
            visualizer(
                CategoricalScore([index]),
                image,
                penultimate_layer="block5_pool",
                seek_penultimate_conv_layer=False,
            )

    return run


if __name__ == "__main__":
    main()
