"""Groups of films: counts by hand, too few said, unknown said; shares that know patients."""

from __future__ import annotations

import numpy as np
import pytest

from cxr_core.evaluate.metrics import n_independent, patient_wilson, wilson
from cxr_core.evaluate.subgroup import MIN_FILMS, TOO_FEW, subgroups_of
from tests.evaluate.material import make_reads


@pytest.fixture
def found():
    """30 films of a clinic (10 COVID-19), 5 of another, 25 of which nothing is stated."""
    y_true = [0] * 10 + [1] * 20 + [2] * 5 + [2] * 25
    words = ("a",) * 30 + ("b",) * 5 + ("",) * 25
    films = make_reads(y_true, patient=np.arange(60) // 2, groups={"source": words}).films
    called = np.array(y_true)
    called[:4] = 2  # four COVID-19 films are missed
    called[10:13] = 0  # three normal ones are called COVID-19
    return subgroups_of(films, {"vgg16": called})


def test_groups_by_hand(found):
    groups = found["groups"]["source"]
    assert [group["group"] for group in groups] == ["a", "b", ""]
    first = groups[0]
    assert (first["n"], first["n_patients"], first["is_too_few"]) == (30, 15, False)
    assert first["n_by_class"] == {"COVID19": 10, "NORMAL": 20, "PNEUMONIA": 0}
    system = first["systems"]["vgg16"]
    assert system["accuracy"]["value"] == pytest.approx(23 / 30)
    assert system["recall"]["NORMAL"]["value"] == pytest.approx(17 / 20)
    assert system["called_COVID19"]["n_hits"] == 9
    assert (system["false_COVID19"]["n_hits"], system["false_COVID19"]["n"]) == (3, 20)


def test_too_few_films_give_no_share(found):
    first, second, _ = found["groups"]["source"]
    recall = first["systems"]["vgg16"]["recall"]
    assert (recall["COVID19"]["value"], recall["COVID19"]["reason"]) == (None, TOO_FEW)
    assert (recall["COVID19"]["n_hits"], recall["COVID19"]["n"]) == (6, 10)
    assert recall["PNEUMONIA"]["reason"] == "no film is of Pneumonia"
    assert second["is_too_few"]
    assert second["systems"]["vgg16"]["accuracy"]["value"] is None
    assert f"under {MIN_FILMS} films" in TOO_FEW


def test_what_nobody_stated_is_said(found):
    assert found["not_stated"] == ["view", "subtype", "age_band"]
    assert found["groups"]["source"][-1]["group"] == ""
    assert found["groups"]["source"][-1]["systems"]["vgg16"]["recall"]["PNEUMONIA"]["value"] == 1.0


def test_one_film_a_patient_is_wilson():
    is_hit = np.arange(40) < 31
    assert n_independent(is_hit, np.arange(40)) == pytest.approx(40)
    found, plain = patient_wilson(is_hit, np.arange(40)), wilson(31, 40)
    assert (found.low, found.high) == pytest.approx((plain.low, plain.high))


def test_films_of_a_patient_that_agree_count_once():
    """Ten patients of four films that agree are worth ten films, up to the small-sample factor."""
    is_hit = np.repeat(np.arange(10) < 7, 4)
    patient = np.repeat(np.arange(10), 4)
    assert n_independent(is_hit, patient) == pytest.approx(10, rel=0.1)
    assert n_independent(np.ones(40, bool), patient) == 10
    found = patient_wilson(is_hit, patient)
    assert (found.n_hits, found.n) == (28, 40)
    assert found.low < wilson(28, 40).low
    assert patient_wilson(np.zeros(0, bool), np.zeros(0, int)) == wilson(0, 0)


def test_the_interval_holds_the_truth_as_often_as_it_says():
    """400 sets of 60 patients of 3 films, whose films lean together; true share 0.9."""
    rng = np.random.default_rng(0)
    n_inside = {"patients": 0, "films": 0}
    patient = np.repeat(np.arange(60), 3)
    for _ in range(400):
        leaning = rng.beta(0.9 * 2, 0.1 * 2, 60)
        is_hit = rng.random(180) < np.repeat(leaning, 3)
        for name, share in (
            ("patients", patient_wilson(is_hit, patient)),
            ("films", wilson(int(is_hit.sum()), 180)),
        ):
            n_inside[name] += share.low <= 0.9 <= share.high
    assert n_inside["patients"] / 400 == pytest.approx(0.95, abs=0.025)
    assert n_inside["films"] < n_inside["patients"]
