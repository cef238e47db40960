"""Score a labelled folder through the serving path, film by film."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from cxr_core.errors import CxrError
from cxr_core.evaluate.bootstrap import difference, figures
from cxr_core.evaluate.metrics import classification_summary, confusion_matrix
from cxr_core.evaluate.patients import patient_keys
from cxr_core.evaluate.read_folder import labelled_paths
from cxr_core.io import read_path
from cxr_core.labels import CLASSES, ENSEMBLES, class_index
from cxr_core.predict import Predictor

SCHEMA: Final = "cxr-evaluation/1"


def evaluate_folder(
    predictor: Predictor,
    folder: str | Path,
    *,
    on_film: Callable[[int], None] | None = None,
) -> dict[str, Any]:
    """Read every labelled film of a folder and summarise each system.

    Args:
        predictor: The variant to measure.
        folder: Holds one folder a class.
        on_film: Called with the number of films done, after each film.

    Returns:
        JSON-ready evaluation of schema `cxr-evaluation/1`. Files that could not be read are counted
        and listed by their path below the folder, and take no part in the shares.

    Raises:
        UnreadableImageError: If there is nothing to read.
    """
    folder = Path(folder)
    y_true: list[int] = []
    paths: list[Path] = []
    read: dict[str, list[npt.NDArray[np.float64]]] = {name: [] for name in predictor.systems}
    unreadable = []
    for n_done, (path, label) in enumerate(labelled_paths(folder), start=1):
        try:
            reading = predictor.read(read_path(path))
        except CxrError as err:
            unreadable.append({"file": path.relative_to(folder).as_posix(), "message": str(err)})
        else:
            y_true.append(class_index(label))
            paths.append(path)
            for system, result in reading.systems.items():
                read[system].append(result.probs)
        if on_film is not None:
            on_film(n_done)
    patients, patients_from = patient_keys(folder, paths)
    truth = np.array(y_true, np.int64)
    probs = {
        name: np.array(values, np.float64).reshape(-1, len(CLASSES))
        for name, values in read.items()
    }
    systems = {name: _summary(truth, values, patients) for name, values in probs.items()}
    members = [probs[name] for name in predictor.systems if name not in ENSEMBLES]
    mean = np.mean(members, axis=0)
    for name in predictor.systems:
        if name in ENSEMBLES and y_true:
            systems[name]["against_mean"] = difference(truth, probs[name], mean, patients)
    return {
        "schema": SCHEMA,
        "bundle": {"name": predictor.bundle.name, "version": predictor.bundle.version},
        "variant": predictor.variant,
        "precision": predictor.precision,
        "interval": (
            "counts: Wilson, 95 %, films counted as independent; figures: percentiles of 1,000 "
            "resamples of whole patients, 95 %"
        ),
        "patients_from": patients_from,
        "n_films": len(y_true),
        "n_patients": len(set(patients)),
        "n_by_class": {name: y_true.count(index) for index, name in enumerate(CLASSES)},
        "unreadable": unreadable,
        "systems": systems,
        "baselines": {"mean": _summary(truth, mean, patients)} if len(members) > 1 else {},
    }


def _summary(
    y_true: npt.NDArray[np.int64], probs: npt.NDArray[np.float64], patients: Sequence[str]
) -> dict[str, Any]:
    """Summarise one system: counts, and figures of its probabilities."""
    summary = classification_summary(confusion_matrix(y_true, probs.argmax(axis=1)))
    if len(y_true):
        summary["figures"] = figures(y_true, probs, patients)
    return summary
