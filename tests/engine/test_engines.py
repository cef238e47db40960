"""Engines: OpenVINO against Keras, explicit precision, threads, bad input."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from cxr_core.engine.keras import KerasEngine
from cxr_core.engine.openvino import OpenVinoEngine, import_openvino
from cxr_core.errors import ArtifactIntegrityError
from tests.tiny import CHANNELS, random_head, write_tiny_network

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def engine(tmp_path_factory) -> OpenVinoEngine:
    path = tmp_path_factory.mktemp("network") / "tiny.xml"
    write_tiny_network(path, 8, seed=0)
    return OpenVinoEngine(path)


def random_batch(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((n, 224, 224, 3)).astype(np.float32)


def test_shapes_and_new_arrays(engine):
    batch = random_batch(3)
    before = batch.copy()
    first, second = engine.run(batch), engine.run(batch)
    assert engine.input_shape == (224, 224, 3)
    assert first.shape == (3, *engine.feature_shape) == (3, 7, 7, 8)
    assert first is not second
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(batch, before)


def test_a_films_features_do_not_depend_on_its_neighbours(engine):
    batch = random_batch(4)
    together = engine.run(batch)
    for row, features in enumerate(together):
        np.testing.assert_array_equal(engine.run(batch[row : row + 1])[0], features)


def test_eight_threads_with_mixed_films(engine):
    batch = random_batch(8)
    expected = engine.run(batch)
    rows = np.random.default_rng(1).integers(0, 8, 200)
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda row: engine.run(batch[row : row + 1])[0], rows))
    for row, result in zip(rows, results, strict=True):
        np.testing.assert_array_equal(result, expected[row])


@pytest.mark.parametrize(
    "batch",
    [
        np.zeros((1, 224, 224, 1), np.float32),
        np.zeros((224, 224, 3), np.float32),
        np.zeros((1, 224, 224, 3), np.float64),
    ],
)
def test_wrong_batches(engine, batch):
    with pytest.raises(ValueError, match=r"`batch` must be float32 of shape \(n, 224, 224, 3\)"):
        engine.run(batch)


def test_f32_is_asked_for_by_name(tmp_path):
    write_tiny_network(tmp_path / "tiny.xml", 8, seed=0)
    openvino = import_openvino()
    hints = []
    compile_model = openvino.Core.compile_model

    def spy(self, model, device, config):
        hints.append(config["INFERENCE_PRECISION_HINT"])
        return compile_model(self, model, device, config)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(openvino.Core, "compile_model", spy)
        OpenVinoEngine(tmp_path / "tiny.xml")
    assert hints == ["f32"]
    with pytest.raises(ValueError, match=r"`precision` must be one of .*'f16'"):
        OpenVinoEngine(tmp_path / "tiny.xml", precision="f16")


@pytest.mark.parametrize("content", [None, b"", b"<net/>", b"not a network"])
def test_a_file_that_is_no_network(tmp_path, content):
    path = tmp_path / "broken.xml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ArtifactIntegrityError, match=r"broken\.xml: OpenVINO must be able to read"):
        OpenVinoEngine(path)


def test_usage_statistics_are_off():
    import_openvino()
    assert sys.modules["openvino_telemetry"] is None


def test_the_converter_is_loaded_on_demand():
    script = (
        "import sys\nfrom cxr_core.engine.openvino import converter, import_openvino\n"
        "import_openvino().Core()\nprint('openvino.tools.ovc' in sys.modules)\n"
        "print(callable(converter()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.split() == ["False", "True"]


@pytest.fixture(scope="module")
def small_vgg16():
    """A VGG16 graph with random weights whose features are of the size that trained ones have."""
    from cxr_core import backbones

    model = backbones.build("vgg16", input_shape=(64, 64, 3))
    rng = np.random.default_rng(3)
    for layer in model.layers:
        weights = layer.get_weights()
        if weights:
            kernel = rng.normal(0, np.sqrt(2 / np.prod(weights[0].shape[:3])), weights[0].shape)
            layer.set_weights([kernel.astype(np.float32), weights[1]])
    return model


@pytest.mark.parametrize("compress", [False, True])
def test_the_exported_network_equals_keras(small_vgg16, tmp_path, compress):
    """Probabilities through one head: 1e-4 for f32 weights, the 8-bit error for 8-bit weights."""
    from train.export import backbone_digest, export_backbone

    path = tmp_path / "vgg16.xml"
    digest = export_backbone(small_vgg16, path, compress=compress)
    assert digest == backbone_digest(path)
    served, reference = OpenVinoEngine(path), KerasEngine(small_vgg16)
    assert served.input_shape == reference.input_shape == (64, 64, 3)
    assert served.feature_shape == reference.feature_shape == (2, 2, 512)
    batch = np.random.default_rng(4).random((4, 64, 64, 3)).astype(np.float32)
    ours, keras_features = served.run(batch), reference.run(batch)
    assert keras_features.max() > 0.1
    correlation = np.corrcoef(ours.ravel(), keras_features.ravel())[0, 1]
    assert correlation >= (0.999 if compress else 0.999999)
    if not compress:
        np.testing.assert_allclose(ours, keras_features, atol=1e-4 * keras_features.max())
        difference = np.abs(_probs(ours) - _probs(keras_features)).max()
        assert difference <= 1e-4


def _probs(features: np.ndarray) -> np.ndarray:
    """Probabilities of a random head on a 2 by 2 map, repeated to the 7 by 7 that it takes."""
    head = random_head(np.random.default_rng(5), "vgg16", channels=512, dtype=np.float32)
    large = np.pad(features, ((0, 0), (0, 5), (0, 5), (0, 0)), mode="wrap")
    return np.stack([head.forward(one).probs for one in large])


def test_keras_engine_is_thread_safe(small_vgg16):
    engine = KerasEngine(small_vgg16)
    batch = np.random.default_rng(6).random((4, 64, 64, 3)).astype(np.float32)
    expected = [engine.run(batch[row : row + 1])[0] for row in range(4)]
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda i: engine.run(batch[i % 4 : i % 4 + 1])[0], range(16)))
    for index, result in enumerate(results):
        np.testing.assert_allclose(result, expected[index % 4], rtol=1e-6)


def test_tiny_networks_have_the_shapes_their_heads_expect(tiny_predictor):
    for name, member in tiny_predictor.bundle.members.items():
        assert member.feature_shape == (7, 7, CHANNELS[name])
