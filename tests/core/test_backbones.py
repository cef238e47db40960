"""The registry of backbones: each entry builds, and weights load or are refused with a way out."""

from __future__ import annotations

import dataclasses
import hashlib
import shutil
import types

import numpy as np
import pytest

from cxr_core.backbones import BACKBONES, build, registry, weight_file
from cxr_core.errors import ArtifactIntegrityError, ConfigError
from cxr_core.preprocess import SCALINGS, PreprocessSpec, scale

FAST = ("densenet121", "efficientnetb0", "vgg16", "mobilenetv2", "mobilenetv3large")
REQUIRED = ("densenet201", "efficientnetb7")
SLOW = tuple(name for name in BACKBONES if name not in FAST + REQUIRED)

keras = pytest.importorskip("keras")

# TensorFlow 2.21's variables do not know numpy 2's `copy` keyword; met where Keras writes files.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)


def check(name, model, side=2):
    backbone = BACKBONES[name]
    assert tuple(model.output.shape) == (None, side, side, backbone.n_channels)
    assert model.get_layer(backbone.feature_layer).output is model.output
    assert model.name == name
    assert not any(isinstance(layer, keras.Model) for layer in model.layers)
    names = [layer.name for layer in model.layers]
    assert len(set(names)) == len(names)


def grey(size=64, seed=0):
    return np.random.default_rng(seed).random((1, size, size, 3), np.float32)


def run(model, batch):
    return np.asarray(model(batch, training=False))


def awake(model, scale=1.0):
    """Give a random network outputs near 1 that follow its input; untrained ones are near 1e-5.

    A comparison of two untrained EfficientNets passes whatever they compute.
    """
    norms = [la for la in model.layers if isinstance(la, keras.layers.BatchNormalization)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    films = np.random.default_rng(9).random((16, 64, 64, 3), np.float32)
    model(films * np.float32(scale), training=True)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    one, two = run(model, grey(seed=1) * scale), run(model, grey(seed=2) * scale)
    assert one.std() > 0.05
    assert np.abs(one - two).max() > 0.05
    return model


def normalise(model, variance):
    """Set the first layer of a Keras EfficientNet to ImageNet's mean and this variance."""
    (norm,) = [la for la in model.layers if isinstance(la, keras.layers.Normalization)]
    _, _, *rest = norm.get_weights()
    norm.set_weights([np.float32([0.485, 0.456, 0.406]), variance, *rest])
    norm.finalize_state()


def assert_same(ours, theirs):
    """Equal up to float32 noise, measured against the size of the values."""
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-4 * np.abs(theirs).max())


def test_registry_names():
    assert set(BACKBONES) == {
        *(f"densenet{depth}" for depth in (121, 169, 201)),
        *(f"efficientnetb{i}" for i in range(8)),
        "vgg16",
        "mobilenetv2",
        "mobilenetv3large",
    }
    for name, backbone in BACKBONES.items():
        assert backbone.name == name
        assert all(source.scaling in SCALINGS for source in backbone.weight_sources)
        assert all(source.url.startswith("https://") for source in backbone.weight_sources)
        assert all(
            source.md5 is None or len(source.md5) == 32 for source in backbone.weight_sources
        )


@pytest.mark.parametrize("name", FAST)
def test_small_entries_build(name):
    check(name, build(name, input_shape=(64, 64, 3)))


@pytest.mark.slow  # with their heads: tests/train/test_keras_system.py
@pytest.mark.parametrize("name", REQUIRED)
def test_seed_entries_build(name):
    check(name, build(name, input_shape=(64, 64, 3)))


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW)
def test_other_entries_build(name):
    check(name, build(name, input_shape=(64, 64, 3)))


