"""Small folders of drawn films."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cxr_core.labels import CLASSES
from tests.conftest import write_film


def write_split(folder: Path, split: str, count: int, *, first_seed: int) -> None:
    """Write `count` films of every class, all different."""
    for k, label in enumerate(CLASSES):
        target = folder / split / label
        target.mkdir(parents=True, exist_ok=True)
        for i in range(count):
            write_film(target / f"{label.lower()}-{i}.png", seed=first_seed + 100 * k + i)


@pytest.fixture
def folder(tmp_path) -> Path:
    """3 training and 2 test films a class, no patient known, no two alike; free to be changed."""
    path = tmp_path / "films"
    write_split(path, "train", 3, first_seed=0)
    write_split(path, "test", 2, first_seed=1000)
    return path


@pytest.fixture
def write_manifest(folder) -> Callable[..., Path]:
    """Write `manifest.csv` from its lines."""

    def write(*lines: str) -> Path:
        path = folder / "manifest.csv"
        path.write_text("\n".join(lines) + "\n", "utf-8")
        return path

    return write
