"""The data card: counts of the bundle, what publications say, and what nobody knows."""

from __future__ import annotations

import json
import re

import pytest

from cxr_core.bundle import Bundle, seal
from cxr_core.dataset.source import SOURCES
from tests.told import dataset, told_manifest, write_told_bundle
from train.card import write_data_card

SECTIONS = [
    "Read this before any figure",
    "Motivation",
    "Composition",
    "Sources",
    "Collection process",
    "Preparation and labels",
    "How films were divided",
    "Films beside these",
    "Uses",
    "Distribution",
    "Maintenance",
    "What is not known",
]


@pytest.fixture(scope="module")
def card(tmp_path_factory):
    return write_data_card(write_told_bundle(tmp_path_factory.mktemp("told") / "bundle"))


def with_dataset(folder, change):
    """The card of a bundle whose data set was changed."""
    write_told_bundle(folder)
    content = dataset()
    change(content)
    (folder / "dataset.json").write_text(json.dumps(content), "utf-8")
    (folder / "bundle.json").unlink()
    return write_data_card(seal(folder, told_manifest()))


def test_sections_with_the_confounding_first(card):
    assert re.findall(r"^## (.*)$", card, re.MULTILINE) == SECTIONS
    assert "COVID-19 1.00" in card.split("## Motivation")[0]
    assert "Children of one hospital" not in card, "where COVID-19 films come from is not known"


def test_counts_are_those_of_the_bundle(card):
    assert "82 films of 51 patients; 1 files could not be read" in card
    assert "| test | 4 | 6 | 10 | 20 | 11 |" in card
    assert "| kermany-2018 | 0 | 26 | 40 | 66 |" in card
    assert "| PA | 16 | 0 | 0 | 16 |" in card
    assert "same bytes: 1; of the same exposure in other bytes: 2" in card
    assert "Between splits: 0 films of a patient of an earlier split, 0 copies, 3 of" in card
    assert f"Data digest `{'d1' * 32}`." in card


def test_sources_licences_and_what_is_not_known(card):
    assert SOURCES["kermany-2018"].people in card
    assert "**basement|archive**: nothing is known of it here." in card
    assert "| kermany-2018 | CC BY 4.0 | 66 |" in card
    assert "- view of 66 of 82 films" in card
    assert "- licence of 16 of 82 films" in card
    assert "- the patient of 2 films" in card
    assert "- age, sex and origin of the patients, film by film" in card


def test_films_of_one_size_were_resampled(card, tmp_path):
    assert "All films have one size" in card
    changed = with_dataset(tmp_path / "b", lambda d: d["sizes"].update(n_distinct=7))
    assert "All films have one size" not in changed
    assert "Sizes in pixels: 7 different" in changed


def test_a_summary_of_an_earlier_version(tmp_path):
    def earlier(content):
        del content["n_by_view"], content["n_by_source_and_license"]

    card = with_dataset(tmp_path / "b", earlier)
    assert "Licences film by film are not recorded in this bundle." in card
    assert "- view of every film" in card
    assert "- licence of every film" in card


def test_the_public_mixture_is_told_in_words(tmp_path):
    def known(content):
        row = content["n_by_source"].pop("basement|archive")
        content["n_by_source"]["cohen-2020"] = row

    card = with_dataset(tmp_path / "b", known)
    assert "Children of one hospital stand for Normal and Pneumonia" in card.split("## Mot")[0]


def test_other_collections_are_not_said_to_be_children(tmp_path):
    def other(content):
        content["n_by_source"] = {"one": {"COVID19": 1, "NORMAL": 2, "PNEUMONIA": 3}}

    card = with_dataset(tmp_path / "b", other)
    assert "Children of one hospital" not in card
    assert "**one**: nothing is known of it here." in card


def test_a_bundle_without_data_set(tiny_bundle_dir):
    card = write_data_card(Bundle.load(tiny_bundle_dir))
    assert "This bundle has no `dataset.json`" in card
    assert "Sources are not recorded, so nobody can tell" in card
    assert "Data digest `not recorded`." in card
