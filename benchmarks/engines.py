"""The published 8-bit network on OpenVINO against two Keras networks, through the published head.

    python -m benchmarks.engines --weights imagenet:FILE --films FOLDER [--n 100] [--variant NAME]

The variant NAME must have a VGG16 with the weights of FILE; its other members run as they are
served. One Keras network has the published weights, expanded from their 8 bits: the engines must
agree. The other has the f32 weights of FILE: the difference is what 8 bits cost. FOLDER holds films
at any depth; `--n` of them are drawn with a fixed seed.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cxr_core.bundle import DEFAULT_BUNDLE, Bundle
from cxr_core.engine.keras import KerasEngine
from cxr_core.engine.openvino import OpenVinoEngine
from cxr_core.io import read_path
from cxr_core.predict import Predictor
from cxr_core.radiograph import Radiograph
from train.restore import restore_weights

SYSTEM = "vgg16"


def main(argv: Sequence[str] | None = None) -> None:
    """Print the differences.

    Args:
        argv: Arguments without the program's name; those of the process if `None`.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engines")
    parser.add_argument("--weights", required=True)
    parser.add_argument("--films", type=Path, required=True)
    parser.add_argument("--n", type=int, default=100)
    parser.add_argument("--bundle", type=Path, default=DEFAULT_BUNDLE)
    parser.add_argument("--variant", default="seed")
    arguments = parser.parse_args(argv)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from cxr_core import backbones

    bundle = Bundle.load(arguments.bundle)
    members = bundle.variant(arguments.variant).members
    others = {
        name: OpenVinoEngine(bundle.folder / member.network)
        for name, member in members.items()
        if name != SYSTEM
    }
    network = bundle.folder / members[SYSTEM].network
    served = Predictor(
        bundle, variant=arguments.variant, engines={**others, SYSTEM: OpenVinoEngine(network)}
    )
    paths = sorted(path for path in arguments.films.rglob("*") if path.is_file())
    order = np.random.default_rng(0).permutation(len(paths))[: arguments.n]
    films = [read_path(paths[index]) for index in order]
    expanded = backbones.build(SYSTEM)
    restore_weights(expanded, network)
    networks = {
        "Keras, published weights": expanded,
        "Keras, f32 weights": backbones.build(SYSTEM, weights=arguments.weights),
    }
    for title, model in networks.items():
        reference = Predictor(
            bundle, variant=arguments.variant, engines={**others, SYSTEM: KerasEngine(model)}
        )
        print(f"{title}: {_compared(served, reference, films)}")


def _compared(served: Predictor, reference: Predictor, films: Sequence[Radiograph]) -> str:
    """Read every film twice and say how far the readings are apart."""
    differences, correlations, n_flips = [], [], 0
    for film in films:
        ours, theirs = served.read(film), reference.read(film)
        one, other = ours.systems[SYSTEM], theirs.systems[SYSTEM]
        differences.append(np.abs(one.probs - other.probs).max())
        features = ours.features[SYSTEM].ravel(), theirs.features[SYSTEM].ravel()
        correlations.append(np.corrcoef(*features)[0, 1])
        n_flips += one.label != other.label
    return (
        f"n = {len(films)} films; largest probability difference {max(differences):.1e}, median "
        f"{np.median(differences):.1e}; {n_flips} labels differ; least feature correlation "
        f"{min(correlations):.6f}"
    )


if __name__ == "__main__":
    main()
