"""One film, its reading and all its maps: ours beside the usual ways, in one run.

    python -m benchmarks.latency [--films 30] [--bundle DIR] [--variant NAME] [--ours-only]

Every way answers the same question on the same films: probabilities of every member of the bundle
and a Grad-CAM map for each of the three classes. Ours adds the ensembles, with their maps, and all
other methods of `cxr_core.explain`. The Keras models are the members' graphs with random weights,
which cost the same time. Compiling them takes minutes; `--ours-only` leaves them out.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cxr_core.bundle import DEFAULT_BUNDLE, Bundle, MemberEntry
from cxr_core.explain.cam import METHODS
from cxr_core.io import read_path
from cxr_core.labels import CLASSES
from cxr_core.predict import Predictor, Reading
from cxr_core.preprocess import preprocess_batch
from cxr_core.radiograph import Radiograph

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
    parser.add_argument("--variant", help="the bundle's default if left out")
    parser.add_argument("--ours-only", action="store_true", help="without the usual ways")
    arguments = parser.parse_args(argv)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    warnings.simplefilter("ignore")
    radiographs = [read_path(path) for path in sorted(SAMPLES.glob("*.png"))]
    radiographs = [radiographs[i % len(radiographs)] for i in range(arguments.films)]
    predictor = Predictor(Bundle.load(arguments.bundle), variant=arguments.variant)
    members = predictor.bundle.variant(predictor.variant).members
    ways: dict[str, Timer] = {
        "ours: reading": lambda i: _ours(predictor, radiographs[i], methods=()),
        "ours: reading + all maps, all classes": lambda i: _ours(
            predictor, radiographs[i], methods=tuple(METHODS)
        ),
    }
    if not arguments.ours_only:
        ways |= _usual_ways(members, radiographs)
    samples = _interleaved(ways, arguments.films)
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, {arguments.films} films, one at a time, "
        f"variant {predictor.variant}: {', '.join(predictor.systems)}\n"
    )
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


def _usual_ways(
    members: Mapping[str, MemberEntry], radiographs: Sequence[Radiograph]
) -> dict[str, Timer]:
    """Return what others do, one Keras model a member."""
    models = {name: _keras_model(member) for name, member in members.items()}
    batches = {
        name: preprocess_batch(radiographs, member.preprocess) for name, member in members.items()
    }
    return {
        "model.predict + eager GradientTape, 3 classes": _in_turn(
            [_tape(models[name], members[name], batches[name]) for name in members]
        ),
        "model.predict + tf-keras-vis Grad-CAM, 3 classes": _in_turn(
            [_keras_vis(models[name], members[name], batches[name]) for name in members]
        ),
    }


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
    _explain(predictor, reading, methods)


def _explain(predictor: Predictor, reading: Reading, methods: Sequence[str]) -> None:
    """Make every map of every system."""
    for system in predictor.systems:
        for method in methods:
            predictor.explain_classes(reading, system, method=method)


def _in_turn(timers: Sequence[Timer]) -> Timer:
    """Return one way that asks every member."""

    def run(film: int) -> None:
        for timer in timers:
            timer(film)

    return run


def _explanation_ms(predictor: Predictor, radiographs: Sequence[Radiograph]) -> list[float]:
    """Time the maps alone, from a finished reading."""
    times = []
    for radiograph in radiographs:
        reading = predictor.read(radiograph)
        started = time.perf_counter()
        _explain(predictor, reading, tuple(METHODS))
        times.append((time.perf_counter() - started) * 1e3)
    return times


def _keras_model(member: MemberEntry) -> Any:
    """Return a member as a Keras model with random weights."""
    from train.keras_system import build_member

    return build_member(member.name, backbone=member.backbone, pooling=member.pooling)


def _tape(model: Any, member: MemberEntry, batch: np.ndarray) -> Timer:
    """Return the way of the Keras tutorials: predict, then one eager tape a class."""
    import keras
    import tensorflow as tf

    joined = keras.Model(model.input, [model.get_layer(member.feature_layer).output, model.output])

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


def _keras_vis(model: Any, member: MemberEntry, batch: np.ndarray) -> Timer:
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
                penultimate_layer=member.feature_layer,
                seek_penultimate_conv_layer=False,
            )

    return run


if __name__ == "__main__":
    main()
