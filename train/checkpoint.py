"""Go on after a kill at any moment: weights, optimizer and history are written as one."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from math import prod
from pathlib import Path
from typing import Any, Final

from cxr_core.errors import ArtifactIntegrityError, SpecMismatchError
from cxr_core.whole_file import write_whole, writing

FOLDER: Final = "checkpoint"
STATE: Final = "state.json"

_HEADER_BYTES: Final = 8192
_ITEM_BYTES: Final = {"float64": 8, "int64": 8, "uint64": 8, "float16": 2, "bfloat16": 2}
"""Bytes of one value where they are not four."""


class Checkpoint:
    """The state of a training after its last whole epoch.

    Two weight files take turns and a small file names the whole one, so that a kill while writing
    leaves the state before. Keras stores the optimizer with the weights, but not the state of
    dropout, which is stored beside them.

    Args:
        folder: Where the folder `checkpoint` lies.
        model: Compiled Keras model whose optimizer is built.
        recipe: JSON-ready values; a checkpoint of another recipe is refused.
        films: Digest of the films; a checkpoint of other films is refused. `None` leaves that open.
    """

    def __init__(
        self, folder: Path, model: Any, recipe: Mapping[str, Any], films: str | None = None
    ) -> None:
        self._folder = folder / FOLDER
        self._model = model
        self._recipe = json.loads(json.dumps(recipe))
        self._films = films
        self._folder.mkdir(parents=True, exist_ok=True)

    @property
    def _state_path(self) -> Path:
        return self._folder / STATE

    def resume(self) -> list[dict[str, Any]]:
        """Load the last state into the model.

        Returns:
            One row for each epoch that is done; empty if there is nothing to go on with.

        Raises:
            SpecMismatchError: If the checkpoint is of another recipe or of other films.
            ArtifactIntegrityError: If it is damaged.
        """
        if not self._state_path.is_file():
            return []
        hint = "Delete the folder `checkpoint` to begin again."
        try:
            state = json.loads(self._state_path.read_text("utf-8"))
            self._check(state)
            self._model.load_weights(self._folder / state["file"])
            self._restore_seeds(state)
            return list(state["history"])
        except (OSError, ValueError, KeyError, TypeError) as err:
            msg = f"The checkpoint in `{self._folder.parent.name}` must be whole. Received: {err}"
            raise ArtifactIntegrityError(msg, hint=hint) from err

    def save(self, history: list[dict[str, Any]]) -> None:
        """Write the state after an epoch.

        Args:
            history: One row for each epoch so far.
        """
        name = f"state-{len(history) % 2}.weights.h5"
        save_weights(self._model, self._folder / name)
        state = {
            "recipe": self._recipe,
            "films": self._films,
            "file": name,
            "seeds": [_numbers(generator) for generator in self._seed_generators()],
            "history": history,
        }
        write_whole(self._state_path, json.dumps(state).encode())

    def _check(self, state: Mapping[str, Any]) -> None:
        """Refuse the state of another training."""
        hint = "Use the settings and films it was started with, or another --out."
        if state["recipe"] != self._recipe:
            changed = sorted(
                key
                for key in {*state["recipe"], *self._recipe}
                if state["recipe"].get(key) != self._recipe.get(key)
            )
            msg = (
                f"The checkpoint must be of the same settings. Received: other {', '.join(changed)}"
            )
            raise SpecMismatchError(msg, hint=hint)
        known = state.get("films")
        if known is not None and self._films is not None and known != self._films:
            msg = "The checkpoint must be of the same films. Received: others, of the same number"
            raise SpecMismatchError(msg, hint=hint)

    def _restore_seeds(self, state: Mapping[str, Any]) -> None:
        """Put dropout where it was; one draw a step where the checkpoint does not say."""
        generators = list(self._seed_generators())
        stored = state.get("seeds")
        if stored is None:
            n_steps = int(self._model.optimizer.iterations)
            stored = [[_numbers(generator)[0], n_steps] for generator in generators]
        for generator, numbers in zip(generators, stored, strict=True):
            generator.state.assign(numbers)

    def _seed_generators(self) -> Iterator[Any]:
        """Yield the sources of randomness of the layers that draw, in the model's order."""
        for layer in self._model.layers:
            if getattr(layer, "rate", 0) and hasattr(layer, "seed_generator"):
                yield layer.seed_generator


def save_weights(model: Any, path: Path) -> None:
    """Write a model's weights; a file that is there already is not kept.

    Args:
        model: A Keras model.
        path: The file, `.weights.h5`.

    Raises:
        OutputError: If the disk is full or gone.
    """
    with writing(path.name):
        _look_for_room(model, path)
        try:
            model.save_weights(path)
        except RuntimeError as err:  # HDF5 tells of a full disk in words
            found = re.search(r"errno = (\d+)", str(err))
            if found is None:
                raise
            raise OSError(int(found[1]), os.strerror(int(found[1]))) from err


def _look_for_room(model: Any, path: Path) -> None:
    """Raise what a full disk raises before HDF5 meets it: that would end the process at its end."""
    if not hasattr(os, "posix_fallocate"):
        return
    optimizer = getattr(model, "optimizer", None)
    variables = [*model.variables, *(optimizer.variables if optimizer is not None else ())]
    n_bytes = _HEADER_BYTES * (1 + len(variables))
    n_bytes += sum(prod(v.shape) * _ITEM_BYTES.get(str(v.dtype), 4) for v in variables)
    if path.exists():
        n_bytes -= path.stat().st_size  # is written over
    if n_bytes > 0:
        with tempfile.TemporaryFile(dir=path.parent) as file:
            os.posix_fallocate(file.fileno(), 0, n_bytes)


def remove_checkpoint(folder: Path) -> None:
    """Delete what is left of a checkpoint, if anything is.

    Args:
        folder: Where the folder `checkpoint` lies.
    """
    (folder / FOLDER / STATE).unlink(missing_ok=True)  # first: a kill here must leave no half of it
    shutil.rmtree(folder / FOLDER, ignore_errors=True)


def _numbers(generator: Any) -> list[int]:
    """Return the state of a Keras seed generator."""
    import keras

    return [int(number) for number in keras.ops.convert_to_numpy(generator.state.value)]
