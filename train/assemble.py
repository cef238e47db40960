"""The files of finished runs in the layout of a bundle, and the manifest that goes with them."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cxr_core.array import Float32Array
from cxr_core.bundle import DATASET
from cxr_core.errors import SpecMismatchError
from cxr_core.labels import ENSEMBLES
from train.export import backbone_digest
from train.run import FILMS_SUFFIX, network_path, system_folder


def assemble(
    records: Mapping[str, tuple[Path, Mapping[str, Any]]],
    folder: Path,
    *,
    name: str,
    version: str,
    default: str,
) -> dict[str, Any]:
    """Copy the runs' files into the bundle's layout.

    Args:
        records: Variant name to the run's folder and record.
        folder: The bundle's folder; files are written there.
        name: Name of the set of models.
        version: Version of the set of models.
        default: Variant used unless another is asked for.

    Returns:
        The manifest without hashes, as `cxr_core.bundle.seal` takes it.

    Raises:
        SpecMismatchError: If a run lacks a file.
    """
    backbones: dict[str, Any] = {}
    keys: dict[tuple[str, str], str] = {}
    variants = {}
    for variant, (run, record) in records.items():
        used = {
            system: _add_backbone(run, variant, result, folder, backbones, keys)
            for system, result in record["systems"].items()
            if "backbone" in result
        }
        variants[variant] = _add_variant(variant, run, record, folder, used)
    default_run = records[default][0]
    if (default_run / DATASET).is_file():
        copy_file(default_run / DATASET, folder / DATASET)
    return {
        "name": name,
        "version": version,
        "created": max(record["created"] for _, record in records.values()),
        "default_variant": default,
        "backbones": backbones,
        "variants": variants,
    }


def _add_backbone(
    run: Path,
    variant: str,
    result: Mapping[str, Any],
    folder: Path,
    backbones: dict[str, Any],
    keys: dict[tuple[str, str], str],
) -> str:
    """Copy a network unless it is there already; return its key in the manifest."""
    backbone = result["backbone"]
    source = network_path(run, backbone)
    identity = (backbone, backbone_digest(source))
    if identity in keys:
        return keys[identity]
    key = backbone if backbone not in backbones else f"{backbone}-{variant}"
    keys[identity] = key
    network = f"backbones/{key}.xml"
    for suffix in (".xml", ".bin"):
        copy_file(source.with_suffix(suffix), (folder / network).with_suffix(suffix))
    kept = (
        "feature_layer",
        "feature_shape",
        "weights_origin",
        "compression",
        "public_scaling",
        "is_own",
    )
    entry = {"network": network, **{name: result[name] for name in kept}}
    if key != backbone:
        entry["architecture"] = backbone
    if source.with_suffix(FILMS_SUFFIX).is_file():
        entry["films"] = f"backbones/{key}{FILMS_SUFFIX}"
        copy_file(source.with_suffix(FILMS_SUFFIX), folder / entry["films"])
    backbones[key] = entry
    return key


def _add_variant(
    variant: str,
    run: Path,
    record: Mapping[str, Any],
    folder: Path,
    backbones: Mapping[str, str],
) -> dict[str, Any]:
    """Copy one run's heads, ensembles and curves; return its part of the manifest."""
    from safetensors.numpy import load_file, save_file

    target = folder / "variants" / variant
    arrays: dict[str, dict[str, Any]] = {"heads": {}, "ensembles": {}}
    members = {}
    for system, result in record["systems"].items():
        for file in ("history.csv", "run.json"):
            copy_file(system_folder(run, system) / file, target / "runs" / system / file)
        stored = load_file(system_folder(run, system) / "head.safetensors")
        kind = "ensembles" if system in ENSEMBLES else "heads"
        arrays[kind].update({f"{system}/{key}": _halved(array) for key, array in stored.items()})
        if kind == "heads":
            members[system] = {
                "backbone": backbones[system],
                "preprocess": result["preprocess"],
                "pooling": result["pooling"],
            }
    entry: dict[str, Any] = {
        "title": record["config"]["title"],
        "members": members,
        "ensembles": [name for name in ENSEMBLES if name in record["systems"]],
        "heads": f"variants/{variant}/heads.safetensors",
        "training": training_facts(record),
    }
    save_file(arrays["heads"], target / "heads.safetensors")
    if arrays["ensembles"]:
        save_file(arrays["ensembles"], target / "ensembles.safetensors")
        entry["ensembles_file"] = f"variants/{variant}/ensembles.safetensors"
        entry["ensemble_members"] = list(members)
    return entry


def training_facts(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a bundle tells of a run, besides what lies in the folders of its systems.

    Args:
        record: The run's record, schema `cxr-run/1`.

    Returns:
        JSON-ready part `training` of a variant's entry in the manifest.
    """
    config = record["config"]
    baselines = {
        name: {key: found[key] for key in ("weights", "weights_chosen_on", "test")}
        for name, found in record["baselines"].items()
    }
    return {
        "preset": config["preset"],
        "seed": config["seed"],
        "created": record["created"],
        "command": record["command"],
        "config": config,
        "data": record["data"],
        "sets": record["sets"],
        "baselines": baselines,
        "environment": record["environment"],
    }


def _halved(array: Float32Array) -> npt.NDArray[np.float16] | Float32Array:
    """Return the same values in half precision if that has all of them."""
    half = array.astype(np.float16)
    return half if np.array_equal(half.astype(np.float32), array) else array


def copy_file(source: Path, target: Path) -> None:
    """Copy one file of a run, or say which one is missing.

    Args:
        source: The file.
        target: Its copy; the folder is made.

    Raises:
        SpecMismatchError: If it is missing.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        shutil.copyfile(source, target)
    except OSError as err:
        msg = f"`{source}` must be in the run. Received: {err.strerror}"
        raise SpecMismatchError(msg, hint="Finish the run with `python -m train` first.") from err
