"""A training folder of a few synthetic films."""

from __future__ import annotations

from pathlib import Path

import pytest

from cxr_core.labels import CLASSES
from tests.conftest import write_film


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory) -> Path:
    """Kaggle layout with 6 training and 3 test films a class; not to be changed."""
    folder = tmp_path_factory.mktemp("films")
    seed = 0
    for split, count in (("train", 6), ("test", 3)):
        for label in CLASSES:
            target = folder / "Data" / split / label
            target.mkdir(parents=True)
            for index in range(count):
                seed += 1
                write_film(target / f"film-{index}.png", seed=seed)
    return folder
