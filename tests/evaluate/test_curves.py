"""ROC, precision-recall and confusion displays against scikit-learn; tables hold what is drawn."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from sklearn import metrics

from cxr_core.errors import NotApplicableError
from cxr_core.evaluate.display import ConfusionDisplay, PrecisionRecallDisplay, RocDisplay
from cxr_core.evaluate.display.curve import GRID
from cxr_core.labels import CLASS_TITLES, CLASSES
from tests.evaluate.material import DEGENERATE, random_labels, random_probs


@pytest.fixture(params=[0, 1, 2])
def films(request):
    """Labels and probabilities, with ties in every second set."""
    rng = np.random.default_rng(request.param)
    y_true = random_labels(rng)
    probs = random_probs(rng, y_true)
    return y_true, np.round(probs, 1) if request.param == 1 else probs


def test_roc_equals_scikit_learn(films):
    y_true, probs = films
    shown = RocDisplay.from_predictions(y_true, probs, n_resamples=20)
    assert tuple(shown.curves) == CLASSES
    for k, label in enumerate(CLASSES):
        expected = metrics.roc_curve(y_true == k, probs[:, k], drop_intermediate=False)
        for mine, theirs in zip(shown.points(label), expected, strict=True):
            np.testing.assert_allclose(mine, theirs, atol=1e-12)
        area = metrics.roc_auc_score(y_true == k, probs[:, k])
        assert shown.curves[label].area["value"] == pytest.approx(area)


def test_precision_recall_equals_scikit_learn(films):
    y_true, probs = films
    shown = PrecisionRecallDisplay.from_predictions(y_true, probs, n_resamples=20)
    for k, label in enumerate(CLASSES):
        precision, recall, thresholds = metrics.precision_recall_curve(y_true == k, probs[:, k])
        mine = shown.points(label)
        np.testing.assert_allclose(mine[0], precision[:-1][::-1], atol=1e-12)
        np.testing.assert_allclose(mine[1], recall[:-1][::-1], atol=1e-12)
        np.testing.assert_allclose(mine[2], thresholds[::-1], atol=1e-12)
        area = metrics.average_precision_score(y_true == k, probs[:, k])
        assert shown.curves[label].area["value"] == pytest.approx(area)


def test_confusion_equals_scikit_learn(films):
    y_true, probs = films
    shown = ConfusionDisplay.from_predictions(y_true, probs)
    called = probs.argmax(axis=1)
    np.testing.assert_array_equal(
        shown.counts, metrics.confusion_matrix(y_true, called, labels=[0, 1, 2])
    )
    np.testing.assert_allclose(
        shown.shares, metrics.confusion_matrix(y_true, called, labels=[0, 1, 2], normalize="true")
    )
    same = ConfusionDisplay.from_predictions(y_true, called)
    np.testing.assert_array_equal(same.counts, shown.counts)


@pytest.mark.parametrize("display", [RocDisplay, PrecisionRecallDisplay])
def test_a_band_holds_the_quantiles_of_copied_films(display):
    """The band at some points, from copies of the drawn patients' films, one by one."""
    rng = np.random.default_rng(3)
    y_true = random_labels(rng, 60)
    probs = random_probs(rng, y_true)
    patients = np.arange(60) // 2
    shown = display.from_predictions(y_true, probs, patients=patients, n_resamples=80, seed=1)
    drawn = np.random.default_rng(1).integers(30, size=(80, 30))
    at = [20, 50, 90]
    heights = []
    for chosen in drawn:
        rows = np.concatenate([np.flatnonzero(patients == patient) for patient in chosen])
        positive, score = y_true[rows] == 2, probs[rows, 2]
        if display is RocDisplay:
            x, y, _ = metrics.roc_curve(positive, score, drop_intermediate=False)
            heights.append([y[x <= GRID[i] + 1e-12].max() for i in at])
        else:
            y, x, _ = metrics.precision_recall_curve(positive, score)
            y, x = y[:-1], x[:-1]
            heights.append([y[np.flatnonzero(x >= GRID[i] - 1e-12)[-1]] for i in at])
    low, high = np.quantile(np.array(heights), [0.025, 0.975], axis=0)
    np.testing.assert_allclose(shown.curves["PNEUMONIA"].low[at], low)
    np.testing.assert_allclose(shown.curves["PNEUMONIA"].high[at], high)


