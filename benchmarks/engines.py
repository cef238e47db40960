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
from typing import Any

import numpy as np
import numpy.typing as npt

from cxr_core.bundle import DEFAULT_BUNDLE, Bundle
from cxr_core.engine.keras import KerasEngine
from cxr_core.engine.openvino import OpenVinoEngine, import_openvino
from cxr_core.io import read_path
from cxr_core.predict import Predictor
from cxr_core.radiograph import Radiograph

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
    set_published_weights(expanded, network)
    networks = {
        "Keras, published weights": expanded,
        "Keras, f32 weights": backbones.build(SYSTEM, weights=arguments.weights),
    }
    for title, model in networks.items():
        reference = Predictor(
            bundle, variant=arguments.variant, engines={**others, SYSTEM: KerasEngine(model)}
        )
        print(f"{title}: {_compared(served, reference, films)}")


def set_published_weights(model: Any, xml_path: Path) -> None:
    """Give a Keras network of plain convolutions the weights of a published network.

    Args:
        model: Keras model whose convolutions come in the same order.
        xml_path: The published network.
    """
    network = import_openvino().Core().read_model(xml_path)
    convolutions = [op for op in network.get_ordered_ops() if op.get_type_name() == "Convolution"]
    layers = [layer for layer in model.layers if "Conv2D" in type(layer).__name__]
    for layer, convolution in zip(layers, convolutions, strict=True):
        kernel = _constant(convolution.input_value(1).get_node())
        (addition,) = (port.get_node() for port in convolution.output(0).get_target_inputs())
        bias = _constant(addition.input_value(1).get_node())
        layer.set_weights([kernel.transpose(2, 3, 1, 0), bias.ravel()])


def _constant(node: Any) -> npt.NDArray[np.float32]:
    """Evaluate a small graph of constants: 8-bit weights, their conversion and their scale."""
    kind = node.get_type_name()
    if kind == "Constant":
        return np.asarray(node.get_data()).astype(np.float32)
    inputs = [_constant(value.get_node()) for value in node.input_values()]
    if kind == "Convert":
        return inputs[0]
    if kind == "Multiply":
        return np.asarray(inputs[0] * inputs[1], np.float32)
    if kind == "Transpose":
        return inputs[0].transpose(inputs[1].astype(int))
    if kind == "Reshape":
        return inputs[0].reshape(inputs[1].astype(int))
    msg = f"`node` must be of a kind that weights are stored with. Received: {kind}"
    raise ValueError(msg)


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
