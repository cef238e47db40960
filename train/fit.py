"""Fit heads and ensembles on cached features; a killed fit goes on after its last whole epoch."""

from __future__ import annotations

import csv
import io
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cxr_core.dataset import class_weights_inverse, class_weights_max
from cxr_core.labels import CLASSES
from cxr_core.systems import DEFAULT_HIDDEN, MEMBER_HIDDEN, build_head, extract_head
from cxr_core.whole_file import write_whole
from train.auxiliary import (
    SOURCE_ADVERSARY,
    auxiliary_loss,
    auxiliary_targets,
    class_accuracy,
    with_auxiliary,
)
from train.config import TrainConfig
from train.losses import build_loss
from train.state import FitState

HISTORY_FIELDS = (
    "epoch",
    "loss",
    "accuracy",
    "val_loss",
    "val_accuracy",
    "learning_rate",
    "seconds",
)

FloatArray = npt.NDArray[np.float32]
_SIGNIFICANT = 256


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

    passes: Mapping[int, FloatArray]
    y_true: npt.NDArray[np.int64]
    val_inputs: FloatArray | None = None
    val_y_true: npt.NDArray[np.int64] | None = None
    weights: FloatArray | None = None
    answers: npt.NDArray[np.int64] | None = None
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


@dataclass(frozen=True, eq=False)
class Fitted:
    """A trained head or ensemble.

    Attributes:
        arrays: As `cxr_core.heads.head_from_arrays` takes them.
        history: One row an epoch, keys `HISTORY_FIELDS`; not a number where nothing steered.
        is_best_kept: True if the arrays are those of the best epoch, not of the last.
    """

    arrays: dict[str, FloatArray]
    history: list[dict[str, float]]
    is_best_kept: bool

    @property
    def best_epoch(self) -> int:
        """Epoch of the lowest validation loss, from 1; the last one where nothing steered."""
        losses = [row["val_loss"] for row in self.history]
        return len(losses) if np.isnan(losses).all() else int(np.nanargmin(losses)) + 1

    @property
    def chosen_epoch(self) -> int:
        """Epoch whose weights were kept."""
        return self.best_epoch if self.is_best_kept else len(self.history)


def class_weights(
    kind: str, y_true: npt.NDArray[np.int64], power: float = 1.0
) -> tuple[float, ...] | None:
    """Return one weight a class.

    Args:
        kind: `none`; `max`, largest count over own count; `inverse`, mean count over own count.
        y_true: Class indices, shape (n,), every class present.
        power: Exponent of the weights.

    Returns:
        Weights in class order, or `None` for none.
    """
    if kind == "none":
        return None
    counts = {name: int((y_true == index).sum()) for index, name in enumerate(CLASSES)}
    weights = class_weights_max(counts) if kind == "max" else class_weights_inverse(counts)
    return tuple(weights[name] ** power for name in CLASSES)


def fit_head(
    name: str,
    config: TrainConfig,
    data: FitData,
    history_path: Path | None = None,
    *,
    tensorboard: Path | None = None,
) -> Fitted:
    """Train a member's head as the preset says.

    Args:
        name: Member, which decides the widths of its layers.
        config: The recipe.
        data: Pooled features, each of shape (n, n_pooled, c), and labels.
        history_path: CSV file that gets a row after every epoch; the state of a killed fit is kept
            beside it. `None` writes nothing.
        tensorboard: Folder for TensorBoard's event files, or `None` for none.

    Returns:
        The arrays of the last epoch, or of the best one with `restore_best`; kernels as
        `rounded` gives them.
    """
    import keras

    keras.utils.set_random_seed(config.seed)
    n_pooled, channels = next(iter(data.passes.values())).shape[1:]
    head = build_head(
        (n_pooled, 1, channels),
        MEMBER_HIDDEN.get(name, DEFAULT_HIDDEN),
        name=name,
        pooling="none",
        dropout=config.dropout,
    )
    loss = build_loss(
        config.loss,
        label_smoothing=config.label_smoothing,
        class_weights=class_weights(config.class_weights, data.y_true, config.class_weight_power),
        focal_gamma=config.focal_gamma,
        focal_alpha=config.focal_alpha or None,
        cost_matrix=config.cost_matrix or None,
    )
    spec = FitSpec.of(config, epochs=config.epochs, learning_rate=config.learning_rate)
    shaped = replace(
        data,
        passes={number: inputs[:, :, None, :] for number, inputs in data.passes.items()},
        val_inputs=None if data.val_inputs is None else data.val_inputs[:, :, None, :],
    )
    model = head
    if data.answers is not None:
        is_reversed = config.auxiliary == SOURCE_ADVERSARY
        model = with_auxiliary(head, name, data.n_answers, is_reversed=is_reversed)
        loss = auxiliary_loss(loss, config.auxiliary_weight)
    rows, is_best_kept = fit_model(
        model, loss, shaped, spec, history_path, recipe=config.to_dict(), tensorboard=tensorboard
    )
    arrays = {
        key: rounded(array) if key.endswith("kernel") else array
        for key, array in extract_head(head, name).items()
    }
    return Fitted(arrays, rows, is_best_kept)


