"""Augmentation as Keras layers: each against what it claims, JPEG against Pillow's."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from cxr_core.errors import ConfigError

keras = pytest.importorskip("keras")

from train import augment_layers as layers  # noqa: E402

BUILDERS = {
    "border_crop": lambda seed: layers.RandomBorderCrop(0.6, seed=seed),
    "noise": lambda seed: layers.RandomNoise(0.1, seed=seed),
    "jpeg": lambda seed: layers.RandomJpegQuality((20, 60), seed=seed),
    "radiograph": lambda seed: layers.radiograph_layers(seed=seed),
}


def smooth(n=3, height=64, width=48, seed=0):
    """Smooth random films with some grain, shape (n, height, width, 1)."""
    rng = np.random.default_rng(seed)
    films = []
    for _ in range(n):
        coarse = Image.fromarray(rng.integers(20, 235, (6, 5), np.uint8))
        fine = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), np.float32)
        films.append(np.clip(fine + rng.normal(0, 4, fine.shape), 0, 255).round() / 255)
    return np.stack(films)[..., None].astype(np.float32)


def run(layer, films, *, training=True):
    return keras.ops.convert_to_numpy(layer(films, training=training))


@pytest.mark.parametrize("name", BUILDERS)
def test_layer_changes_films_in_training_only(name):
    films = smooth()
    before = films.copy()
    changed = run(BUILDERS[name](0), films)
    np.testing.assert_array_equal(films, before)
    assert changed.shape == films.shape
    assert changed.dtype == np.float32
    assert changed.min() >= 0
    assert changed.max() <= 1
    assert (np.abs(changed - films).max(axis=(1, 2, 3)) > 0.01).all()
    np.testing.assert_array_equal(run(BUILDERS[name](0), films, training=False), films)


@pytest.mark.parametrize("name", BUILDERS)
def test_layer_is_repeatable_and_draws_anew_for_each_film_and_call(name):
    films = np.repeat(smooth(1), 2, axis=0)
    layer = BUILDERS[name](3)
    first, second = run(layer, films), run(layer, films)
    np.testing.assert_array_equal(first, run(BUILDERS[name](3), films))
    assert np.abs(first - second).max() > 0
    assert np.abs(first[0] - first[1]).max() > 0


@pytest.mark.parametrize("name", BUILDERS)
def test_layer_survives_saving(name, tmp_path):
    film = keras.Input((64, 48, 1))
    model = keras.Model(film, BUILDERS[name](3)(film))
    model.save(tmp_path / "layers.keras")
    loaded = keras.saving.load_model(tmp_path / "layers.keras")
    films = smooth()
    np.testing.assert_array_equal(run(loaded, films), run(model, films))
    np.testing.assert_array_equal(run(loaded, films, training=False), films)


def test_layers_stay_in_float32_in_a_half_precision_network():
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        built = [build(0) for build in BUILDERS.values()]
    finally:
        keras.mixed_precision.set_global_policy("float32")
    for layer in built:
        assert run(layer, smooth()).dtype == np.float32
        policies = [part.dtype_policy.name for part in getattr(layer, "layers", [layer])]
        assert set(policies) == {"float32"}


@pytest.mark.parametrize("shape", [(64, 48), (61, 47)])
@pytest.mark.parametrize("quality", [10, 35, 50, 75, 90, 100])
def test_jpeg_is_that_of_pillow(quality, shape):
    films = smooth(2, *shape)
    ours = run_jpeg(films, [quality] * 2) * 255
    np.testing.assert_allclose(ours, ours.round(), atol=1e-4)
    for film, mine in zip(films, ours, strict=True):
        stored = io.BytesIO()
        Image.fromarray((film[..., 0] * 255).round().astype(np.uint8)).save(
            stored, "JPEG", quality=quality
        )
        theirs = np.asarray(Image.open(stored), np.float32)
        # the library computes the DCT in whole numbers: some values near a half fall differently
        difference = np.abs(mine[..., 0] - theirs)
        assert difference.mean() < 0.2
        assert (difference <= 1).mean() > 0.95
        if quality <= 90:
            assert difference.mean() < 0.08 * np.abs(film[..., 0] * 255 - theirs).mean()


def run_jpeg(films, quality):
    return keras.ops.convert_to_numpy(layers.jpeg(films, np.float32(quality)))


def test_jpeg_steps_are_those_in_pillows_files():
    for quality in (5, 33, 49, 50, 80, 95, 100):
        stored = io.BytesIO()
        Image.new("L", (8, 8)).save(stored, "JPEG", quality=quality)
        table = Image.open(stored).quantization[0]
        ours = keras.ops.convert_to_numpy(layers._steps(np.float32([quality])))[0]
        np.testing.assert_array_equal(ours.ravel(), table)


def test_jpeg_takes_each_films_own_quality():
    films = np.repeat(smooth(1), 2, axis=0)
    both = run_jpeg(films, [10, 90])
    np.testing.assert_array_equal(both[0], run_jpeg(films[:1], [10])[0])
    np.testing.assert_array_equal(both[1], run_jpeg(films[1:], [90])[0])
    assert np.abs(both[0] - films[0]).mean() > 2 * np.abs(both[1] - films[1]).mean()


def test_border_crop_of_a_ramp_is_a_flatter_ramp():
    width = 40
    ramp = np.tile(np.linspace(0, 1, width, dtype=np.float32), (4, 30, 1))[..., None]
    crops = run(layers.RandomBorderCrop(0.5, seed=1), ramp)
    for crop in crops[..., 0]:
        np.testing.assert_allclose(crop, crop[:1].repeat(30, axis=0), atol=1e-5)
        slopes = np.diff(crop[0]) * (width - 1)
        assert slopes.std() < 1e-4
        assert 0.5 <= slopes.mean() <= 1
        assert crop[0, 0] >= 0
        assert crop[0, -1] <= 1
    sides = np.diff(crops[:, 0, :, 0]).mean(axis=1)
    assert np.ptp(sides) > 0.001


def test_whole_side_crop_and_no_noise_change_nothing():
    films = smooth()
    np.testing.assert_allclose(run(layers.RandomBorderCrop(1.0, seed=0), films), films, atol=1e-6)
    np.testing.assert_array_equal(run(layers.RandomNoise(0.0, seed=0), films), films)


def test_noise_is_grey_and_has_a_strength_a_film():
    grey = np.full((200, 12, 12, 3), 0.5, np.float32)
    noisy = run(layers.RandomNoise(0.1, seed=0), grey) - 0.5
    np.testing.assert_array_equal(noisy[..., 0], noisy[..., 2])
    stds = noisy[..., 0].std(axis=(1, 2))
    assert stds.max() < 0.13
    assert stds.mean() == pytest.approx(0.05, abs=0.01)  # uniform in [0, 0.1]


def test_nothing_is_mirrored():
    half = np.zeros((64, 32, 32, 1), np.float32)
    half[:, :, :16] = 1
    upright = run(layers.radiograph_layers(seed=0), half)
    assert (upright[:, 16, :4].mean(axis=(1, 2)) > upright[:, 16, -4:].mean(axis=(1, 2))).all()


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: layers.RandomBorderCrop(0.0), r"`min_side` must be in \(0, 1\]"),
        (lambda: layers.RandomNoise(-1.0), "`max_std` must be 0 or more"),
        (lambda: layers.RandomJpegQuality((90, 50)), "`quality` must be two rising numbers"),
        (lambda: layers.RandomJpegQuality((0, 50)), "`quality` must be two rising numbers"),
    ],
)
def test_wrong_settings_are_refused(build, message):
    with pytest.raises(ConfigError, match=message):
        build()
