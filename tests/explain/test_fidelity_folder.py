"""Films of a folder whose maps are checked: which they are, and what they are called."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cxr_core.errors import UnreadableImageError
from cxr_core.explain.fidelity.check import Settings
from cxr_core.explain.fidelity.folder import Plan, check_folder, find_films
from tests.conftest import write_film


def test_a_name_that_is_too_long_is_no_folder(tmp_path):
    with pytest.raises(UnreadableImageError, match="Received: no such folder"):
        find_films(tmp_path / ("a" * 300))


def test_the_nearest_class_folder_tells_the_class(tmp_path):
    for name in ("normal/PNEUMONIA/a.png", "NORMAL/b.png", "c.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    found = {path.name: label for path, label in find_films(tmp_path)}
    assert found == {"a.png": "PNEUMONIA", "b.png": "NORMAL", "c.png": None}


@pytest.mark.skipif(os.name != "posix", reason="names of bytes")
def test_names_that_are_not_utf_8_can_be_written_and_films_are_not_read_again(
    tmp_path, tiny_predictor
):
    good = write_film(tmp_path / "good.png", seed=3)
    good.rename(Path(os.fsdecode(os.fsencode(tmp_path) + b"/good\xff.png")))
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/broken\xff.png")).write_bytes(b"x")
    plan = Plan(("vgg16",), ("gradcam",), ("repeatability",), settings=Settings(n_draws=1))

    def lose_all(n_done, n_all):
        if n_done == n_all:
            for path in tmp_path.iterdir():
                path.unlink()

    found = check_folder(tiny_predictor, tmp_path, plan, on_film=lose_all)
    assert [film["file"] for film in found["films"]] == ["good\\udcff.png"]
    assert [entry["file"] for entry in found["unreadable"]] == ["broken\\udcff.png"]
    assert found["n_patients"] == 1
