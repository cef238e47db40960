"""Who is shown: by a manifest in or above the folder, by file names else."""

from __future__ import annotations

import hashlib

import pytest

from cxr_core.evaluate.patients import patient_keys


@pytest.fixture
def films(tmp_path):
    """Three files of one class in the folder of a split."""
    folder = tmp_path / "Data" / "test"
    (folder / "NORMAL").mkdir(parents=True)
    paths = [folder / "NORMAL" / f"film-{i}.png" for i in range(3)]
    for i, path in enumerate(paths):
        path.write_bytes(bytes([i]))
    return folder, paths


def test_without_a_manifest_every_film_is_a_patient(films):
    keys, told_by = patient_keys(*films)
    assert len(set(keys)) == 3
    assert told_by == "none"


@pytest.mark.parametrize("levels", [0, 1, 2])
@pytest.mark.parametrize("by", ["sha256", "path"])
def test_a_manifest_in_or_above_the_folder(films, levels, by):
    folder, paths = films
    place = [folder, *folder.parents][levels]
    name = {
        "sha256": lambda path: hashlib.sha256(path.read_bytes()).hexdigest(),
        "path": lambda path: path.relative_to(place).as_posix(),
    }[by]
    rows = "".join(f"{name(path)},anna\n" for path in paths[:2])
    (place / "manifest.csv").write_text(f"{by},patient\n{rows}", "utf-8")
    keys, told_by = patient_keys(folder, paths)
    assert keys[:2] == ["anna", "anna"]
    assert keys[2] != "anna"
    assert told_by == "manifest"


def test_file_names_of_the_kermany_set(films):
    folder, paths = films
    named = [path.rename(path.with_name(f"person7_virus_{i}.jpeg")) for i, path in enumerate(paths)]
    keys, told_by = patient_keys(folder, named)
    assert len(set(keys)) == 1
    assert told_by == "file names"
