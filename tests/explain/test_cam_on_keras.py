"""Closed-form maps against automatic differentiation and tf-keras-vis on a real VGG16 graph."""

from __future__ import annotations

import numpy as np
import pytest

from cxr_core.explain.cam import explain, logit_gradients
from cxr_core.heads import HeadSet, head_from_arrays
from cxr_core.labels import CLASSES

SHAPE = (224, 224, 3)


@pytest.fixture(scope="module")
def vgg16():
    """VGG16 with its head; random weights of the size that trained ones have."""
    from train.keras_system import build_member

    model = build_member("vgg16", input_shape=SHAPE)
    rng = np.random.default_rng(0)
    for layer in model.layers:
        weights = layer.get_weights()
        if weights:
            kernel = rng.normal(0, np.sqrt(2 / np.prod(weights[0].shape[:-1])), weights[0].shape)
            bias = rng.normal(0, 0.05, weights[1].shape)
            layer.set_weights([kernel.astype(np.float32), bias.astype(np.float32)])
    return model


@pytest.fixture(scope="module")
def films():
    return np.random.default_rng(1).random((3, *SHAPE)).astype(np.float32)


@pytest.fixture(scope="module")
def linear(vgg16):
    """The same layers, up to logits instead of probabilities."""
    import keras

    output = vgg16.get_layer("vgg16_predictions")
    logits = keras.layers.Dense(3, name="logits")
    model = keras.Model(vgg16.input, logits(output.input))
    logits.set_weights(output.get_weights())
    return model


@pytest.fixture(scope="module")
def heads(vgg16):
    from train.keras_system import extract_head

    arrays = extract_head(vgg16, "vgg16")
    return HeadSet(
        {"vgg16": head_from_arrays(arrays, pooling="average2_valid", feature_shape=(7, 7, 512))}
    )


@pytest.fixture(scope="module")
def taped(linear, films):
    """Feature maps and the gradient of each logit by them, from one eager tape a class."""
    import keras
    import tensorflow as tf

    model = keras.Model(linear.input, [linear.get_layer("block5_pool").output, linear.output])
    gradients = []
    for index in range(3):
        with tf.GradientTape() as tape:
            features, logits = model(films, training=False)
            tape.watch(features)
            score = logits[:, index]
        gradients.append(tape.gradient(score, features).numpy())
    return features.numpy(), np.stack(gradients, axis=-1), logits.numpy()


def test_gradients_equal_the_tape(heads, taped):
    features, gradients, logits = taped
    for row in range(len(features)):
        state = heads.forward({"vgg16": features[row]})
        np.testing.assert_allclose(state.logits["vgg16"], logits[row], atol=1e-4)
        ours = logit_gradients(heads, state, "vgg16", np.eye(3))["vgg16"].reshape(7, 7, 512, 3)
        assert np.abs(ours - gradients[row]).max() <= 1e-4 * np.abs(gradients[row]).max()


@pytest.mark.parametrize("method", ["gradcam", "hirescam", "layercam"])
def test_maps_equal_those_of_the_tape(heads, taped, method):
    features, gradients, _ = taped
    for row in range(len(features)):
        state = heads.forward({"vgg16": features[row]})
        for index, name in enumerate(CLASSES):
            gradient = gradients[row, :, :, :, index]
            expected = {
                "gradcam": (features[row] * gradient.mean((0, 1))).sum(-1),
                "hirescam": (features[row] * gradient).sum(-1),
                "layercam": (features[row] * np.maximum(gradient, 0)).sum(-1),
            }[method]
            cam = explain(heads, state, {"vgg16": features[row]}, "vgg16", name, method=method)
            assert np.abs(cam.grid - expected).max() <= 1e-4 * np.abs(expected).max()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("method", ["gradcam", "layercam"])
def test_maps_equal_tf_keras_vis(linear, heads, taped, films, method):
    """Raw maps of tf-keras-vis; it applies the ReLU itself."""
    from tf_keras_vis.gradcam import Gradcam
    from tf_keras_vis.layercam import Layercam
    from tf_keras_vis.utils.scores import CategoricalScore

    visualizer = {"gradcam": Gradcam, "layercam": Layercam}[method](linear, clone=False)
    features, n_maps_with_values = taped[0], 0
    for index, name in enumerate(CLASSES):
        theirs = visualizer(
            CategoricalScore([index] * len(films)),
            films,
            penultimate_layer="block5_pool",
            seek_penultimate_conv_layer=False,
            expand_cam=False,
            normalize_cam=False,
        )
        for row, expected in enumerate(np.asarray(theirs)):
            state = heads.forward({"vgg16": features[row]})
            cam = explain(heads, state, {"vgg16": features[row]}, "vgg16", name, method=method)
            scale = np.abs(cam.grid).max()
            assert np.abs(np.maximum(cam.grid, 0) - expected).max() <= 1e-4 * scale
            n_maps_with_values += bool(expected.max() > 0)
    assert n_maps_with_values >= 3
