"""An exported network has one output and gives what Keras gives."""

from __future__ import annotations

import numpy as np
import pytest

from cxr_core import backbones
from cxr_core.engine.openvino import OpenVinoEngine
from train.export import backbone_digest, export_backbone


@pytest.mark.parametrize("graph", ["efficientnet", "keras"])
def test_swish_leaves_no_further_outputs(graph, tmp_path):
    """TensorFlow's swish has a gradient of its own; each one became an output of the network."""
    import keras

    keras.utils.set_random_seed(0)
    model = backbones.build("efficientnetb0", input_shape=(64, 64, 3), graph=graph)
    digest = export_backbone(model, tmp_path / "b0.xml", compress=False)
    assert digest == backbone_digest(tmp_path / "b0.xml")
    engine = OpenVinoEngine(tmp_path / "b0.xml")
    assert engine.feature_shape == (2, 2, 1280)
    batch = np.random.default_rng(0).random((1, 64, 64, 3), np.float32)
    batch = batch if graph == "efficientnet" else batch * 255
    expected = np.asarray(model(batch, training=False))
    np.testing.assert_allclose(engine.run(batch), expected, atol=1e-4 * np.abs(expected).max())
