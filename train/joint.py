"""The ensembles of a run, the means they are compared with, and the figures of any system."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cxr_core.array import Float32Array, Float64Array, IntArray
from cxr_core.dataset import Film
from cxr_core.evaluate.bootstrap import difference, figures
from cxr_core.evaluate.metrics import classification_summary, confusion_matrix
from cxr_core.heads import Dense, MemberHead
from cxr_core.labels import class_index
from train.blind import Blind
from train.config import TrainConfig
from train.ensembles import (
    BASELINES,
    MemberOutput,
    ensemble_probs_of,
    fit_ensemble,
    joined,
    mean_weights,
    weighted_mean,
)
from train.fit import Fitted
from train.material import ADDED, Material, Request, added_folds, fitted_added
from train.parts import FIT, TEST, VALIDATION
from train.run import read_record, system_folder, write_record

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class TrainedMember:
    """A member after its fit.

    Attributes:
        head: Its head.
        outputs: Part or set name to what it says.
        fold_output: What heads fitted without a film's patient say of the fitted films, or `None`.
        record: Its part of the run's record.
        blind: One a fold of the added films. Empty where no films are added.
    """

    head: MemberHead
    outputs: Mapping[str, MemberOutput]
    fold_output: MemberOutput | None
    record: dict[str, Any]
    blind: Sequence[Blind] = ()


@dataclass(frozen=True, eq=False)
class Joint:
    """What the ensembles of a run are made from."""

    request: Request
    material: Material
    members: Mapping[str, TrainedMember]
    films: Mapping[str, tuple[Film, ...]]

    def _outputs(self, part: str) -> list[MemberOutput]:
        return [member.outputs[part] for member in self.members.values()]

    def _labels(self, part: str) -> IntArray:
        return np.array([class_index(film.label) for film in self.films[part]], np.int64)

    def baselines(self) -> dict[str, Any]:
        """Measure the plain mean, and the mean weighted on the films that steer."""
        weights = mean_weights(self._outputs(VALIDATION), self._labels(VALIDATION))
        result = {}
        for name, used in zip(BASELINES, (None, weights), strict=True):
            probs = {part: weighted_mean(self._outputs(part), used) for part in self.films}
            result[name] = {
                "weights": used and dict(zip(self.members, used, strict=True)),
                "weights_chosen_on": used and self.request.config.validation,
                **measured(self.material, self.films, probs),
            }
        return result

    def train(self, system: str) -> dict[str, Any]:
        """Train one ensemble, or load it if it is done; write its files; return its record."""
        from safetensors.numpy import save_file

        config = self.request.config
        folder = system_folder(self.request.out, system)
        if (folder / "run.json").is_file():
            LOG.info("%s: finished before", system)
            return read_record(folder / "run.json")
        folder.mkdir(parents=True, exist_ok=True)
        outputs = {part: self._outputs(part) for part in (FIT, VALIDATION)}
        sets = self._fit_sets(system, outputs, self._added())
        heads = {name: member.head for name, member in self.members.items()}
        started = time.perf_counter()
        fitted = _fit(system, config, heads, sets, folder / "history.csv")
        seconds = time.perf_counter() - started
        save_file(fitted.arrays, folder / "head.safetensors")
        layer = Dense(fitted.arrays["logits/kernel"], fitted.arrays["logits/bias"])
        probs = {part: ensemble_probs_of(layer, system, self._outputs(part)) for part in self.films}
        record = {
            "members": list(self.members),
            "n_parameters": layer.n_parameters,
            "fitted_to": config.ensemble_data,
            "n_fitted": len(sets.y_true),
            **describe_epochs(fitted, seconds, config if sets.steering else None),
            **measured(self.material, self.films, probs),
            "against_mean": difference(
                self._labels(TEST),
                probs[TEST],
                weighted_mean(self._outputs(TEST)),
                self.material.patients(TEST, self.films[TEST]),
            ),
        }
        if ADDED in self.material.sets:
            record["blind"] = summarise_system(
                self.material, ADDED, self.films[ADDED], self._blind_probs(system)
            )
        write_record(folder / "run.json", record)
        shutil.rmtree(folder / "state", ignore_errors=True)
        LOG.info("%s: test accuracy %.4f", system, record["test"]["accuracy"]["value"])
        return record

    def _added(self) -> _Added | None:
        """Return what members that never saw their patients say of the added films."""
        if ADDED not in self.material.sets:
            return None
        folds = added_folds(self.request.config, self.material)
        rows = fitted_added(self.material)
        outputs = []
        for member in self.members.values():
            said = [blind.outputs[ADDED] for blind in member.blind]
            probs = unfold(folds, [out.probs for out in said])
            hidden = unfold(folds, [out.hidden for out in said])
            outputs.append(
                MemberOutput(probs[rows].astype(np.float32), hidden[rows].astype(np.float32))
            )
        return _Added(outputs, self._labels(ADDED)[rows])

    def _fit_sets(
        self,
        system: str,
        outputs: Mapping[str, Sequence[MemberOutput]],
        added: _Added | None,
    ) -> _FitSets:
        """Return what an ensemble is fitted to and what steers it.

        Added films weigh against the others as they do where the members are fitted.
        """
        config = self.request.config
        own, y_true = outputs[VALIDATION], self._labels(VALIDATION)
        steering = (joined(system, own), y_true)
        if config.ensemble_data != "held_out":
            own, y_true = outputs[FIT], self._labels(FIT)
        if config.ensemble_data == "out_of_fold":
            own = [m.fold_output for m in self.members.values() if m.fold_output is not None]
        inputs, weights = joined(system, own), None
        if added is not None:
            weight = config.extra_weight * len(y_true) / len(self.films[FIT])
            weights = np.ones(len(y_true) + len(added.y_true), np.float32)
            weights[len(y_true) :] = weight
            inputs = np.concatenate([inputs, joined(system, added.outputs)])
            y_true = np.concatenate([y_true, added.y_true])
        steered = None if config.ensemble_data == "held_out" else steering
        return _FitSets(inputs, y_true, weights, steered)

    def _blind_probs(self, system: str) -> Float64Array:
        """Read each added film by an ensemble of members that never saw its patient."""
        config = self.request.config
        folds = added_folds(config, self.material)
        fitted_rows, labels = fitted_added(self.material), self._labels(ADDED)
        probs = []
        for number in range(config.folds):
            blind = {name: member.blind[number] for name, member in self.members.items()}
            outputs = {
                part: [fold.outputs[part] for fold in blind.values()]
                for part in (FIT, VALIDATION, ADDED)
            }
            others = [fold.others for fold in blind.values() if fold.others is not None]
            added = _Added(others, labels[fitted_rows & (folds != number)])
            heads = {name: fold.head for name, fold in blind.items()}
            fitted = _fit(system, config, heads, self._fit_sets(system, outputs, added))
            layer = Dense(fitted.arrays["logits/kernel"], fitted.arrays["logits/bias"])
            probs.append(ensemble_probs_of(layer, system, outputs[ADDED]))
        return unfold(folds, probs)


@dataclass(frozen=True, eq=False)
class _Added:
    """What the members say of added films, and the truth."""

    outputs: Sequence[MemberOutput]
    y_true: IntArray


@dataclass(frozen=True, eq=False)
class _FitSets:
    """What an ensemble is fitted to, and the films that steer it."""

    inputs: Float32Array
    y_true: IntArray
    weights: Float32Array | None
    steering: tuple[Float32Array, IntArray] | None


def _fit(
    system: str,
    config: TrainConfig,
    heads: Mapping[str, MemberHead],
    sets: _FitSets,
    history_path: Path | None = None,
) -> Fitted:
    """Fit one ensemble."""
    pair = (sets.inputs, sets.y_true)
    return fit_ensemble(
        system, config, heads, pair, sets.steering, history_path, weights=sets.weights
    )


def measured(
    material: Material, films: Mapping[str, Sequence[Film]], probs: Mapping[str, npt.NDArray[Any]]
) -> dict[str, Any]:
    """Measure one system on the films that steer, the test films and the sets beside them.

    Args:
        material: Knows the patients.
        films: Part or set name to readable films.
        probs: Part or set name to shape (n, 3).

    Returns:
        `test` and `val` to their summaries; `sets` to one summary a set where there are any.
    """
    result: dict[str, Any] = {}
    for part in (TEST, VALIDATION, *(name for name in material.sets if name != ADDED)):
        summary = summarise_system(material, part, films[part], probs[part])
        if part in (TEST, VALIDATION):
            result[part] = summary
        else:
            result.setdefault("sets", {})[part] = summary
    return result


def summarise_system(
    material: Material, part: str, films: Sequence[Film], probs: npt.NDArray[Any]
) -> dict[str, Any]:
    """Count and measure one system on one part or set.

    Args:
        material: Knows the patients.
        part: Name of the part or set.
        films: Its readable films.
        probs: Shape (n, 3).

    Returns:
        `classification_summary`, and the figures of the probabilities under `figures`.
    """
    y_true = np.array([class_index(film.label) for film in films], np.int64)
    read = probs.astype(np.float64)
    summary = classification_summary(confusion_matrix(y_true, read.argmax(axis=1)))
    return {**summary, "figures": figures(y_true, read, material.patients(part, films))}


def unfold(folds: IntArray, probs: Sequence[npt.NDArray[Any]]) -> Float64Array:
    """Put what each fold's films were told back into the films' order.

    Args:
        folds: Fold of each film, shape (n,).
        probs: One array a fold, shape (films of the fold, 3).

    Returns:
        Shape (n, 3).
    """
    whole = np.zeros((len(folds), probs[0].shape[1]))
    for number, values in enumerate(probs):
        whole[folds == number] = values
    return whole


def describe_epochs(fitted: Fitted, seconds: float, config: TrainConfig | None) -> dict[str, Any]:
    """Say how long a fit took and which epoch was kept.

    Args:
        fitted: Its history.
        seconds: What it took.
        config: The recipe that says what steered; `None` where nothing did.

    Returns:
        JSON-ready values.
    """
    steered = {
        "test": "loss on the test films",
        "val": "loss on the val films",
        "carved": "loss on patients carved out of the training films",
    }
    return {
        "n_epochs": len(fitted.history),
        "best_epoch": fitted.best_epoch,
        "chosen_epoch": fitted.chosen_epoch,
        "chosen_by": steered[config.validation] if config else "a fixed number of epochs",
        "fit_seconds": round(seconds, 1),
    }
