"""The model card: nine sections from the bundle alone, the warning first, nothing typed."""

from __future__ import annotations

import json
import re

import pytest

from cxr_core.bundle import Bundle, seal
from cxr_core.labels import SYSTEMS, system_title
from tests.told import AUDIT, COMMAND, share, told_manifest, write_told_bundle
from train.card import seal_with_cards, write_card
from train.card.table import table
from train.card.training import exceptions

SECTIONS = [
    "Read this before any figure",
    "Model details",
    "Intended use",
    "Factors",
    "Metrics",
    "Evaluation data",
    "Training data",
    "Quantitative analyses",
    "Ethical considerations",
    "Caveats and recommendations",
    "Where every number comes from",
]
"""Mitchell's nine, the warning before them and the provenance after them."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A bundle that tells everything; not to be changed."""
    path = tmp_path_factory.mktemp("told") / "bundle"
    write_told_bundle(path, audit=AUDIT)
    return path


@pytest.fixture(scope="module")
def card(folder):
    return write_card(Bundle.load(folder))


def section(card, name):
    """Text of one section."""
    return re.split(r"^## ", card, flags=re.MULTILINE)[1 + SECTIONS.index(name)]


def rewritten(tmp_path, change):
    """The card of the same bundle after a change of its evaluation."""
    own = tmp_path / "own"
    write_told_bundle(own)
    path = own / "variants" / "tiny" / "evaluation.json"
    content = json.loads(path.read_text("utf-8"))
    change(content["sets"])
    path.write_text(json.dumps(content), "utf-8")
    (own / "bundle.json").unlink()
    return write_card(seal(own, told_manifest()))


def test_nine_sections_with_the_warning_first(card):
    assert re.findall(r"^## (.*)$", card, re.MULTILINE) == SECTIONS
    first = card.index("tells a class from the rest")
    assert first < card.index("0.800 (0.790 to 0.810)")


def test_the_table_of_adults_stands_at_the_top(card):
    found = section(card, "Read this before any figure")
    for system in SYSTEMS:
        assert (
            f"| {system_title(system)} (`tiny`) | **9 of 10** (90%, 80% to 100%) | 3 of 4 |"
        ) in found
    assert "9 of 10 such films pass it, and 8 of those are called COVID-19" in found


def test_every_figure_has_its_n_and_its_films(card):
    found = section(card, "Quantitative analyses")
    assert "n = 20 films of 11 patients (COVID-19 4, Normal 6, Pneumonia 10)." in found
    assert f"Films digest `{'f1' * 8}`; bundle told 1.2, f32." in found
    assert "| VGG16 | 0.800 (0.790 to 0.810) | 0.900 (0.890 to 0.910) |" in found
    assert "| No learning: commonest class | 0.800" in found
    assert "| Weighted mean of the members, weights chosen on the test films | 0.800" in found
    assert "3 of 20 |" in found


def test_raw_and_calibrated_stand_side_by_side(card):
    found = section(card, "Quantitative analyses")
    assert "| VGG16 | 0.500 (0.490 to 0.510) | 0.400 (0.390 to 0.410) |" in found
    assert "| VGG16 | 1.500 | 40 | 0.5000 | 0.4100 | in use |" in found
    assert "- DenseNet201 is not calibrated: Too few films." in found
    assert "COVID-19 stays in every set, too few calibration films (COVID-19 5" in found


def test_the_card_of_the_published_bundle_tells_all_of_its_evidence():
    bundle = Bundle.load()
    for found in (write_card(bundle), bundle.card):  # as it would be written now, as it is
        assert "Not in this bundle" not in found
        for title in ("Refusal gate", "Classifiers that must not work", "Calibration of"):
            assert f"### {title}" in found
        assert "children of one hospital" in found
        assert "such films pass it" in found


def test_a_card_guesses_no_source(card, tmp_path):
    assert "children of one hospital" not in card
    assert "can score high by telling those apart" in card


def test_gate_and_shortcuts_are_told_where_they_were_measured(card, tmp_path):
    found = section(card, "Quantitative analyses")
    assert "| Photographs | far | 39 of 40 (98%, 88% to 100%) | 0.9987 |" in found
    assert "Command: `python -m benchmarks.gate`, file `gate.json`." in found
    shortcuts = found[found.index("### Classifiers that must not work") :]
    assert "n = 20 films of 11 patients, films of this bundle, data digest" in shortcuts
    assert "| file size | 20 | 0.875 (0.865 to 0.885) | 0.700 (0.690 to 0.710) | 0.873 |" in (
        shortcuts
    )
    assert "| lungs removed | No film with plausible lungs. |" in shortcuts
    assert shortcuts.index("| file size |") < shortcuts.index("| VGG16 | 20 | 0.800")
    without = write_card(write_told_bundle(tmp_path / "without"))
    assert "Not in this bundle: classifiers that must not work (`audit.json`)" in without
    assert "file size" not in without


