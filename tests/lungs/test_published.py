"""The published network: what is in its folder, and what it finds on films."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from cxr_core.errors import ArtifactIntegrityError, SpecMismatchError
from cxr_core.io import read_path
from cxr_core.lungs import (
    DEFAULT_LUNGS,
    LungSegmenter,
    write_record,
)
from cxr_core.preprocess import PreprocessSpec
from cxr_core.radiograph import Radiograph
from tests.lungs.material import film

SAMPLES = Path(__file__).resolve().parents[2] / "assets" / "samples"


@pytest.fixture(scope="module")
def published() -> LungSegmenter:
    return LungSegmenter.load()


@pytest.fixture
def own_folder(tmp_path) -> Path:
    return Path(shutil.copytree(DEFAULT_LUNGS, tmp_path / "lungs"))


def test_the_published_network_is_small_and_says_where_it_comes_from(published):
    sizes = [path.stat().st_size for path in DEFAULT_LUNGS.iterdir()]
    assert sum(sizes) < 3e6
    assert published.record["origin"]
    assert published.record["data"]["patients_from"] == "manifest"
    assert published.record["figures"]["dice"]["test"]["n"] == 72


@pytest.mark.parametrize("name", ["lungs.bin", "lungs.xml"])
def test_a_changed_byte_refuses_to_load_by_name(own_folder, name):
    data = bytearray((own_folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (own_folder / name).write_bytes(data)
    with pytest.raises(ArtifactIntegrityError, match=rf"{name}: the file must be the one"):
        LungSegmenter.load(own_folder)


def test_a_changed_record_refuses_to_load_by_name(own_folder):
    record = json.loads((own_folder / "lungs.json").read_text("utf-8"))
    record["threshold"] = 0.1
    (own_folder / "lungs.json").write_text(json.dumps(record), "utf-8")
    with pytest.raises(ArtifactIntegrityError, match=r"lungs\.json: the file must be the one"):
        LungSegmenter.load(own_folder)


@pytest.mark.parametrize("name", ["lungs.bin", "lungs.xml", "lungs.json"])
def test_a_missing_file_is_named(own_folder, name):
    (own_folder / name).unlink()
    with pytest.raises(ArtifactIntegrityError, match=rf"{name}: the lung network must have"):
        LungSegmenter.load(own_folder)


def test_records_that_cannot_be_used_are_refused(own_folder):
    (own_folder / "lungs.json").write_text("{", "utf-8")
    with pytest.raises(ArtifactIntegrityError, match=r"lungs\.json: the file must be JSON"):
        LungSegmenter.load(own_folder)
    (own_folder / "lungs.json").write_text("[]", "utf-8")
    with pytest.raises(SpecMismatchError, match=r"`schema` of lungs\.json must be"):
        LungSegmenter.load(own_folder)
    write_record(own_folder, {"preprocess": PreprocessSpec().to_dict(), "threshold": 0.5})
    with pytest.raises(SpecMismatchError, match="must have every field"):
        LungSegmenter.load(own_folder)


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("synthetic-*.png")), ids=lambda p: p.stem)
def test_two_lungs_are_found_on_every_synthetic_film(published, path):
    found = published.segment(read_path(path))
    assert found.mask.shape == (224, 224)
    assert found.is_plausible, found.notes
    middle = found.mask.any(axis=0)
    assert middle[:112].any()
    assert middle[112:].any()


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("not-chest-*.png")), ids=lambda p: p.stem)
def test_a_picture_without_lungs_gets_a_note(published, path):
    assert published.segment(read_path(path)).notes


def test_the_published_network_takes_any_film(published):
    for shape in ((1, 300), (300, 1), (40, 2000)):
        assert published.segment(film(*shape)).mask.shape == (224, 224)
    flat = Radiograph(np.zeros((50, 50), np.uint8), 0, 255, "flat.png", "0" * 64, "PNG")
    assert published.segment(flat).notes
