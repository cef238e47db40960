"""Ensembles start as the mean they have to beat, and learn from there."""

from __future__ import annotations

import numpy as np
import pytest

from cxr_core.heads import Dense, MemberHead, softmax
from train.ensembles import (
    MemberOutput,
    ensemble_probs_of,
    fit_ensemble,
    joined,
    mean_layer,
    mean_weights,
    member_output,
    weighted_mean,
)
from train.preset import load_preset

RNG = np.random.default_rng(0)
CONFIG = load_preset("smoke")


def head(seed: int) -> MemberHead:
    rng = np.random.default_rng(seed)

    def dense(n_in, n_out):
        kernel = rng.normal(size=(n_in, n_out)).astype(np.float32)
        return Dense(kernel, rng.normal(size=n_out).astype(np.float32))

    return MemberHead((dense(4 * 5, 6), dense(6, 3)), "average2_valid", (4, 4, 5))


HEADS = {"one": head(1), "two": head(2), "three": head(3)}
FEATURES = RNG.random((30, 4, 5), np.float32)
OUTPUTS = [member_output(each, FEATURES) for each in HEADS.values()]


def test_member_output_is_what_serving_computes():
    for one, out in zip(HEADS.values(), OUTPUTS, strict=True):
        maps = np.repeat(np.repeat(FEATURES[0].reshape(2, 2, 5), 2, axis=0), 2, axis=1)
        state = one.forward(maps)
        np.testing.assert_allclose(out.probs[0], state.probs, atol=1e-6)
        np.testing.assert_allclose(out.hidden[0], state.hidden, rtol=1e-5, atol=1e-5)


def test_ensemble_dense_starts_as_the_mean_of_the_logits():
    layer = mean_layer("ensemble_dense", HEADS)
    assert layer.kernel.shape == (18, 3)
    logits = [
        out.hidden @ one.layers[-1].kernel + one.layers[-1].bias
        for one, out in zip(HEADS.values(), OUTPUTS, strict=True)
    ]
    np.testing.assert_allclose(
        ensemble_probs_of(layer, "ensemble_dense", OUTPUTS),
        softmax(np.mean(logits, axis=0)),
        atol=1e-5,
    )


def test_ensemble_probs_starts_in_the_order_of_the_mean():
    layer = mean_layer("ensemble_probs", HEADS)
    assert layer.n_parameters == 30
    read = ensemble_probs_of(layer, "ensemble_probs", OUTPUTS)
    mean = weighted_mean(OUTPUTS)
    np.testing.assert_array_equal(np.argsort(read, axis=1), np.argsort(mean, axis=1))


def test_the_weighted_mean_finds_the_member_that_knows():
    y_true = RNG.integers(0, 3, 30)
    knows = np.eye(3, dtype=np.float32)[y_true] * 0.97 + 0.01
    wrong = np.roll(knows, 1, axis=1)
    outputs = [MemberOutput(p, np.zeros((30, 2), np.float32)) for p in (wrong, knows, wrong)]
    assert mean_weights(outputs, y_true) == (0.0, 1.0, 0.0)
    np.testing.assert_allclose(weighted_mean(outputs, (0, 1, 0)), knows)
    np.testing.assert_allclose(weighted_mean([OUTPUTS[0]] * 3), OUTPUTS[0].probs, atol=1e-7)


@pytest.mark.parametrize("system", ["ensemble_probs", "ensemble_dense"])
def test_an_ensemble_learns(system):
    y_true = OUTPUTS[1].probs.argmax(axis=1).astype(np.int64)  # the second member is right
    config = load_preset("smoke", ["ensemble_epochs=30", "ensemble_dense_rate=0.05",
                                   "ensemble_probs_rate=0.2", "ensemble_start=mean"])  # fmt: skip
    inputs = joined(system, OUTPUTS)
    fitted = fit_ensemble(system, config, HEADS, (inputs, y_true), None)
    layer = Dense(fitted.arrays["logits/kernel"], fitted.arrays["logits/bias"])
    before = ensemble_probs_of(mean_layer(system, HEADS), system, OUTPUTS)
    after = ensemble_probs_of(layer, system, OUTPUTS)
    assert (after.argmax(axis=1) == y_true).mean() >= (before.argmax(axis=1) == y_true).mean()
    assert fitted.history[-1]["loss"] < fitted.history[0]["loss"]
    assert len(fitted.history) == fitted.chosen_epoch == 30
    assert not fitted.is_best_kept


def test_weights_of_films_count():
    inputs = joined("ensemble_probs", OUTPUTS)
    y_true = np.arange(30) % 3
    kept = np.arange(30) < 20

    def fit(rows, weights):
        pair = (inputs[rows], y_true[rows].astype(np.int64))
        fitted = fit_ensemble("ensemble_probs", CONFIG, HEADS, pair, None, weights=weights)
        layer = Dense(fitted.arrays["logits/kernel"], fitted.arrays["logits/bias"])
        return ensemble_probs_of(layer, "ensemble_probs", OUTPUTS)

    of_class = y_true == 1
    plain = fit(kept, None)
    heavier = fit(kept, np.where(of_class[kept], 30, 1).astype(np.float32))
    assert (heavier[:, 1] > plain[:, 1]).all()
    np.testing.assert_array_equal(plain, fit(kept, np.ones(20, np.float32)))
