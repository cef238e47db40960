"""Reads of films that no network read, with classes that lie apart."""

from __future__ import annotations

import numpy as np

from cxr_core.evaluate.reads import FilmList, Reads

WIDTHS = {"densenet201": 24, "efficientnetb7": 30, "vgg16": 16}
_CENTRES = {name: np.random.default_rng(7).uniform(0, 4, (3, c)) for name, c in WIDTHS.items()}


def films(n_by_class, *, seed=0, members=tuple(WIDTHS), systems=("vgg16", "ensemble_dense")):
    """Return reads of films whose lead system is never wrong."""
    rng = np.random.default_rng(seed)
    y_true = np.repeat(np.arange(3), n_by_class)
    n = len(y_true)
    pooled = {
        m: (_CENTRES[m][y_true] + rng.exponential(0.5, (n, WIDTHS[m]))).astype(np.float32)
        for m in members
    }
    hidden = {m: rng.exponential(1, (n, 8)).astype(np.float32) for m in members}
    logits = {s: 4.0 * np.eye(3)[y_true] + rng.normal(0, 0.1, (n, 3)) for s in systems}
    listed = FilmList(tuple(map(str, range(n))), y_true, np.arange(n), "none")
    return Reads(listed, logits, hidden, pooled)


def far(n=20, *, seed=5, **options):
    """Return reads whose features are other than those of any class."""
    reads = films((n, 0, 0), seed=seed, **options)
    rng = np.random.default_rng(seed)
    pooled = {
        m: rng.exponential(3, rows.shape).astype(np.float32) for m, rows in reads.pooled.items()
    }
    return Reads(reads.films, reads.logits, reads.hidden, pooled)
