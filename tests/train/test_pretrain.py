"""End-to-end training on a small network: going on after a kill, refinement, what is written."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from cxr_core.errors import ArtifactIntegrityError, ConfigError, SpecMismatchError
from tests.train import small
from tests.train.small import FIT, HELD_OUT
from tests.train.small import small_settings as settings
from train.pretrain import (
    FineTuneConfig,
    Images,
    Stage,
    build_pretrained,
    pretrain,
    read_pretraining,
)

keras = pytest.importorskip("keras")

ROOT = Path(__file__).resolve().parents[2]
TWO_SIZES = (Stage(32, 1), Stage(40, 1))


@pytest.fixture(autouse=True)
def small_network(monkeypatch):
    monkeypatch.setattr("cxr_core.backbones.build", small.build_small)


def tuning(**changes) -> FineTuneConfig:
    values = {"stages": (Stage(32, 1),), "batch_size": 8, "serve_px": 32}
    return FineTuneConfig("mobilenetv2", **{**values, **changes})


def figures(record):
    """All numbers of a record that a repetition must give again."""
    rows = [{**row, "seconds": 0} for row in record["history"]]
    rows.append({"epoch": 0, **record["validation_at_serving_size"]})
    return [value for row in rows for _, value in sorted(row.items())]


def assert_same_result(one: Path, two: Path):
    records = [read_pretraining(folder, "mobilenetv2") for folder in (one, two)]
    np.testing.assert_allclose(figures(records[0]), figures(records[1]), rtol=0, atol=1e-6)
    weights = [build_pretrained(folder, "mobilenetv2").get_weights() for folder in (one, two)]
    for ours, theirs in zip(*weights, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6)
    assert not (two / "checkpoint").exists()


class KilledError(Exception):
    """Stands for a kill."""


def stop_in_epoch(monkeypatch, number):
    """Break off in the middle of an epoch, counted from 0, after its training."""
    from train.pretrain.loop import Loop

    whole = Loop.epoch

    def broken(self, epoch):
        row = whole(self, epoch)
        if epoch == number:
            raise KilledError
        return row

    monkeypatch.setattr(Loop, "epoch", broken)


def interrupted(monkeypatch, config, out, *, in_epoch, edit=None):
    """Train, stop in an epoch, and go on in a second call."""
    with monkeypatch.context() as patch:
        stop_in_epoch(patch, in_epoch)
        with pytest.raises(KilledError):
            pretrain(config, FIT, HELD_OUT, out=out)
    if edit:
        path = out / "checkpoint" / "state.json"
        state = json.loads(path.read_text("utf-8"))
        edit(state)
        path.write_text(json.dumps(state), "utf-8")
    return pretrain(config, FIT, HELD_OUT, out=out)


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory):
    """An unbroken pre-training; not to be changed."""
    folder = tmp_path_factory.mktemp("pretrained") / "whole"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cxr_core.backbones.build", small.build_small)
        pretrain(settings(), FIT, HELD_OUT, out=folder, command=["python", "-m", "x y"])
    return folder


def test_record_says_what_was_done(whole_run):
    record = read_pretraining(whole_run, "mobilenetv2")
    assert [row["epoch"] for row in record["history"]] == [1, 2, 3]
    assert record["config"] == json.loads(json.dumps(settings().to_dict()))
    assert record["films"] == sorted(FIT.digests)
    assert (record["kind"], record["graph"], record["scaling"]) == ("pretraining", "keras", "unit")
    assert record["command"] == "python -m 'x y'"
    assert 0 < record["history"][-1]["val_loss"] < 2
    assert record["environment"]["backend"] == "tensorflow"
    assert sorted(path.name for path in whole_run.iterdir()) == [
        "backbone.weights.h5",
        "pretraining.json",
    ]


@pytest.mark.slow
def test_stages_follow_each_other_over_a_kill(monkeypatch, tmp_path):
    config = settings(stages=TWO_SIZES, serve_px=40)
    record = pretrain(config, FIT, HELD_OUT, out=tmp_path / "whole")
    assert [row["size_px"] for row in record["history"]] == [32, 40]
    interrupted(monkeypatch, config, tmp_path / "broken", in_epoch=1)
    assert_same_result(tmp_path / "whole", tmp_path / "broken")


@pytest.mark.parametrize("in_epoch", [pytest.param(0, marks=pytest.mark.slow), 2])
def test_going_on_ends_where_an_unbroken_training_ends(monkeypatch, whole_run, tmp_path, in_epoch):
    interrupted(monkeypatch, settings(), tmp_path / "broken", in_epoch=in_epoch)
    assert_same_result(whole_run, tmp_path / "broken")


def test_checkpoints_without_films_and_dropout_still_go_on(monkeypatch, whole_run, tmp_path):
    def as_before(state):
        del state["films"], state["seeds"]

    interrupted(monkeypatch, settings(), tmp_path / "old", in_epoch=1, edit=as_before)
    assert_same_result(whole_run, tmp_path / "old")


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [{"precision": "mixed_bfloat16"}, {"precision": "mixed_float16"}, {"augmentation": "layers"}],
)
def test_going_on_with_other_precision_and_augmentation(monkeypatch, tmp_path, changes):
    config = settings(stages=(Stage(32, 2),), **changes)
    pretrain(config, FIT, HELD_OUT, out=tmp_path / "whole")
    interrupted(monkeypatch, config, tmp_path / "broken", in_epoch=1)
    assert_same_result(tmp_path / "whole", tmp_path / "broken")
    assert keras.mixed_precision.global_policy().name == "float32"
    network = build_pretrained(tmp_path / "whole", "mobilenetv2")
    assert {layer.dtype_policy.name for layer in network.layers} == {"float32"}


@pytest.mark.parametrize(
    "place",
    [
        pytest.param("weights", marks=pytest.mark.slow),
        "record",
        pytest.param("checkpoint", marks=pytest.mark.slow),
    ],
)
def test_a_kill_while_the_result_is_written(monkeypatch, whole_run, tmp_path, place):
    def killed(*_, **__):
        raise KilledError

    out = tmp_path / "broken"
    with monkeypatch.context() as patch:
        patch.setattr(
            {
                "weights": "train.pretrain.training._write_weights",
                "record": "train.pretrain.training.write_whole",
                "checkpoint": "train.checkpoint.shutil.rmtree",
            }[place],
            killed,
        )
        with pytest.raises(KilledError):
            pretrain(settings(), FIT, HELD_OUT, out=out)
    pretrain(settings(), FIT, HELD_OUT, out=out)
    assert_same_result(whole_run, out)


def test_a_finished_result_is_returned_and_never_replaced(monkeypatch, whole_run):
    before = {path.name: path.read_bytes() for path in whole_run.iterdir()}
    stop_in_epoch(monkeypatch, 0)
    record = pretrain(settings(), FIT, HELD_OUT, out=whole_run)
    assert record == read_pretraining(whole_run, "mobilenetv2")
    for config, films in ((settings(seed=1), FIT), (settings(), HELD_OUT)):
        with pytest.raises(SpecMismatchError, match="`whole` must be new or of these settings"):
            pretrain(config, films, HELD_OUT, out=whole_run)
    assert {path.name: path.read_bytes() for path in whole_run.iterdir()} == before


def test_checkpoint_of_another_training_is_refused(monkeypatch, tmp_path):
    with monkeypatch.context() as patch:
        stop_in_epoch(patch, 1)
        with pytest.raises(KilledError):
            pretrain(settings(), FIT, HELD_OUT, out=tmp_path)
    with pytest.raises(SpecMismatchError, match="other learning_rate, seed"):
        pretrain(settings(seed=1, learning_rate=1.0), FIT, HELD_OUT, out=tmp_path)
    others = small.small_films(len(FIT), seed=7)
    with pytest.raises(SpecMismatchError, match="must be of the same films"):
        pretrain(settings(), others, HELD_OUT, out=tmp_path)
    (weights,) = (tmp_path / "checkpoint").glob("*.h5")
    weights.write_bytes(weights.read_bytes()[:500])
    with pytest.raises(ArtifactIntegrityError, match="must be whole") as caught:
        pretrain(settings(), FIT, HELD_OUT, out=tmp_path)
    assert "Delete the folder" in caught.value.hint


KILL_ME = """
import sys, time
from pathlib import Path
sys.path.insert(0, "tests/train")
import small
import cxr_core.backbones
from train.pretrain import pretrain
from train.pretrain.loop import Loop
cxr_core.backbones.build = small.build_small
whole = Loop.validate
def slow(self, *args):
    time.sleep(0.7)
    return whole(self, *args)
