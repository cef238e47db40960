"""Measure in which ranges the values of a bundle's networks lie, so that 8 bits can hold them."""

from __future__ import annotations

import argparse
import json
import logging
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from cxr_core.bundle import MANIFEST, Bundle
from cxr_core.dataset import Film, scan
from cxr_core.engine.activations import Range, ranges_path, write_ranges
from cxr_core.engine.openvino import import_openvino
from cxr_core.errors import ConfigError, CxrError, SpecMismatchError
from cxr_core.io import read_path
from cxr_core.preprocess import PreprocessSpec, preprocess_batch
from train.card import seal_with_cards
from train.run import environment

LOG = logging.getLogger(__name__)

N_FILMS: Final = 200
_SEALED_ANEW: Final = ("schema", "classes", "files")


def activations_main(argv: Sequence[str]) -> int:
    """Write the ranges of some networks of a bundle into it.

    Args:
        argv: Arguments without the command's name.

    Returns:
        0 if done.

    Raises:
        CxrError: If the bundle or the films cannot be used, or a network has values that need a
            range for each channel.
    """
    parser = argparse.ArgumentParser(prog="python -m train activations")
    parser.add_argument("bundle", type=Path, help="folder of the bundle, sealed anew in place")
    parser.add_argument("--data", type=Path, required=True, help="training folder of its variants")
    parser.add_argument("--networks", nargs="+", required=True, help="keys of its backbones")
    parser.add_argument("--films", type=int, default=N_FILMS, help="training films to measure on")
    arguments = parser.parse_args(argv)
    bundle = Bundle.load(arguments.bundle)
    films = [film for film in scan(arguments.data).films if film.split == "train"]
    chosen = np.random.default_rng(0).permutation(len(films))[: arguments.films]
    for key in arguments.networks:
        if key not in bundle.backbones:
            msg = f"`--networks` must be among {sorted(bundle.backbones)}. Received: {key!r}"
            raise ConfigError(msg)
        batch = _batch([films[index] for index in chosen], _spec(bundle, key))
        xml_path = bundle.folder / bundle.backbones[key].network
        ranges = measure_ranges(xml_path, batch)
        write_ranges(ranges_path(xml_path), ranges, n_films=len(batch))
        LOG.info("%s: %d ranges from %d films", key, len(ranges), len(batch))
    manifest = json.loads((bundle.folder / MANIFEST).read_text("utf-8"))
    manifest = {key: value for key, value in manifest.items() if key not in _SEALED_ANEW}
    command = shlex.join(["python", "-m", "train", "activations", *argv])
    made = {"command": command, "environment": environment()}
    manifest["made_by"] = {**manifest.get("made_by", {}), "activations": made}
    seal_with_cards(bundle.folder, manifest)
    return 0


def measure_ranges(xml_path: Path, batch: npt.NDArray[np.float32]) -> tuple[Range, ...]:
    """Measure the ranges of one network's values on films.

    Args:
        xml_path: The network's `.xml`.
        batch: Films as the network wants them, (n, h, w, 3) float32.

    Returns:
        One range for each value that NNCF would round, by the mean over films of the smallest and
        of the largest value, as its mixed preset takes them. Weights stay as they are.

    Raises:
        SpecMismatchError: If a value would need a range for each of its channels.
    """
    openvino = import_openvino()
    import nncf
    from openvino.passes import ConstantFolding, Manager

    model = openvino.Core().read_model(xml_path)
    model.reshape([1, *batch.shape[1:]])
    manager = Manager()
    manager.register_pass(ConstantFolding())
    manager.run_passes(model)
    rounded = nncf.quantize(
        model,
        nncf.Dataset([film[None] for film in batch]),
        preset=nncf.QuantizationPreset.MIXED,
        subset_size=len(batch),
    )
    return tuple(
        _range(node, xml_path.name)
        for node in rounded.get_ops()
        if node.get_type_name() == "FakeQuantize" and not _is_weight(node)
    )


def _range(node: Any, name: str) -> Range:
    """Return the range of one rounding of NNCF's."""
    low, high = (node.input_value(index).get_node().data.ravel() for index in (1, 2))
    if low.size != 1:
        msg = f"{name}: each value must have one range. Received: {low.size} channels apart"
        raise SpecMismatchError(msg, hint="Leave this network out: it is served in bf16 then.")
    readers = [
        (target.get_node().get_friendly_name(), int(target.get_index()))
        for target in node.output(0).get_target_inputs()
    ]
    source = node.input_value(0).get_node().get_friendly_name()
    return Range(source, tuple(sorted(readers)), float(low[0]), float(high[0]))


def _is_weight(node: Any) -> bool:
    """Tell a rounding of weights from one of values."""
    return node.input_value(0).get_node().get_type_name() in ("Constant", "Convert")


def _spec(bundle: Bundle, key: str) -> PreprocessSpec:
    """Return how films are prepared for a network; every variant that has it agrees."""
    network = bundle.backbones[key].network
    for variant in bundle.variants.values():
        for member in variant.members.values():
            if member.network == network:
                return member.preprocess
    msg = f"`{key}` must be a network of some variant. Received: none has it"
    raise SpecMismatchError(msg)


def _batch(films: Sequence[Film], spec: PreprocessSpec) -> npt.NDArray[np.float32]:
    """Read and prepare films; one that cannot be read is left out, and said."""
    radiographs = []
    for film in films:
        try:
            radiographs.append(read_path(film.path))
        except CxrError as err:
            LOG.warning("left out: %s", err)
    return preprocess_batch(radiographs, spec)
