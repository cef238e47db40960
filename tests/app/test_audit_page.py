"""The Shortcut audit page: from a bundle's audit, without one, on a film, on a folder."""

from __future__ import annotations

import json

import pytest

import ui.model_cache
from cxr_core.audit.folder import audit_folder
from cxr_core.audit.plan import AuditSettings, External, Tools
from cxr_core.audit.probe import PROBE_BY_NAME
from cxr_core.audit.systems_reader import SystemsReader
from cxr_core.audit.table import sections
from tests.app.test_pages import text
from tests.audit.material import TwoLungs, bright_border, write_films, write_splits
from tests.tiny import write_tiny_bundle
from ui.audit_changes import first_flips, flip_rows, overlap_line, restricted_rows
from ui.audit_parts import (
    COVER_MEASURES,
    cover_rows,
    cover_sentence,
    leak_lines,
    leak_rows,
    source_lines,
    source_rows,
)
from ui.audit_view import adults_lines, bar_rows, bars, chart_sentence, data_sentence
from ui.components.audit_charts import flip_figure, shortcut_figure

PAGE = "pages/5_Shortcut_audit.py"


@pytest.fixture(scope="module")
def audit(tiny_predictor, tmp_path_factory):
    """An audit of a folder whose border gives the class away, through JSON as a bundle holds it."""
    path = tmp_path_factory.mktemp("audit")
    folder = write_splits(path / "films", 8, 4, change=bright_border)
    other = write_films(path / "other", 2, classes=("NORMAL",), first_seed=99)
    again = folder / "test" / "PNEUMONIA" / "again.png"
    again.write_bytes((folder / "train" / "NORMAL" / "normal-0-0.png").read_bytes())
    lines = ["path,source"]
    lines += [
        f"{film.relative_to(folder).as_posix()},{'ab'[i % 2]}"
        for i, film in enumerate(sorted(folder.rglob("COVID19/*.png")))
    ]
    (folder / "manifest.csv").write_text("\n".join(lines), "utf-8")
    found = audit_folder(
        folder,
        Tools(SystemsReader({"clean": tiny_predictor}), TwoLungs()),
        external=External(other, "adults without COVID-19 from the same publications"),
        settings=AuditSettings(n_probed=2, n_resamples=40),
    )
    return json.loads(json.dumps(found, allow_nan=False))


def figure(at_value, low=0.4, high=0.6):
    return {"value": at_value, "low": low, "high": high}


def test_the_adults_come_first_in_plain_words(audit, predictor):
    evaluation = predictor.bundle.evaluation()
    lines = adults_lines(evaluation, audit, "clean")
    assert lines[0] == (
        "**Of 60 adults without COVID-19 from the same publications,** VGG16 calls **58** COVID-19 "
        "(89% to 99%) and Ensemble of probabilities **51** (74% to 92%)."
    )
    assert lines[1].startswith("A classifier that sees each film as 8 by 8 squares of grey calls")
    assert lines[2].startswith("**None of them has COVID-19.**")
    own = adults_lines(None, audit, "clean")
    assert own[0].startswith("**Of 2 adults without COVID-19 from the same publications,** Dense")
    assert adults_lines(None, None, "clean") == []
    assert adults_lines({"sets": {}}, {**audit, "external": None}, "clean") == []


def test_the_chart_is_the_table(audit):
    rows = bars(audit, "clean")
    assert [row.kind for row in rows] == ["free"] + ["cue"] * 9 + ["system"] * 5
    table = bar_rows(audit, "clean")
    assert [row["What is looked at"] for row in table] == [row.title for row in rows]
    drawn = shortcut_figure(rows, "accuracy")
    shown = {
        y: base + x
        for trace in drawn.data
        for y, x, base in zip(trace.y, trace.x, [trace.base] * len(trace.x), strict=True)
    }
    for row in rows:
        assert shown[row.title] == pytest.approx(row.figures["accuracy"]["value"])
    notes = {row["What is looked at"]: row["In words"] for row in table}
    assert "alike in it, so it tells nothing" in notes["Width, height and colour mode"]


