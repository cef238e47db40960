"""The data set page: from a bundle's summary, from a folder, with a folder that cannot be used."""

from __future__ import annotations

import json

import pytest

from cxr_core.dataset import scan, summarise
from cxr_core.labels import CLASS_COLOURS, CLASS_TITLES, CLASSES
from tests.dataset.conftest import write_split
from ui.components.dataset_charts import (
    MAX_SOURCES,
    intensity_figure,
    size_figure,
    source_figure,
    split_figure,
)
from ui.dataset_view import (
    NO_SOURCE,
    balance_rows,
    bundle_summary,
    confounding_lines,
    file_rows,
    leak_rows,
    leak_sentence,
    size_sentence,
    split_rows,
    weight_rows,
)

CONFOUNDED = (
    "**Class and source are confounded: COVID-19.** Every COVID-19 film comes from journal, and "
    "no film of another class does. The source alone tells COVID-19 from the rest without an "
    "error, so a model can score well by recognising where a film comes from, and disease need "
    "not play a part. No figure measured on these films can tell the two apart."
)


@pytest.fixture
def folder(tmp_path):
    """Training and test films of two sources, COVID-19 from one of its own; one leak."""
    path = tmp_path / "films"
    write_split(path, "train", 2, first_seed=0)
    write_split(path, "test", 1, first_seed=500)
    original = path / "train" / "NORMAL" / "normal-0.png"
    (path / "test" / "PNEUMONIA" / "again.png").write_bytes(original.read_bytes())
    lines = ["path,source,patient"]
    for film in sorted(path.rglob("*.png")):
        name = film.relative_to(path).as_posix()
        lines.append(f"{name},{'journal' if 'COVID' in name else 'hospital'},")
    (path / "manifest.csv").write_text("\n".join(lines), "utf-8")
    return path


@pytest.fixture
def summary(folder):
    """The summary of the folder, through JSON as a bundle holds it."""
    return json.loads(json.dumps(summarise(scan(folder))))


@pytest.fixture
def page(app, predictor):
    """Return the page, not yet run."""
    return app.switch_page("pages/7_Dataset.py")


def text(at) -> str:
    """All Markdown, captions and plain text of a page."""
    parts = (*at.markdown, *at.caption, *at.text)
    return "\n".join(part.value for part in parts)


def weight_table(at):
    """The table of class weights."""
    (table,) = (t.value for t in at.table if "Largest / count" in t.value)
    return table.set_index("Class")


def scan_folder(at, folder):
    """Name a folder and scan it."""
    at.text_input(key="dataset-folder-name").set_value(str(folder))
    at.button[0].click().run()
    assert not at.exception
    return at


def test_a_bundle_without_a_summary_is_a_sentence(page):
    page.run()
    assert not page.exception
    assert "**No data set to show.** This bundle does not tell" in text(page)
    assert not page.metric


def test_a_bundle_with_a_summary_needs_no_films(page, predictor, summary):
    predictor.bundle.dataset = lambda: summary
    page.run()
    assert not page.exception
    assert [warning.value for warning in page.warning] == [CONFOUNDED]
    assert {m.label: m.value for m in page.metric} == {
        "Films": "10",
        "Patients": "not known",
        "Pairs of copies": "1",
        "Leaks between splits": "1",
    }
    assert "The films that fake 0\\.1 was trained on" in text(page)
    assert "**1 leak:** one film is known from another split." in text(page)
    assert "1 pair shows the same exposure under two classes" in text(page)
    assert "Films are not part of a bundle." in text(page)
    assert "A bundle names no files." in text(page)
    assert not page.get("image")
    assert len(page.get("plotly_chart")) == 3


def test_a_summary_of_another_schema_is_a_message(page, predictor):
    predictor.bundle.dataset = lambda: {"schema": "cxr-dataset/9"}
    page.run()
    assert not page.exception
    assert "`schema` must be cxr-dataset/1. Received: 'cxr-dataset/9'" in text(page)
    assert not page.metric


def test_the_split_of_the_weights_can_be_chosen(page, predictor, summary):
    predictor.bundle.dataset = lambda: summary
    page.run()
    weights = weight_table(page)
    assert list(weights["Largest / count"]) == ["1.000", "1.000", "1.000"]
    page.segmented_control(key="dataset-weights-split").set_value("test").run()
    weights = weight_table(page)
    assert list(weights["Largest / count"]) == ["2.000", "2.000", "1.000"]
    assert list(weights["n / (k · count)"]) == ["1.333", "1.333", "0.667"]


def test_a_folder_is_scanned_and_its_films_are_shown_without_their_names(page, folder):
    before = sorted((p.as_posix(), p.stat().st_mtime_ns) for p in folder.rglob("*"))
    scan_folder(page.run(), folder)
    assert sorted((p.as_posix(), p.stat().st_mtime_ns) for p in folder.rglob("*")) == before
    assert "The folder that you named, digest" in text(page)
    assert [warning.value for warning in page.warning] == [CONFOUNDED]
    assert len(page.get("image")) == 10
    assert "**COVID-19**, 3 films" in text(page)
    assert "normal-0" not in text(page)
    page.toggle(key="dataset-names").set_value(True).run()
    assert list(page.dataframe[1].value["Other file"]) == ["test/PNEUMONIA/again.png"]


