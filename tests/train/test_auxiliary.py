"""The second question teaches or unteaches the hidden layer, and leaves the head's shape alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cxr_core.dataset import Film
from train.auxiliary import (
    auxiliary_labels,
    auxiliary_loss,
    auxiliary_targets,
    source_weights,
    with_auxiliary,
)
from train.fit import fit_head
from train.fit_loop import FitData
from train.keras_system import build_head, extract_head
from train.preset import load_preset


def film(label: str, source: str = "", subtype: str = "") -> Film:
    return Film(Path("x.png"), label, "train", "0" * 64, source=source, subtype=subtype)


def test_answers_are_numbered_and_unknown_ones_left_out():
    films = [
        film("PNEUMONIA", subtype="virus"),
        film("NORMAL"),
        film("PNEUMONIA", subtype="bacteria"),
    ]
    names, indices = auxiliary_labels("subtype", films)
    assert names == ("bacteria", "virus")
    np.testing.assert_array_equal(indices, [1, -1, 0])
    targets = auxiliary_targets(np.eye(3, dtype=np.float32), indices, 2)
    np.testing.assert_array_equal(targets[:, 3:], [[0, 1], [0, 0], [1, 0]])


def test_sources_of_a_class_weigh_alike():
    films = [film("COVID19", "a")] * 6 + [film("COVID19", "b")] * 2 + [film("NORMAL", "c")] * 3
    weights = source_weights(films)
    assert weights[:6].sum() == pytest.approx(weights[6:8].sum()) == pytest.approx(4)
    np.testing.assert_array_equal(weights[8:], 1)


@pytest.mark.parametrize("is_reversed", [False, True])
def test_the_gradient_of_the_answers_is_turned_round(is_reversed):
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(0)
    head = build_head((4, 1, 3), (5,), name="one", pooling="none", dropout=0.0)
    model = with_auxiliary(head, "one", 2, is_reversed=is_reversed)
    x = np.random.default_rng(0).normal(size=(6, 4, 1, 3)).astype(np.float32)
    np.testing.assert_allclose(model(x)[:, :3], head(x), atol=1e-6)
    layer = model.get_layer("one_dense_0")
    answers = model.get_layer("one_auxiliary")
    with tf.GradientTape() as tape:
        hidden = layer(model.get_layer("one_flatten")(x))
        plain = tf.reduce_sum(answers(hidden)[:, 0])
    expected = tape.gradient(plain, layer.kernel)
    with tf.GradientTape() as tape:
        asked = tf.reduce_sum(model(x)[:, 3])
    got = tape.gradient(asked, layer.kernel)
    np.testing.assert_allclose(got, -expected if is_reversed else expected, atol=1e-6)


def test_the_loss_adds_the_answers_and_spares_films_without():
    import keras

    loss = auxiliary_loss(keras.losses.CategoricalCrossentropy(), 0.5)
    y_true = np.array([[1, 0, 0, 1, 0], [0, 1, 0, 0, 0]], np.float32)
    y_pred = np.array([[0.5, 0.25, 0.25, 0.8, 0.2], [0.2, 0.7, 0.1, 0.4, 0.6]], np.float32)
    np.testing.assert_allclose(
        loss.call(y_true, y_pred),
        [-np.log(0.5) - 0.5 * np.log(0.8), -np.log(0.7)],
        rtol=1e-5,
    )


def test_an_adversary_hides_the_source():
    """Class and source lie in different directions; a reversed gradient drops the second."""
    rng = np.random.default_rng(0)
    y_true = rng.integers(0, 3, 300)
    source = rng.integers(0, 2, 300)
    centres = 2 * rng.normal(size=(3, 8))
    x = centres[y_true] + 3 * source[:, None] * np.eye(8)[0] + rng.normal(size=(300, 8))
    inputs = x[:, None, :].astype(np.float32)

    def separation(kind: str) -> float:
        config = load_preset(
            "smoke",
            [f"auxiliary={kind}", "epochs=40", "learning_rate=0.01", "dropout=0.0",
             "auxiliary_weight=2.0", "class_weights=none", "restore_best=false"],
        )  # fmt: skip
        data = FitData({0: inputs}, y_true, inputs[:30], y_true[:30], None, source, 2)
        arrays = fit_head("one", config, data).arrays
        hidden = np.maximum(x @ arrays["dense_0/kernel"] + arrays["dense_0/bias"], 0)
        gap = hidden[source == 1].mean(axis=0) - hidden[source == 0].mean(axis=0)
        return float(np.abs(gap).sum() / hidden.std(axis=0).sum())

    assert separation("source_adversary") < 0.6 * separation("subtype")


def test_the_kept_head_has_no_trace_of_the_question():
    head = build_head((4, 1, 3), (5,), name="one", pooling="none")
    model = with_auxiliary(head, "one", 2, is_reversed=True)
    assert set(extract_head(model, "one")) == set(extract_head(head, "one"))
