"""The losses against sums worked by hand in numpy, and their gradients."""

from __future__ import annotations

import json

import numpy as np
import pytest

from cxr_core.errors import ConfigError

keras = pytest.importorskip("keras")

from train.losses import KINDS, build_loss  # noqa: E402

COSTS = [[0.0, 2.0, 1.0], [0.5, 0.0, 0.25], [1.0, 3.0, 0.0]]
PROBS = np.float32([[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.25, 0.25, 0.5], [0.05, 0.9, 0.05]])
Y_TRUE = np.eye(3, dtype=np.float32)[[0, 1, 1, 2]]
SETTINGS = {
    "cross_entropy": {},
    "focal": {"focal_gamma": 1.5, "focal_alpha": [1.0, 0.5, 2.0]},
    "cost": {"cost_matrix": COSTS},
}


def value(loss, y_true=Y_TRUE, y_pred=PROBS):
    return float(np.asarray(loss(y_true, y_pred)))


def both_ways(kind, **settings):
    """The loss from probabilities and from logits with those probabilities."""
    logits = np.log(PROBS) + np.float32([[3.0], [-2.0], [0.0], [1.0]])
    one = value(build_loss(kind, **settings))
    two = value(build_loss(kind, from_logits=True, **settings), y_pred=logits)
    assert one == pytest.approx(two, rel=2e-6)
    return one


def test_cross_entropy_by_hand():
    expected = -(np.log(0.7) + np.log(0.6) + np.log(0.25) + np.log(0.05)) / 4
    assert both_ways("cross_entropy") == pytest.approx(expected, rel=1e-6)


def test_class_weights_multiply_each_films_loss():
    weights = [2.0, 1.0, 0.5]
    losses = -np.log([0.7, 0.6, 0.25, 0.05])
    expected = (losses * [2.0, 1.0, 1.0, 0.5]).sum() / 4
    assert both_ways("cross_entropy", class_weights=weights) == pytest.approx(expected, rel=1e-6)


def test_label_smoothing_is_that_of_keras():
    theirs = keras.losses.CategoricalCrossentropy(label_smoothing=0.1)
    assert both_ways("cross_entropy", label_smoothing=0.1) == pytest.approx(value(theirs), rel=1e-6)
    targets = Y_TRUE * 0.9 + 0.1 / 3
    by_hand = -(targets * np.log(PROBS)).sum(axis=1).mean()
    assert both_ways("cross_entropy", label_smoothing=0.1) == pytest.approx(by_hand, rel=1e-6)


def test_focal_by_hand():
    p = np.array([0.7, 0.6, 0.25, 0.05])
    alpha = np.array([1.0, 0.5, 0.5, 2.0])
    expected = (alpha * (1 - p) ** 1.5 * -np.log(p)).mean()
    assert both_ways("focal", **SETTINGS["focal"]) == pytest.approx(expected, rel=2e-6)


def test_focal_without_gamma_is_cross_entropy_and_smoothed_that_of_keras():
    assert both_ways("focal", focal_gamma=0.0) == pytest.approx(both_ways("cross_entropy"))
    theirs = keras.losses.CategoricalFocalCrossentropy(alpha=1.0, gamma=2.0, label_smoothing=0.1)
    assert both_ways("focal", label_smoothing=0.1) == pytest.approx(value(theirs), rel=2e-6)


def test_cost_by_hand():
    expected_costs = [
        2.0 * 0.2 + 1.0 * 0.1,
        0.5 * 0.1 + 0.25 * 0.3,
        0.5 * 0.25 + 0.25 * 0.5,
        1.0 * 0.05 + 3.0 * 0.9,
    ]
    entropies = -np.log([0.7, 0.6, 0.25, 0.05])
    assert both_ways("cost", cost_matrix=COSTS) == pytest.approx(
        (entropies + expected_costs).mean(), rel=1e-6
    )
    weights = np.array([2.0, 1.0, 1.0, 0.5])
    assert both_ways("cost", cost_matrix=COSTS, class_weights=[2.0, 1.0, 0.5]) == pytest.approx(
        ((entropies + expected_costs) * weights).mean(), rel=1e-6
    )


