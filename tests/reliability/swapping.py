"""A tiny bundle of two variants on different networks, and ways to change a folder in use."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from cxr_core.bundle import MANIFEST, seal
from tests.tiny import CHANNELS, tiny_manifest, write_tiny_bundle, write_tiny_network

OTHER = "other"


def two_variants(folder: Path, *, version: str = "0.0.1"):
    """Write the tiny bundle with a second variant, whose one network the first does not use."""
    write_tiny_bundle(folder)
    (folder / MANIFEST).unlink()
    if version != "0.0.1":  # other heads, other networks
        heads = load_file(folder / "variants" / "tiny" / "heads.safetensors")
        save_file(
            {name: np.flip(array).copy() for name, array in heads.items()},
            folder / "variants" / "tiny" / "heads.safetensors",
        )
        for seed, name in enumerate(CHANNELS):
            write_tiny_network(folder / "backbones" / f"{name}.xml", CHANNELS[name], 50 + seed)
    write_tiny_network(folder / "backbones" / "vgg16b.xml", CHANNELS["vgg16"], 9)
    manifest = {**tiny_manifest(tuple(CHANNELS), ensembles=True), "version": version}
    backbone = manifest["backbones"]["vgg16"]
    manifest["backbones"]["vgg16b"] = {
        **backbone,
        "architecture": "vgg16",
        "network": "backbones/vgg16b.xml",
    }
    member = {**manifest["variants"]["tiny"]["members"]["vgg16"], "backbone": "vgg16b"}
    manifest["variants"][OTHER] = {
        "title": "Another network",
        "members": {"vgg16": member},
        "ensembles": [],
        "heads": "variants/tiny/heads.safetensors",
        "training": {"preset": OTHER},
    }
    return seal(folder, manifest)


def in_place(folder, other):
    """Copy another bundle's files over those of the folder, into the same files."""
    for path in other.rglob("*"):
        if path.is_file():
            (folder / path.relative_to(other)).write_bytes(path.read_bytes())


def moved(folder, other):
    """Put another folder in the place of the folder."""
    folder.rename(folder.with_name("gone"))
    shutil.copytree(other, folder)


def damaged(folder, other):
    """Cut every file of the folder short, the networks' weights in use too."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("r+b") as file:
                file.truncate(path.stat().st_size // 2)


def removed(folder, other):
    """Remove the folder."""
    shutil.rmtree(folder)


SWAPS = (in_place, moved, damaged, removed)