def test_one_sentence_says_what_can_be_had_without_lungs(audit):
    made = {
        "majority": {"accuracy": figure(0.5)},
        "cues": {
            "corners": {"title": "The four corners", "accuracy": figure(0.9)},
            "border_only": {"title": "Border alone", "accuracy": figure(0.7)},
            "lungs_only": {"title": "Lungs alone", "accuracy": figure(0.99)},
        },
        "variants": {"clean": {"systems": {"vgg16": {"accuracy": figure(1.0)}}}},
    }
    assert chart_sentence(made, "clean", "accuracy") == (
        "**With no lung to be seen** (the four corners), a small classifier reaches 90.0% "
        "accuracy; the systems reach 100.0%. Of what the best system gains over naming the "
        "commonest class every time, **80%** can be had that way."
    )
    assert chart_sentence(made, "other", "accuracy").endswith("reaches 90.0% accuracy.")
    assert "table below says why" in chart_sentence({**made, "cues": {}}, "clean", "accuracy")
    assert "13 test films" in data_sentence(audit)
    assert "Two lungs were found on all 37 films" in data_sentence(audit)


def test_covered_films_sources_and_leaks(audit):
    own = audit["variants"]["clean"]
    rows = cover_rows(own, "balanced_accuracy")
    assert list(rows[0])[:2] == ["System", "Whole film (n = 13)"]
    assert len(rows) == 5
    assert "Whole film (n = 13)" not in cover_rows(own, "kept")[0]
    assert all(len(cover_rows(own, measure)) == 5 for measure in COVER_MEASURES)
    assert cover_sentence(own).startswith("**With the lungs painted black,**")
    assert cover_sentence({}) is None
    assert cover_rows({}, "kept") == []
    lines = source_lines(own)
    assert lines[0].startswith("**COVID-19:** 12 films (a 6, b 6); sources told apart with AUROC")
    assert lines[0].endswith("Too few to trust (under 20 films): a, b.")
    assert "**Normal:** cannot be measured: no source is stated." in lines
    assert {row["Class"] for row in source_rows(own)} == {"COVID-19"}
    assert leak_lines(audit["leaks"])[:2] == [
        "**1 film is known from another split**, so figures measured there are a little too good.",
        "**One film stands under two classes**: Normal in training, Pneumonia in test. One label "
        "is wrong.",
    ]
    assert leak_rows(audit["leaks"])[1]["Across splits"] == "1"


def test_small_changes_as_tables(audit):
    own = audit["variants"]["clean"]
    rows = first_flips(own)
    assert len(rows) == len(PROBE_BY_NAME)
    assert rows[0]["Change"].startswith("A letter R pasted in: height of the letter")
    probe = PROBE_BY_NAME["crop"]
    found = own["probes"]["probes"]["crop"]
    table = flip_rows(found, probe)
    assert [row["Level"] for row in table] == ["2%", "5%", "10%", "15%", "20%"]
    drawn = flip_figure(found, probe)
    assert len(drawn.data) == 5
    assert list(drawn.data[0].x) == list(probe.levels)


def test_overlap_in_words():
    found = {"n": 10, "n_index": 500, "n_overlap": 0, "n_by_split": {}}
    assert overlap_line(found).startswith("**None of the 10 films** looks like a copy")
    found |= {"n_overlap": 3, "n_by_split": {"train": 2, "test": 1}}
    assert "**3 of 10 films** look like copies" in overlap_line(found)
    assert "(2 of training films, 1 of test films)" in overlap_line(found)
    own = {"systems": {"vgg16": {"n": 10, "accuracy": figure(0.5)}}, "restricted": {"n": 0}}
    assert restricted_rows(own)[0]["Balanced accuracy, without copies"] == "no film is left"
    assert restricted_rows({"systems": {}}) == []


@pytest.fixture
def page(app, predictor, audit):
    """Return the page with a tab open, already run, on fake models with an audit."""

    def opened(tab="Lungs removed", content=audit):
        predictor.bundle.audit = lambda: content
        app.session_state["audit-tab"] = tab
        at = app.switch_page(PAGE).run()
        assert not at.exception
        return at

    return opened


