"""What is said beside maps of their kind: passed and failed checks, with figures."""

from __future__ import annotations

from cxr_core.explain.fidelity.published_checks import merge_checks
from tests.explain.test_published_checks import COVERS, HEADS, checked
from ui.fidelity_view import agreement_rows, agreement_sentence
from ui.map_trust_view import NOTHING_MEASURED, known_rows, known_sentences

PAIR = ("vgg16", "hirescam")


def test_a_failure_is_said_with_its_figure_and_bar():
    merged = merge_checks([HEADS, COVERS], fitted_to={})
    (line,) = known_sentences(merged, [PAIR, PAIR])
    assert "**VGG16, HiResCAM** fails 2 of 3 checks" in line
    assert "random heads (likeness 0.40, must be below 0.30)" in line
    assert "ROAD (gap 0.10; 0 is chance)" in line
    (row,) = known_rows(merged, [PAIR])
    assert row["Random heads"] == "fails"
    assert row["Deletion"] == "passes"
    assert row["ROAD"] == "not told"
    assert row["Insertion"] == "not measured"
    assert row["Films"] == 36


def test_all_passed_is_said():
    merged = merge_checks([checked({"deletion": True}, deletion_beaten=0.9)], fitted_to={})
    assert known_sentences(merged, [PAIR]) == [
        "All kinds of maps on this page passed the checks that were made of them."
    ]


def test_nothing_measured_is_said():
    assert known_sentences(None, [PAIR]) == [NOTHING_MEASURED]
    assert known_rows(None, [PAIR]) == []


def test_agreement_with_other_recipes():
    assert "seed 0.25, mixed \N{MINUS SIGN}0.10" in agreement_sentence(
        {"seed": 0.25, "mixed": -0.1}
    )
    assert agreement_rows({"seed": 0.25})[0]["Figure"] == 0.25
