"""What needs no learning: the commonest class for every film, and the shares of the classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from cxr_core.array import Float64Array
from cxr_core.labels import CLASSES, N_CLASSES

LEARNING_FREE: Final = ("majority", "prior")
"""`majority` calls every film the commonest class with probability 1; `prior` gives every film the
shares of the classes, and so calls it the same."""


def learning_free_probs(n: int, n_by_class: Mapping[str, int]) -> dict[str, Float64Array]:
    """Return what each learning-free baseline says of some films.

    Args:
        n: Number of films.
        n_by_class: Films of each class that it may know of, those of training.

    Returns:
        Each of `LEARNING_FREE` to probabilities, shape (n, 3); equal shares where no film is known.

    Raises:
        ValueError: If a count is negative.
    """
    counts = np.array([n_by_class.get(label, 0) for label in CLASSES], np.float64)
    if counts.min() < 0:
        msg = f"`n_by_class` must be counts of films. Received: {dict(n_by_class)}"
        raise ValueError(msg)
    shares = counts / counts.sum() if counts.sum() else np.full(N_CLASSES, 1 / N_CLASSES)
    certain = np.eye(N_CLASSES)[int(shares.argmax())]
    return {"majority": np.tile(certain, (n, 1)), "prior": np.tile(shares, (n, 1))}
