"""The commands that train and refine a backbone: films shared out by patient, settings, result."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from cxr_core.dataset import scan
from cxr_core.errors import SpecMismatchError, TrainingDataError
from cxr_core.io import read_path
from cxr_core.preprocess import PreprocessSpec, resize
from tests.conftest import write_film
from tests.train import small
from train.__main__ import run
from train.pretrain import load_images, read_pretraining
from train.pretrain.parts import share_out

pytest.importorskip("keras")


@pytest.fixture
def own_data_dir(data_dir, tmp_path):
    return shutil.copytree(data_dir, tmp_path / "films")


def test_parts_are_whole_patients_and_repeatable(data_dir):
    parts = share_out(data_dir, (0.2, 0.2), leave_out_leaks=False)
    groups = dict(zip((f.sha256 for f in scan(data_dir).films), scan(data_dir).groups, strict=True))
    fit = {groups[film.sha256] for film in parts.fit}
    held = {groups[film.sha256] for film in parts.validation}
    assert not fit & held
    assert len(parts.fit) + len(parts.validation) + parts.n_calibration == 18
    assert {film.label for film in parts.validation} == {"COVID19", "NORMAL", "PNEUMONIA"}
    assert parts == share_out(data_dir, (0.2, 0.2), leave_out_leaks=False)
    assert share_out(data_dir, (0.2, 0.0), leave_out_leaks=False).n_calibration == 0


def test_patients_whom_the_weights_have_seen_are_not_held_out(data_dir):
    free = share_out(data_dir, (0.2, 0.2), leave_out_leaks=False)
    seen = {next(film.sha256 for film in free.validation if film.label == "COVID19")}
    parts = share_out(data_dir, (0.2, 0.2), leave_out_leaks=False, seen=seen)
    assert seen <= {film.sha256 for film in parts.fit}


def test_copies_of_test_films_are_counted_or_left_out(own_data_dir):
    (train,) = own_data_dir.rglob("train/NORMAL")
    (test,) = own_data_dir.rglob("test/NORMAL")
    shutil.copy(next(test.iterdir()), train / "copy.png")
    kept = share_out(own_data_dir, (0.2, 0.2), leave_out_leaks=False)
    left = share_out(own_data_dir, (0.2, 0.2), leave_out_leaks=True)
    assert (kept.n_shared, kept.n_left_out) == (1, 0)
    assert (left.n_shared, left.n_left_out) == (0, 1)
    totals = [len(p.fit) + len(p.validation) + p.n_calibration for p in (kept, left)]
    assert totals == [19, 18]


def test_no_film_to_validate(tmp_path):
    for split in ("train", "test"):
        for seed, label in enumerate(("COVID19", "NORMAL", "PNEUMONIA")):
            (tmp_path / split / label).mkdir(parents=True)
            write_film(tmp_path / split / label / "one.png", seed=seed + 10 * len(split))
    with pytest.raises(TrainingDataError):
        share_out(tmp_path, (0.3, 0.3), leave_out_leaks=False)


def test_films_are_read_as_serving_reads_them(own_data_dir, caplog):
    films = [film for film in scan(own_data_dir).films if film.split == "test"]
    films[1].path.write_bytes(b"no film")
    images = load_images(films, 64)
    assert images.pixels.shape == (8, 64, 64)
    assert images.pixels.dtype == np.uint8
    assert images.digests == tuple(film.sha256 for i, film in enumerate(films) if i != 1)
    assert images.y_true.tolist() == [0, 0, 1, 1, 1, 2, 2, 2]
    served = resize(read_path(films[0].path).image, PreprocessSpec(64, 64))
    np.testing.assert_allclose(images.pixels[0], served * 255, atol=0.5001)
    assert "left out" in caplog.text


def test_a_backbone_is_trained_and_refined(monkeypatch, data_dir, tmp_path, capsys):
    monkeypatch.setattr("cxr_core.backbones.build", small.build_small)
    first, second = tmp_path / "first", tmp_path / "second"
    common = ["--backbone", "mobilenetv2", "--data", str(data_dir), "--held-out", "0.2,0.2"]
    argv = [*common, "--stages", "32:1", "--batch-size", "4", "--out", str(first)]
    assert run(["pretrain", *argv]) == 0
    assert "mobilenetv2: 1 epochs, validation accuracy" in capsys.readouterr().out
    record = read_pretraining(first, "mobilenetv2")
    assert record["command"].startswith("python -m train pretrain --backbone mobilenetv2 --data ")
    assert str(tmp_path) not in (first / "pretraining.json").read_text("utf-8")
    assert record["config"]["batch_size"] == 4
    assert record["data"]["n_fit"] == len(record["films"])
    with pytest.raises(SpecMismatchError, match="must be new or of these settings"):
        run(["pretrain", *argv, "--seed", "1"])
    argv = [*common, "--stages", "32:1", "--weights", f"pretrained:{first}"]
    assert run(["finetune", *argv, "--last-blocks", "1", "--out", str(second)]) == 0
    assert read_pretraining(second, "mobilenetv2")["config"]["last_blocks"] == 1


@pytest.mark.parametrize(
    "wrong",
    [
        ["--stages", "96"],
        ["--stages", "a:b"],
        ["--held-out", "0.1"],
        ["--held-out", "0,0.1"],
        ["--held-out", "0.5,0.5"],
        ["--precision", "float16"],
        ["--weights", "imagenet"],
    ],
)
def test_wrong_usage(wrong, capsys):
    argv = ["--backbone", "vgg16", "--data", "x", "--out", "y", "--stages", "96:1", *wrong]
    with pytest.raises(SystemExit) as caught:
        run(["pretrain", *argv])
    assert caught.value.code == 2
    assert "usage: python -m train pretrain" in capsys.readouterr().err


def test_layer_and_blocks_exclude_each_other(capsys):
    argv = ["--backbone", "vgg16", "--data", "x", "--out", "y", "--stages", "96:1"]
    with pytest.raises(SystemExit):
        run(["finetune", *argv, "--weights", "w", "--from-layer", "a", "--last-blocks", "1"])
    assert "not allowed with argument" in capsys.readouterr().err
