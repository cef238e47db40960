"""Reporting checklists: every item is there, answered from files or shown as unfilled."""

from __future__ import annotations

import re

import pytest

from cxr_core.bundle import DEFAULT_BUNDLE, Bundle
from cxr_core.checklist.fact import FACTS
from cxr_core.checklist.item import (
    BY_BUNDLE,
    CHECKLISTS,
    IN_PART,
    IN_WORDS,
    NOT_APPLICABLE,
    NOT_TOLD,
    STATES,
    UNFILLED,
    Item,
    answers,
    count_line,
    load,
)
from cxr_core.checklist.subject import Subject
from tests.told import AUDIT, write_told_bundle

TRIPOD_PARTS = {
    3: "abc", 5: "ab", 6: "abc", 8: "abc", 9: "abc", 12: "abcdefg", 18: "abcdef", 20: "abc",
    23: "ab", 27: "abc",
}  # fmt: skip
"""Items of TRIPOD+AI that have parts."""


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """A variant of which everything is told."""
    return Subject(write_told_bundle(tmp_path_factory.mktemp("told") / "bundle"), "tiny")


@pytest.fixture(scope="module")
def silent(tiny_bundle_dir):
    """A variant of which next to nothing is told."""
    return Subject(Bundle.load(tiny_bundle_dir), "tiny")


def by_number(key, subject):
    return {answer.item.number: answer for answer in answers(load(key), subject)}


def test_claim_has_its_44_items():
    assert [item.number for item in load("claim-2024").items] == [str(n) for n in range(1, 45)]


def test_tripod_ai_has_its_27_items_in_52_parts():
    parts = [f"{n}{part}" for n in range(1, 28) for part in TRIPOD_PARTS.get(n, ("",))]
    assert [item.number for item in load("tripod-ai").items] == parts
    assert len(parts) == 52


@pytest.mark.parametrize("key", CHECKLISTS)
def test_words_hold_no_figure(key):
    """What is measured comes from files; a figure typed here would outlive its measurement."""
    for item in load(key).items:
        for text in (item.words, item.unfilled, item.not_applicable, item.but, item.asks):
            assert not re.search(r"\d", text.replace("COVID-19", "")), item.number


@pytest.mark.parametrize("key", CHECKLISTS)
def test_every_item_is_asked_and_its_checklist_names_the_paper(key):
    checklist = load(key)
    assert all(item.section and item.asks for item in checklist.items)
    assert "doi:10." in checklist.reference


def test_every_fact_is_used():
    used = {n for key in CHECKLISTS for item in load(key).items for n in item.filled_by + item.also}
    assert used == set(FACTS)


def test_an_unknown_checklist():
    with pytest.raises(ValueError, match=r"`key` must be one of .* Received: key='consort'"):
        load("consort")


@pytest.mark.parametrize(
    "ways",
    [
        {},
        {"words": "So.", "unfilled": "Not."},
        {"filled_by": ("sources",), "words": "So."},
        {"filled_by": ("nothing_of_the_kind",)},
    ],
)
def test_an_item_is_answered_in_one_way(ways):
    with pytest.raises(ValueError, match=r"Item 1 must be answered in one way.* Received: "):
        Item("1", "Title", "What", **ways)


@pytest.mark.parametrize("key", CHECKLISTS)
def test_states_add_up_and_the_line_says_so(key, told):
    found = answers(load(key), told)
    counts = {state: sum(answer.state == state for answer in found) for state in STATES}
    assert sum(counts.values()) == len(load(key).items)
    assert count_line(found) == (
        f"{counts[BY_BUNDLE] + counts[IN_PART]} of {len(found)} filled by the bundle, "
        f"{counts[IN_PART]} of these in part only; {counts[IN_WORDS]} in the makers' words; "
        f"{counts[UNFILLED]} unfilled; {counts[NOT_APPLICABLE]} not applicable."
    )


def test_figures_are_those_of_the_bundle(told):
    found = by_number("claim-2024", told)
    assert found["37"].state == BY_BUNDLE
    assert "VGG16 0.800 (0.790 to 0.810) and 0.900 (0.890 to 0.910)" in found["37"].text
    assert "n = 20 films of 11 patients" in found["37"].text
    assert "Log loss on test films, raw and calibrated" in found["37"].text
    assert "recall 3 of 4 (75%, 65% to 85%)" in found["38"].text
    assert "4 of 20 test films wrong (Pneumonia called Normal 2" in found["39"].text
    assert "called COVID-19: DenseNet201 9 of 10 (90%, 80% to 100%)" in found["33"].text
    assert "fitted to: 62 films of 40 patients" in found["19"].text
    assert "3 training films share a patient" in found["20"].text
    assert "nothing is known of it" in found["7"].text


def test_what_lacks_something_is_filled_in_part_only(told):
    found = by_number("claim-2024", told)
    assert found["36"].state == IN_PART
    assert found["36"].text.endswith("Missing: age, sex and origin.")
    # the gate was measured, the shortcut audit was not
    assert found["30"].state == IN_PART
    assert found["30"].text.startswith("Refused: Normal 1 of 6")


def test_the_audit_and_the_gate_together_fill_robustness(tmp_path):
    subject = Subject(write_told_bundle(tmp_path / "bundle", audit=AUDIT), "tiny")
    found = by_number("claim-2024", subject)["30"]
    assert found.state == BY_BUNDLE
    assert found.sources == ("audit.json", "gate.json")
    assert "file size 0.875 (0.865 to 0.885) (n = 20)" in found.text
    assert "lungs removed" not in found.text
    assert "VGG16" not in found.text


def test_answers_name_the_files_that_tell_them(told):
    found = by_number("claim-2024", told)
    assert found["37"].sources == ("variants/tiny/evaluation.json",)
    assert "variants/tiny/runs/vgg16/run.json" in found["26"].sources
    for answer in found.values():
        assert set(answer.sources) <= {"bundle.json", *told.bundle.files}
        assert bool(answer.sources) == (answer.state in (BY_BUNDLE, IN_PART))


@pytest.mark.parametrize("key", CHECKLISTS)
def test_a_silent_bundle_leaves_items_unfilled(key, silent):
    found = by_number(key, silent)
    number = {"claim-2024": "37", "tripod-ai": "24"}[key]
    assert (found[number].state, found[number].text) == (UNFILLED, NOT_TOLD)
    assert sum(answer.state == UNFILLED for answer in found.values()) > 20
    assert not any("None" in answer.text for answer in found.values())


@pytest.mark.parametrize("key", CHECKLISTS)
def test_the_published_bundle_answers_without_a_gap_in_its_texts(key):
    bundle = Bundle.load(DEFAULT_BUNDLE)
    for name in bundle.variants:
        for answer in answers(load(key), Subject(bundle, name)):
            assert answer.text.endswith("."), answer.item.number
            assert "None" not in answer.text
            assert "nan" not in answer.text.split()