def test_examples_by_class_split_and_source(page, folder):
    scan_folder(page.run(), folder)
    page.segmented_control(key="dataset-class").set_value("PNEUMONIA").run()
    assert len(page.get("image")) == 4
    page.segmented_control(key="dataset-split").set_value("test").run()
    assert len(page.get("image")) == 2
    page.selectbox(key="dataset-source").set_value("journal").run()
    assert not page.exception
    assert "No film is of that class, split and source." in text(page)


def test_a_film_that_went_away_is_said(page, folder):
    scan_folder(page.run(), folder)
    (folder / "train" / "COVID19" / "covid19-0.png").unlink()
    (folder / "train" / "COVID19" / "covid19-1.png").write_bytes(b"damaged")
    page.run()
    assert not page.exception
    assert text(page).count("This film can no longer be read.") == 2


@pytest.mark.parametrize("name", ["no/such/folder", "~", "a\0b", "x" * 5000])
def test_a_folder_that_cannot_be_used_is_a_message(page, predictor, summary, name):
    predictor.bundle.dataset = lambda: summary
    scan_folder(page.run(), name)
    assert "**This folder could not be used\\.**" in text(page)
    assert "**What to do:** " in text(page)
    assert "The films that fake" in text(page)


def test_an_empty_name_goes_back_to_the_bundle(page, predictor, summary, folder):
    predictor.bundle.dataset = lambda: summary
    scan_folder(page.run(), folder)
    scan_folder(page, "")
    assert "The films that fake 0\\.1 was trained on" in text(page)


def test_damaged_files_and_other_folders_are_listed(page, folder):
    (folder / "test" / "NORMAL" / "cut.png").write_bytes(b"\x89PNG")
    (folder / "test" / "masks").mkdir()
    scan_folder(page.run(), folder)
    assert "Left out, named like no class: test/masks" in text(page)
    assert page.expander[1].label == "1 files could not be read"


def test_sentences_about_the_source():
    clean = {"a": row(1, 1, 1), "b": row(2, 2, 2)}
    assert confounding_lines(clean) == []
    assert confounding_lines({"not stated": row(1, 1, 1)}) == [NO_SOURCE]
    (line,) = confounding_lines({"*a*": row(4, 0, 0), "c": row(1, 0, 0), "b": row(0, 6, 6)})
    assert "comes from \\*a\\* and c, and no film of another class does" in line
    (line,) = confounding_lines({"a": row(80, 10, 10), "b": row(20, 90, 90)})
    assert line.startswith("**Class and source go together: COVID-19.**")
    assert "a balanced accuracy of 85%, where 50% is chance" in line


def row(covid19: int, normal: int, pneumonia: int) -> dict[str, int]:
    return {"COVID19": covid19, "NORMAL": normal, "PNEUMONIA": pneumonia}


def test_rows(summary, folder):
    assert split_rows(summary)[1] == {
        "Split": "Test",
        "COVID-19": "1",
        "Normal": "1",
        "Pneumonia": "2",
        "Patients": "0",
    }
    assert [tuple(r.values()) for r in balance_rows(summary)] == [
        ("Training", "hospital", 0, 2, 2, 4),
        ("Training", "journal", 2, 0, 0, 2),
        ("Test", "hospital", 0, 1, 2, 3),
        ("Test", "journal", 1, 0, 0, 1),
    ]
    assert weight_rows(summary, "test")[2]["Share"] == "50.0%"
    assert [tuple(r.values())[1:] for r in leak_rows(summary)] == [
        ("allowed", "0"),
        ("0", "1"),
        ("0", "0"),
    ]
    assert file_rows(scan(folder))[0]["Between splits"] == "yes"
    assert size_sentence(summary).startswith("All films have 260 by 300 pixels")


def test_leak_sentences(summary):
    fine = {**summary, "n_leaks": {"patient": 0, "copy": 0, "near_duplicate": 0}}
    assert leak_sentence(fine).startswith("**No leak was found.** Patients are not known")
    many = {**summary, "n_leaks": {"patient": 3, "copy": 1, "near_duplicate": 0}}
    assert leak_sentence(many).startswith("**4 leaks:**")
    one = {**summary, "n_by_split": {"train": row(1, 1, 1)}}
    assert leak_sentence(one).startswith("**There is only one split**")


def test_charts_say_what_the_tables_say(summary):
    figure = split_figure(summary["n_by_split"])
    assert [bar.name for bar in figure.data] == [CLASS_TITLES[label] for label in CLASSES]
    assert [bar.marker.color for bar in figure.data] == [CLASS_COLOURS[label] for label in CLASSES]
    assert [tuple(bar.x) for bar in figure.data] == [(2, 1), (2, 1), (2, 2)]
    figure = source_figure(summary["n_by_source"])
    assert [sum(bar.x[i] for bar in figure.data) for i in range(2)] == pytest.approx([1, 1])
    assert list(figure.data[0].y) == ["hospital (7)", "journal (3)"]
    for figure in (intensity_figure(summary["intensity"]), size_figure(summary["sizes"])):
        for trace in figure.data:
            assert sum(trace.y) == pytest.approx(1)


def test_many_sources_are_joined_and_their_names_are_text():
    many = {f"<b>s{i}</b>" + "x" * 60: row(i, 1, 0) for i in range(30, 0, -1)}
    names = list(source_figure(many).data[0].y)
    assert len(names) == MAX_SOURCES
    assert names[-1].startswith("19 smaller ones (")
    assert names[0].startswith("&lt;b&gt;s30&lt;/b&gt;x")
    assert "…" in names[0]


def test_a_bundle_of_an_older_version_tells_nothing():
    assert bundle_summary(object()) is None
