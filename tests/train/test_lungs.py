"""The training of the lung network, on ellipses."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from cxr_core.errors import (
    ArtifactIntegrityError,
    ConfigError,
    SpecMismatchError,
    TrainingDataError,
)
from cxr_core.lungs import LungSegmenter
from train.__main__ import main
from train.lungs import LungConfig, train_lungs
from train.lungs.augment import LungAugment, vary
from train.lungs.films import divide, find_pairs, load_films

SIDE = 64


def two_ellipses(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return a grey frame with two dark ellipses, and their mask; uint8, 0 and 255."""
    rows, columns = np.mgrid[:SIDE, :SIDE] / SIDE
    mask = np.zeros((SIDE, SIDE), bool)
    for centre in (0.3, 0.7):
        y, x = 0.5 + rng.uniform(-0.05, 0.05), centre + rng.uniform(-0.04, 0.04)
        mask |= ((rows - y) / 0.3) ** 2 + ((columns - x) / 0.14) ** 2 < 1
    film = np.where(mask, 60, 170) + rng.normal(0, 8, mask.shape)
    return np.clip(film, 0, 255).astype(np.uint8), mask.astype(np.uint8) * 255


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Films and masks in the folders that the command takes; not to be changed."""
    root = tmp_path_factory.mktemp("lungs")
    rng = np.random.default_rng(0)
    for split, count in (("train", 20), ("test", 4)):
        for kind in ("Data", "masks"):
            (root / kind / split / "COVID19").mkdir(parents=True)
        for i in range(count):
            film, mask = two_ellipses(rng)
            Image.fromarray(film).save(root / "Data" / split / "COVID19" / f"film[{i}].png")
            Image.fromarray(mask).save(root / "masks" / split / "COVID19" / f"film[{i}].png")
    film, _ = two_ellipses(rng)  # one without a mask
    Image.fromarray(film).save(root / "Data" / "train" / "COVID19" / "film.png")
    return root


@pytest.fixture(scope="module")
def parts(folders):
    films = load_films(folders / "Data", folders / "masks", "train", SIDE)
    return divide(films, 0.2)


def settings(**changes) -> LungConfig:
    values = {
        "epochs": 2,
        "size_px": SIDE,
        "width": 2,
        "batch_size": 4,
        "learning_rate": 0.01,
        "augment": LungAugment(min_scale=0.9, max_scale=1.1, shift=0.03, opacity=0.1),
    }
    return LungConfig(**{**values, **changes})


def test_only_films_with_masks_are_taken(folders):
    pairs = find_pairs(folders / "Data", folders / "masks", "train")
    assert len(pairs) == 20
    assert all(film.stem == mask.stem and film != mask for film, mask in pairs)


def test_a_mask_without_film_is_refused(folders, tmp_path):
    masks = shutil.copytree(folders / "masks", tmp_path / "masks")
    (masks / "train" / "COVID19" / "film[0].png").rename(masks / "train" / "COVID19" / "lost.png")
    with pytest.raises(TrainingDataError, match="Every mask must have a film of its name"):
        find_pairs(folders / "Data", masks, "train")


def test_no_patient_stands_on_both_sides(folders):
    films = load_films(folders / "Data", folders / "masks", "train", SIDE)
    patients = tuple(f"p{i // 4}" for i in range(len(films)))
    films = type(films)(
        films.pixels, films.masks, films.labels, films.digests, films.mask_digests, patients, "none"
    )
    fit, validation = divide(films, 0.25)
    assert len(fit) + len(validation) == len(films)
    assert not {*fit.patients} & {*validation.patients}
    np.testing.assert_array_equal(divide(films, 0.25)[1].pixels, validation.pixels)


def test_a_variant_moves_film_and_mask_together_and_changes_neither(parts):
    fit, _ = parts
    before = fit.pixels.copy(), fit.masks.copy()
    plain = LungAugment(
        contrast=0, brightness=0, gamma=0, shade=0, opacity=0, filtered=0, blur_px=0, noise=0
    )
    for seed in range(8):
        image, target = vary(fit.pixels[0], fit.masks[0], plain, np.random.default_rng(seed))
        again, _ = vary(fit.pixels[0], fit.masks[0], plain, np.random.default_rng(seed))
        np.testing.assert_array_equal(image, again)
        assert image.dtype == target.dtype == np.float32
        assert 0 <= image.min() <= image.max() <= 1
        assert image[target > 0.99].mean() < 0.3  # the ellipses are dark
    np.testing.assert_array_equal(fit.pixels, before[0])
    np.testing.assert_array_equal(fit.masks, before[1])


def test_ellipses_are_learnt_and_served_as_trained(folders, tmp_path, capsys):
    """The command, its export, and what the segmenter makes of a test film."""
    out = tmp_path / "out"
    options = ["--epochs", "12", "--size-px", str(SIDE), "--width", "4", "--batch-size", "4"]
    folder_options = ["--data", str(folders / "Data"), "--masks", str(folders / "masks")]
    arguments = ["lungs", *folder_options, "--out", str(out), *options, "--learning-rate", "0.01"]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    record = json.loads((out / "lungs.json").read_text("utf-8"))
    assert record["figures"]["dice"]["test"]["value"] > 0.85
    assert f"test: Dice {record['figures']['dice']['test']['value']:.4f}" in printed
    assert str(tmp_path) not in json.dumps(record)
    assert sorted(path.name for path in out.iterdir()) == ["lungs.bin", "lungs.json", "lungs.xml"]
    segmenter = LungSegmenter.load(out)
    from cxr_core.io import read_path

    found = segmenter.segment(read_path(folders / "Data" / "test" / "COVID19" / "film[0].png"))
    assert found.mask.shape == (SIDE, SIDE)
    assert len(found.polygons) == 2
    assert main(arguments) == 0  # nothing is trained again
    assert json.loads((out / "lungs.json").read_text("utf-8")) == record


def test_a_training_goes_on_where_it_was_stopped(parts, tmp_path, monkeypatch):
    from train.lungs import training

    export = training.export_backbone
    monkeypatch.setattr(  # f32 weights: equal to the last bit, or not
        training, "export_backbone", lambda model, path, **_: export(model, path, compress=False)
    )
    whole = train_lungs(settings(), *parts, out=tmp_path / "whole")
    run, epochs = training._epoch, []

    def stopped(model, config, films, epoch):
        if epoch == 1 and not epochs:
            epochs.append(epoch)
            raise KeyboardInterrupt
        return run(model, config, films, epoch)

    monkeypatch.setattr(training, "_epoch", stopped)
    with pytest.raises(KeyboardInterrupt):
        train_lungs(settings(), *parts, out=tmp_path / "killed")
    with pytest.raises(SpecMismatchError, match="Received: other seed"):
        train_lungs(settings(seed=1), *parts, out=tmp_path / "killed")
    resumed = train_lungs(settings(), *parts, out=tmp_path / "killed")
    assert resumed["files"]["lungs.bin"] == whole["files"]["lungs.bin"]
    assert resumed["history"] == whole["history"]
    with pytest.raises(SpecMismatchError, match="must be new or of these settings"):
        train_lungs(settings(width=3), *parts, out=tmp_path / "killed")
    (tmp_path / "killed" / "lungs.bin").write_bytes(b"other")
    with pytest.raises(ArtifactIntegrityError, match=r"lungs\.bin: the file must be the one"):
        train_lungs(settings(), *parts, out=tmp_path / "killed")


@pytest.mark.parametrize("compress", [False, True])
def test_the_exported_network_agrees_with_keras(parts, tmp_path, compress):
    import keras

    from cxr_core.engine.openvino import OpenVinoEngine
    from train.export import export_backbone
    from train.lungs.network import build_network, served_network

    keras.utils.set_random_seed(0)
    config = settings()
    served = served_network(config, build_network(config))
    export_backbone(served, tmp_path / "lungs.xml", compress=compress)
    engine = OpenVinoEngine(tmp_path / "lungs.xml")
    batch = parts[0].batch[:2]
    expected = keras.ops.convert_to_numpy(served(batch, training=False))
    atol = 0.03 if compress else 1e-5  # 8 bits move it, arithmetic does not
    np.testing.assert_allclose(engine.run(batch), expected, atol=atol)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"size_px": 100}, "`size_px` must be a multiple of 32"),
        ({"epochs": 0}, "`epochs` must be above 0"),
        ({"precision": "int8"}, "`precision` must be one of"),
        ({"validation_share": 1.0}, "`validation_share` must be in"),
    ],
)
def test_settings_that_cannot_be_trained_are_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        settings(**changes)


def test_the_loss_is_that_of_a_plain_loop():
    import keras

    from train.lungs.network import DiceCrossEntropy

    rng = np.random.default_rng(0)
    logits = rng.normal(size=(2, 4, 4, 1)).astype(np.float32)
    target = rng.integers(0, 2, (2, 4, 4, 1)).astype(np.float32)
    expected = []
    for z, y in zip(logits.astype(float), target.astype(float), strict=True):
        p = 1 / (1 + np.exp(-z))
        entropy = -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean()
        expected.append(entropy + 1 - (2 * (p * y).sum() + 1) / (p.sum() + y.sum() + 1))
    found = keras.ops.convert_to_numpy(DiceCrossEntropy()(target, logits))
    assert found == pytest.approx(np.mean(expected), rel=1e-5)
