"""Bundles: what is published loads, what was changed or contradicts itself does not."""

from __future__ import annotations

import json

import numpy as np
import pytest

from cxr_core.bundle import MANIFEST, Bundle, seal
from cxr_core.errors import ArtifactIntegrityError, SpecMismatchError
from cxr_core.labels import SYSTEMS
from tests.tiny import tiny_manifest, write_tiny_bundle


def edit_manifest(folder, change):
    path = folder / MANIFEST
    manifest = json.loads(path.read_text("utf-8"))
    change(manifest)
    path.write_text(json.dumps(manifest), "utf-8")


def test_load(tiny_bundle_dir):
    bundle = Bundle.load(tiny_bundle_dir)
    assert bundle.systems == SYSTEMS
    assert bundle.heads().systems == SYSTEMS
    assert bundle.card.startswith("# Tiny")
    assert bundle.evaluation() is None
    assert len(bundle.digest) == 64


def test_the_digest_names_the_content(tiny_bundle_dir, own_bundle_dir):
    assert Bundle.load(tiny_bundle_dir).digest == Bundle.load(own_bundle_dir).digest
    edit_manifest(own_bundle_dir, lambda manifest: manifest.update(version="0.0.2"))
    assert Bundle.load(tiny_bundle_dir).digest != Bundle.load(own_bundle_dir).digest


def test_every_file_is_guarded_against_one_flipped_bit(own_bundle_dir):
    for path in sorted(own_bundle_dir.rglob("*")):
        if not path.is_file() or path.name == MANIFEST:
            continue
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
        name = path.relative_to(own_bundle_dir).as_posix()
        with pytest.raises(ArtifactIntegrityError, match=f"^{name}: the file must be the one"):
            Bundle.load(own_bundle_dir)
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    Bundle.load(own_bundle_dir)


def test_a_missing_file_is_named(own_bundle_dir):
    (own_bundle_dir / "backbones" / "vgg16.bin").unlink()
    with pytest.raises(ArtifactIntegrityError, match=r"backbones/vgg16\.bin: .*No such file") as e:
        Bundle.load(own_bundle_dir)
    assert "Restore the bundle folder" in e.value.hint


def test_a_folder_without_manifest(tmp_path):
    with pytest.raises(ArtifactIntegrityError, match=r"bundle\.json: the bundle must have"):
        Bundle.load(tmp_path)


@pytest.mark.parametrize("content", ["", "[1, 2", "\x00"])
def test_a_manifest_that_is_not_json(own_bundle_dir, content):
    (own_bundle_dir / MANIFEST).write_text(content, "utf-8")
    with pytest.raises(ArtifactIntegrityError, match=r"`bundle\.json` must be JSON"):
        Bundle.load(own_bundle_dir)


@pytest.mark.parametrize("schema", ["cxr-bundle/2", None, 1])
def test_another_schema_version(own_bundle_dir, schema):
    edit_manifest(own_bundle_dir, lambda manifest: manifest.update(schema=schema))
    with pytest.raises(SpecMismatchError, match=r"`schema` of bundle\.json must be 'cxr-bundle/1'"):
        Bundle.load(own_bundle_dir)


def test_a_list_is_no_manifest(own_bundle_dir):
    (own_bundle_dir / MANIFEST).write_text("[]", "utf-8")
    with pytest.raises(SpecMismatchError, match=r"`schema` .* Received: None"):
        Bundle.load(own_bundle_dir)


@pytest.mark.parametrize("path", ["../outside", "/etc/passwd", "a/../../b", "a\\b"])
def test_paths_stay_in_the_folder(own_bundle_dir, path):
    edit_manifest(own_bundle_dir, lambda manifest: manifest["variants"]["tiny"].update(heads=path))
    with pytest.raises(SpecMismatchError, match=r"Paths of a bundle must stay in its folder"):
        Bundle.load(own_bundle_dir)


@pytest.mark.parametrize("key", ["name", "created", "variants", "backbones", "files"])
def test_a_missing_field(own_bundle_dir, key):
    edit_manifest(own_bundle_dir, lambda manifest: manifest.pop(key))
    with pytest.raises(SpecMismatchError, match=rf"must have every field .*'{key}'"):
        Bundle.load(own_bundle_dir)


def test_other_classes(own_bundle_dir):
    edit_manifest(own_bundle_dir, lambda m: m.update(classes=["NORMAL", "COVID19", "PNEUMONIA"]))
    with pytest.raises(SpecMismatchError, match=r"`classes` must be \('COVID19', 'NORMAL'"):
        Bundle.load(own_bundle_dir)


def test_a_file_that_is_used_but_not_hashed(own_bundle_dir):
    edit_manifest(own_bundle_dir, lambda m: m["files"].pop("backbones/vgg16.bin"))
    with pytest.raises(SpecMismatchError, match=r"`files` must list .* no backbones/vgg16\.bin"):
        Bundle.load(own_bundle_dir)


@pytest.mark.parametrize("members", [("vgg16",), ("densenet201", "vgg16")])
def test_any_subset_of_members(tmp_path, members):
    bundle = write_tiny_bundle(tmp_path / "subset", members=members, ensembles=False)
    assert bundle.systems == members
    assert bundle.heads().systems == members


def test_an_ensemble_needs_all_of_its_members(own_bundle_dir):
    manifest = tiny_manifest(("densenet201", "vgg16"), ensembles=True)
    manifest["variants"]["tiny"]["ensemble_members"] = ["densenet201", "efficientnetb7", "vgg16"]
    with pytest.raises(
        SpecMismatchError, match=r"must hold all members .*efficientnetb7.* Received: densenet201"
    ):
        seal(own_bundle_dir, manifest)


def test_unknown_variant(tiny_bundle_dir):
    with pytest.raises(SpecMismatchError, match=r"`variant` must be one of \['tiny'\].*'clean'"):
        Bundle.load(tiny_bundle_dir).variant("clean")


def test_heads_are_float32(tiny_bundle_dir):
    for head in Bundle.load(tiny_bundle_dir).heads().members.values():
        assert all(layer.kernel.dtype == np.float32 for layer in head.layers)