def test_groups_of_films(card):
    found = section(card, "Quantitative analyses")
    assert "| source: hospital | 12 | 6 | 11 of 12 (92%, 82% to 100%) | 1 of 12 " in found
    assert "Not told of any test film: view, age band." in section(card, "Factors")


def test_numbers_are_those_of_the_bundle(tmp_path):
    def change(sets):
        adults = sets["adults without COVID-19"]["systems"]["vgg16"]
        adults["called"]["COVID19"] = share(2, 10)
        sets["test"]["systems"]["vgg16"]["figures"]["accuracy"]["value"] = 0.123

    changed = rewritten(tmp_path, change)
    assert "VGG16 (`tiny`) | **2 of 10**" in changed
    assert "| VGG16 | 0.123 (" in changed


def test_a_figure_that_is_not_defined_says_so(tmp_path):
    def change(sets):
        undefined = {"value": None, "low": None, "high": None, "reason": "one class"}
        sets["test"]["systems"]["vgg16"]["figures"]["macro_auroc"] = undefined

    changed = rewritten(tmp_path, change)
    assert "| VGG16 | 0.800 (0.790 to 0.810) | not defined |" in changed
    assert "nan" not in changed.lower().split()


def test_the_chain_of_every_number(card):
    found = section(card, "Where every number comes from")
    assert f"| Training, `tiny` | Command | `{COMMAND}` | `bundle.json` |" in found
    assert "| Publishing | Command | `python -m train publish tiny` |" in found
    assert f"| Training, `tiny` | Data digest | {'d1' * 32} |" in found
    assert "| Training, `tiny` | Revision | 0123abc |" in found
    assert "numpy 2.4.6" in found
    assert "2,000 resamples, seed 0" in found


def test_training_is_told_and_its_defects(card):
    details = section(card, "Model details")
    assert f"```\n{COMMAND}\n```" in details
    assert "- VGG16: 102 trained parameters, 3 epochs, the weights of epoch 2 kept" in details
    assert "It does not beat the plain mean of the members" in details
    assert "(-0.2000 to not defined), n = 20." in details
    data = section(card, "Training data")
    assert "| fit | 12 | 20 | 30 | 62 | 40 |" in data
    assert "1 of the 10 films of `adults` show a patient of the training films." in data
    assert "- class and source go together" in section(card, "Caveats and recommendations")


def test_a_bundle_that_tells_nothing_has_a_card_that_says_so(tiny_bundle_dir):
    found = write_card(Bundle.load(tiny_bundle_dir))
    assert re.findall(r"^## (.*)$", found, re.MULTILINE) == SECTIONS
    assert "Nothing was measured." in found
    assert "Which films it was trained on is not recorded in this bundle." in found
    assert "Command: not recorded." in found
    assert "Probabilities are not calibrated." in found
    assert "Not in this bundle: calibration and prediction sets, the refusal gate" in found


def test_cards_are_written_into_the_bundle_and_stay_the_same(tmp_path):
    own = tmp_path / "own"
    write_told_bundle(own)
    (own / "bundle.json").unlink()
    bundle = seal_with_cards(own, told_manifest())
    assert bundle.card.startswith("# Model card: told 1.2\n")
    assert bundle.data_card.startswith("# Data card: films of told 1.2\n")
    assert bundle.card == write_card(bundle)
    (own / "bundle.json").unlink()
    assert seal_with_cards(own, told_manifest()).digest == bundle.digest


def test_writing_a_card_changes_nothing(folder):
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    write_card(Bundle.load(folder))
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_a_bar_in_a_cell_is_no_border():
    assert table(["a", "b"], [["x|y", "1"]]).splitlines()[1:] == ["| --- | ---: |", "| x\\|y | 1 |"]


@pytest.mark.parametrize(
    ("added", "data", "text"),
    [
        ({}, {}, ""),
        ({"n_of_patients_in": {"train": 0, "test": 0}}, {"n_left_out_for_added": 0}, ""),
        (
            {"n_of_patients_in": {"train": 3, "test": 2}},
            {"n_left_out_for_added": 4},
            " but 2 of patients in the test films; 4 training films of the added films' patients "
            "were left out",
        ),
    ],
)
def test_shared_patients_are_told(added, data, text):
    assert exceptions(added, data) == text
