"""Who is shown: by a manifest in or above the folder, by file names else."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from cxr_core.errors import UnreadableImageError
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


def test_a_manifest_with_one_patient_leaves_the_others_to_their_names(films):
    folder, paths = films
    paths.append(folder / "NORMAL" / "film-3.png")
    paths[3].write_bytes(b"3")
    named = [path.rename(path.with_name(f"person7_virus_{i}.jpeg")) for i, path in enumerate(paths)]
    named[3] = named[3].rename(named[3].with_name("other.jpeg"))
    (folder / "manifest.csv").write_text(f"path,patient\nNORMAL/{named[0].name},anna\n", "utf-8")
    keys, told_by = patient_keys(folder, named)
    assert keys[:3] == ["anna", "person7", "person7"]
    assert len(set(keys)) == 3
    assert told_by == "manifest"


def test_films_are_not_read_where_their_digests_are_known(films):
    folder, paths = films
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]
    (folder / "manifest.csv").write_text(f"sha256,patient\n{digests[2]},anna\n", "utf-8")
    for path in paths:
        path.unlink()
    keys, _ = patient_keys(folder, paths, digests=digests)
    assert keys[2] == "anna"
    assert len(set(keys)) == 3
    with pytest.raises(UnreadableImageError, match=r"`film-0\.png` must be a file"):
        patient_keys(folder, paths)


def test_a_folder_above_that_may_not_be_listed_has_no_manifest(films, monkeypatch):
    folder, paths = films
    (folder.parent.parent / "manifest.csv").write_text("path,patient\nx.png,anna\n", "utf-8")
    listed = Path.iterdir

    def some(self):
        if self == folder.parent:
            raise PermissionError(13, "Permission denied")
        return listed(self)

    monkeypatch.setattr(Path, "iterdir", some)
    keys, told_by = patient_keys(folder, paths)
    assert len(set(keys)) == 3
    assert told_by == "none"


@pytest.mark.parametrize("with_manifest", [True, False])
def test_copies_of_a_film_that_nothing_tells_are_of_one_patient(tmp_path, with_manifest):
    folder = tmp_path / "NORMAL"
    folder.mkdir()
    paths = [folder / name for name in ("a.png", "b.png", "other.png", "known.png")]
    for path, data in zip(paths, (b"film", b"film", b"another", b"a third"), strict=True):
        path.write_bytes(data)
    if with_manifest:
        (tmp_path / "manifest.csv").write_text("path,patient\nNORMAL/known.png,p1\n", "utf-8")
    keys, told = patient_keys(tmp_path, paths)
    assert told == ("manifest" if with_manifest else "none")
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3
