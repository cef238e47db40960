"""One end-to-end training: epochs over augmented films, whole films to measure, BatchNorm anew.

The order of the films, their crops and the dropout of an epoch depend on the seed and the epoch's
number alone, so that a training that goes on after a kill ends where an unbroken one ends.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from cxr_core.array import ByteArray, Float32Array, IntArray
from cxr_core.labels import N_CLASSES
from cxr_core.preprocess import PreprocessSpec, scale
from train.augment import RadiographAugment, draw, film_rng
from train.pretrain.device import Devices
from train.pretrain.measure import Watch, measure

if TYPE_CHECKING:
    from train.pretrain import Images
    from train.pretrain.config import PretrainConfig, Stage

LOG = logging.getLogger(__name__)
VALIDATION_BATCH: Final = 32
Batch = tuple[Float32Array, Float32Array, Float32Array]  # films, targets, weights


class Loop:
    """Runs the epochs of one compiled network.

    With several devices every step is one batch of `batch_size` films shared out evenly; the films
    left over at an epoch's end are skipped (others each time). Gradients are averaged over the
    devices, so without dropout and BatchNorm a step equals that on one device. BatchNorm takes its
    statistics from each device's share, and dropout draws the same pattern on each.

    Args:
        model: Compiled Keras model, logits as output.
        base: The backbone in it.
        config: The recipe.
        films: Films to fit.
        scaling: Range of the network's input, see `PreprocessSpec.scaling`.
        devices: Where to train.
    """

    def __init__(
        self,
        model: Any,
        base: Any,
        config: PretrainConfig,
        films: Images,
        scaling: str,
        devices: Devices,
    ) -> None:
        self._model = model
        self._base = base
        self._config = config
        self._films = films
        self._spec = PreprocessSpec(scaling=scaling)
        self._devices = devices
        self._class_weights = class_weights(films.y_true)

    def epoch(self, number: int) -> dict[str, float]:
        """Train one epoch.

        Args:
            number: Its number, from 0.

        Returns:
            Its row of the history, without what `validate` measures.

        Raises:
            ConfigError: If the loss is not finite any more.
        """
        started = time.monotonic()
        stage = self._config.stage_of(number)
        rate = float(self._model.optimizer.learning_rate)
        watch = Watch(f"{self._config.backbone} epoch {number + 1}", len(self._films))
        if self._devices.strategy is None:
            for films, targets, weights in self._steps(number, stage):
                logs = self._model.train_on_batch(
                    films, targets, sample_weight=weights, return_dict=True
                )
                watch.add(len(films), logs)
            logs = watch.means()
        else:
            logs = self._fit_shared(number, stage, watch)
        return {
            "epoch": number + 1,
            "size_px": stage.size_px,
            "loss": round(float(logs["loss"]), 5),
            "accuracy": round(float(logs["accuracy"]), 5),
            "learning_rate": rate,
            "seconds": round(time.monotonic() - started, 1),
        }

    def validate(self, films: Images, size_px: int) -> dict[str, float]:
        """Measure cross-entropy, accuracy and recall of whole films.

        Args:
            films: At least one film.
            size_px: Side of the square input.

        Returns:
            `val_loss`, `val_accuracy`, `val_macro_recall` (over the classes that occur).
        """
        parts = []
        # whole batches only: another size would be compiled anew
        rows = np.arange(-(-len(films) // VALIDATION_BATCH) * VALIDATION_BATCH) % len(films)
        for start in range(0, len(rows), VALIDATION_BATCH):
            pixels = films.pixels[rows[start : start + VALIDATION_BATCH]]
            batch = self._whole(pixels, size_px)
            # with several devices each of them would answer for the whole batch
            is_shared = self._devices.strategy is not None
            parts.append(
                _to_numpy(self._model(batch, training=False))
                if is_shared
                else self._model.predict_on_batch(batch)
            )
        logits = np.concatenate(parts)[: len(films)]
        return measure(logits.astype(np.float64), films.y_true)

    def recalibrate(self) -> None:
        """Measure the running means of BatchNorm on whole films at the size they are served with.

        Layers that are frozen stay as they are.
        """
        import keras

        config, films = self._config, self._films
        layers = [
            layer
            for layer in self._base.layers
            if isinstance(layer, keras.layers.BatchNormalization) and layer.trainable
        ]
        n_batches = min(config.recalibrate_films, len(films)) // config.batch_size
        if not layers or not n_batches:
            return
        momenta = [layer.momentum for layer in layers]
        order = np.random.default_rng([config.seed, config.epochs]).permutation(len(films))
        for number in range(n_batches):
            for layer in layers:  # with 1 - 1/k the result is the plain mean over the batches
                layer.momentum = number / (number + 1)
            rows = order[number * config.batch_size : (number + 1) * config.batch_size]
            self._base(self._whole(films.pixels[rows], config.serve_px), training=True)
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
        n_films = n_batches * config.batch_size
        LOG.info("%s: BatchNorm measured on %d films", self._model.name, n_films)

    def _steps(self, epoch: int, stage: Stage) -> Iterator[Batch]:
        """Yield the batches of an epoch: films in the network's range, targets and weights."""
        config, films = self._config, self._films
        order = np.random.default_rng([config.seed, epoch]).permutation(len(films))
        n_rows = config.rows_an_epoch(len(films))
        layers = _augment_layers(config, epoch) if config.augmentation == "layers" else None
        for start in range(0, n_rows, config.batch_size):
            rows = order[start : start + config.batch_size]
            if layers is None:
                images = self._drawn(rows, epoch, stage.size_px)
            else:
                images = _resized(_vary(layers, films.pixels[rows]), stage.size_px)
            labels = films.y_true[rows]
            yield (
                self._scaled(images),
                np.eye(N_CLASSES, dtype=np.float32)[labels],
                self._class_weights[labels],
            )

    def _drawn(self, rows: Any, epoch: int, size_px: int) -> Float32Array:
        """Return a random crop of each film."""
        spec, films = RadiographAugment(), self._films
        return np.stack(
            [
                draw(
                    films.pixels[i],
                    spec,
                    film_rng(self._config.seed, epoch + 1, films.digests[i]),
                    size_px,
                )
                for i in rows
            ]
        )

    def _whole(self, pixels: ByteArray, size_px: int) -> Float32Array:
        """Return whole films at one size as the network takes them."""
        return self._scaled(_resized(pixels, size_px).astype(np.float32) / np.float32(255))

    def _scaled(self, images: Float32Array) -> Float32Array:
        """Return films in [0, 1], shape (n, h, w), in the network's range, shape (n, h, w, 3)."""
        return np.stack([scale(image, self._spec) for image in images])

    def _fit_shared(self, epoch: int, stage: Stage, watch: Watch) -> dict[str, float]:
        """Train one epoch on several devices; `train_on_batch` would give each the whole batch."""
        import keras
        import tensorflow as tf

        shape = (None, stage.size_px, stage.size_px, 3)
        dataset = tf.data.Dataset.from_generator(  # started more than once: Keras peeks
            lambda: (row for step in self._steps(epoch, stage) for row in zip(*step, strict=True)),
            output_signature=(
                tf.TensorSpec(shape[1:]),
                tf.TensorSpec((N_CLASSES,)),
                tf.TensorSpec(()),
            ),
        ).batch(self._config.batch_size, drop_remainder=True)
        report = keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda _, logs: watch.add(self._config.batch_size, logs)
        )
        n_rows = self._config.rows_an_epoch(len(self._films))
        history = self._model.fit(
            dataset,
            steps_per_epoch=n_rows // self._config.batch_size,
            epochs=1,
            shuffle=False,
            verbose=0,
            callbacks=[report],
        )
        return {key: values[0] for key, values in history.history.items()}


