"""Fits are repeatable, go on after a kill, and end where an unbroken fit ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from cxr_core.errors import SpecMismatchError
from train.fit import class_weights, fit_head, rounded
from train.fit_loop import FitData
from train.preset import load_preset

OVERRIDES = ["epochs=14", "batch_size=16", "learning_rate=0.03", "reduce_patience=3",
             "stop_patience=20", "restore_best=true", "augment_passes=2"]  # fmt: skip


def data(n: int = 96) -> FitData:
    rng = np.random.default_rng(0)
    y_true = rng.integers(0, 3, n)
    centres = rng.normal(size=(3, 4, 6))

    def films(noise):
        return (centres[y_true] + noise * rng.normal(size=(n, 4, 6))).astype(np.float32)

    val_y_true = rng.integers(0, 3, 40)
    val = (centres[val_y_true] + 2.0 * rng.normal(size=(40, 4, 6))).astype(np.float32)
    return FitData({1: films(1.5), 2: films(1.5)}, y_true, val, val_y_true)


def config(*overrides: str):
    return load_preset("smoke", [*OVERRIDES, *overrides])


class InterruptedFitError(Exception):
    """Stands in for a kill inside one process."""


def interrupt_after(monkeypatch, epoch: int) -> None:
    from train.fit_state import FitState

    save = FitState._save

    def interrupted(self, number):
        save(self, number)
        if number == epoch:
            raise InterruptedFitError

    monkeypatch.setattr(FitState, "_save", interrupted)


def same(first, second) -> None:
    assert len(first.history) == len(second.history)
    for one, other in zip(first.history, second.history, strict=True):
        for key in ("epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate"):
            assert one[key] == pytest.approx(other[key], abs=1e-6)
    for key, array in first.arrays.items():
        np.testing.assert_allclose(array, second.arrays[key], atol=1e-6)


@pytest.mark.parametrize("epoch", [1, 5, 13])
def test_an_interrupted_fit_ends_where_an_unbroken_one_ends(epoch, tmp_path, monkeypatch):
    whole = fit_head("vgg16", config(), data(), tmp_path / "whole" / "history.csv")
    rates = {row["learning_rate"] for row in whole.history}
    assert len(rates) > 1  # the plateau callback had something to remember
    assert whole.best_epoch < len(whole.history)  # and so had early stopping
    path = tmp_path / "broken" / "history.csv"
    with monkeypatch.context() as patch:
        interrupt_after(patch, epoch)
        with pytest.raises(InterruptedFitError):
            fit_head("vgg16", config(), data(), path)
    same(fit_head("vgg16", config(), data(), path), whole)


def test_a_stopped_fit_stays_stopped(tmp_path):
    path = tmp_path / "history.csv"
    first = fit_head("vgg16", config("stop_patience=2", "epochs=60"), data(), path)
    assert len(first.history) < 60
    same(fit_head("vgg16", config("stop_patience=2", "epochs=60"), data(), path), first)


def test_the_state_of_another_recipe_is_refused(tmp_path):
    path = tmp_path / "history.csv"
    fit_head("vgg16", config("epochs=1"), data(), path)
    with pytest.raises(SpecMismatchError, match=r"same settings\. Received: other \['dropout'\]"):
        fit_head("vgg16", config("epochs=1", "dropout=0.1"), data(), path)


SCRIPT = """
import importlib.util
import sys
from pathlib import Path

from train.fit import fit_head

spec = importlib.util.spec_from_file_location("fit_test", sys.argv[2])
this = importlib.util.module_from_spec(spec)
spec.loader.exec_module(this)
fit_head("vgg16", this.config("epochs=40"), this.data(), Path(sys.argv[1]))
"""


def test_a_killed_process_ends_where_an_unbroken_one_ends(tmp_path):
    root = str(Path(__file__).resolve().parents[2])
    path = tmp_path / "killed" / "history.csv"
    command = [sys.executable, "-c", SCRIPT, str(path), __file__]
    environment = {**os.environ, "PYTHONPATH": root}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        if path.is_file() and len(path.read_text("utf-8").splitlines()) > 4:
            os.kill(process.pid, signal.SIGKILL)
            break
        time.sleep(0.002)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL, errors.decode()
    n_done = len(path.read_text("utf-8").splitlines()) - 1
    assert 0 < n_done < 40
    resumed = fit_head("vgg16", config("epochs=40"), data(), path)
    same(resumed, fit_head("vgg16", config("epochs=40"), data(), tmp_path / "w" / "history.csv"))


def test_class_weights_by_hand():
    y_true = np.array([0] * 2 + [1] * 4 + [2] * 6)
    assert class_weights("none", y_true) is None
    assert class_weights("max", y_true) == pytest.approx((3.0, 1.5, 1.0))
    assert class_weights("inverse", y_true) == pytest.approx((2.0, 1.0, 4 / 6))
    assert class_weights("max", y_true, 0.5) == pytest.approx((3.0**0.5, 1.5**0.5, 1.0))


def test_a_film_of_weight_zero_teaches_nothing():
    plain = data()
    wrong = FitData(
        {k: np.concatenate([v, v[:20]]) for k, v in plain.passes.items()},
        np.concatenate([plain.y_true, (plain.y_true[:20] + 1) % 3]),
        plain.val_inputs,
        plain.val_y_true,
        np.concatenate([np.ones(96), np.zeros(20)]).astype(np.float32),
    )
    weights = np.concatenate([np.ones(96), np.full(20, 50.0)]).astype(np.float32)
    heavy = FitData(wrong.passes, wrong.y_true, wrong.val_inputs, wrong.val_y_true, weights)
    settings = config("class_weights=none")
    light_fit, heavy_fit = (fit_head("vgg16", settings, each) for each in (wrong, heavy))
    assert min(r["val_loss"] for r in light_fit.history) < min(
        r["val_loss"] for r in heavy_fit.history
    )


def test_kernels_have_eight_significant_bits():
    values = np.array([1.0, 1.0 + 2**-7, 1.0 + 2**-9, -3.0, 0.0, 1e-8, 250.7], np.float32)
    expected = np.array([1.0, 1.0 + 2**-7, 1.0, -3.0, 0.0, 0.0, 251.0], np.float32)
    np.testing.assert_array_equal(rounded(values), expected)
    kernel = np.random.default_rng(0).normal(0, 0.05, (64, 8)).astype(np.float32)
    short = rounded(kernel)
    np.testing.assert_array_equal(short.astype(np.float16).astype(np.float32), short)
    np.testing.assert_allclose(short, kernel, rtol=2**-8, atol=2**-24)
    np.testing.assert_array_equal(rounded(short), short)