def test_the_page_draws_the_audit(page):
    at = page()
    assert at.warning[0].value.startswith("**Of 60 adults without COVID-19 from the same")
    assert "**With no lung to be seen**" in text(at)
    assert "**With the lungs painted black,**" in text(at)
    at.segmented_control(key="audit-measure").set_value("macro_auroc").run()
    assert not at.exception
    assert "0.5 is guessing" in "\n".join(caption.value for caption in at.caption)
    at.segmented_control(key="audit-cover").set_value("kept").run()
    assert not at.exception


@pytest.mark.parametrize(
    ("tab", "words"),
    [
        ("Source", "sources told apart with AUROC"),
        ("Copies and leaks", "**One film stands under two classes**"),
        ("Small changes", "Measured on 2 films of 2 patients"),
        ("A film of yours", "**No film yet.**"),
        ("A folder of yours", "Put your own films to the same questions"),
    ],
)
def test_every_tab(page, tab, words):
    assert words in text(page(tab))


def test_another_change_is_drawn(page):
    at = page("Small changes")
    at.selectbox(key="audit-change").set_value("gamma").run()
    assert not at.exception


def test_a_bundle_without_an_audit_says_how_to_make_one(page):
    at = page("A film of yours", None)
    assert "**This bundle was not audited.**" in text(at)
    assert at.warning[0].value.startswith("**Of 60 adults without COVID-19,**")


def test_an_audit_of_another_schema_is_an_error_in_words(page):
    at = page(content={"schema": "cxr-audit/9"})
    assert "What the bundle tells of its audit is unusable" in text(at)


def test_an_audit_without_the_models_in_use(page, audit):
    for tab in ("Lungs removed", "Source", "Small changes"):
        at = page(tab, {**audit, "variants": {}})
        assert "This audit holds nothing of the models in use" in text(at)


@pytest.fixture
def tiny_page(app, tmp_path, monkeypatch):
    """The page on tiny networks, with one sample film, a tab open."""
    write_tiny_bundle(tmp_path / "bundle")
    monkeypatch.setenv(ui.model_cache.BUNDLE_VARIABLE, str(tmp_path / "bundle"))
    monkeypatch.setattr(ui.model_cache, "lungs", lambda: TwoLungs())

    def opened(tab):
        app.run().button(key="sample-s1.png").click().run()
        app.session_state["audit-tab"] = tab
        at = app.switch_page(PAGE).run()
        assert not at.exception
        return at

    return opened


def button(at, label):
    return next(each for each in at.button if each.label == label)


def test_changes_are_tried_on_a_film(tiny_page):
    at = tiny_page("A film of yours")
    button(at, "Try the changes").click().run()
    assert not at.exception
    assert not any(each.label == "Stop" for each in at.button)
    (table,) = (t.value for t in at.table if "Change" in t.value)
    assert len(table) == len(PROBE_BY_NAME)
    at.selectbox(key="audit-film-change").set_value("rotation").run()
    assert not at.exception
    (rows,) = (frame.value for frame in at.dataframe if "Answer" in frame.value)
    assert len(rows) == 5 * len(PROBE_BY_NAME["rotation"].levels)


def test_a_folder_of_ones_own_is_audited(tiny_page, tmp_path):
    folder = write_films(tmp_path / "own", 3, change=bright_border)
    at = tiny_page("A folder of yours")
    at.text_input(key="audit-own-name").set_value(str(folder))
    at.number_input(key="audit-own-n").set_value(6)
    button(at, "Audit the folder").click().run()
    assert not at.exception
    assert "no fingerprints" in "\n".join(caption.value for caption in at.caption)
    assert "The systems read 6 of them" in "\n".join(caption.value for caption in at.caption)
    assert [each.label for each in at.get("download_button")] == [
        "Audit as JSON",
        "Tables as Markdown",
    ]
    at.run()
    assert "**With no lung to be seen**" in text(at)


@pytest.mark.parametrize("name", ["", "/no/such/folder"])
def test_a_folder_that_cannot_be_used(tiny_page, name):
    at = tiny_page("A folder of yours")
    at.text_input(key="audit-own-name").set_value(name)
    button(at, "Audit the folder").click().run()
    assert not at.exception
    assert "This folder could not be audited" in text(at)


def test_the_terminal_tables_have_the_same_rows(audit):
    tables = {table.title.split(",")[0]: table for table in sections(audit, "clean")}
    assert len(tables["What tells the class"].rows) == len(bars(audit, "clean"))
