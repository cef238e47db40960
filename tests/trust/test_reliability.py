"""The reliability diagram and the abstention curve: by hand, against scikit-learn, as tables."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from cxr_core.errors import NotApplicableError
from cxr_core.evaluate.metrics import wilson
from cxr_core.trust.abstention import AbstentionCurve
from cxr_core.trust.calibration_error import CLASSWISE
from cxr_core.trust.reliability import ReliabilityDiagram

PROBS = np.array(
    [[0.9, 0.05, 0.05], [0.92, 0.04, 0.04], [0.1, 0.9, 0.0], [0.5, 0.3, 0.2], [0.2, 0.2, 0.6]]
)
Y_TRUE = np.array([0, 1, 1, 0, 0])


def test_bins_by_hand():
    diagram = ReliabilityDiagram.from_predictions(Y_TRUE, PROBS, n_bins=10)
    assert [(b.n, b.came_true.n_hits) for b in diagram.filled] == [(1, 1), (1, 0), (2, 2), (1, 0)]
    half, _, nine, above = diagram.filled
    assert (half.low, half.high) == pytest.approx((0.4, 0.5))
    assert nine.score == pytest.approx(0.9)
    assert (above.score, above.came_true) == (0.92, wilson(0, 1))
    assert len(diagram.bins) == 10
    assert diagram.bins[0].score is None
    assert diagram.bins[0].came_true.value is None


@pytest.mark.parametrize("seed", range(3))
def test_bins_are_those_of_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    probs = rng.dirichlet([0.5, 0.5, 0.5], 200)
    y_true = rng.integers(0, 3, 200)
    diagram = ReliabilityDiagram.from_predictions(y_true, probs, of="PNEUMONIA")
    came_true, score = calibration_curve(y_true == 2, probs[:, 2], n_bins=15)
    np.testing.assert_allclose([b.came_true.value for b in diagram.filled], came_true)
    np.testing.assert_allclose([b.score for b in diagram.filled], score)
    assert sum(b.n for b in diagram.bins) == 200


def test_the_diagram_as_a_table_and_a_figure():
    diagram = ReliabilityDiagram.from_predictions(Y_TRUE, PROBS, n_bins=10)
    frame = diagram.frame()
    assert list(frame["n"]) == [1, 1, 2, 1]
    assert list(frame["came_true"]) == [1, 0, 1, 0]
    figure = diagram.plot(name="one")
    assert list(figure.data[1].y) == list(frame["came_true"])
    assert figure.data[1].name == "one"


def test_the_diagram_asks_one_question():
    with pytest.raises(ValueError, match="must name one class or the top label"):
        ReliabilityDiagram.from_predictions(Y_TRUE, PROBS, of=CLASSWISE)
    with pytest.raises(NotApplicableError, match="at least one film"):
        ReliabilityDiagram.from_predictions(Y_TRUE[:0], PROBS[:0])


def test_one_film_and_one_class():
    diagram = ReliabilityDiagram.from_predictions(np.array([2]), np.full((1, 3), 1 / 3))
    assert [b.n for b in diagram.filled] == [1]
    only = ReliabilityDiagram.from_predictions(np.zeros(4, int), np.eye(3)[np.zeros(4, int)])
    assert only.filled[-1].came_true.value == 1


def test_abstention_by_hand():
    curve = AbstentionCurve.from_predictions(Y_TRUE, PROBS, shares=(0.2, 0.4, 0.6, 0.8, 1.0))
    assert [(p.n_kept, p.accuracy.n_hits) for p in curve.points] == [
        (1, 0),
        (3, 2),
        (4, 2),
        (5, 3),
    ]
    assert [p.threshold for p in curve.points] == [0.92, 0.9, 0.6, 0.5]
    assert curve.points[-1].share_kept == 1
    assert list(curve.frame()["n_kept"]) == [1, 3, 4, 5]
    assert list(curve.plot().data[0].x) == [0.2, 0.6, 0.8, 1.0]


def test_equal_scores_stay_together():
    curve = AbstentionCurve.from_predictions(np.array([0, 1, 2]), np.tile([[0.6, 0.4, 0]], (3, 1)))
    assert [(p.n_kept, p.accuracy.n_hits) for p in curve.points] == [(3, 1)]


def test_all_films_give_the_accuracy():
    rng = np.random.default_rng(0)
    probs, y_true = rng.dirichlet([1, 1, 1], 77), rng.integers(0, 3, 77)
    last = AbstentionCurve.from_predictions(y_true, probs).points[-1]
    assert last.accuracy == wilson(int((probs.argmax(axis=1) == y_true).sum()), 77)


def test_wrong_arguments_of_the_curve():
    with pytest.raises(NotApplicableError, match="at least one film"):
        AbstentionCurve.from_predictions(Y_TRUE[:0], PROBS[:0])
    with pytest.raises(ValueError, match="must have 5 rows"):
        AbstentionCurve.from_predictions(Y_TRUE, PROBS[:2])
    with pytest.raises(ValueError, match=r"must be in \(0, 1\]"):
        AbstentionCurve.from_predictions(Y_TRUE, PROBS, shares=(0.0,))
