"""Shared fixtures; caps threads and quiets TensorFlow before anything is imported."""

from __future__ import annotations

import gc
import os

os.environ.setdefault("OMP_NUM_THREADS", "2")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ["KERAS_BACKEND"] = "tensorflow"

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.internal.conjecture import providers
from PIL import Image

from cxr_core.bundle import Bundle
from cxr_core.predict import Predictor
from tests.tiny import write_tiny_bundle

# Hypothesis also tries constants of the modules that happen to be loaded; then what one test is
# given would depend on which others run (tests/conventions/test_properties.py).
providers._get_local_constants = lambda: providers._local_constants
settings.register_profile(
    "house",
    derandomize=True,  # the same examples in every run, on every machine
    database=None,
    deadline=None,
    max_examples=int(os.environ.get("CXR_PROPERTIES", "25")),
    suppress_health_check=[HealthCheck.too_slow],  # a busy machine is no fault of a test
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
)
settings.register_profile(
    "unshrunk", settings.get_profile("house"), phases=[Phase.explicit, Phase.generate]
)
settings.load_profile("house")


@pytest.fixture(scope="module", autouse=True)
def _kept_apart():
    """Spare what is loaded: Streamlit has all objects looked at after every run of a page."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def tiny_bundle_dir(tmp_path_factory) -> Path:
    """A bundle of all five systems on three tiny networks; not to be changed."""
    folder = tmp_path_factory.mktemp("bundle") / "tiny"
    write_tiny_bundle(folder)
    return folder


@pytest.fixture
def own_bundle_dir(tiny_bundle_dir, tmp_path) -> Path:
    """A copy of the tiny bundle that a test may damage."""
    return Path(shutil.copytree(tiny_bundle_dir, tmp_path / "own-bundle"))


@pytest.fixture(scope="session")
def tiny_predictor(tiny_bundle_dir) -> Predictor:
    """A predictor over the tiny bundle."""
    return Predictor(Bundle.load(tiny_bundle_dir))


@pytest.fixture
def film_path(tmp_path) -> Path:
    """An 8-bit grey PNG of 300 by 260 pixels."""
    return write_film(tmp_path / "film.png", seed=0)


def write_film(path: Path, *, seed: int) -> Path:
    """Write a smooth random grey PNG."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 255, (9, 8), np.uint8))
    coarse.resize((260, 300), Image.Resampling.BICUBIC).save(path)
    return path
