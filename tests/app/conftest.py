"""The dashboard without networks: a fake predictor and drawn sample films."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
import streamlit as st
from PIL import Image
from streamlit.testing.v1 import AppTest

import ui.model_cache
import ui.samples
from tests.app.fakes import FakePredictor


def png(level: int, size: tuple[int, int] = (40, 32)) -> bytes:
    """Return a small grey PNG; another level gives other bytes."""
    pixels = np.linspace(0, 80, size[0] * size[1]).reshape(size[1], size[0]) + level
    buffer = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(autouse=True)
def _fresh_caches():
    """Empty the caches: every AppTest has the same session id, so readings would be shared."""
    st.cache_resource.clear()


@pytest.fixture
def predictor(monkeypatch):
    """Replace the published models."""
    fake = FakePredictor()
    monkeypatch.setattr(ui.model_cache, "load", lambda: fake)
    return fake


@pytest.fixture(autouse=True)
def samples(tmp_path, monkeypatch):
    """Replace the sample films by three that are drawn here."""
    folder = tmp_path / "samples"
    folder.mkdir()
    films = []
    for i in range(3):
        (folder / f"s{i}.png").write_bytes(png(10 * i))
        films.append({"file": f"s{i}.png", "title": f"Sample {i}", "synthetic": True})
    (folder / "manifest.json").write_text(json.dumps({"films": films}), "utf-8")
    monkeypatch.setattr(ui.samples, "SAMPLES", folder)
    return folder


@pytest.fixture
def app():
    """Return the front page, not yet run."""
    return AppTest.from_file("../../streamlit_app.py", default_timeout=60)
