"""The Calibration page: its sentences, rows and figures; then empty, full, degenerate, damaged."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from cxr_core.errors import NotApplicableError, SpecMismatchError
from cxr_core.evaluate.figure_text import figure_text, share_text
from cxr_core.labels import CLASS_TITLES, SYSTEMS
from cxr_core.trust.abstention import AbstentionCurve
from cxr_core.trust.calibration import Temperature, fit_temperature
from cxr_core.trust.calibration_error import TOP_LABEL
from cxr_core.trust.conformal import fit_conformal
from cxr_core.trust.coverage import coverage
from cxr_core.trust.measure import calibration_effect
from cxr_core.trust.reliability import ReliabilityDiagram
from tests.evaluate.material import DEGENERATE, make_reads, random_labels
from ui.calibration_evidence import CalibrationEvidence
from ui.calibration_view import (
    TWIN,
    bin_rows,
    calibration_warnings,
    change_rows,
    nine_of_ten,
    quality_rows,
    temperature_note,
)
from ui.components.abstention import abstention_figure, abstention_sentence
from ui.components.conformal_panel import NO_SETS_OF_A_TWIN, size_figure
from ui.components.reliability import CALIBRATED, RAW, reliability_figure
from ui.conformal_view import NO_LIMIT, coverage_rows, films_needed, notes, size_rows
from ui.words import unbroken

PAGE = "pages/4_Calibration.py"
ADULTS = "adults without COVID-19"


def labels(n, seed):
    return random_labels(np.random.default_rng(seed), n)


CALIBRATION = make_reads(labels(160, 1), seed=1)
TEST = make_reads(labels(200, 2), patient=np.arange(200) // 2, seed=2)
OTHERS = make_reads(np.full(60, 2), patient=np.arange(60) // 2, seed=3)


def trust_model(calibration=CALIBRATION):
    """What a bundle would hold; systems whose films do not allow it are left out."""
    temperatures = {}
    for name in calibration.systems:
        try:
            temperatures[name] = fit_temperature(calibration.logits[name], calibration.y_true)
        except NotApplicableError:
            continue
    conformal = {
        name: fit_conformal(calibration.probs(name), calibration.y_true)
        for name in calibration.systems
    }
    return SimpleNamespace(calibration=temperatures, conformal=conformal, gate=None, about={})


def evidence(test=TEST, model=None):
    model = model or trust_model()
    return CalibrationEvidence("a", test, {ADULTS: OTHERS}, model.calibration, model.conformal)


def diagram_of(scores, hits):
    """A diagram of films of the class COVID-19 with these scores, some of them hits."""
    probs = np.stack([scores, 1 - np.array(scores), np.zeros(len(scores))], axis=1)
    return ReliabilityDiagram.from_predictions(np.where(hits, 0, 1), probs, of="COVID19")


# Sentences and rows


def test_whether_nine_of_ten_come_true():
    said = nine_of_ten(diagram_of([0.9] * 40, [True] * 36 + [False] * 4), "vgg16", "raw")
    assert said == (
        "**40** test films have a raw COVID-19 score by VGG16 of 0.87 to 0.93 (mean 0.900), **36** "
        "of them COVID-19 films: **90.0%** (76.9% to 96.0%). The mean score lies inside this "
        "interval."
    )
    wrong = nine_of_ten(diagram_of([0.9] * 40, [True] * 20 + [False] * 20), "vgg16", "raw")
    assert wrong.endswith("The mean score lies outside this interval.")
    few = nine_of_ten(diagram_of([0.9] * 3, [True] * 3), "vgg16", "calibrated")
    assert few.endswith("Too few to tell.")
    one = nine_of_ten(diagram_of([0.9], [True]), "vgg16", "raw")
    assert one.startswith("**1** test film has a raw COVID-19 score")
    none = nine_of_ten(diagram_of([0.2], [True]), "vgg16", "calibrated")
    assert none.startswith("No test film has a calibrated COVID-19 score by VGG16 of 0.87")


def test_other_sources_are_said_with_their_numbers():
    (line,) = calibration_warnings(evidence(), "vgg16")
    temperature = trust_model().calibration["vgg16"]
    mean = temperature.apply(OTHERS.logits["vgg16"])[:, 0].mean()
    assert line.startswith("**Calibrated is not the same as right.** Of 60 adults without COVID-19")
    assert f"By VGG16 it is **{mean:.2f} (" in line
    assert "it holds for no others." in line


def test_a_twin_is_said_first():
    found = evidence()
    assert TWIN not in calibration_warnings(found, "vgg16")
    assert calibration_warnings(replace(found, is_twin=True), "vgg16")[0] == TWIN


def test_what_a_temperature_does_is_said():
    found = evidence()
    value = found.temperatures["vgg16"].value
    assert f"Temperature of VGG16: **{value:.2f}**" in temperature_note(found, "vgg16")
    assert "160 calibration films of 160 patients" in temperature_note(found, "vgg16")
    unused = Temperature(1.0, 0.9, 10, 10, {"COVID19": 10}, note="It does not help.")
    kept = evidence(model=SimpleNamespace(calibration={"vgg16": unused}, conformal={}, about={}))
    assert "It does not help. Calibrated and raw are the same here." in temperature_note(
        kept, "vgg16"
    )
    assert "could not be calibrated" in temperature_note(kept, "densenet201")
    assert not kept.is_changed("vgg16")
    np.testing.assert_array_equal(
        kept.probs("densenet201", is_raw=False), TEST.probs("densenet201")
    )


def test_the_table_of_systems():
    found = evidence()
    effects = {
        name: calibration_effect(TEST, name, found.temperatures.get(name), n_resamples=50)
        for name in ("vgg16", "densenet201")
    }
    rows = quality_rows(effects, {"vgg16": found.temperatures["vgg16"]})
    assert [row["System"] for row in rows] == ["VGG16"] * 2 + ["DenseNet201"] * 2
    assert [row["Scores"] for row in rows][0::3] == ["Raw", "Not calibrated"]
    loss = effects["vgg16"].raw.log_loss
    assert rows[0]["Log loss"] == unbroken(figure_text(loss))
    changes = change_rows(effects)
    assert changes[0]["Temperature"] == f"{effects['vgg16'].temperature:.3f}"
    same = calibration_effect(TEST, "vgg16", None, n_resamples=10)
    (row,) = change_rows({"vgg16": same})
    assert row["Log loss, calibrated less raw"] == "no change"


def test_the_table_of_coverage():
    model = fit_conformal(CALIBRATION.probs("vgg16"), CALIBRATION.y_true)
    found = coverage(model, TEST.probs("vgg16"), TEST.y_true, 0.95)
    rows = coverage_rows(model, found)
    assert [row["Class"] for row in rows] == ["All films", *CLASS_TITLES.values()]
    assert rows[1]["Lowest score that keeps it"] == NO_LIMIT
    assert rows[1]["Range that chance explains"] == ""
    assert rows[3]["Its films with the class in the set"] == unbroken(
        share_text(found.by_class["PNEUMONIA"].to_dict(), digits=1)
    )
    sizes = size_rows(found)
    assert sum(sizes[-1][name] for name in list(sizes[-1])[1:]) == 200
    assert len(size_figure(found).data) == 4


def test_too_few_calibration_films_are_said():
    n = int((CALIBRATION.y_true == 0).sum())
    assert n < 19
    model = fit_conformal(CALIBRATION.probs("vgg16"), CALIBRATION.y_true)
    said = notes(model, coverage(model, TEST.probs("vgg16"), TEST.y_true, 0.95), "vgg16")
    assert said[1] == (
        f"**Too few COVID-19 calibration films ({n}) for 95%:** at least 19 are needed, so "
        "COVID-19 is never ruled out there, and a set says nothing for or against it."
    )
    assert (films_needed(0.9), films_needed(0.95)) == (9, 19)


def test_empty_sets_and_broken_promises_are_said():
    probs = np.eye(3)[np.arange(90) % 3] * 0.97 + 0.01
    model = fit_conformal(probs, np.arange(90) % 3)
    flat = np.full((30, 3), 1 / 3)
    said = "\n".join(notes(model, coverage(model, flat, np.arange(30) % 3, 0.9), "vgg16"))
    assert "**30 of 30 sets are empty.** No class scores there as high as 90%" in said
    assert "**The promise does not hold for COVID-19 and Normal and Pneumonia:**" in said


def test_the_abstention_sentence():
    curve = AbstentionCurve.from_predictions(TEST.y_true, TEST.probs("vgg16"))
    said = abstention_sentence(curve, "vgg16")
    right = share_text(curve.points[-1].accuracy.to_dict(), digits=1)
    assert said.startswith(f"VGG16 names {right} of all test films")
    assert "If the 20 films of the lowest scores are left to a person" in said


# Figures


def test_the_reliability_figure():
    diagrams = {RAW: diagram_of([0.2, 0.9], [0, 1]), CALIBRATED: diagram_of([0.3, 0.8], [0, 1])}
    figure = reliability_figure(diagrams)
    lines = [trace for trace in figure.data if trace.type == "scatter"]
    assert [line.name for line in lines] == ["Means what it says", RAW, CALIBRATED]
    assert list(lines[2].x) == pytest.approx([0.3, 0.8])
    bars = [trace for trace in figure.data if trace.type == "bar"]
    assert [list(bar.text) for bar in bars] == [["1", "1"], ["1", "1"]]
    assert len(bin_rows(diagrams)) == 4
    assert np.isfinite(figure.layout.yaxis2.range).all()


def test_the_chosen_system_has_the_intervals():
    curves = {
        name: AbstentionCurve.from_predictions(TEST.y_true, TEST.probs(name)) for name in SYSTEMS
    }
    figure = abstention_figure(curves, "vgg16")
    assert [bool(trace.error_y.array is not None) for trace in figure.data] == [
        name == "vgg16" for name in SYSTEMS
    ]


# The page


def opened(app):
    app.run().switch_page(PAGE).run()
    assert not app.exception
    return app


def text(at):
    return "\n".join(m.value for m in at.main.markdown)


def give(predictor, test=TEST, model=None, others=OTHERS):
    """Let the fake bundle hold reads and a trust model."""
    sets = {"test": test, "calibration": CALIBRATION, ADULTS: others}
    predictor.bundle.read_sets = lambda _name=None: tuple(sets)
    predictor.bundle.reads = lambda title, _name=None: sets.get(title)
    predictor.trust_model = model or trust_model()


def test_nothing_measured_says_what_to_do(app, predictor):
    opened(app)
    assert "**Nothing measured.**" in text(app)
    assert "`python -m train evidence`" in text(app)
    assert not app.get("plotly_chart")


def test_the_page_shows_everything(app, predictor):
    give(predictor)
    opened(app)
    assert [header.value for header in app.main.header] == [
        "Does 0.9 mean nine of ten?",
        "All systems, raw and calibrated",
        "Which classes cannot be ruled out?",
        "What is gained by leaving films to a person?",
        "Refusal gate",
    ]
    assert "Calibrated is not the same as right" in app.main.warning[0].value
    assert len(app.get("plotly_chart")) == 3
    assert app.pills[0].value == SYSTEMS[-1]
    assert "nan" not in text(app).lower()


def test_system_question_and_level_can_be_chosen(app, predictor):
    give(predictor)
    opened(app)
    app.pills[0].set_value("vgg16").run()
    app.segmented_control(key="calibration-question").set_value("COVID19").run()
    app.segmented_control(key="calibration-level").set_value(0.95).run()
    assert not app.exception
    assert "COVID-19 score by VGG16" in text(app)
    assert "Too few COVID-19 calibration films" in text(app)
    figure = json.loads(app.get("plotly_chart")[0].proto.spec)
    assert figure["layout"]["xaxis"]["range"][0] < 0


def test_a_temperature_of_one_draws_one_line(app, predictor):
    unused = Temperature(1.0, 0.9, 40, 40, {}, note="It does not help.")
    model = SimpleNamespace(
        calibration=dict.fromkeys(SYSTEMS, unused), conformal={}, gate=None, about={}
    )
    give(predictor, model=model)
    opened(app)
    figure = json.loads(app.get("plotly_chart")[0].proto.spec)
    names = [trace["name"] for trace in figure["data"] if trace.get("showlegend", True)]
    assert names == ["Means what it says", CALIBRATED]
    assert "No prediction sets were calibrated for this system." in text(app)


def test_a_twin_lends_no_prediction_sets(app, predictor):
    lent = trust_model()
    lent.conformal, lent.about = {}, {"is_twin": True}
    give(predictor, model=lent)
    opened(app)
    assert NO_SETS_OF_A_TWIN in text(app)


@pytest.mark.parametrize("kind", [name for name in DEGENERATE if name != "no film"])
def test_films_that_say_little_leave_no_nan(app, predictor, kind):
    y_true, patient = DEGENERATE[kind]
    few = make_reads(y_true, patient=patient)
    give(predictor, test=few, model=trust_model(few), others=make_reads([1]))
    opened(app)
    shown = text(app) + "".join(
        str(table.value.to_dict()) for table in [*app.main.dataframe, *app.main.table]
    )
    assert "nan" not in shown.lower()
    assert len(app.get("plotly_chart")) == 3


def test_no_test_films_are_nothing_measured(app, predictor):
    give(predictor, test=make_reads([]))
    opened(app)
    assert "**Nothing measured.**" in text(app)


def test_damaged_reads_are_said(app, predictor):
    give(predictor)

    def refuse(_title, _name=None):
        msg = "reads must fit their films."
        raise SpecMismatchError(msg)

    predictor.bundle.reads = refuse
    opened(app)
    assert "unusable" in text(app)


def test_the_question_is_of_known_words():
    from ui.calibration_view import QUESTIONS

    assert list(QUESTIONS) == [TOP_LABEL, *CLASS_TITLES]