def rounded(kernel: FloatArray) -> FloatArray:
    """Round weights to eight significant bits, within the range of half precision.

    The backbones' weights have eight bits as well. A bundle stores such a kernel as float16, and
    version control packs it to less than that, since the other bits are 0.

    Args:
        kernel: Any shape, float32.

    Returns:
        New float32 array; each value moves by 0.4 % at most, below 6e-5 by 3e-8.
    """
    mantissa, exponent = np.frexp(kernel)
    short = np.ldexp(np.rint(mantissa * _SIGNIFICANT) / _SIGNIFICANT, exponent)
    return np.asarray(short.astype(np.float16), np.float32)


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
    log = _history_log(history_path, spec.seed)
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
def _drawn(
    seed: int, epoch: int, n_films: int, n_variants: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the order of an epoch's films and the variant drawn of each."""
    rng = np.random.default_rng([seed, epoch])
    return rng.permutation(n_films), rng.integers(n_variants, size=n_films)


def _history_log(path: Path | None, seed: int) -> Any:
    """Return a callback that writes one CSV row an epoch and keeps the rows."""
    import keras

    class HistoryLog(keras.callbacks.Callback):  # type: ignore[misc] # Keras has no types
        """Losses, accuracies, learning rate and seconds of each epoch."""

        def __init__(self) -> None:
            super().__init__()
            self.rows: list[dict[str, float]] = []
            self._started = 0.0
            self._rate = 0.0

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
            _seed_dropout(self.model, seed, epoch)
            self._started = time.perf_counter()
            self._rate = float(self.model.optimizer.learning_rate)

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            measured = {key: float((logs or {}).get(key, math.nan)) for key in HISTORY_FIELDS[1:5]}
            self.rows.append(
                {
                    "epoch": epoch + 1,
                    **measured,
                    "learning_rate": self._rate,
                    "seconds": round(time.perf_counter() - self._started, 3),
                }
            )
            if path is not None:
                write_history(path, self.rows)

    return HistoryLog()


def _seed_dropout(model: Any, seed: int, epoch: int) -> None:
    """Start each dropout layer's random numbers anew, so that an epoch is the same after a kill."""
    import keras

    dropouts = [layer for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
    for index, layer in enumerate(dropouts):
        if layer.rate > 0:
            state = np.random.default_rng([seed, epoch, index]).integers(2**31, size=2)
            layer.seed_generator.state.assign(state.astype(np.uint32))


def write_history(path: Path, rows: Sequence[Mapping[str, float]]) -> None:
    """Write all epochs so far, as one step for whoever reads meanwhile.

    Args:
        path: CSV file; replaced.
        rows: Keys `HISTORY_FIELDS`; what is not a number is left empty.
    """
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, HISTORY_FIELDS, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({k: "" if math.isnan(value) else value for k, value in row.items()})
    write_whole(path, text.getvalue().encode())


def _targets(
    data: FitData, y_true: npt.NDArray[np.int64], answers: npt.NDArray[np.int64] | None
) -> FloatArray:
    """Return classes as rows with a single one, and the answers beside them if any are asked."""
    rows = _one_hot(y_true)
    if data.answers is None or answers is None:
        return rows
    return auxiliary_targets(rows, answers, data.n_answers)


def _one_hot(y_true: npt.NDArray[np.int64]) -> FloatArray:
    """Return class indices as rows with a single one."""
    return np.eye(len(CLASSES), dtype=np.float32)[y_true]
