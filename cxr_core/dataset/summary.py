"""What a data set is made of, as counts that can be published: no file, no patient is named."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from cxr_core.dataset.balance import NOT_STATED, class_weights_inverse, class_weights_max
from cxr_core.dataset.film import Film, class_counts, data_digest
from cxr_core.dataset.leak import COPY, LEAK_KINDS, NEAR_DUPLICATE
from cxr_core.dataset.scan import Dataset
from cxr_core.errors import SpecMismatchError
from cxr_core.labels import CLASSES
from cxr_core.schema import check_object

SCHEMA: Final = "cxr-dataset/1"
SIZE_STEPS_PX: Final = (0, 128, 256, 512, 1024, 1536, 2048, 3072, 4096)
"""Where the classes of the longer side begin; the last one has no end."""
N_INTENSITY_BINS: Final = 25
_N_COMMON_SIZES: Final = 5
_FIELDS: Final[Mapping[str, type]] = {
    "digest": str,
    "n_films": int,
    "n_unreadable": int,
    "n_by_split": dict,
    "n_by_source": dict,
    "n_by_split_and_source": dict,
    "n_by_subtype": dict,
    "class_weights": dict,
    "sizes": dict,
    "intensity": dict,
    "patients_from": str,
    "n_patients_all": int,
    "n_patients": dict,
    "n_without_patient": dict,
    "n_duplicates": dict,
    "n_leaks": dict,
}


def summarise(dataset: Dataset) -> dict[str, Any]:
    """Count what a data set holds.

    Args:
        dataset: A scanned folder.

    Returns:
        JSON-ready summary of schema `cxr-dataset/1`: films by split, source, subtype and view, each
        by class; licences by source; both class weights of each split; sizes and brightness by
        class; patients by split; duplicates and leaks by kind. Names of sources are in it, names of
        files and patients are not. Views and licences are absent in summaries of earlier versions.
    """
    films = dataset.films
    by_split = {split: [f for f in films if f.split == split] for split in dataset.splits}
    n_by_split = {split: class_counts(own) for split, own in by_split.items()}
    return {
        "schema": SCHEMA,
        "classes": list(CLASSES),
        "digest": data_digest(films),
        "n_films": len(films),
        "n_unreadable": len(dataset.unreadable),
        "n_by_split": n_by_split,
        "n_by_source": _count_by("source", films),
        "n_by_split_and_source": {s: _count_by("source", own) for s, own in by_split.items()},
        "n_by_subtype": _count_by("subtype", films),
        "n_by_view": _count_by("view", films),
        "n_by_source_and_license": _licenses(films),
        "class_weights": {
            split: {"max": class_weights_max(counts), "inverse": class_weights_inverse(counts)}
            for split, counts in n_by_split.items()
        },
        "sizes": _sizes(dataset),
        "intensity": _intensity(dataset),
        "patients_from": dataset.patients_from,
        "n_patients_all": len({film.patient for film in films} - {""}),
        "n_patients": {s: len({f.patient for f in own} - {""}) for s, own in by_split.items()},
        "n_without_patient": {s: sum(not f.patient for f in own) for s, own in by_split.items()},
        "n_duplicates": _duplicates(dataset),
        "n_leaks": {kind: sum(leak.why == kind for leak in dataset.leaks) for kind in LEAK_KINDS},
    }


def read_summary(path: str | Path) -> dict[str, Any]:
    """Read a summary from its file.

    Args:
        path: A JSON file that holds what `summarise` returned.

    Returns:
        The summary.

    Raises:
        SpecMismatchError: If the file cannot be read, is no JSON or is of another schema.
    """
    path = Path(path)
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as err:
        msg = f"`{path.name}` must be a JSON file. Received: {type(err).__name__}"
        raise SpecMismatchError(msg) from err
    return check_summary(content)


def check_summary(content: object) -> dict[str, Any]:
    """Return a parsed summary after a look at its fields.

    Args:
        content: What a JSON file held.

    Returns:
        The same object.

    Raises:
        SpecMismatchError: If the schema is another or a field is missing or of another kind.
    """
    return check_object(content, "dataset.json", SCHEMA, _FIELDS)


def _count_by(name: str, films: Sequence[Film]) -> dict[str, dict[str, int]]:
    """Count films by an attribute, then by class; the largest first, unknown ones last."""
    counts: dict[str, Counter[str]] = {}
    for film in films:
        counts.setdefault(getattr(film, name) or NOT_STATED, Counter())[film.label] += 1
    order = sorted(counts, key=lambda value: (value == NOT_STATED, -counts[value].total(), value))
    return {value: {label: counts[value][label] for label in CLASSES} for value in order}


def _licenses(films: Sequence[Film]) -> dict[str, dict[str, int]]:
    """Count films by source, then by licence; the commonest first, unknown ones last."""
    counts: dict[str, Counter[str]] = {}
    for film in films:
        own = counts.setdefault(film.source or NOT_STATED, Counter())
        own[film.license or NOT_STATED] += 1
    return {
        source: dict(sorted(own.items(), key=lambda item: (item[0] == NOT_STATED, -item[1])))
        for source, own in counts.items()
    }


def _sizes(dataset: Dataset) -> dict[str, Any]:
    """Count the films of each class by the longer side, and the commonest sizes."""
    steps = [*SIZE_STEPS_PX, np.inf]
    common = Counter(dataset.sizes_px)
    return {
        "measure": "longer side",
        "from_px": list(SIZE_STEPS_PX),
        "n_by_class": {
            label: np.histogram([max(size) for size in own], steps)[0].tolist()
            for label, own in _by_class(dataset, dataset.sizes_px).items()
        },
        "n_distinct": len(common),
        "common": [
            {"width_px": width_px, "height_px": height_px, "n": n}
            for (width_px, height_px), n in common.most_common(_N_COMMON_SIZES)
        ],
    }


def _intensity(dataset: Dataset) -> dict[str, Any]:
    """Count the films of each class by their mean brightness."""
    by_class = _by_class(dataset, dataset.intensities)
    edges = np.linspace(0, 1, N_INTENSITY_BINS + 1)
    return {
        "measure": "mean of the film, 0 black to 1 white",
        "edges": [round(float(edge), 4) for edge in edges],
        "n_by_class": {
            label: np.histogram(own, edges)[0].tolist() for label, own in by_class.items()
        },
        "mean_by_class": {label: round(float(np.mean(own)), 4) for label, own in by_class.items()},
    }


def _by_class(dataset: Dataset, values: Sequence[Any]) -> dict[str, list[Any]]:
    """Sort one value a film by the films' classes."""
    result: dict[str, list[Any]] = {label: [] for label in CLASSES}
    for film, value in zip(dataset.films, values, strict=True):
        result[film.label].append(value)
    return result


def _duplicates(dataset: Dataset) -> dict[str, int]:
    """Count pairs by kind, and those of whichever kind whose films carry two classes."""
    pairs = [(dataset.films[i], dataset.films[j]) for i, j in dataset.duplicates]
    n_copies = sum(a.sha256 == b.sha256 for a, b in pairs)
    return {
        COPY: n_copies,
        NEAR_DUPLICATE: len(pairs) - n_copies,
        "two_classes": sum(a.label != b.label for a, b in pairs),
    }