def class_weights(y_true: IntArray) -> Float32Array:
    """Weigh a class by one over the root of its count, with mean 1 over the films.

    Args:
        y_true: Class indices, shape (n,).

    Returns:
        Shape (k,), float32.
    """
    counts = np.bincount(y_true, minlength=N_CLASSES)
    weights = 1 / np.sqrt(np.maximum(counts, 1))
    return np.asarray(weights * len(y_true) / (weights * counts).sum(), np.float32)


def _resized(images: npt.NDArray[Any], size_px: int) -> npt.NDArray[Any]:
    """Return whole films at one size, shape (n, size, size), in their own dtype."""
    import cv2

    return np.stack(
        [
            cv2.resize(image, (size_px, size_px), interpolation=cv2.INTER_AREA)
            if image.shape != (size_px, size_px)
            else image
            for image in images
        ]
    )


def _augment_layers(config: PretrainConfig, epoch: int) -> Any:
    """Return the augmentation layers of one epoch; new seeds make an epoch repeatable alone."""
    from train.augment_layers import radiograph_layers

    seeds = np.random.SeedSequence([config.seed, epoch]).generate_state(1)
    return radiograph_layers(seed=int(seeds[0] % 2**31))


def _vary(layers: Any, pixels: ByteArray) -> Float32Array:
    """Return one variant of each film, shape (n, h, w), float32 in [0, 1]."""
    images = pixels[..., None].astype(np.float32) / 255
    return _to_numpy(layers(images, training=True))[..., 0]


def _to_numpy(tensor: Any) -> Float32Array:
    """Return a tensor of any backend as an array."""
    import keras

    return np.asarray(keras.ops.convert_to_numpy(tensor), np.float32)