def test_digests_are_those_of_keras():
    from keras.src.applications import efficientnet, mobilenet_v3
    from keras.src.applications.densenet import DENSENET201_WEIGHT_PATH_NO_TOP
    from keras.src.applications.vgg16 import WEIGHTS_PATH_NO_TOP

    for i in range(8):
        source = BACKBONES[f"efficientnetb{i}"].weight_sources[0]
        assert source.md5 == efficientnet.WEIGHTS_HASHES[f"b{i}"][1]
        assert source.url == f"{efficientnet.BASE_WEIGHTS_PATH}efficientnetb{i}_notop.h5"
    mobilenet = BACKBONES["mobilenetv3large"].weight_sources[0]
    assert mobilenet.md5 == mobilenet_v3.WEIGHTS_HASHES["large_224_1.0_float"][1]
    assert BACKBONES["densenet201"].weight_sources[0].url == DENSENET201_WEIGHT_PATH_NO_TOP
    assert BACKBONES["vgg16"].weight_sources[0].url == WEIGHTS_PATH_NO_TOP


def test_noisy_student_digests_are_those_of_the_package():
    published = pytest.importorskip("efficientnet.weights")
    for i in range(8):
        source = BACKBONES[f"efficientnetb{i}"].weight_sources[1]
        assert source.md5 == published.NS_WEIGHTS_HASHES[f"efficientnet-b{i}"][1]
        assert source.url.startswith(published.NS_WEIGHTS_PATH)


@pytest.mark.parametrize(
    ("name", "weights", "module", "expected"),
    [
        ("densenet201", "imagenet", "densenet", (2.2489083, 2.4285715, 2.64)),
        ("vgg16", "imagenet", "vgg16", (151.061, 138.221, 131.32)),
        ("mobilenetv2", "imagenet", "mobilenet_v2", (1.0, 1.0, 1.0)),
        ("mobilenetv3large", "imagenet", "mobilenet_v3", (255.0, 255.0, 255.0)),
        ("efficientnetb7", "imagenet", "efficientnet", (255.0, 255.0, 255.0)),
        ("efficientnetb7", "noisy-student", "densenet", (2.2489083, 2.4285715, 2.64)),
    ],
)
def test_white_pixel_under_public_scaling(name, weights, module, expected):
    spec = PreprocessSpec(1, 1, scaling=BACKBONES[name].scaling_for(weights))
    ours = scale(np.ones((1, 1), np.float32), spec)
    np.testing.assert_allclose(ours[0, 0], expected, rtol=1e-6)
    theirs = getattr(keras.applications, module).preprocess_input(np.full((1, 1, 1, 3), 255.0))
    np.testing.assert_allclose(ours, theirs[0], rtol=1e-5)


def test_scaling_of_unknown_origin_is_the_public_one(tmp_path):
    file = tmp_path / "own.h5"
    file.write_bytes(b"anything")
    assert BACKBONES["efficientnetb0"].scaling_for(None) == "none"
    assert BACKBONES["efficientnetb0"].scaling_for(file) == "none"
    assert BACKBONES["efficientnetb0"].scaling_for(f"noisy-student:{file}") == "torch"


@pytest.mark.parametrize(
    ("name", "hint"), [("DenseNet-201", "densenet201"), ("vgg61", "vgg16"), ("effnetb7", "net")]
)
def test_unknown_name_names_the_closest(name, hint):
    with pytest.raises(ConfigError, match=r"`name` must be one of .*Received: name=") as caught:
        build(name)
    assert "Did you mean" in caught.value.hint
    assert hint in caught.value.hint


@pytest.mark.parametrize("shape", [(16, 64, 3), (64, 64, 1), (64, 64)])
def test_unusable_shape(shape):
    with pytest.raises(ConfigError, match="`input_shape` must be"):
        build("vgg16", input_shape=shape)


def test_networks_share_an_input():
    film = keras.Input((64, 64, 3), name="film")
    assert build("efficientnetb0", input_tensor=film).input is film
    assert build("vgg16", input_tensor=film).input is film


