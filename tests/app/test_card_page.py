"""The page of cards: sections one at a time, checklists with their gaps, files with provenance."""

from __future__ import annotations

import csv

import pytest

from cxr_core.checklist.item import answers, load
from cxr_core.checklist.subject import Subject
from cxr_core.provenance import Provenance, chain
from tests.app.test_pages import open_tab, text
from tests.told import told_manifest, write_told_bundle
from train.card import seal_with_cards
from ui.card_view import (
    ALL,
    answer_rows,
    card_file,
    card_sections,
    chain_csv,
    chain_rows,
    checklist_csv,
    checklist_markdown,
    shown_links,
    shown_rows,
    state_counts,
    table_text,
)

MADE = Provenance("told", "1.2", "ab" * 32, "tiny", "f32", "raw")


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """A bundle with cards, without a trust model, whose parts come later."""
    folder = tmp_path_factory.mktemp("told") / "bundle"
    write_told_bundle(folder)
    (folder / "bundle.json").unlink()
    manifest = told_manifest()
    del manifest["variants"]["tiny"]["trust"]
    return seal_with_cards(folder, manifest)


@pytest.fixture
def page(app, told, monkeypatch):
    """The app on that bundle."""
    monkeypatch.setenv("CXR_BUNDLE", str(told.folder))
    return app


def button(app, label):
    """Data of a download button."""
    return next(b for b in app.get("download_button") if b.proto.label == label)


def test_a_card_is_split_at_its_headings():
    card = "# Card\n\nfirst\n\n## One\n\na\n\n```\n## no heading\n```\n\n## Two\n\nb\n"
    assert card_sections(card) == {
        "One": "# Card\n\nfirst\n\n## One\n\na\n\n```\n## no heading\n```",
        "Two": "## Two\n\nb",
    }
    assert card_sections("# Card\n\n## Only one\n") == {}
    assert card_sections("") == {}


def test_a_card_that_is_taken_away_names_its_bundle():
    assert card_file("# Card\n", MADE).endswith(
        f"\n---\n\nCard of bundle told 1.2, digest `{'ab' * 32}`.\n"
    )


def test_the_warning_is_shown_first_and_sections_can_be_chosen(page):
    open_tab(page, "Model card")
    assert "Films that do not show COVID-19" in text(page)
    assert "## Intended use" not in text(page)
    sections = page.get("button_group")[0]
    assert sections.options[0] == "Read this before any figure"
    assert sections.options[-1] == "Whole card"
    sections.set_value("Whole card").run()
    assert not page.exception
    assert "Films that do not show COVID-19" in text(page)
    assert "## Intended use" in text(page)
    assert button(page, "Download the card")


def test_the_data_card(page):
    open_tab(page, "Data card")
    assert "# Data card: films of told 1.2" in text(page)


def test_a_bundle_without_data_card_says_what_to_do(app, predictor):
    open_tab(app, "Data card")
    assert "**No data card.**" in text(app)
    assert "`python -m train evidence`" in text(app)


@pytest.mark.parametrize(("tab", "key"), [("CLAIM 2024", "claim-2024"), ("TRIPOD+AI", "tripod-ai")])
def test_a_checklist_shows_its_gaps(page, told, tab, key):
    open_tab(page, tab)
    found = answers(load(key), Subject(told, "tiny"))
    n_unfilled = state_counts(found)["Unfilled"]
    assert f"{n_unfilled} unfilled" in text(page)
    assert text(page).count("**Unfilled**") == n_unfilled
    assert "written here in our own words. Check each against the paper" in page.caption[0].value
    states = page.get("button_group")[0]
    assert states.options[0] == f"All items ({len(found)})"
    states.set_value("Unfilled").run()
    assert not page.exception
    (table,) = [m.value for m in page.markdown if m.value.startswith("| Item")]
    assert len(table.splitlines()) == 2 + n_unfilled
    assert button(page, "Download as Markdown")
    assert button(page, "Download as CSV")


def test_the_chain_is_shown_with_the_line_of_every_export(page, told):
    open_tab(page, "Provenance")
    assert page.code[0].value.startswith(f"told 1.2 \N{MIDDLE DOT} digest {told.digest[:16]}")
    assert page.code[1].value == told.digest
    assert "python \\-m train \\-\\-preset tiny" in text(page)


def test_files_hold_all_answers_and_where_they_come_from(told):
    checklist = load("claim-2024")
    found = answers(checklist, Subject(told, "tiny"))
    lines = checklist_csv(found, MADE).splitlines()
    assert f"# digest: {'ab' * 32}" in lines
    assert "# variant: tiny" in lines
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    assert rows == answer_rows(found)
    assert rows[36]["Told by"] == "variants/tiny/evaluation.json"
    markdown = checklist_markdown(checklist, found, MADE)
    assert "basement\\|archive" in markdown
    assert f"digest `{'ab' * 32}`" in markdown
    assert len([line for line in markdown.splitlines() if line.startswith("| ")]) == 2 + 44


def test_the_chain_as_a_file_has_whole_digests(told):
    links = chain(told)
    shown = [row["Value"] for row in shown_links(links, "tiny")]
    whole = chain_csv(chain_rows(links), MADE)
    for digest in told.fingerprint("tiny").values():
        assert digest in whole
        assert f"{digest[:16]}\N{HORIZONTAL ELLIPSIS}" in shown


def test_rows_are_markdown_with_bars_escaped(told):
    found = answers(load("claim-2024"), Subject(told, "tiny"))
    table = table_text(shown_rows(found))
    assert {line.replace("\\|", "").count("|") for line in table.splitlines()} == {5}
    assert table_text([]) == ""
    assert state_counts(found)[ALL] == 44
