"""Each added film is read by the head that saw neither its fold nor the fold to be judged."""

from __future__ import annotations

import numpy as np

from cxr_core.heads import Dense, MemberHead
from train.blind import read_others


def constant_head(value: float) -> MemberHead:
    """Say the same of every film, in the hidden layer as well."""
    hidden = Dense(np.zeros((2, 4), np.float32), np.full(4, value, np.float32))
    logits = Dense(np.zeros((4, 3), np.float32), np.array([value, 0, 0], np.float32))
    return MemberHead((hidden, logits), "global", (2, 2, 2))


def test_read_others():
    folds = np.array([0, 1, 2, 1, 0, 2, 2])
    kept = np.array([False, True, True, False, False, True, True])
    heads = {(0, 1): constant_head(1.0), (0, 2): constant_head(2.0)}
    out = read_others(heads, np.ones((7, 1, 2), np.float32), folds, 0, kept)
    np.testing.assert_array_equal(out.hidden[:, 0], [1, 2, 2, 2])
    assert out.probs.shape == (4, 3)
    assert out.probs[0, 0] < out.probs[1, 0]
