"""Presets load; a wrong key, type or value is an error that helps."""

from __future__ import annotations

import pytest

from cxr_core.errors import ConfigError
from train.preset import PRESETS, from_values, load_preset


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


def test_the_clean_preset_has_none_of_the_write_ups_defects():
    config = load_preset("clean")
    assert (config.scaling, config.pooling, config.class_weights) == ("public", "global", "inverse")
    assert (config.validation, config.leaks, config.ensemble_data) == ("carved", "stop", "held_out")
    assert not config.augment_horizontal_flip
    assert config.carved_shares == {"val": 0.1, "calibration": 0.1}


def test_mixed_is_clean_with_films_added():
    clean, mixed = load_preset("clean").to_dict(), load_preset("mixed").to_dict()
    different = {key for key in clean if clean[key] != mixed[key]}
    assert different == {"preset", "title", "defects", "extra_weight"}


def test_a_cost_matrix_is_read_from_toml():
    config = load_preset("clean", ["loss=cost", "cost_matrix=[[0, 4, 2], [1, 0, 1], [1, 1, 0]]"])
    assert config.cost_matrix == ((0.0, 4.0, 2.0), (1.0, 0.0, 1.0), (1.0, 1.0, 0.0))
    assert from_values(config.to_dict()) == config


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
        ("validation=train", r"`validation` must be one of \('test', 'val', 'carved'\)"),
        ("systems=ensemble_dense", r"`name` must be one of .* Received: name='ensemble_dense'"),
        ("systems=[]", r"`systems` must name at least one backbone"),
        ("ensembles=vote", r"`ensembles` must be of ensemble_probs, ensemble_dense"),
        ("ensemble_data=held_out", r"`ensemble_data` must not be 'held_out' where"),
        ("focal_alpha=[1, 2]", r"`focal_alpha` must have 3 values"),
        ("focal_alpha=[1, 2, 'x']", r"`focal_alpha` must be of type float\. Received: 'x'"),
        ("cost_matrix=[[0, 1], [1, 0]]", r"`cost_matrix` must be 3 rows of 3"),
        ("loss=cost", r"`cost_matrix` must be given"),
        ("calibration_share=0.95", r"must leave films to train on"),
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
    path.write_text("epochs = 3\n", "utf-8")
    with pytest.raises(ConfigError, match=r"A preset must give title\. Received: none"):
        load_preset(str(path))
