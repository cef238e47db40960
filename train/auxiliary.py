"""A second question to a head's last hidden layer while it trains: a finer class, or the source.

Asked plainly, the layer learns what the answer needs. Asked through a reversed gradient, it
unlearns it: the second output still tries to tell the source, and the layer is changed to stop it.
Only the head itself is kept.

References:
    Ganin and Lempitsky 2015, "Unsupervised Domain Adaptation by Backpropagation", equation 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from cxr_core.array import Float32Array, IntArray
from cxr_core.dataset import Film
from cxr_core.labels import N_CLASSES

SUBTYPE: Final = "subtype"
SOURCE_ADVERSARY: Final = "source_adversary"
KINDS: Final = ("none", SUBTYPE, SOURCE_ADVERSARY)


def auxiliary_labels(kind: str, films: Sequence[Film]) -> tuple[tuple[str, ...], npt.NDArray[Any]]:
    """Number the answers to the second question.

    Args:
        kind: `subtype` or `source_adversary`.
        films: Films with what a manifest tells of them.

    Returns:
        The answers in order, and one index a film, shape (n,), int64; -1 where nothing is told.
    """
    told = [film.subtype if kind == SUBTYPE else film.source for film in films]
    names = tuple(sorted({name for name in told if name}))
    index = {name: i for i, name in enumerate(names)}
    return names, np.array([index.get(name, -1) for name in told], np.int64)


def source_weights(films: Sequence[Film]) -> Float32Array:
    """Weigh films so that the sources of a class count alike.

    Args:
        films: Films with their class and source; films without source count as one source.

    Returns:
        Shape (n,), float32; the weights of a class sum to its count.
    """
    keys = [(film.label, film.source) for film in films]
    n_films = {key: keys.count(key) for key in set(keys)}
    n_class = {label: sum(k[0] == label for k in keys) for label, _ in n_films}
    n_sources = {label: sum(k[0] == label for k in n_films) for label, _ in n_films}
    return np.array(
        [n_class[label] / (n_sources[label] * n_films[label, source]) for label, source in keys],
        np.float32,
    )


def with_auxiliary(head: Any, name: str, n_answers: int, *, is_reversed: bool) -> Any:
    """Return the head with a second output beside the first.

    Args:
        head: Built head whose last hidden layer is asked.
        name: Its member's name.
        n_answers: Number of answers.
        is_reversed: Turn the gradient round between the layer and the second output.

    Returns:
        A new model that shares the head's layers; output (n, 3 + `n_answers`): probabilities of the
        classes, then of the answers.
    """
    import keras

    layers = {layer.name: layer for layer in head.layers}
    index = max(i for i in range(len(layers)) if f"{name}_dense_{i}" in layers)
    hidden = layers[f"{name}_dense_{index}"].output
    if is_reversed:
        # the value of `hidden`, with minus its gradient: no operation of any one backend
        frozen = keras.layers.Lambda(keras.ops.stop_gradient, name=f"{name}_frozen")(hidden)
        turned = keras.layers.Lambda(lambda x: -x, name=f"{name}_turned")(hidden)
        twice = keras.layers.Add(name=f"{name}_twice")([frozen, frozen])
        hidden = keras.layers.Add(name=f"{name}_reversed")([twice, turned])
    answers = keras.layers.Dense(n_answers, activation="softmax", name=f"{name}_auxiliary")(hidden)
    both = keras.layers.Concatenate(name=f"{name}_both")([head.output, answers])
    return keras.Model(head.input, both, name=head.name)


def auxiliary_targets(one_hot: Float32Array, answers: IntArray, n_answers: int) -> Float32Array:
    """Put the answers beside the classes.

    Args:
        one_hot: Shape (n, 3).
        answers: Index of each film's answer, shape (n,); -1 for none.
        n_answers: Number of answers.

    Returns:
        Shape (n, 3 + `n_answers`); no answer is a row of zeros and costs nothing.
    """
    told = np.zeros((len(answers), n_answers), np.float32)
    known = answers >= 0
    told[np.flatnonzero(known), answers[known]] = 1
    return np.concatenate([one_hot, told], axis=1)


def auxiliary_loss(main: Any, weight: float) -> Any:
    """Add the cross-entropy of the answers to the loss of the classes.

    Args:
        main: Keras loss of the classes.
        weight: Of the answers' cross-entropy.

    Returns:
        A Keras loss on targets and outputs of shape (n, 3 + answers).
    """
    import keras

    class Both(keras.losses.Loss):  # type: ignore[misc] # Keras has no types
        """Loss of the classes plus weighted cross-entropy of the answers."""

        def call(self, y_true: Any, y_pred: Any) -> Any:
            y_true = keras.ops.cast(y_true, y_pred.dtype)
            classes = main.call(y_true[:, :N_CLASSES], y_pred[:, :N_CLASSES])
            likely = keras.ops.clip(y_pred[:, N_CLASSES:], 1e-7, 1.0)
            answers = -keras.ops.sum(y_true[:, N_CLASSES:] * keras.ops.log(likely), axis=-1)
            return classes + weight * answers

    return Both(name="with_auxiliary")


def class_accuracy() -> Any:
    """Return the accuracy of the classes alone, under the name that histories have."""
    import keras

    def accuracy(y_true: Any, y_pred: Any) -> Any:
        return keras.metrics.categorical_accuracy(y_true[:, :N_CLASSES], y_pred[:, :N_CLASSES])

    return keras.metrics.MeanMetricWrapper(accuracy, name="accuracy")
