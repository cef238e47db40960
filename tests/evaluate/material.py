"""Reads of made-up films, good and degenerate, for the tests of figures and displays."""

from __future__ import annotations

import numpy as np

from cxr_core.evaluate.reads import FilmList, Reads
from cxr_core.labels import SYSTEMS


def random_labels(rng, n=150):
    """Labels in which the classes are as unequal as they are in the data."""
    return rng.choice(3, size=n, p=(0.1, 0.25, 0.65))


def random_logits(rng, y_true, skill=1.5):
    """Logits that lean to the true class."""
    return rng.normal(size=(len(y_true), 3)) + skill * np.eye(3)[y_true]


def random_probs(rng, y_true, skill=1.5):
    """Probabilities that lean to the true class."""
    logits = np.exp(random_logits(rng, y_true, skill))
    return logits / logits.sum(axis=1, keepdims=True)


def make_reads(y_true, *, patient=None, seed=0, groups=None, systems=SYSTEMS):
    """Reads of films with given labels; systems of growing skill."""
    y_true = np.asarray(y_true, np.int64)
    rng = np.random.default_rng(seed)
    n = len(y_true)
    films = FilmList(
        tuple(f"{i:064x}" for i in range(n)),
        y_true,
        np.arange(n) if patient is None else np.asarray(patient, np.int64),
        "none" if patient is None else "manifest",
        groups or {},
    )
    logits = {
        name: random_logits(rng, y_true, 1.0 + 0.5 * i).reshape(-1, 3)
        for i, name in enumerate(systems)
    }
    return Reads(films, logits)


DEGENERATE = {
    "one class": ([1, 1, 1, 1], None),
    "two classes": ([1, 2, 1, 2, 2, 1], None),
    "three films": ([0, 1, 2], None),
    "one film": ([2], None),
    "no film": ([], None),
    "one patient": ([0, 1, 2, 2, 1], [0] * 5),
}
"""Title to labels and patients of films that say little."""