@pytest.mark.parametrize("from_logits", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_finite_where_the_network_is_sure(kind, from_logits):
    import tensorflow as tf

    settings = {**SETTINGS[kind], "label_smoothing": 0.1, "class_weights": [3.0, 1.0, 0.5]}
    if kind == "focal":
        settings["focal_gamma"] = 0.5  # its slope at 1 - p = 0 is infinite
    loss = build_loss(kind, from_logits=from_logits, **settings)
    sure = np.float32([[1, 0, 0], [1, 0, 0], [0, 0, 1], [0, 1, 0]])
    y_pred = tf.Variable(sure * 1e4 if from_logits else sure)
    with tf.GradientTape() as tape:
        result = loss(Y_TRUE, y_pred)
    assert np.isfinite(float(result))
    assert np.isfinite(np.asarray(tape.gradient(result, y_pred))).all()


@pytest.mark.parametrize("kind", KINDS)
def test_gradient_from_logits_is_the_slope(kind):
    import tensorflow as tf

    loss = build_loss(kind, from_logits=True, class_weights=[2.0, 1.0, 0.5], **SETTINGS[kind])
    logits = np.log(PROBS)
    variable = tf.Variable(logits)
    with tf.GradientTape() as tape:
        result = loss(Y_TRUE, variable)
    slopes = np.asarray(tape.gradient(result, variable))
    for row, column in ((0, 0), (1, 2), (3, 1)):
        step = np.zeros_like(logits)
        step[row, column] = 0.01
        slope = (value(loss, y_pred=logits + step) - value(loss, y_pred=logits - step)) / 0.02
        assert slopes[row, column] == pytest.approx(slope, abs=2e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_loss_survives_saving(kind):
    loss = build_loss(kind, label_smoothing=0.1, class_weights=[3.0, 1.0, 0.5], **SETTINGS[kind])
    config = json.loads(json.dumps(keras.losses.serialize(loss)))
    assert value(keras.losses.deserialize(config)) == value(loss)


def test_half_precision_outputs_are_summed_in_float32():
    result = build_loss("focal")(Y_TRUE, keras.ops.cast(PROBS, "float16"))
    assert keras.backend.standardize_dtype(result.dtype) == "float32"


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        ("crossentropy", {}, r"`kind` must be one of .* Received: kind='crossentropy'"),
        ("cross_entropy", {"label_smoothing": 1.0}, r"`label_smoothing` must be .*\[0, 1\)"),
        ("cross_entropy", {"label_smoothing": True}, "`label_smoothing` must be"),
        ("cross_entropy", {"class_weights": [1.0, 2.0]}, "`class_weights` must be 3 numbers"),
        ("cross_entropy", {"class_weights": [1.0, 2.0, 0.0]}, "`class_weights` must be 3 numbers"),
        ("cross_entropy", {"class_weights": ["a", "b", "c"]}, "`class_weights` must be numbers"),
        ("focal", {"focal_gamma": -1.0}, "`focal_gamma` must be a number of 0 or more"),
        ("focal", {"focal_gamma": float("nan")}, "`focal_gamma` must be"),
        ("focal", {"focal_alpha": [1.0, -1.0, 1.0]}, "`focal_alpha` must be 3 numbers above 0"),
        ("cost", {}, "`cost_matrix` must be given"),
        ("cost", {"cost_matrix": [[0.0, 1.0], [1.0, 0.0]]}, "`cost_matrix` must be 3 by 3"),
        ("cost", {"cost_matrix": [[0, 1], [1, 0, 1], [1, 1, 0]]}, "`cost_matrix` must be numbers"),
        ("cost", {"cost_matrix": np.ones((3, 3))}, "0 on the diagonal"),
        ("cost", {"cost_matrix": -np.triu(np.ones((3, 3)), 1)}, "numbers of 0 or more"),
    ],
)
def test_wrong_settings_are_refused(kind, settings, message):
    with pytest.raises(ConfigError, match=message):
        build_loss(kind, **settings)


def test_unknown_kind_names_the_closest():
    with pytest.raises(ConfigError, match="must be one of") as caught:
        build_loss("crossentropy")
    assert caught.value.hint == "Did you mean 'cross_entropy'?"
