"""A real chest film, read by the published models in its four encodings and as exported PNG."""

from __future__ import annotations

from pathlib import Path

import data_store
import numpy as np
import pytest
from PIL import Image

from cxr_core.bundle import Bundle
from cxr_core.io import read_path
from cxr_core.predict import Predictor

DATA = Path(data_store.__file__).parent / "data"
SAME = 1e-3


@pytest.fixture(scope="module")
def predictor():
    return Predictor(Bundle.load())


def furthest(first, second):
    """The largest difference between two readings' probabilities, over all five systems."""
    assert len(first.systems) == 5
    return max(
        float(np.abs(first.systems[name].raw_probs - second.systems[name].raw_probs).max())
        for name in first.systems
    )


@pytest.fixture(scope="module")
def original(predictor):
    return predictor.read(read_path(DATA / "RG1_UNCR.dcm"))


@pytest.mark.parametrize("name", ["RG1_J2KR", "RG1_UNCI", "RG1_J2KI"])
def test_four_encodings_read_alike(predictor, original, name):
    """The lossy pair differs by at most 0.00044 (VGG16), the others by nothing."""
    other = predictor.read(read_path(DATA / f"{name}.dcm"))
    assert furthest(original, other) < (1e-9 if name == "RG1_J2KR" else SAME)


@pytest.mark.parametrize("full", [255, 65535])
def test_an_exported_png_reads_like_the_dicom(predictor, original, tmp_path, full):
    """What is exported is the film as shown: through its first window, bright is dense."""
    image = read_path(DATA / "RG1_UNCR.dcm").image
    dtype = np.uint8 if full == 255 else np.uint16
    path = tmp_path / "film.png"
    Image.fromarray(np.rint(image * full).astype(dtype)).save(path)
    assert furthest(original, predictor.read(read_path(path))) < SAME
