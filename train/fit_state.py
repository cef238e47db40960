"""The state of a fit after its last whole epoch: model, optimizer and what its callbacks count.

Keras's own `BackupAndRestore` keeps model and optimizer but not how long `ReduceLROnPlateau` and
`EarlyStopping` have waited, nor the best weights, so a resumed fit would end elsewhere.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from cxr_core.errors import SpecMismatchError

_PLATEAU: Final = ("best", "wait", "cooldown_counter")
_STOP: Final = ("best", "wait", "best_epoch", "stopped_epoch")


class FitState:
    """Saved after every epoch in one of two folders in turn; a small file names the whole one.

    Args:
        folder: Where the state lies; made at the first save.
        model: Compiled Keras model with a built optimizer.
        plateau: The run's `ReduceLROnPlateau`.
        stop: The run's `EarlyStopping`.
        rows: The history, filled by another callback before this one runs.
        recipe: JSON-ready values; a state of another recipe is refused.
    """

    def __init__(
        self,
        folder: Path,
        model: Any,
        plateau: Any,
        stop: Any,
        rows: list[dict[str, float]],
        recipe: Mapping[str, Any],
    ) -> None:
        self._folder = folder
        self._model = model
        self._plateau, self._stop = plateau, stop
        self._rows = rows
        self._recipe = json.loads(json.dumps(recipe))
        self._saved: dict[str, Any] | None = None

    @property
    def is_stopped(self) -> bool:
        """True if the saved fit had ended by itself."""
        return self._saved is not None and bool(self._saved["is_stopped"])

    def load(self) -> list[dict[str, float]]:
        """Load the last state into model and optimizer.

        Returns:
            The history so far; empty if there is no state.

        Raises:
            SpecMismatchError: If the state is of another recipe.
        """
        path = self._folder / "state.json"
        if not path.is_file():
            return []
        saved = json.loads(path.read_text("utf-8"))
        if saved["recipe"] != self._recipe:
            old, new = saved["recipe"], self._recipe
            changed = sorted(key for key in {*old, *new} if old.get(key) != new.get(key))
            msg = f"The folder's fit must be of the same settings. Received: other {changed}"
            raise SpecMismatchError(
                msg, hint="Use the settings it was started with, or another --out."
            )
        self._saved = saved
        self._model.load_weights(self._slot(saved["epoch"]) / "model.weights.h5")
        return [{key: _number(value) for key, value in row.items()} for row in saved["history"]]

    def put_back_best(self) -> None:
        """Do what `EarlyStopping` does at the end of a fit: put the best weights back."""
        best = self._best_weights()
        if best is not None:
            self._model.set_weights(best)

    def remove(self) -> None:
        """Delete the state, after the result is written."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def callback(self) -> Any:
        """Return the Keras callback that restores and saves; the last one of its list."""
        import keras

        state = self

        class Keeper(keras.callbacks.Callback):  # type: ignore[misc] # Keras has no types
            """Restores the other callbacks after they have reset themselves."""

            def on_train_begin(self, logs: Any = None) -> None:  # noqa: ARG002
                state._restore_callbacks()

            def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
                state._save(epoch + 1)

        return Keeper()

    def _slot(self, epoch: int) -> Path:
        return self._folder / str(epoch % 2)

    def _restore_callbacks(self) -> None:
        if self._saved is None:
            return
        for callback, key in ((self._plateau, "plateau"), (self._stop, "stop")):
            for name, value in self._saved[key].items():
                setattr(callback, name, value)
        self._stop.best_weights = self._best_weights()

    def _best_weights(self) -> list[Any] | None:
        if self._saved is None or not self._saved["n_best"]:
            return None
        with np.load(self._slot(self._saved["epoch"]) / "best.npz", allow_pickle=False) as stored:
            return [stored[f"{i:04d}"] for i in range(self._saved["n_best"])]

    def _save(self, epoch: int) -> None:
        slot = self._slot(epoch)
        slot.mkdir(parents=True, exist_ok=True)
        self._model.save_weights(slot / "model.weights.h5")
        best = getattr(self._stop, "best_weights", None) or []
        np.savez(slot / "best.npz", **{f"{i:04d}": array for i, array in enumerate(best)})
        state = {
            "recipe": self._recipe,
            "epoch": epoch,
            "history": [
                {key: None if value != value else value for key, value in row.items()}
                for row in self._rows
            ],
            "plateau": _counters(self._plateau, _PLATEAU),
            "stop": _counters(self._stop, _STOP),
            "n_best": len(best),
            "is_stopped": bool(self._model.stop_training),
        }
        temporary = self._folder / "state.new"
        temporary.write_text(json.dumps(state), "utf-8")
        temporary.replace(self._folder / "state.json")


def _counters(callback: Any, names: tuple[str, ...]) -> dict[str, float | None]:
    """Return the numbers a callback counts with."""
    values = {name: getattr(callback, name, None) for name in names}
    return {name: None if value is None else _plain(value) for name, value in values.items()}


def _plain(value: Any) -> float:
    """Return a Python number, whole numbers as such."""
    number = float(value)
    return int(number) if number.is_integer() else number


def _number(value: float | None) -> float:
    """Return what JSON left out as not a number."""
    return float("nan") if value is None else value
