"""Weight files as their publishers wrote them: the old HDF5 layout of tf-keras, read by Keras 3.

The files themselves are too large to be test data. Files of the same layout are written here, with
tf-keras where it is installed (`pip install --no-deps tf-keras`; with its dependencies it would
bring a second TensorFlow), and else by `write_legacy`, which is compared with tf-keras's own.
"""

from __future__ import annotations

import importlib.util
import warnings

import h5py
import numpy as np
import pytest

from cxr_core.backbones import BACKBONES, build

keras = pytest.importorskip("keras")

STD = np.float32([0.229, 0.224, 0.225])
SLOW = pytest.mark.slow
NETWORKS = [
    ("vgg16", "imagenet"),
    pytest.param("densenet121", "imagenet", marks=SLOW),
    pytest.param("densenet201", "imagenet", marks=SLOW),
    ("efficientnetb0", "imagenet"),
    pytest.param("efficientnetb7", "imagenet", marks=SLOW),
    ("efficientnetb0", "noisy-student"),
    pytest.param("efficientnetb7", "noisy-student", marks=SLOW),
]
SIDE = 64


def weighted(model):
    """Layers that have weights, in order."""
    return [layer for layer in model.layers if layer.weights]


def fill(model):
    """Give every layer values that pass a signal on and differ from any initial ones."""
    rng = np.random.default_rng(0)
    for layer in weighted(model):
        arrays = []
        for variable, array in zip(layer.weights, layer.get_weights(), strict=True):
            word = variable.name.split("/")[-1].partition(":")[0]
            if array.ndim > 1:
                fan_in = array.size / array.shape[-1 if "depthwise" not in word else -2]
                value = rng.normal(0, np.sqrt(2 / fan_in), array.shape)
            elif "variance" in word:
                value = (
                    STD
                    if layer.name.startswith("normalization")
                    else rng.uniform(0.5, 1, array.shape)
                )
            elif word == "count":
                value = array
            else:
                value = rng.normal(1.0 if word == "gamma" else 0.1, 0.1, array.shape)
            arrays.append(np.asarray(value, array.dtype))
        layer.set_weights(arrays)


def write_legacy(path, model):
    """Write a file as tf-keras's `save_weights(path)` does with the suffix `.h5`."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [layer.name.encode() for layer in model.layers]
        file.attrs["backend"] = b"tensorflow"
        file.attrs["keras_version"] = b"2.21.0"
        for layer in model.layers:
            group = file.create_group(layer.name)
            names = [f"{layer.name}/{variable.name}:0".encode() for variable in layer.weights]
            group.attrs["weight_names"] = names
            for name, array in zip(names, layer.get_weights(), strict=True):
                group.create_dataset(name.decode(), data=array)


def layout(path):
    """What a reader of the old layout sees: layers that have weights, and their arrays' shapes."""
    rows = []
    with h5py.File(path) as file:
        for name in file.attrs["layer_names"]:
            weights = file[name].attrs["weight_names"]
            if len(weights):
                rows.append([file[name][weight].shape for weight in weights])
    return rows


def graph_of(name, source):
    return next(s.graph for s in BACKBONES[name].weight_sources if s.name == source)


def is_keras_efficientnet(name, source):
    return name.startswith("efficientnet") and source == "imagenet"


def assert_same_weights(ours, theirs, *, has_mended_norm):
    """Layer by layer; names are those of the publisher where both name their layers."""
    assert len(weighted(ours)) == len(weighted(theirs))
    for one, two in zip(weighted(ours), weighted(theirs), strict=True):
        is_norm = type(one).__name__ == "Normalization"
        assert is_norm or one.name == two.name.replace("/", "_")
        arrays = two.get_weights()
        if is_norm and has_mended_norm:
            arrays[1] = arrays[1] * STD
        for mine, expected in zip(one.get_weights(), arrays, strict=True):
            np.testing.assert_allclose(mine, expected, rtol=1e-6 if is_norm else 0, atol=0)


@pytest.mark.parametrize(("name", "source"), NETWORKS)
def test_file_of_the_old_layout_loads_with_equal_values(tmp_path, name, source):
    donor = build(name, graph=graph_of(name, source), input_shape=(SIDE, SIDE, 3))
    fill(donor)
    file = tmp_path / "notop.h5"
    write_legacy(file, donor)
    ours = build(name, weights=f"{source}:{file}", input_shape=(SIDE, SIDE, 3))
    assert_same_weights(ours, donor, has_mended_norm=is_keras_efficientnet(name, source))


@pytest.fixture
def tf_keras():
    """The Keras that wrote the published files; its import warns of its own age."""
    if importlib.util.find_spec("tf_keras") is None:
        pytest.skip("tf-keras is not installed: pip install --no-deps tf-keras")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import tf_keras

        yield tf_keras


def tf_keras_network(tf_keras, name, source):
    """The publisher's own network, with random weights."""
    entry = BACKBONES[name]
    shape = (SIDE, SIDE, 3)
    if graph_of(name, source) == "keras":
        builder = getattr(tf_keras.applications, entry.keras_name)
        return builder(include_top=False, weights=None, input_shape=shape)
    from efficientnet import model as package

    return getattr(package, entry.keras_name)(
        include_top=False,
        weights=None,
        input_shape=shape,
        backend=tf_keras.backend,
        layers=tf_keras.layers,
        models=tf_keras.models,
        utils=tf_keras.utils,
    )


def set_input_variance(model, variance):
    """Set what the first layer of Keras's own EfficientNet divides by."""
    (norm,) = [layer for layer in model.layers if type(layer).__name__ == "Normalization"]
    mean, _, *rest = norm.get_weights()
    norm.set_weights([mean, variance, *rest])
    norm.finalize_state()


def settle(model, films):
    """Let BatchNorm measure these films, so that values stay near 1 and noise stays noise."""
    norms = [layer for layer in model.layers if type(layer).__name__ == "BatchNormalization"]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    model(films, training=True)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


@pytest.mark.slow
@pytest.mark.parametrize(("name", "source"), NETWORKS)
def test_file_written_with_tf_keras_gives_equal_outputs(tmp_path, tf_keras, name, source):
    has_mended_norm = is_keras_efficientnet(name, source)
    scale = 255 if has_mended_norm else 1
    films = np.random.default_rng(1).random((8, SIDE, SIDE, 3), np.float32) * np.float32(scale)
    donor = tf_keras_network(tf_keras, name, source)
    fill(donor)
    if has_mended_norm:
        set_input_variance(donor, STD**2)  # what the network computes once the file is loaded
    settle(donor, films)
    theirs = np.asarray(donor(films[:2], training=False))
    if has_mended_norm:
        set_input_variance(donor, STD)  # what the published file holds
    file = tmp_path / "notop.h5"
    donor.save_weights(file)
    write_legacy(tmp_path / "ours.h5", build(name, graph=graph_of(name, source)))
    assert layout(tmp_path / "ours.h5") == layout(file)

    ours = build(name, weights=f"{source}:{file}", input_shape=(SIDE, SIDE, 3))
    assert_same_weights(ours, donor, has_mended_norm=has_mended_norm)
    mine = np.asarray(ours(films[:2], training=False))
    assert np.isfinite(theirs).all()
    assert np.abs(theirs[0] - theirs[1]).max() > 0.05 * np.abs(theirs).max()
    np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-4 * np.abs(theirs).max())
