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


def fit_model(
    model: Any,
    loss: Any,
    data: FitData,
    config: TrainConfig,
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
        config: Epochs, rates, patience.
        history_path: As for `fit_head`.
        recipe: JSON-ready values; the state of a fit of another recipe is refused.
        tensorboard: As for `fit_head`.

    Returns:
        The history, and whether the best epoch's weights were put back.

    Raises:
        SpecMismatchError: If the folder holds the state of another recipe.
    """
    import keras

    optimizer = keras.optimizers.AdamW if config.weight_decay else keras.optimizers.Adam
    decay = {"weight_decay": config.weight_decay} if config.weight_decay else {}
    accuracy = "accuracy" if data.answers is None else class_accuracy()
    model.compile(optimizer(config.learning_rate, **decay), loss, metrics=[accuracy])
    model.optimizer.build(model.trainable_variables)
    steers = data.val_inputs is not None
    log = history_log(history_path, config.seed)
    callbacks: list[Any] = [log, keras.callbacks.TerminateOnNaN()]
    plateau = keras.callbacks.ReduceLROnPlateau(
        monitor="val_loss",
        factor=config.reduce_factor,
        patience=config.reduce_patience,
        min_delta=config.reduce_min_delta,
    )
    stop = keras.callbacks.EarlyStopping(
        monitor="val_loss",
        patience=config.stop_patience,
        restore_best_weights=config.restore_best,
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
    elif len(log.rows) < config.epochs:
        batches, n_batches = _batches(config, data, len(log.rows))
        model.fit(
            batches,
            steps_per_epoch=n_batches,
            shuffle=False,  # Keras would deal the batches anew, as a resumed fit cannot repeat
            initial_epoch=len(log.rows),
            epochs=config.epochs,
            validation_data=validation,
            validation_batch_size=256,
            callbacks=callbacks,
            verbose=0,
        )
    return log.rows, steers and config.restore_best


def _batches(config: TrainConfig, data: FitData, first_epoch: int) -> Any:
    """Return the batches of all epochs from one on; each shuffles and draws a variant of each film.

    Keras fetches ahead, over the end of an epoch too. So the number of a batch alone says which
    films are in it, and a resumed fit gets the batches that an unbroken one gets.
    """
    import keras

    variants = [data.passes[number] for number in sorted(data.passes)]
    n_batches = -(-len(data.y_true) // config.batch_size)

    class Batches(keras.utils.PyDataset):  # type: ignore[misc] # Keras has no types
        """Batches of inputs, repeatable for a seed."""

        def __len__(self) -> int:
            return n_batches * (config.epochs - first_epoch)

        def __getitem__(self, index: int) -> tuple[Any, ...]:
            epoch, number = divmod(index, n_batches)
            order, choice = _drawn(
                config.seed, first_epoch + epoch, len(data.y_true), len(variants)
            )
            rows = order[number * config.batch_size : (number + 1) * config.batch_size]
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
