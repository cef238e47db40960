"""The bundle's folder changes while it is in use: readings go on, and no two bundles are mixed."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from cxr_core.audit.overlap import bundle_index
from cxr_core.bundle import DEFAULT_BUNDLE, Bundle
from cxr_core.errors import ArtifactIntegrityError, BundleChangedError
from cxr_core.predict import Predictor, PublishedModels
from cxr_core.training_run import bundle_runs
from tests.http.live import serving, until
from tests.reliability.many import film, fingerprint
from tests.reliability.swapping import OTHER, SWAPS, damaged, removed, two_variants
from ui import model_cache
from ui.state import Film, Shelf

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def another(tmp_path_factory):
    """A newer bundle: other networks, other heads."""
    folder = tmp_path_factory.mktemp("another") / "bundle"
    two_variants(folder, version="0.0.2")
    return folder


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """The bundle that is in use first."""
    folder = tmp_path_factory.mktemp("published") / "bundle"
    two_variants(folder)
    return folder


@pytest.fixture
def used(published, tmp_path):
    """A copy of it, which a test may change."""
    return Path(shutil.copytree(published, tmp_path / "used"))


def name_of(swap):
    return swap.__name__


swaps = pytest.mark.parametrize("swap", SWAPS, ids=name_of)
one_swap_and_slow_ones = pytest.mark.parametrize(
    "swap",
    [SWAPS[0], *(pytest.param(swap, marks=pytest.mark.slow) for swap in SWAPS[1:])],
    ids=name_of,
)


@swaps
def test_readings_go_on_from_what_was_loaded(used, another, swap):
    models = PublishedModels(used)
    digest, card = models.bundle.digest, models.bundle.card
    before = fingerprint(models.predictor(), film(1), 1)
    swap(used, another)
    predictor = models.predictor()
    assert predictor.bundle.digest == digest
    assert fingerprint(predictor, film(1), 1) == before
    assert models.bundle.card == card
    assert models.bundle.heads(OTHER).systems == ("vgg16",)  # from memory, as it was


@swaps
def test_what_was_not_loaded_is_refused_by_name(used, another, swap):
    models = PublishedModels(used)
    models.predictor()
    swap(used, another)
    first = r"backbones/\w+\.(xml|bin): the file must be the one that was there when the bundle was"
    for ask in (
        lambda: models.predictor(OTHER),
        lambda: models.predictor(precision="bf16"),
        lambda: Predictor(models.bundle),
    ):
        with pytest.raises(ArtifactIntegrityError, match=first) as caught:
            ask()
        assert isinstance(caught.value, BundleChangedError)
        assert "Start the program again" in caught.value.hint
    assert models.predictor().bundle is models.bundle  # those in use still are


@swaps
def test_a_new_start_sees_what_is_there(used, another, swap):
    old = Bundle.load(used).digest
    swap(used, another)
    if swap in (damaged, removed):
        with pytest.raises(ArtifactIntegrityError):
            Bundle.load(used)
    else:
        assert Bundle.load(used).digest == Bundle.load(another).digest != old


def test_histories_and_fingerprints_are_checked_when_they_are_read(tmp_path):
    path, index = "variants/clean/runs/vgg16/history.csv", "fingerprints.safetensors"
    for name in (path, index):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"other bytes")
    bundle = Bundle.load(DEFAULT_BUNDLE)
    object.__setattr__(bundle, "folder", tmp_path)
    with pytest.raises(BundleChangedError, match=r"runs/.*: the file must be the one"):
        bundle_runs(bundle)
    with pytest.raises(BundleChangedError, match=r"fingerprints\.safetensors: the file must"):
        bundle_index(bundle)


@swaps
def test_a_server_serves_what_it_loaded_and_says_when_it_cannot(used, another, swap):
    models = PublishedModels(used)
    models.predictor()
    sent = film(1)
    with serving(lambda: models) as live:
        until(lambda: live.service.is_ready)
        before = live.predict_raw(sent).json
        swap(used, another)
        answer = live.predict_raw(sent)
        assert answer.status == 200
        assert answer.json["bundle"] == before["bundle"]
        assert answer.json["results"][0]["systems"] == before["results"][0]["systems"]
        assert live.ask("/readyz").json["bundle"]["digest"] == models.bundle.digest
        refused = live.predict_raw(sent, f"?variant={OTHER}")
        assert (refused.status, refused.error) == (503, "ModelsChangedError")
        assert "start it again" in refused.json["error"]["hint"]
        assert live.predict_raw(sent).status == 200


@one_swap_and_slow_ones
def test_the_dashboard_goes_on_and_offers_a_way_back(used, another, swap, monkeypatch):
    monkeypatch.setenv(model_cache.BUNDLE_VARIABLE, str(used))
    monkeypatch.setattr(model_cache, "lungs", lambda: None)
    st.cache_resource.clear()
    digest = Bundle.load(used).digest
    app = AppTest.from_file("../../streamlit_app.py", default_timeout=60)
    app.session_state["films"] = Shelf()
    app.run()
    assert not app.get("bidi_component")
    swap(used, another)
    data = film(1)
    one = Film("a.png", "a.png", hashlib.sha256(data).hexdigest(), data)
    app.session_state["films"] = Shelf(films=[one])
    app.run()
    assert not app.exception
    assert any(digest[:12] in each.value for each in app.sidebar.markdown)
    assert app.get("bidi_component")  # the film's viewer
    (choice,) = (each for each in app.sidebar.selectbox if each.label == "Trained by")
    choice.select(OTHER).run()
    words = " ".join(each.value for each in (*app.main.markdown, *app.main.text))
    assert not app.exception
    assert "The published models could not be loaded" in words
    assert "Start the program again" in words
    (choice,) = (each for each in app.sidebar.selectbox if each.label == "Trained by")
    choice.select("tiny").run()
    assert not app.exception
    assert any(digest[:12] in each.value for each in app.sidebar.markdown)
    st.cache_resource.clear()


IN_USE = """
import sys
from pathlib import Path
import numpy as np
from cxr_core.engine.openvino import OpenVinoEngine
xml = Path(sys.argv[1])
engine = OpenVinoEngine(xml, weights_on_disk=sys.argv[2] == "True")
batch = np.random.default_rng(0).random((1, 224, 224, 3), np.float32)
before = engine.run(batch)
weights = xml.with_suffix(".bin")
with weights.open("r+b") as file:
    file.write(bytes(weights.stat().st_size))
assert np.array_equal(engine.run(batch), before), "other numbers"
with weights.open("r+b") as file:
    file.truncate(100)
assert np.array_equal(engine.run(batch), before)
"""


@pytest.mark.slow
@pytest.mark.parametrize("weights_on_disk", [False, True])
def test_weights_in_use_are_not_those_on_the_disk(tmp_path, weights_on_disk):
    """A mapped file that was written over gave other numbers; a shorter one ended the process."""
    for suffix in (".xml", ".bin"):
        source = DEFAULT_BUNDLE / "backbones" / f"densenet201{suffix}"
        (tmp_path / f"n{suffix}").write_bytes(source.read_bytes())
    command = [sys.executable, "-c", IN_USE, str(tmp_path / "n.xml"), str(weights_on_disk)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
