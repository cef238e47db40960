"""A published network comes back as a Keras network that gives the same features."""

from __future__ import annotations

import numpy as np
import pytest

from cxr_core import backbones
from cxr_core.engine.openvino import OpenVinoEngine
from cxr_core.errors import SpecMismatchError
from train.export import export_backbone
from train.pretrain.start import graph_of
from train.restore import restore_weights

SLOW = pytest.mark.slow


def shaken(name: str):
    """Build a network whose BatchNorms do something."""
    import keras

    keras.utils.set_random_seed(0)
    model = backbones.build(name, input_shape=(64, 64, 3), graph=graph_of(name))
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            count = layer.moving_mean.shape[0]
            layer.set_weights(
                [
                    rng.uniform(0.7, 1.3, count),
                    rng.normal(0, 0.1, count),
                    rng.normal(0, 0.1, count),
                    rng.uniform(0.7, 1.3, count),
                ]
            )
    return model


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("vgg16", marks=SLOW),
        "densenet121",
        pytest.param("efficientnetb0", marks=SLOW),
    ],
)
def test_restored_network_gives_the_published_features(name, tmp_path):
    path = tmp_path / "net.xml"
    export_backbone(shaken(name), path)
    restored = backbones.build(name, input_tensor=_any_size(), graph=graph_of(name))
    restore_weights(restored, path)
    films = np.random.default_rng(1).random((2, 64, 64, 3), np.float32)
    wanted = np.concatenate([OpenVinoEngine(path).run(film[np.newaxis]) for film in films])
    found = restored.predict(films, verbose=0)
    np.testing.assert_allclose(found, wanted, atol=1e-3 * np.abs(wanted).max())


def test_another_network_is_refused(tmp_path):
    path = tmp_path / "net.xml"
    export_backbone(backbones.build("vgg16", input_shape=(64, 64, 3)), path)
    with pytest.raises(SpecMismatchError, match=r"must be built as net\.xml is"):
        restore_weights(backbones.build("densenet121", input_tensor=_any_size()), path)


def _any_size():
    import keras

    return keras.Input((None, None, 3))