@pytest.mark.parametrize("display", [RocDisplay, PrecisionRecallDisplay])
@pytest.mark.parametrize("title", [title for title in DEGENERATE if title != "no film"])
def test_classes_without_a_curve_say_why(display, title):
    y_true, patients = DEGENERATE[title]
    probs = random_probs(np.random.default_rng(0), np.array(y_true))
    shown = display.from_predictions(y_true, probs, patients=patients, n_resamples=30)
    assert set(shown.curves) | set(shown.reasons) == set(CLASSES)
    figure, table = shown.plot(), shown.frame()
    assert not table.isna().any().any()
    for trace in figure.data:
        assert np.isfinite(np.asarray(trace.y, float)).all()
    if title == "one class":
        assert shown.curves == {}
        assert shown.reasons["NORMAL"] == "every film is of Normal"
        assert shown.reasons["COVID19"] == "no film is of COVID-19"
    if title == "one patient":
        assert all(curve.low is None and curve.area["reason"] for curve in shown.curves.values())


@pytest.mark.parametrize("display", [RocDisplay, PrecisionRecallDisplay])
def test_constant_scores_have_one_point_and_chance(display):
    shown = display.from_predictions([0, 1, 2, 2], np.full((4, 3), 1 / 3), n_resamples=10)
    area = shown.curves["PNEUMONIA"].area["value"]
    assert area == pytest.approx(0.5)  # half the films are of it: chance in both senses
    assert len(shown.points("PNEUMONIA")[2]) == len(shown.points("PNEUMONIA")[0])


def test_what_is_drawn_stands_in_the_table(films):
    y_true, probs = films
    for display in (RocDisplay, PrecisionRecallDisplay):
        shown = display.from_predictions(y_true, probs, n_resamples=20)
        table = shown.frame()
        lines = [trace for trace in shown.plot().data if trace.name and trace.name != "Chance"]
        assert [line.name.split(",")[0] for line in lines] == list(CLASS_TITLES.values())
        for label, line in zip(CLASSES, lines, strict=True):
            own = table[table["class"] == label]
            np.testing.assert_allclose(own.iloc[-1, 2:].astype(float), (line.x[-1], line.y[-1]))
            assert len(own) + (display is RocDisplay) == len(line.x)


def test_the_table_of_a_confusion_by_hand():
    shown = ConfusionDisplay.from_predictions([0, 0, 1, 1, 1, 1], [0, 1, 1, 1, 1, 2])
    table = shown.frame()
    assert list(table["films"]) == [1, 1, 0, 0, 3, 1, 0, 0, 0]
    assert list(table["share"][:6]) == [0.5, 0.5, 0.0, 0.0, 0.75, 0.25]
    assert table["share"][6:].isna().all()
    texts = shown.plot().data[1].text
    assert texts[0] == "<b>1</b><br>50.0%"
    assert texts[6:] == ("<b>0</b><br>no film",) * 3


@pytest.mark.parametrize("display", [RocDisplay, PrecisionRecallDisplay])
def test_what_does_not_fit_is_refused(display):
    with pytest.raises(ValueError, match=r"`y_prob` must have shape \(n, 3\) for `y_true`"):
        display.from_predictions([0, 1], np.ones((3, 3)))
    with pytest.raises(ValueError, match=r"`y_true` must be in \[0, 3\) and `y_prob` finite"):
        display.from_predictions([0, 3], np.ones((2, 3)))
    with pytest.raises(NotApplicableError, match="`y_true` must hold at least one film"):
        display.from_predictions([], np.ones((0, 3)))
    with pytest.raises(NotApplicableError, match="`y_true` must hold at least one film"):
        ConfusionDisplay.from_predictions([], [])


def test_displays_load_neither_pandas_nor_plotly_nor_scikit_learn():
    import subprocess

    code = (
        "import sys, cxr_core.evaluate.display\n"
        "assert not {'pandas', 'plotly', 'sklearn', 'streamlit'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
