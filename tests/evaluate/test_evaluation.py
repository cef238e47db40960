"""The whole evaluation: every key of before, nothing that is not a number, pairs and groups."""

from __future__ import annotations

import json

import numpy as np
import pytest

from cxr_core.evaluate.bootstrap import figures
from cxr_core.evaluate.evaluation import calibrated_probs, evaluation_of, films_digest
from cxr_core.evaluate.figure import NO_SPREAD, ONE_PATIENT
from cxr_core.evaluate.metrics import classification_summary, confusion_matrix, wilson
from cxr_core.evaluate.table import table_lines
from cxr_core.evaluate.weighted import figure_names
from cxr_core.labels import ENSEMBLES, SYSTEMS
from cxr_core.trust.calibration_error import (
    CLASSWISE,
    TOP_LABEL,
    expected_calibration_error,
)
from tests.evaluate.material import DEGENERATE, make_reads, random_labels

BEFORE = ("n", "accuracy", "recall", "precision", "called", "confusion", "figures")


class Halved:
    """A calibration that halves the logits."""

    def apply(self, logits):
        half = np.exp(logits / 2)
        return half / half.sum(axis=1, keepdims=True)


@pytest.fixture(scope="module")
def reads():
    """Reads of 150 films of 75 patients."""
    y_true = random_labels(np.random.default_rng(5))
    return make_reads(y_true, patient=np.arange(150) // 2)


@pytest.fixture(scope="module")
def evaluation(reads):
    """The evaluation of those films, raw and calibrated, through JSON."""
    calibrated = calibrated_probs(reads, {name: Halved() for name in SYSTEMS})
    found = evaluation_of(reads, calibrated=calibrated, about={"variant": "clean"}, n_resamples=99)
    return json.loads(json.dumps(found, allow_nan=False))


def test_every_key_of_the_first_version_is_there(evaluation, reads):
    assert evaluation["schema"] == "cxr-evaluation/2"
    assert evaluation["variant"] == "clean"
    assert (evaluation["n_films"], evaluation["n_patients"]) == (150, 75)
    assert evaluation["n_by_class"] == reads.films.n_by_class
    assert tuple(evaluation["systems"]) == SYSTEMS
    for name, system in evaluation["systems"].items():
        assert set(BEFORE) <= set(system)
        probs = reads.probs(name)
        confusion = confusion_matrix(reads.y_true, probs.argmax(axis=1))
        summary = json.loads(json.dumps(classification_summary(confusion)))
        assert {key: system[key] for key in summary} == summary
        assert system["figures"] == figures(reads.y_true, probs, reads.patient, n_resamples=99)
        assert ("against_mean" in system) == (name in ENSEMBLES)


def test_raw_and_calibrated_stand_side_by_side(evaluation):
    for system in evaluation["systems"].values():
        raw, calibrated = system["figures"], system["calibrated"]
        assert set(raw) == set(calibrated) == {"n", "n_patients", *figure_names()}
        for name in ("accuracy", "balanced_accuracy", "f1_NORMAL"):  # the called class stays
            assert raw[name] == calibrated[name]
        assert raw["log_loss"]["value"] != calibrated["log_loss"]["value"]
    for pair in evaluation["pairs"]:
        assert pair["calibrated"]["accuracy"] == pair["accuracy"]
        a, b = (evaluation["systems"][pair[side]]["calibrated"]["log_loss"] for side in "ab")
        difference = pair["calibrated"]["log_loss"]["value"]
        assert difference == pytest.approx(a["value"] - b["value"])


def test_calibration_errors_of_both_are_told(evaluation, reads):
    for name, system in evaluation["systems"].items():
        found = system["calibration_error"]
        assert list(found) == ["raw", "calibrated"]
        for of in (TOP_LABEL, CLASSWISE):
            error = expected_calibration_error(
                reads.y_true, reads.probs(name), of=of, patients=reads.patient, n_resamples=99
            )
            assert found["raw"][of] == error.to_dict()
            assert found["raw"][of] != found["calibrated"][of]


def test_a_difference_is_the_difference_of_the_figures(evaluation):
    assert len(evaluation["pairs"]) == 10
    for pair in evaluation["pairs"]:
        a, b = (evaluation["systems"][pair[side]]["figures"] for side in "ab")
        for name in ("accuracy", "macro_auroc", "log_loss"):
            difference = pair[name]
            assert difference["value"] == pytest.approx(a[name]["value"] - b[name]["value"])
            assert difference["low"] <= difference["value"] <= difference["high"]


def test_the_mean_of_the_members_is_a_baseline(evaluation, reads):
    mean = evaluation["baselines"]["mean"]["figures"]["log_loss"]["value"]
    own = evaluation["systems"]["ensemble_dense"]
    gain = own["against_mean"]["log_loss"]["value"]
    assert gain == pytest.approx(own["figures"]["log_loss"]["value"] - mean)
    one = evaluation_of(make_reads(reads.y_true, systems=("vgg16",)), n_resamples=5)
    assert one["baselines"] == {}
    assert one["pairs"] == []


def test_learning_free_baselines_know_training_only(reads):
    known = {"COVID19": 60, "NORMAL": 30, "PNEUMONIA": 10}
    found = evaluation_of(reads, known=known, n_resamples=9)["learning_free"]
    assert found["known_from"] == "training films"
    assert found["majority"]["called"]["COVID19"]["n_hits"] == 150
    prior = found["prior"]["figures"]["log_loss"]["value"]
    counts = reads.films.n_by_class
    by_hand = -sum(counts[k] * np.log(n / 100) for k, n in known.items()) / 150
    assert prior == pytest.approx(by_hand)
    assert found["prior"]["figures"]["macro_auroc"]["value"] == 0.5
    own = evaluation_of(reads, n_resamples=9)["learning_free"]
    assert own["known_from"] == "these films"
    assert own["majority"]["called"]["PNEUMONIA"]["n_hits"] == 150
    with pytest.raises(ValueError, match="`n_by_class` must be counts of films"):
        evaluation_of(reads, known={"NORMAL": -1}, n_resamples=9)


@pytest.mark.parametrize("title", DEGENERATE)
def test_films_that_say_little_give_none_with_a_reason(title):
    y_true, patient = DEGENERATE[title]
    reads = make_reads(y_true, patient=patient)
    calibrated = calibrated_probs(reads, {"vgg16": Halved()})
    found = evaluation_of(reads, calibrated=calibrated, n_resamples=49)
    json.dumps(found, allow_nan=False)
    for system in found["systems"].values():
        for name in figure_names():
            figure = system["figures"][name]
            assert (figure["low"] is None) == (figure["high"] is None)
            if figure["low"] is None:
                assert figure["reason"]
            else:
                assert figure["low"] <= figure["value"] <= figure["high"]
    assert all("nan" not in line for line in table_lines(found))


def test_reasons_by_hand():
    found = evaluation_of(make_reads([1, 1, 1, 1]), n_resamples=9)["systems"]["vgg16"]["figures"]
    assert found["recall_COVID19"]["reason"] == "no film is of COVID-19"
    assert found["auroc_NORMAL"]["reason"] == "every film is of Normal"
    assert found["macro_auroc"]["reason"] == "films of at least two classes are needed"
    one = evaluation_of(make_reads([0, 1, 2], patient=[4, 4, 4]), n_resamples=9)
    accuracy = one["systems"]["vgg16"]["figures"]["accuracy"]
    assert (accuracy["low"], accuracy["reason"]) == (None, ONE_PATIENT)


def test_a_share_of_one_has_an_interval():
    """Resampling films that were all read right gives 1 to 1, as if nothing could go wrong."""
    y_true = np.repeat([0, 1, 2], 10)
    logits = 20.0 * np.eye(3)[y_true]
    exact = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    found = figures(y_true, exact, np.arange(30) // 2, n_resamples=50)
    assert found["accuracy"]["low"] == pytest.approx(wilson(15, 15).low)
    assert found["recall_NORMAL"]["low"] == pytest.approx(wilson(5, 5).low)
    assert found["specificity_NORMAL"]["low"] == pytest.approx(wilson(10, 10).low)
    assert found["macro_auroc"] == {"value": 1.0, "low": None, "high": None, "reason": NO_SPREAD}


def test_the_digest_knows_films_and_classes_not_their_order(reads):
    turned = reads.take(np.arange(150)[::-1])
    assert films_digest(turned.films) == films_digest(reads.films)
    assert films_digest(reads.take(np.arange(149)).films) != films_digest(reads.films)


def test_progress_is_told(reads):
    told = []
    calibrated = calibrated_probs(reads, {"vgg16": Halved()})
    evaluation_of(
        reads, calibrated=calibrated, n_resamples=2, on_system=lambda *steps: told.append(steps)
    )
    n_all = len(SYSTEMS) + 1 + 1 + 2
    assert told == [(i + 1, n_all) for i in range(n_all)]


def test_calibrated_probabilities_of_other_films_are_refused(reads):
    with pytest.raises(ValueError, match=r"`probs` must be finite, of shape \(150, 3\)"):
        evaluation_of(reads, calibrated={"vgg16": np.ones((2, 3))}, n_resamples=2)


def test_the_table_names_what_is_not_told_apart(evaluation):
    lines = table_lines(evaluation)
    assert lines[0].startswith("n = 150 films of 75 patients (COVID-19 ")
    assert "99 resamples of patients" in lines[0]
    assert lines[1].split()[:2] == ["accuracy", "balanced"]
    assert lines[2].startswith("DenseNet201")
    assert lines[-1].startswith("highest accuracy: ")
