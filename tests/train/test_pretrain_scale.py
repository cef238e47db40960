"""Pre-training on two devices and on the JAX backend, each in a process of its own."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cxr_core.errors import ConfigError
from train.pretrain.device import find_devices

pytest.importorskip("keras")
pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
START = """
import json, sys
from pathlib import Path
sys.path[:0] = [".", "tests/train"]
import small
import cxr_core.backbones
from train.pretrain import FineTuneConfig, Stage, build_pretrained, pretrain
cxr_core.backbones.build = small.build_small
out = Path(sys.argv[1])

def train(name, **changes):
    config = small.small_settings(**changes)
    return pretrain(config, small.FIT, small.HELD_OUT, out=out / name)
"""

TWO_DEVICES = """
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
small.FIT = small.small_films(24)  # whole batches, else several devices skip the rest
small.HAS_NORM = False
records = {}
for strategy in ("none", "mirrored"):
    record = train(strategy, strategy=strategy, dropout=0.0, stages=(Stage(32, 2),))
    network = build_pretrained(out / strategy, "mobilenetv2")
    sums = [float(abs(array).sum()) for array in network.get_weights()]
    records[strategy] = [record["history"], record["validation_at_serving_size"], sums]
small.HAS_NORM = True
record = train("norm", strategy="mirrored", stages=(Stage(32, 1),))
records["with_norm_and_dropout"] = record["history"]
small.FIT = small.small_films(20)
record = train("rest", strategy="mirrored", stages=(Stage(32, 1),))
records["with_a_rest"] = record["history"]
print(json.dumps(records))
"""

JAX = """
from train.pretrain.loop import Loop
import keras
assert keras.backend.backend() == "jax"
records = {"whole": train("whole", augmentation="layers")}
epoch = Loop.epoch
def broken(self, number):
    if number == 2:
        raise KeyboardInterrupt
    return epoch(self, number)
Loop.epoch = broken
try:
    train("broken", augmentation="layers")
except KeyboardInterrupt:
    pass
Loop.epoch = epoch
records["broken"] = train("broken", augmentation="layers")
config = FineTuneConfig(
    "mobilenetv2", (Stage(32, 1),), batch_size=8, serve_px=32, last_blocks=1,
    weights=f"pretrained:{out / 'whole'}",
)
records["tuned"] = pretrain(config, small.FIT, small.HELD_OUT, out=out / "tuned")
print(json.dumps({name: record["history"] for name, record in records.items()}))
"""


def run(script, folder, **environment):
    """Run a script in a process of its own; return what it printed last."""
    done = subprocess.run(
        [sys.executable, "-c", START + script, str(folder)],
        cwd=ROOT,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_two_devices_learn_what_one_learns(tmp_path):
    records = run(TWO_DEVICES, tmp_path, KERAS_BACKEND="tensorflow")
    (one, final_one, sums_one), (two, final_two, sums_two) = records["none"], records["mirrored"]
    for ours, theirs in zip(two, one, strict=True):
        for key in ("loss", "accuracy", "val_loss", "val_accuracy", "learning_rate"):
            assert ours[key] == pytest.approx(theirs[key], abs=2e-5), key
    assert final_two == pytest.approx(final_one, abs=2e-5)
    np.testing.assert_allclose(sums_two, sums_one, rtol=1e-4)
    assert one[0]["loss"] != one[1]["loss"]
    # statistics of half a batch differ: finite is all that can be said
    assert np.isfinite(records["with_norm_and_dropout"][0]["val_loss"])
    assert np.isfinite(records["with_a_rest"][0]["loss"])


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="jax is not installed")
def test_jax_trains_goes_on_and_refines(tmp_path):
    records = run(JAX, tmp_path, KERAS_BACKEND="jax", JAX_PLATFORMS="cpu")
    for ours, theirs in zip(records["broken"], records["whole"], strict=True):
        same = {key: value for key, value in theirs.items() if key != "seconds"}
        assert {**ours, "seconds": None} == pytest.approx({**same, "seconds": None}, abs=1e-6)
    losses = [row["loss"] for row in records["whole"]]
    assert len(set(losses)) == len(losses)
    assert np.isfinite(records["tuned"][0]["val_loss"])


def test_devices_must_share_a_batch_evenly(monkeypatch):
    import tensorflow as tf

    class Device:
        name = "/device:GPU:0"

    monkeypatch.setattr(tf.config, "list_logical_devices", lambda _: [Device, Device])
    with pytest.raises(ConfigError, match="`batch_size` must be a multiple of the 2 devices"):
        find_devices("mirrored", 9)


def test_other_backends_have_one_device(monkeypatch):
    import keras

    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(ConfigError, match="`strategy` must be 'none' on this backend") as caught:
        find_devices("mirrored", 8)
    assert "KERAS_BACKEND=tensorflow" in caught.value.hint
    assert find_devices("none", 7).strategy is None
