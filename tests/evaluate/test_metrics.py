"""Shares, intervals and counts against hand-worked and published values."""

from __future__ import annotations

import numpy as np
import pytest

from cxr_core.evaluate.metrics import classification_summary, confusion_matrix, wilson


@pytest.mark.parametrize(
    ("n_hits", "n", "low", "high"),
    [  # Wilson's formula worked by hand with z = 1.959964
        (116, 116, 0.968, 1.0),
        (0, 10, 0.0, 0.2775),
        (5, 10, 0.2366, 0.7634),
    ],
)
def test_wilson(n_hits, n, low, high):
    share = wilson(n_hits, n)
    assert share.low == pytest.approx(low, abs=5e-4)
    assert share.high == pytest.approx(high, abs=5e-4)


def test_wilson_equals_scipy():
    from scipy.stats import binomtest

    for n_hits, n in ((1, 7), (60, 85), (1038, 1078)):
        expected = binomtest(n_hits, n).proportion_ci(0.9, method="wilson")
        ours = wilson(n_hits, n, confidence=0.9)
        assert (ours.low, ours.high) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_no_films_is_no_share():
    share = wilson(0, 0)
    assert (share.value, share.low, share.high) == (None, None, None)
    assert str(share) == "not measured (n = 0)"


def test_wrong_counts():
    with pytest.raises(ValueError, match=r"`n_hits` must be in \[0, n\]\. Received: n_hits=3, n=2"):
        wilson(3, 2)
    with pytest.raises(ValueError, match=r"`confidence` must be in \(0, 1\)"):
        wilson(1, 2, confidence=95)


def test_summary_by_hand():
    y_true = np.array([0, 0, 1, 1, 1, 2])
    y_pred = np.array([0, 1, 1, 1, 2, 0])
    confusion = confusion_matrix(y_true, y_pred)
    np.testing.assert_array_equal(confusion, [[1, 1, 0], [0, 2, 1], [1, 0, 0]])
    summary = classification_summary(confusion)
    assert summary["n"] == 6
    assert summary["accuracy"]["value"] == pytest.approx(3 / 6)
    assert summary["recall"]["NORMAL"]["value"] == pytest.approx(2 / 3)
    assert summary["precision"]["COVID19"]["value"] == pytest.approx(1 / 2)
    assert summary["called"]["COVID19"] == wilson(2, 6).to_dict()
    assert summary["confusion"]["PNEUMONIA"]["COVID19"] == 1


def test_wrong_arrays():
    with pytest.raises(ValueError, match=r"must have one shape \(n,\)"):
        confusion_matrix(np.array([0]), np.array([0, 1]))
    with pytest.raises(ValueError, match=r"must be in \[0, 3\)\. Received: 0 to 3"):
        confusion_matrix(np.array([0]), np.array([3]))
