"""Keras as tutorials use it: `model.predict`, an eager GradientTape, tf-keras-vis.

The models are the five systems with random weights, which cost the same time. They are compiled
without XLA: Keras would compile each for minutes, and its convolutions are no faster on a CPU.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from cxr_core.array import Float32Array
from cxr_core.bundle import MemberEntry
from cxr_core.labels import CLASSES, ENSEMBLES
from cxr_core.predict import Predictor, Reading
from cxr_core.preprocess import preprocess_batch
from cxr_core.radiograph import Radiograph

Timer = Callable[[int], None]
Inputs = Mapping[str, Float32Array]


class KerasWays:
    """Five Keras models, built once.

    Args:
        members: Member name to its entry in the bundle.
        radiographs: The films that `Timer` counts.
    """

    def __init__(
        self, members: Mapping[str, MemberEntry], radiographs: Sequence[Radiograph]
    ) -> None:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        from train import keras_system as systems

        self._members = members
        self._inputs = {
            name: preprocess_batch(radiographs, entry.preprocess) for name, entry in members.items()
        }
        built = [
            systems.build_member(name, backbone=entry.backbone, pooling=entry.pooling)
            for name, entry in members.items()
        ]
        # each member is its own model, and the ensembles share its layers
        self._models = {model.name: model for model in built}
        if len(built) > 1:
            for name, build in zip(
                ENSEMBLES,
                (systems.build_ensemble_probs, systems.build_ensemble_dense),
                strict=True,
            ):
                self._models[name] = build(built)
        for model in self._models.values():
            model.compile(jit_compile=False)
        self._with_features = {name: self._joined(name) for name in self._models}

    def ways(self) -> dict[str, Timer]:
        """Return the ways that run the networks, by title."""
        tapes = [partial(self._predict_and_tape, name) for name in self._models]
        members = [partial(self._predict_and_tape, name) for name in self._members]
        rest = [partial(self._predict, name) for name in self._models if name in ENSEMBLES]
        return {
            "five `model.predict` + eager GradientTape, every system and class": _in_turn(tapes),
            "five `model.predict` + eager GradientTape, three networks and classes": _in_turn(
                [*members, *rest]
            ),
            "five `model.predict` + eager GradientTape, three networks, one class": _in_turn(
                [*(partial(way, n_classes=1) for way in members), *rest]
            ),
            "three `model.predict` + tf-keras-vis Grad-CAM, three networks and classes": _in_turn(
                [self._keras_vis(name) for name in self._members]
            ),
        }

    def _joined(self, name: str) -> Any:
        """Return the system's model with the feature maps that it reads as outputs too."""
        import keras

        model = self._models[name]
        layers = [self._members[member].feature_layer for member in self._parts(name)]
        features = [model.get_layer(layer).output for layer in layers]
        return keras.Model(model.inputs, [*features, model.output])

    def _parts(self, name: str) -> list[str]:
        """Return the networks that a system runs."""
        return list(self._members) if name in ENSEMBLES else [name]

    def _input(self, name: str, film: int) -> list[Float32Array]:
        """Return the film as each network of a system wants it."""
        return [self._inputs[part][film : film + 1] for part in self._parts(name)]

    def _predict(self, name: str, film: int) -> None:
        """Ask one system."""
        self._models[name].predict(self._input(name, film), verbose=0)

    def _predict_and_tape(self, name: str, film: int, *, n_classes: int = len(CLASSES)) -> None:
        """Ask one system, then run it once more under a tape for each class."""
        import tensorflow as tf

        self._predict(name, film)
        images = self._input(name, film)
        for index in range(n_classes):
            with tf.GradientTape() as tape:
                *features, probs = self._with_features[name](images, training=False)
                score = probs[:, index]
            for gradient, feature in zip(tape.gradient(score, features), features, strict=True):
                weights = tf.reduce_mean(gradient, axis=(1, 2))
                tf.einsum("bijc,bc->bij", feature, weights).numpy()

    def _keras_vis(self, name: str) -> Timer:
        """Return the way of tf-keras-vis: predict, then one call a class."""
        from tf_keras_vis.gradcam import Gradcam
        from tf_keras_vis.utils.scores import CategoricalScore

        visualizer = Gradcam(self._models[name], clone=False)

        def run(film: int) -> None:
            self._predict(name, film)
            for index in range(len(CLASSES)):
                visualizer(
                    CategoricalScore([index]),
                    self._inputs[name][film : film + 1],
                    penultimate_layer=self._members[name].feature_layer,
                    seek_penultimate_conv_layer=False,
                )

        return run


class HeadTape:
    """An eager tape over the heads alone, on features that the networks gave before.

    Args:
        predictor: Whose systems are explained.
        readings: The readings that `Timer` counts; their feature maps are used.
    """

    def __init__(self, predictor: Predictor, readings: Sequence[Reading]) -> None:
        from train import keras_system as systems

        self._readings = readings
        self._heads = {
            name: systems.build_head(
                entry.feature_shape,
                systems.MEMBER_HIDDEN.get(name, systems.DEFAULT_HIDDEN),
                name=name,
                pooling=entry.pooling,
            )
            for name, entry in predictor.members.items()
        }
        members = list(self._heads.values())
        self._models = dict(self._heads)
        if len(members) > 1:
            self._models[ENSEMBLES[0]] = systems.build_ensemble_probs(members)
            self._models[ENSEMBLES[1]] = systems.build_ensemble_dense(members)

    def __call__(self, film: int) -> None:
        """Make the Grad-CAM of every system and class."""
        import tensorflow as tf

        features = {
            name: tf.convert_to_tensor(array[None])
            for name, array in self._readings[film].features.items()
        }
        for name, model in self._models.items():
            inputs = list(features.values()) if name in ENSEMBLES else [features[name]]
            for index in range(len(CLASSES)):
                with tf.GradientTape() as tape:
                    tape.watch(inputs)
                    score = model(inputs, training=False)[:, index]
                for gradient, feature in zip(tape.gradient(score, inputs), inputs, strict=True):
                    weights = tf.reduce_mean(gradient, axis=(1, 2))
                    tf.einsum("bijc,bc->bij", feature, weights).numpy()


def _in_turn(timers: Sequence[Timer]) -> Timer:
    """Return one way that asks every model."""

    def run(film: int) -> None:
        for timer in timers:
            timer(film)

    return run
