"""Presets load; a wrong key, type or value is an error that helps."""

from __future__ import annotations

import pytest

from cxr_core.errors import ConfigError
from train.config import PRESETS, from_values, load_preset


@pytest.mark.parametrize("path", sorted(PRESETS.glob("*.toml")), ids=lambda path: path.stem)
def test_every_preset_loads_and_announces_its_defects(path):
    config = load_preset(path.stem)
    assert config.preset == path.stem
    assert config.defects
    assert from_values(config.to_dict()) == config


def test_the_seed_preset_is_the_write_ups_recipe():
    config = load_preset("seed_augmented")
    assert (config.learning_rate, config.label_smoothing, config.batch_size) == (1e-4, 0.1, 16)
    assert (config.epochs, config.reduce_factor, config.reduce_patience) == (30, 0.5, 3)
    assert (config.stop_patience, config.validation, config.scaling) == (5, "test", "unit")
    assert (config.augment_zoom, config.augment_rotation_deg) == (0.2, 15.0)
    assert config.augment_horizontal_flip
    assert config.passes == (1, 2, 3, 4, 5)


def test_the_two_seed_presets_differ_in_augmentation_only():
    plain, augmented = load_preset("seed").to_dict(), load_preset("seed_augmented").to_dict()
    different = {key for key in plain if plain[key] != augmented[key]}
    assert different == {"preset", "title", "defects", "augment_passes"}
    assert load_preset("seed").passes == (0,)


def test_overrides_are_read_as_toml():
    config = load_preset("seed", ["epochs=3", "learning_rate=1", "scaling=public"])
    assert (config.epochs, config.learning_rate, config.scaling) == (3, 1.0, "public")
    assert isinstance(config.learning_rate, float)


@pytest.mark.parametrize(
    ("override", "match"),
    [
        ("epoch=3", r"`epoch` must be a setting\..* Did you mean epochs\?"),
        ("epochs=three", r"`epochs` must be of type int\. Received: 'three'"),
        ("epochs=1.5", r"`epochs` must be of type int\. Received: 1\.5"),
        ("epochs=true", r"`epochs` must be of type int\. Received: True"),
        ("epochs=0", r"`epochs` must be 1 or more"),
        ("restore_best=1", r"`restore_best` must be of type bool"),
        ("validation=train", r"`validation` must be 'test' or 'val'"),
        ("systems=ensemble_dense", r"`systems` must be of densenet201"),
        ("epochs", r"`--set` must be key=value\. Received: 'epochs'"),
    ],
)
def test_wrong_overrides(override, match):
    with pytest.raises(ConfigError, match=match):
        load_preset("seed", [override])


def test_unknown_preset():
    with pytest.raises(ConfigError, match=r"`preset` must be one of .*'seed'.* Received: 'sed'"):
        load_preset("sed")


def test_a_preset_with_a_missing_key(tmp_path):
    path = tmp_path / "short.toml"
    path.write_text('title = "x"\n', "utf-8")
    with pytest.raises(ConfigError, match=r"must give every setting\. Received: none for defects"):
        load_preset(str(path))
