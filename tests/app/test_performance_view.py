"""What the Performance page says, sentence by sentence, from values worked by hand."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from cxr_core.errors import UnreadableImageError
from cxr_core.evaluate.display import COST_PRESETS, DecisionCosts, OperatingPoint
from cxr_core.evaluate.misread import Misread
from tests.evaluate.material import make_reads
from ui.components.performance_figures import as_csv, interval_figure
from ui.decision_view import cost_lines, point_lines, point_rows, threshold_text
from ui.error_view import Alike, alike_sentence, error_sentence, film_name, film_rows
from ui.evidence import Evidence
from ui.folder import films_below, folder_named, training_part
from ui.performance_comparison_view import comparison_lines, comparison_rows
from ui.performance_view import cell, set_lines, set_title


def figure(value, low, high):
    return {"value": value, "low": low, "high": high}


@pytest.mark.parametrize(
    ("found", "is_share", "expected"),
    [
        (figure(0.967, 0.955, 0.978), True, "96.7% (95.5 to 97.8)"),
        (figure(0.99991, 0.9994, 1.0), False, "0.9999 (0.999 to 1.000)"),
        (figure(0.5, None, None), False, "0.500, no interval"),
        (figure(None, None, None), True, "not defined"),
        (None, True, "not measured"),
    ],
)
def test_cells(found, is_share, expected):
    assert cell(found, is_share=is_share).replace("\u00a0", " ") == expected


def test_titles_and_sentences_of_sets():
    assert set_title("test") == "Test films"
    assert set_title("adults without COVID-19") == "Adults without COVID-19"
    lines = set_lines(
        {
            "n_films": 1200,
            "n_patients": 1200,
            "patients_from": "none",
            "n_by_class": {"COVID19": 1200, "NORMAL": 0, "PNEUMONIA": 0},
        }
    )
    assert lines[0] == ("**1,200 films of 1,200 patients**: COVID-19 1,200, Normal 0, Pneumonia 0.")
    assert lines[1].startswith("Patients are not known, so every film counts as a patient")
    assert lines[2].startswith("**No film is of Normal and Pneumonia**")


def evaluation(accuracies, difference):
    """An evaluation of two or three systems with one difference between the first two."""
    names = ("vgg16", "densenet201", "ensemble_dense")[: len(accuracies)]
    systems = {
        name: {"figures": {"accuracy": figure(value, value - 0.01, value + 0.01)}}
        for name, value in zip(names, accuracies, strict=True)
    }
    test = {"n_only_a": 7, "n_only_b": 2, "p": 0.18}
    pairs = [
        {"a": names[0], "b": other, "accuracy": figure(*difference), "mcnemar": test}
        for other in names[1:]
    ]
    return {"systems": systems, "pairs": pairs}


def test_a_difference_within_its_interval_is_never_a_win():
    lines = comparison_lines(evaluation([0.97, 0.96], (0.01, -0.01, 0.03)), "accuracy")
    assert lines == [
        "**VGG16** has the highest accuracy, 97.0%.",
        "**Not told apart** from VGG16: DenseNet201. The 95% interval of the difference holds 0, "
        "so these films do not say which is better.",
    ]
    (row,) = comparison_rows(evaluation([0.97, 0.96], (0.01, -0.01, 0.03)), "accuracy")
    assert {key: value.replace("\u00a0", " ") for key, value in row.items()} == {
        "Against VGG16": "DenseNet201",
        "Difference in accuracy": "\N{MINUS SIGN}1.0 (\N{MINUS SIGN}3.0 to +1.0)",
        "Verdict": "not told apart",
        "Only this one right": "2 films",
        "Only the best right": "7 films",
        "McNemar p": "0.180",
        "p, Holm": "0.180",
    }


def test_a_difference_beyond_its_interval_is_said_with_its_side():
    found = evaluation([0.97, 0.90, 0.97], (0.07, 0.05, 0.09))
    lines = comparison_lines(found, "accuracy")
    assert (
        lines[0] == "**VGG16** and **Ensemble of dense layers** share the highest accuracy, 97.0%."
    )
    assert lines[1] == "Worse, and told apart from it: DenseNet201 and Ensemble of dense layers."
    rows = comparison_rows(found, "accuracy")
    assert [row["Verdict"] for row in rows] == ["told apart: worse"] * 2
    assert [row["p, Holm"] for row in rows] == ["0.360", "0.360"]


def test_nothing_to_compare():
    empty = {"systems": {"vgg16": {"figures": {"accuracy": figure(None, None, None)}}}, "pairs": []}
    assert comparison_lines(empty, "accuracy") == ["Nothing can be compared: there is no film."]
    assert comparison_rows(empty, "accuracy") == []
    assert not interval_figure(empty, "accuracy", kind="figures").data


def test_a_threshold_in_counts_of_films():
    y_true = np.repeat([0, 1], 50)
    scores = np.concatenate([np.linspace(0.99, 0.5, 50), np.linspace(0.59, 0.01, 50)])
    probs = np.stack([scores, 1 - scores, 0 * scores], axis=1)
    point = OperatingPoint.from_predictions(y_true, probs, "COVID19", at=0.9, prevalence=0.02)
    lines = point_lines(point)
    assert lines[0].startswith("**Called COVID-19 from a score of 0.550 on.** Chosen for a ")
    assert "sensitivity of 90% on the very films it is measured on" in lines[0]
    n_false = (scores[50:] >= point.threshold).sum()
    wrongly = 980 * n_false / 50
    assert lines[1] == (
        f"Of 1,000 films with 20 of COVID-19, it calls about {wrongly + 18:.0f}: 18 rightly and "
        f"{wrongly:.0f} wrongly, and misses 2."
    )
    rows = point_rows(point)
    assert rows[0][""] == "COVID-19 films found"
    assert rows[0]["Value"].startswith("90.0%")
    assert rows[2][""] == "Called COVID-19, and truly so, at a prevalence of 2%"


@pytest.mark.parametrize(
    ("share", "words"), [(0.05, "5%"), (1 / 11, "9.09%"), (0.001, "0.1%"), (0.9995, "99.95%")]
)
def test_threshold_text(share, words):
    assert threshold_text(share) == words


def test_costs_that_change_nothing_and_something():
    probs = np.array([[0.2, 0.8, 0.0], [0.0, 1.0, 0.0]] * 20)
    y_true = [0, 1] * 20
    same = DecisionCosts.from_predictions(
        y_true, probs, COST_PRESETS["Every error costs the same"], n_resamples=20
    )
    assert cost_lines(same)[-1] == (
        "The call of none of 40 films changes, so the cost is the same."
    )
    first = next(iter(COST_PRESETS.values()))
    other = DecisionCosts.from_predictions(y_true, probs, first, n_resamples=200)
    assert cost_lines(other)[1].startswith(
        "It changes the call of **20 of 40 films**. Mean cost a film: 5.000 by the likeliest "
        "class, 0.000 by least expected cost, difference \N{MINUS SIGN}5.000 ("
    )
    assert "not told apart" not in cost_lines(other)[1]


ERROR = Misread(11, "3f2a99c0" + "0" * 56, "NORMAL", "COVID19", 0.97, 0.02, 2, {"source": "clinic"})


def test_errors_in_words():
    assert film_name(ERROR.row, ERROR.sha256) == "film 12 (3f2a99c0)"
    shown = SimpleNamespace(systems=("a", "b"), evaluation={"n_films": 60})
    assert error_sentence(shown, [ERROR], "vgg16") == (
        "**1 of 60 films** called wrongly by VGG16, the surest first; 1 of them with a probability "
        "of 90% or more, 1 by every system."
    )
    assert error_sentence(shown, [], "vgg16") == "VGG16 calls no such film wrongly."


def test_films_that_are_alike_in_words():
    near = [
        Alike("a" * 64, "COVID19", 0.99, "journal", is_same_exposure=True),
        Alike("b" * 64, "COVID19", 0.98, "journal", is_same_exposure=False),
        Alike("c" * 64, "NORMAL", 0.97, "", is_same_exposure=False),
    ]
    assert alike_sentence(ERROR, near) == (
        "The 3 nearest films: COVID-19 2, Normal 1. The film is of Normal and called COVID-19. 2 "
        "of 3 come from journal, it from clinic. **1 of them shows the same exposure**: the film "
        "is known from training, and its score says little."
    )
    assert alike_sentence(ERROR, []) == "No other film was read."


def test_films_as_a_file():
    reads = make_reads([0, 1], groups={"source": ("a", "b")})
    evidence = Evidence("key", "test", reads, {"vgg16": reads.probs("vgg16")}, {"systems": {}})
    rows = film_rows(evidence)
    assert [row["class"] for row in rows] == ["COVID19", "NORMAL"]
    assert rows[0]["vgg16_COVID19_raw"] == rows[0]["vgg16_COVID19_calibrated"]
    assert "densenet201_COVID19_calibrated" not in rows[0]
    lines = as_csv(rows).splitlines()
    assert lines[0].startswith("film,sha256,patient,class,source,densenet201_called,")
    assert len(lines) == 3
    assert as_csv([]) == ""
    assert film_rows(Evidence("key", "test", None, {}, {"systems": {}})) == []


def test_films_are_found_by_their_bytes(tmp_path):
    tmp_path = tmp_path / "films"
    (tmp_path / "train" / "NORMAL").mkdir(parents=True)
    (tmp_path / ".hidden").mkdir()
    for name, data in (("a.png", b"1"), ("b.png", b"1"), ("c.jpg", b"2"), ("notes.csv", b"3")):
        (tmp_path / "train" / "NORMAL" / name).write_bytes(data)
    (tmp_path / ".hidden" / "d.png").write_bytes(b"4")
    told = []
    found = films_below(tmp_path, on_file=lambda *steps: told.append(steps))
    assert sorted(path.name for path in found.values()) == ["a.png", "c.jpg"]
    assert told == [(3, 3)]
    assert training_part(tmp_path) == tmp_path / "train"
    assert training_part(tmp_path / "train") == tmp_path / "train"
    assert folder_named(str(tmp_path)) == tmp_path
    with pytest.raises(UnreadableImageError, match="`folder` must be a folder on the computer"):
        folder_named(str(tmp_path / "none"))