@pytest.mark.parametrize("file_name", ["vgg16.weights.h5", "vgg16.h5"])
def test_file_loads_with_equal_values(tmp_path, file_name):
    trained = build("vgg16", input_shape=(32, 32, 3))
    trained.set_weights([np.full_like(array, 0.01 * i) for i, array in enumerate(trained.weights)])
    file = tmp_path / file_name
    if file_name.endswith(".weights.h5"):
        trained.save_weights(file)
    else:
        trained.save(file)
    loaded = build("vgg16", weights=file, input_shape=(64, 64, 3))
    for ours, theirs in zip(loaded.get_weights(), trained.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    again = build("vgg16", weights=str(file), input_shape=(32, 32, 3))
    np.testing.assert_array_equal(run(again, grey(32)), run(trained, grey(32)))


def test_weights_that_do_not_fit(tmp_path):
    other = tmp_path / "mobilenet.weights.h5"
    build("mobilenetv2", input_shape=(32, 32, 3)).save_weights(other)
    text = tmp_path / "text.weights.h5"
    text.write_text("not HDF5")
    cut = tmp_path / "cut.weights.h5"
    cut.write_bytes(other.read_bytes()[:5000])
    renamed = tmp_path / "renamed.h5"
    shutil.copy(other, renamed)
    for file in (other, text, cut, renamed):
        with pytest.raises(ArtifactIntegrityError, match="`weights` must fit vgg16") as caught:
            build("vgg16", weights=file, input_shape=(32, 32, 3))
        assert "notop" in caught.value.hint


def test_efficientnet_hint_names_the_other_origin(tmp_path):
    file = tmp_path / "other.h5"
    file.write_text("not HDF5")
    with pytest.raises(ArtifactIntegrityError, match="`weights` must fit") as caught:
        build("efficientnetb0", weights=file, input_shape=(64, 64, 3))
    assert "noisy-student:PATH" in caught.value.hint


def test_words_and_paths_that_do_not_exist(tmp_path):
    with pytest.raises(
        ConfigError, match=r"must be one of .*Received: weights='imagnet'"
    ) as caught:
        build("vgg16", weights="imagnet")
    assert caught.value.hint == "Did you mean 'imagenet'?"
    with pytest.raises(ConfigError, match="or a file"):
        build("vgg16", weights=tmp_path / "missing.h5")
    with pytest.raises(ConfigError, match="or a file"):
        build("efficientnetb0", weights=f"noisy-student:{tmp_path}/missing.h5")
    archive = tmp_path / "model.keras"
    archive.write_bytes(b"PK")
    with pytest.raises(ConfigError, match=r"must be a \.weights\.h5 or \.h5 file"):
        build("vgg16", weights=archive, input_shape=(32, 32, 3))


def replaced(monkeypatch, name, **changes):
    """Point one public source of a backbone elsewhere."""
    backbone = BACKBONES[name]
    source = dataclasses.replace(backbone.weight_sources[-1], **changes)
    sources = (*backbone.weight_sources[:-1], source)
    entry = dataclasses.replace(backbone, weight_sources=sources)
    monkeypatch.setattr(registry, "BACKBONES", {**BACKBONES, name: entry})
    return entry


def test_failed_download_says_what_to_fetch_by_hand(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    url = "http://127.0.0.1:9/vgg16_notop.h5"
    replaced(monkeypatch, "vgg16", url=url)
    with pytest.raises(ArtifactIntegrityError, match="could not be downloaded") as caught:
        build("vgg16", weights="imagenet", input_shape=(32, 32, 3))
    assert url in caught.value.hint
    assert "give the path" in caught.value.hint
    assert list((tmp_path / "models").iterdir()) == []


def test_download_is_checked_kept_and_not_repeated(monkeypatch, tmp_path):
    home = tmp_path / "home"
    monkeypatch.setenv("KERAS_HOME", str(home))
    trained = build("vgg16", input_shape=(32, 32, 3))
    published = tmp_path / "vgg16_notop.weights.h5"
    trained.save_weights(published)
    digest = hashlib.md5(published.read_bytes(), usedforsecurity=False).hexdigest()
    replaced(monkeypatch, "vgg16", url=published.as_uri(), md5="0" * 32)
    with pytest.raises(ArtifactIntegrityError, match=f"must have MD5 0+. Received: md5={digest}"):
        build("vgg16", weights="imagenet", input_shape=(32, 32, 3))
    replaced(monkeypatch, "vgg16", url=published.as_uri(), md5=digest)
    build("vgg16", weights="imagenet", input_shape=(32, 32, 3))
    published.unlink()
    cached = build("vgg16", weights="imagenet", input_shape=(32, 32, 3))
    np.testing.assert_array_equal(run(cached, grey(32)), run(trained, grey(32)))


def test_a_cut_connection_is_not_kept(monkeypatch, tmp_path):
    class Cut:
        headers = types.SimpleNamespace(get=lambda _: "100")

        def __enter__(self):
            return self

        def __exit__(self, *args):
            return None

        def read(self, _n=-1):
            return b""

    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(weight_file.urllib.request, "urlopen", lambda *_, **__: Cut())
    with pytest.raises(ArtifactIntegrityError, match="ended after 0 of 100 bytes"):
        build("mobilenetv2", weights="imagenet", input_shape=(64, 64, 3))
    assert list((tmp_path / "models").iterdir()) == []


def test_imagenet_efficientnet_is_keras_own_network(monkeypatch, tmp_path):
    from keras.src.applications import efficientnet

    donor = build("efficientnetb0", input_shape=(64, 64, 3))
    std = np.float32([0.229, 0.224, 0.225])
    normalise(donor, std**2)  # what the network computes once the file is loaded
    awake(donor, 255)
    normalise(donor, std)  # what the published file holds
    file = tmp_path / "efficientnetb0_notop.h5"
    donor.save(file)

    monkeypatch.setattr(efficientnet.file_utils, "get_file", lambda *_, **__: str(file))
    theirs = keras.applications.EfficientNetB0(
        include_top=False, weights="imagenet", input_shape=(64, 64, 3)
    )
    ours = build("efficientnetb0", weights=f"imagenet:{file}", input_shape=(64, 64, 3))
    assert_same(run(ours, grey() * 255), run(theirs, grey() * 255))
    (norm,) = [la for la in ours.layers if isinstance(la, keras.layers.Normalization)]
    first = keras.Model(ours.input, norm.output)
    white = run(first, np.full((1, 64, 64, 3), 255, np.float32))[0, 0, 0]
    np.testing.assert_allclose(white, (2.2489083, 2.4285715, 2.64), rtol=1e-5)

    again = tmp_path / "again.weights.h5"
    ours.save_weights(again)
    loaded = build("efficientnetb0", weights=again, input_shape=(64, 64, 3))
    np.testing.assert_array_equal(run(loaded, grey() * 255), run(ours, grey() * 255))


def test_noisy_student_file_is_known_by_its_digest(monkeypatch, tmp_path):
    package = pytest.importorskip("efficientnet.tfkeras")
    theirs = package.EfficientNetB0(include_top=False, weights=None, input_shape=(64, 64, 3))
    file = tmp_path / "efficientnet-b0_noisy-student_notop.h5"
    awake(theirs)
    theirs.save(file)
    digest = hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()
    with pytest.raises(ArtifactIntegrityError, match="`weights` must fit efficientnetb0"):
        build("efficientnetb0", weights=file, input_shape=(64, 64, 3))

    entry = replaced(monkeypatch, "efficientnetb0", md5=digest)
    assert entry.scaling_for(file) == "torch"
    film = keras.Input((64, 64, 3), name="film")
    ours = build("efficientnetb0", weights=file, input_tensor=film)
    check("efficientnetb0", ours)
    assert_same(run(ours, grey()), run(theirs, grey()))
    kinds = {type(layer).__module__.partition(".")[0] for layer in ours.layers}
    assert kinds == {"keras"}

    again = tmp_path / "again.weights.h5"
    ours.save_weights(again)
    loaded = build("efficientnetb0", weights=f"noisy-student:{again}", input_shape=(64, 64, 3))
    np.testing.assert_array_equal(run(loaded, grey()), run(ours, grey()))


def test_noisy_student_without_its_package(monkeypatch, tmp_path):
    file = tmp_path / "any.h5"
    file.write_bytes(b"anything")
    monkeypatch.setitem(__import__("sys").modules, "efficientnet", None)
    with pytest.raises(ConfigError, match="need the efficientnet package") as caught:
        build("efficientnetb0", weights=f"noisy-student:{file}", input_shape=(64, 64, 3))
    assert "pip install efficientnet" in caught.value.hint
