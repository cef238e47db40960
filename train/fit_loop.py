"""Fit any small Keras model on arrays; a killed fit goes on after its last whole epoch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from cxr_core.array import Float32Array, IntArray
from cxr_core.labels import CLASSES
from train.auxiliary import (
    auxiliary_targets,
    class_accuracy,
)
from train.config import TrainConfig
from train.fit_state import FitState
from train.history_log import history_log


@dataclass(frozen=True, eq=False)
class FitData:
    """Inputs of the training variants and of the split that steers.

    Attributes:
        passes: Augmentation pass to inputs, each of shape (n, ...), float32.
        y_true: Class indices of the training films, shape (n,).
        val_inputs: Shape (m, ...), float32; `None` where nothing steers.
        val_y_true: Shape (m,); `None` where nothing steers.
        weights: Weight of each training film, shape (n,); `None` for 1.
        answers: Answer of each training film to the second question, shape (n,), -1 for none;
            `None` where there is no second question.
        n_answers: Number of answers.
    """

    passes: Mapping[int, Float32Array]
    y_true: IntArray
    val_inputs: Float32Array | None = None
    val_y_true: IntArray | None = None
    weights: Float32Array | None = None
    answers: IntArray | None = None
    n_answers: int = 0


@dataclass(frozen=True)
class FitSpec:
    """How long and how fast to fit.

    Attributes:
        epochs: Most epochs.
        learning_rate: First rate.
        seed: Seed of order and dropout.
        batch_size: Films a step.
        weight_decay: Decoupled decay; 0 is Adam itself.
        reduce_factor: See `TrainConfig`.
        reduce_patience: See `TrainConfig`.
        reduce_min_delta: See `TrainConfig`.
        stop_patience: See `TrainConfig`.
        restore_best: See `TrainConfig`.
    """

    epochs: int
    learning_rate: float
    seed: int
    batch_size: int
    weight_decay: float
    reduce_factor: float
    reduce_patience: int
    reduce_min_delta: float
    stop_patience: int
    restore_best: bool

    @classmethod
    def of(cls, config: TrainConfig, *, epochs: int, learning_rate: float) -> FitSpec:
        """Take what all fits of a run share from its settings."""
        return cls(
            epochs=epochs,
            learning_rate=learning_rate,
            seed=config.seed,
            batch_size=config.batch_size,
            weight_decay=config.weight_decay,
            reduce_factor=config.reduce_factor,
            reduce_patience=config.reduce_patience,
            reduce_min_delta=config.reduce_min_delta,
            stop_patience=config.stop_patience,
            restore_best=config.restore_best,
        )


def fit_model(
    model: Any,
    loss: Any,
    data: FitData,
    spec: FitSpec,
    history_path: Path | None,
    *,
    recipe: Mapping[str, Any],
    tensorboard: Path | None = None,
) -> tuple[list[dict[str, float]], bool]:
    """Fit any small model; the model is changed.

    Args:
        model: Keras model whose input fits `data`; output (n, 3) probabilities.
        loss: Keras loss.
        data: Inputs and labels.
        spec: Epochs, rates, patience.
        history_path: As for `fit_head`.
        recipe: JSON-ready values; the state of a fit of another recipe is refused.
        tensorboard: As for `fit_head`.

    Returns:
        The history, and whether the best epoch's weights were put back.

    Raises:
        SpecMismatchError: If the folder holds the state of another recipe.
    """
    import keras

    optimizer = keras.optimizers.AdamW if spec.weight_decay else keras.optimizers.Adam
    decay = {"weight_decay": spec.weight_decay} if spec.weight_decay else {}
    accuracy = "accuracy" if data.answers is None else class_accuracy()
    model.compile(optimizer(spec.learning_rate, **decay), loss, metrics=[accuracy])
    model.optimizer.build(model.trainable_variables)
    steers = data.val_inputs is not None
    log = history_log(history_path, spec.seed)
    callbacks: list[Any] = [log, keras.callbacks.TerminateOnNaN()]
    plateau = keras.callbacks.ReduceLROnPlateau(
        monitor="val_loss",
        factor=spec.reduce_factor,
        patience=spec.reduce_patience,
        min_delta=spec.reduce_min_delta,
    )
    stop = keras.callbacks.EarlyStopping(
        monitor="val_loss",
        patience=spec.stop_patience,
        restore_best_weights=spec.restore_best,
    )
    if steers:
        callbacks += [plateau, stop]
    if tensorboard is not None:
        callbacks.append(keras.callbacks.TensorBoard(tensorboard, write_graph=False))
    state = None
    if history_path is not None:
        state = FitState(history_path.parent / "state", model, plateau, stop, log.rows, recipe)
        log.rows[:] = state.load()
        callbacks.append(state.callback())
    validation = None
    if steers and data.val_y_true is not None:
        unasked = np.full(len(data.val_y_true), -1, np.int64)
        validation = (data.val_inputs, _targets(data, data.val_y_true, unasked))
    if state is not None and state.is_stopped:
        state.put_back_best()
    elif len(log.rows) < spec.epochs:
        batches, n_batches = _batches(spec, data, len(log.rows))
        model.fit(
            batches,
            steps_per_epoch=n_batches,
            shuffle=False,  # Keras would deal the batches anew, as a resumed fit cannot repeat
            initial_epoch=len(log.rows),
            epochs=spec.epochs,
            validation_data=validation,
            validation_batch_size=256,
            callbacks=callbacks,
            verbose=0,
        )
    return log.rows, steers and spec.restore_best


def _batches(spec: FitSpec, data: FitData, first_epoch: int) -> Any:
    """Return the batches of all epochs from one on; each shuffles and draws a variant of each film.

    Keras fetches ahead, over the end of an epoch too. So the number of a batch alone says which
    films are in it, and a resumed fit gets the batches that an unbroken one gets.
    """
    import keras

    variants = [data.passes[number] for number in sorted(data.passes)]
    n_batches = -(-len(data.y_true) // spec.batch_size)

    class Batches(keras.utils.PyDataset):  # type: ignore[misc] # Keras has no types
        """Batches of inputs, repeatable for a seed."""

        def __len__(self) -> int:
            return n_batches * (spec.epochs - first_epoch)

        def __getitem__(self, index: int) -> tuple[Any, ...]:
            epoch, number = divmod(index, n_batches)
            order, choice = _drawn(spec.seed, first_epoch + epoch, len(data.y_true), len(variants))
            rows = order[number * spec.batch_size : (number + 1) * spec.batch_size]
            if len(variants) == 1:
                inputs = variants[0][rows]
            else:
                inputs = np.stack([variants[choice[row]][row] for row in rows])
            answers = None if data.answers is None else data.answers[rows]
            batch = (inputs, _targets(data, data.y_true[rows], answers))
            return batch if data.weights is None else (*batch, data.weights[rows])

    return Batches(), n_batches


@lru_cache(maxsize=4)
def _drawn(seed: int, epoch: int, n_films: int, n_variants: int) -> tuple[IntArray, IntArray]:
    """Return the order of an epoch's films and the variant drawn of each."""
    rng = np.random.default_rng([seed, epoch])
    return rng.permutation(n_films), rng.integers(n_variants, size=n_films)


def _targets(data: FitData, y_true: IntArray, answers: IntArray | None) -> Float32Array:
    """Return classes as rows with a single one, and the answers beside them if any are asked."""
    rows = _one_hot(y_true)
    if data.answers is None or answers is None:
        return rows
    return auxiliary_targets(rows, answers, data.n_answers)


def _one_hot(y_true: IntArray) -> Float32Array:
    """Return class indices as rows with a single one."""
    return np.eye(len(CLASSES), dtype=np.float32)[y_true]