Loop.validate = slow
pretrain(small.small_settings(), small.FIT, small.HELD_OUT, out=Path(sys.argv[1]))
"""


@pytest.mark.slow
def test_sigkill_in_the_second_epoch(whole_run, tmp_path):
    child = subprocess.Popen([sys.executable, "-c", KILL_ME, str(tmp_path / "killed")], cwd=ROOT)
    state = tmp_path / "killed" / "checkpoint" / "state.json"
    try:
        for _ in range(1200):
            if state.is_file() or child.poll() is not None:
                break
            time.sleep(0.05)
        time.sleep(0.2)
    finally:
        child.send_signal(signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL
    assert len(json.loads(state.read_text("utf-8"))["history"]) in (1, 2)
    pretrain(settings(), FIT, HELD_OUT, out=tmp_path / "killed")
    assert_same_result(whole_run, tmp_path / "killed")


def test_loss_of_an_epoch_is_the_mean_over_its_films_in_whole_batches(monkeypatch, tmp_path):
    losses = []
    whole = keras.Model.train_on_batch

    def spy(self, films, *args, **kwargs):
        logs = whole(self, films, *args, **kwargs)
        losses.append((len(films), logs["loss"]))
        return logs

    monkeypatch.setattr(keras.Model, "train_on_batch", spy)
    record = pretrain(settings(stages=(Stage(32, 1),)), FIT, HELD_OUT, out=tmp_path)
    counts, values = zip(*losses, strict=True)
    assert counts == (8, 8)  # 20 films; a batch of four would be compiled anew
    assert record["history"][0]["loss"] == pytest.approx(
        np.average(values, weights=counts), abs=1e-5
    )


def test_a_loss_that_is_gone_stops_the_training(monkeypatch, tmp_path):
    monkeypatch.setattr(keras.Model, "train_on_batch", lambda *_, **__: {"loss": float("nan")})
    with pytest.raises(ConfigError, match="the loss must stay finite") as caught:
        pretrain(settings(), FIT, HELD_OUT, out=tmp_path)
    assert "lower learning rate" in caught.value.hint


def test_settings_of_older_checkpoints_are_unchanged():
    assert set(settings().to_dict()) == {
        "backbone", "stages", "seed", "batch_size", "learning_rate", "weight_decay", "warmup",
        "label_smoothing", "dropout", "recalibrate_films", "serve_px", "precision",
    }  # fmt: skip
    assert settings(augmentation="layers").to_dict()["augmentation"] == "layers"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"backbone": "mobilenet"}, "`name` must be one of"),
        ({"stages": ()}, "`stages` must be"),
        ({"stages": (Stage(16, 1),)}, "`stages` must be sizes of at least 32"),
        ({"stages": (Stage(32, 0),)}, "`stages` must be"),
        ({"precision": "float16"}, "`precision` must be one of"),
        ({"augmentation": "none"}, "`augmentation` must be one of"),
        ({"strategy": "both"}, "`strategy` must be one of"),
        ({"batch_size": 0}, "`batch_size` must be above 0"),
        ({"from_layer": "a", "last_blocks": 1}, "`from_layer` must be left out"),
        ({"last_blocks": 0}, "`last_blocks` must be 1 or more"),
    ],
)
def test_wrong_settings_are_refused(changes, message):
    values = {"backbone": "mobilenetv2", "stages": (Stage(32, 1),), **changes}
    with pytest.raises(ConfigError, match=message):
        FineTuneConfig(**values)


def test_no_films(tmp_path):
    nothing = Images(np.empty((0, 8, 8), np.uint8), np.empty(0, np.int64), ())
    with pytest.raises(ConfigError, match="there must be films to fit and to validate"):
        pretrain(settings(), FIT, nothing, out=tmp_path)


@pytest.mark.parametrize(
    ("changes", "trained"),
    [
        ({}, {"block1_conv", "block2_conv"}),
        ({"last_blocks": 1}, {"block2_conv"}),
        pytest.param({"from_layer": "block1_relu"}, {"block2_conv"}, marks=pytest.mark.slow),
    ],
)
def test_refinement_changes_what_it_may(whole_run, tmp_path, changes, trained):
    films = small.small_films(8, seed=5)
    out = tmp_path / "tuned"
    config = tuning(stages=(Stage(32, 2),), weights=f"pretrained:{whole_run}", **changes)
    record = pretrain(config, films, HELD_OUT, out=out)
    before, after = (build_pretrained(folder, "mobilenetv2") for folder in (whole_run, out))
    changed = {
        layer.name
        for layer in after.layers
        for ours, theirs in zip(
            layer.get_weights(), before.get_layer(layer.name).get_weights(), strict=True
        )
        if np.abs(ours - theirs).max() > 0
    }
    assert changed == trained
    assert record["kind"] == "fine_tuning"
    assert record["config"]["weights"] == "pretrained:whole"
    assert record["origin"] == "random, then trained here on 20 films"
    assert record["films"] == sorted([*FIT.digests, *films.digests])
    assert str(tmp_path) not in (out / "pretraining.json").read_text("utf-8")


@pytest.mark.slow
def test_refinement_goes_on_after_a_kill(monkeypatch, whole_run, tmp_path):
    config = tuning(stages=(Stage(32, 2),), weights=f"pretrained-here:{whole_run}", last_blocks=1)
    pretrain(config, FIT, HELD_OUT, out=tmp_path / "whole")
    interrupted(monkeypatch, config, tmp_path / "broken", in_epoch=1)
    assert_same_result(tmp_path / "whole", tmp_path / "broken")


@pytest.mark.parametrize(
    ("changes", "message", "hint"),
    [
        ({"from_layer": "block2_cov"}, "`from_layer` must be a layer of", "block2_conv"),
        ({"last_blocks": 3}, "`last_blocks` must be 2 at most", "block1, block2"),
    ],
)
def test_layers_and_blocks_that_do_not_exist(whole_run, tmp_path, changes, message, hint):
    config = tuning(weights=f"pretrained:{whole_run}", **changes)
    with pytest.raises(ConfigError, match=message) as caught:
        pretrain(config, FIT, HELD_OUT, out=tmp_path)
    assert hint in caught.value.hint


def test_a_changed_or_foreign_result_is_refused(whole_run, tmp_path):
    for name in ("pretraining.json", "backbone.weights.h5"):
        (tmp_path / name).write_bytes((whole_run / name).read_bytes())
    with pytest.raises(SpecMismatchError, match="must be a pre-training of vgg16"):
        build_pretrained(tmp_path, "vgg16")
    data = bytearray((whole_run / "backbone.weights.h5").read_bytes())
    data[-1] ^= 1
    (tmp_path / "backbone.weights.h5").write_bytes(data)
    with pytest.raises(ArtifactIntegrityError, match="must have SHA-256"):
        build_pretrained(tmp_path, "mobilenetv2")
    (tmp_path / "pretraining.json").write_text('{"schema"', "utf-8")
    with pytest.raises(SpecMismatchError, match="must hold a finished pre-training"):
        build_pretrained(tmp_path, "mobilenetv2")
