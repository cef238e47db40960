"""The worklist page: films in, read in the background, sorted, filtered, opened, exported."""

from __future__ import annotations

import csv
import io
import json
import threading
import zipfile

import pytest

import ui.components.worklist_table as table_module
from cxr_core.batch import Record
from cxr_core.errors import UnreadableImageError
from cxr_core.labels import SYSTEMS
from tests.app.conftest import png
from ui import worklist
from ui.worklist_job import Overlays, Reading, Task, Thumbnails, overlay_name
from ui.worklist_view import Choice

EMPTY = "**No worklist yet.** Upload many films or a zip archive"


@pytest.fixture
def at_once(monkeypatch):
    """Let every task do its work when it is started."""
    monkeypatch.setattr(Task, "start", Task._run)


@pytest.fixture
def page(app, predictor):
    """Return the page, not yet run."""
    return app.switch_page("pages/9_Worklist.py")


@pytest.fixture
def folder(tmp_path):
    """Four films, a damaged one, a note, and an archive with an entry that nobody should read."""
    path = tmp_path / "films"
    path.mkdir()
    for n in range(4):
        (path / f"film-{n}.png").write_bytes(png(40 * n))
    (path / "cut.png").write_bytes(png(3)[:60])
    (path / "notes.txt").write_text("x", "utf-8")
    with zipfile.ZipFile(path / "more.zip", "w") as archive:
        archive.writestr("inner.png", png(99))
        archive.writestr("../out.png", png(98))
    return path


def text(at):
    """All Markdown, captions and plain text of a page."""
    return "\n".join(part.value for part in (*at.markdown, *at.caption, *at.text))


def button(at, label, number=0):
    return [found for found in at.button if found.label == label][number]


def read_folder(at, folder):
    """Name a folder and let it be read."""
    at.run()
    at.text_input(key="worklist-path-name").set_value(str(folder))
    button(at, "Read these films", 1).click().run()
    assert not at.exception
    return at


def files(at):
    return list(at.dataframe[0].value["File"])


def test_the_empty_page_says_what_to_do(page):
    page.run()
    assert not page.exception
    assert EMPTY in text(page)
    assert len(page.get("file_uploader")) == 1
    assert not page.dataframe


def test_a_folder_becomes_a_table(page, folder, at_once):
    read_folder(page, folder)
    assert EMPTY not in text(page)
    assert "**7 files:** 5 read, 0 refused by the gate, 2 in error." in text(page)
    assert "Passed over as tables, notes or hidden files: 1." in text(page)
    rows = page.dataframe[0].value
    assert files(page) == [
        "cut.png",
        *(f"film-{n}.png" for n in range(4)),
        "more.zip/../out.png",
        "more.zip/inner.png",
    ]
    assert list(rows["Status"]) == ["In error", *["Read"] * 4, "In error", "Read"]
    assert rows["Film"][1].startswith("data:image/jpeg;base64,")
    assert "leaves its folder" in rows["Note"][5]
    assert rows["Distance"].dropna().between(0, 1).all()


def test_uploads_and_an_archive_among_them(page, at_once):
    page.run()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a/one.png", png(10))
    page.file_uploader[0].upload("two.png", png(20))
    page.file_uploader[0].upload("films.zip", buffer.getvalue())
    page.file_uploader[0].upload("again.png", png(20))
    button(page, "Read these films", 0).click().run()
    assert not page.exception
    assert files(page) == ["two.png", "films.zip/a/one.png", "again.png"]
    assert "**3 files:** 3 read" in text(page)


def test_equal_films_are_read_once_and_not_again(page, predictor, folder, at_once):
    (folder / "film-0-again.png").write_bytes((folder / "film-0.png").read_bytes())
    read_folder(page, folder)
    assert predictor.n_read == 5
    read_folder(page, folder)
    assert predictor.n_read == 5


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "No film was found."),
        ("my_films", "`my_films` is not on the computer of this page."),
        ("x" * 300, f"`{'x' * 300}` is not on the computer of this page."),
        ("x" * 300 + "/films", "`films` is not on the computer of this page."),
    ],
)
def test_a_folder_that_cannot_be_used(page, tmp_path, name, words, at_once):
    (tmp_path / "empty").mkdir()
    read_folder(page, tmp_path / name if name else tmp_path / "empty")
    assert words in text(page)
    assert "**What to do:**" in text(page)
    assert EMPTY in text(page)


def test_nothing_uploaded_and_too_many_files(page, folder, monkeypatch, at_once):
    page.run()
    button(page, "Read these films", 0).click().run()
    assert "Choose films or a zip archive first" in text(page)
    monkeypatch.setattr(worklist, "MAX_FILES", 3)
    read_folder(page, folder)
    assert "These are too many files for the page" in text(page)
    assert "python \\-m cxr\\_core score" in text(page)


def test_samples_for_a_reader_without_films(page, at_once):
    page.run()
    button(page, "Read the sample films").click().run()
    assert files(page) == ["s0.png", "s1.png", "s2.png"]


def test_order_and_filters(page, folder, at_once):
    read_folder(page, folder)
    page.selectbox(key="worklist-order").set_value("Highest score of COVID-19").run()
    scores = page.dataframe[0].value["COVID-19"].dropna()
    assert list(scores) == sorted(scores, reverse=True)
    assert files(page)[-2:] == ["cut.png", "more.zip/../out.png"]  # no score, so last
    page.selectbox(key="worklist-order").set_value("Least certain").run()
    entropies = page.dataframe[0].value["Entropy (bits)"].dropna()
    assert list(entropies) == sorted(entropies, reverse=True)
    page.button_group(key="worklist-status").set_value(["error"]).run()
    assert files(page) == ["cut.png", "more.zip/../out.png"]
    page.button_group(key="worklist-status").set_value(["refused"]).run()
    assert "No film passes the filters." in text(page)
    assert not page.dataframe


def test_refused_films_are_marked(page, predictor, folder, at_once):
    predictor.verdict = "refused"
    read_folder(page, folder)
    assert "5 refused by the gate" in text(page)
    assert list(page.dataframe[0].value["Gate"]) == ["", *["Refused"] * 4, "", "Refused"]


def test_readings_of_other_models_and_of_too_many_films_are_dropped(
    page, predictor, folder, monkeypatch, at_once
):
    read_folder(page, folder)
    predictor.precision = "bf16"
    read_folder(page, folder)
    assert predictor.n_read == 10
    predictor.precision = "f32"
    read_folder(page, folder)
    assert predictor.n_read == 15
    monkeypatch.setattr(worklist, "MAX_KNOWN", 5)
    read_folder(page, folder)
    assert predictor.n_read == 15
    monkeypatch.setattr(worklist, "MAX_KNOWN", 4)
    read_folder(page, folder)
    assert predictor.n_read == 20


def test_the_table_is_another_one_wherever_a_row_would_be_another_film():
    key = table_module._key
    listed, sorted_ = Choice("vgg16"), Choice("vgg16", order="Least certain")
    assert key("a", listed, 1, ()) == key("a", listed, 1, ())
    keys = {
        key("a", listed, 1, ()),
        key("b", listed, 1, ()),
        key("a", listed, 2, ()),
        key("a", Choice("vgg16", ["ok"]), 1, ()),
        key("a", sorted_, 1, [0, 1]),
        key("a", sorted_, 1, [1, 0]),
    }
    assert len(keys) == 6


def test_a_growing_list_keeps_its_table_and_another_list_gets_its_own(
    page, folder, at_once, monkeypatch
):
    keys = []
    draw = table_module._key
    monkeypatch.setattr(table_module, "_key", lambda *a: keys.append(a) or draw(*a))
    read_folder(page, folder)
    page.run()
    read_folder(page, folder)  # the same files anew may hold other films
    page.selectbox(key="worklist-order").set_value("Least certain").run()
    first, second, third, ordered = (keys[0], keys[1], keys[-2], keys[-1])
    assert first == second
    assert first[0] != third[0] == ordered[0]
    assert (first[3], len(ordered[3])) == ((), 7)


def test_progress_cancel_and_the_rest(page, predictor, folder, monkeypatch):
    reached, may_go = threading.Event(), threading.Event()
    answer = predictor.answer

    def slow(prepared):
        if predictor.n_read == 2:
            reached.set()
            assert may_go.wait(30)
        return answer(prepared)

    monkeypatch.setattr(predictor, "answer", slow)
    tasks = []
    start = Task.start
    monkeypatch.setattr(Task, "start", lambda task: tasks.append(task) or start(task))
    read_folder(page, folder)
    assert reached.wait(30)
    page.run()
    assert "of 7 files" in page.get("progress")[0].proto.text
    assert not [found for found in page.button if found.label == "Clear the worklist"]

    page.switch_page("pages/2_Heatmaps.py").run()  # it goes on while another page is open
    page.switch_page("pages/9_Worklist.py").run()
    button(page, "Cancel").click().run()
    may_go.set()
    tasks[0].wait(30)
    page.run()
    n_done = len(tasks[0].records)
    assert n_done < 7
    assert f"{7 - n_done} were not read" in text(page)

    n_read = predictor.n_read
    button(page, "Read the rest").click().run()
    tasks[-1].wait(30)
    page.run()
    assert "**7 files:** 5 read" in text(page)
    assert predictor.n_read == 5 > n_read


def test_a_failure_that_was_not_foreseen_is_said_without_its_text(
    page, predictor, folder, monkeypatch, caplog
):
    def broken(prepared):
        msg = f"a bug with {prepared.sha256}"
        raise ZeroDivisionError(msg)

    monkeypatch.setattr(predictor, "answer", broken)
    tasks = []
    start = Task.start
    monkeypatch.setattr(Task, "start", lambda task: tasks.append(task) or start(task))
    read_folder(page, folder)
    tasks[0].wait(30)
    page.run()
    assert not page.exception
    assert "The films were not read to the end\\." in text(page)
    assert "a way that was not foreseen" in text(page)
    (record,) = caplog.records
    assert record.getMessage().startswith("ZeroDivisionError at ")
    assert "a bug with" not in caplog.text


@pytest.fixture
def opens(monkeypatch):
    """Open films as a click on a row does; AppTest cannot click into a table."""
    draw, waiting = table_module.worklist_table, []

    def opened(found, choice):
        positions = draw(found, choice)
        if waiting:
            found.open(positions[waiting.pop()])
        return positions

    monkeypatch.setattr(table_module, "worklist_table", opened)
    return waiting


def test_a_row_opens_its_film_here_and_on_the_other_pages(page, folder, at_once, opens):
    read_folder(page, folder)
    opens.append(2)
    page.run()
    assert [heading.value for heading in page.main.header] == ["film\\-1\\.png"]
    assert {link.proto.label for link in page.get("page_link")} >= {
        "Compare its systems",
        "Its heatmaps side by side",
    }
    opens.append(6)
    page.run()
    assert [heading.value for heading in page.main.header] == ["inner\\.png"]
    page.switch_page("pages/2_Heatmaps.py").run()
    assert not page.exception
    assert page.selectbox(key="film-choice").value == page.session_state["chosen-film"]
    assert len(page.session_state["films"].films) == 2


def test_a_film_that_cannot_be_opened_says_why(page, folder, at_once, opens):
    read_folder(page, folder)
    (folder / "film-1.png").unlink()
    opens.append(2)
    page.run()
    assert "This film could not be opened" in text(page)
    assert "no such file" in text(page)


def test_films_opened_from_here_make_room_for_each_other(page, folder, monkeypatch, at_once, opens):
    monkeypatch.setattr(worklist, "MAX_OPENED", 2)
    read_folder(page, folder)
    for position in (1, 2, 3, 4, 4):
        opens.append(position)
        page.run()
    assert [film.name for film in page.session_state["films"].films] == [
        "film-2.png",
        "film-3.png",
    ]


def test_clearing_drops_everything(page, folder, at_once):
    read_folder(page, folder)
    button(page, "Clear the worklist").click().run()
    assert EMPTY in text(page)
    read_folder(page, folder)
    page.switch_page("streamlit_app.py").run()
    page.file_uploader[0].upload("a.png", png(1))
    page.run()
    button(page, "Clear my films").click().run()
    page.switch_page("pages/9_Worklist.py").run()
    assert EMPTY in text(page)


def test_other_models_ask_before_they_read_again(page, predictor, folder, at_once):
    read_folder(page, folder)
    predictor.variant = "seed"
    page.run()
    assert "Read with the models in use" not in [found.label for found in page.button]
    from tests.app.fakes import FakePredictor

    other = FakePredictor()
    other.variant = "mixed"
    import ui.model_cache

    ui.model_cache.load = lambda: other  # undone by the fixture that replaced it first
    page.run()
    assert "These readings are of the variant seed" in text(page)
    button(page, "Read with the models in use").click().run()
    assert other.n_read == 5
    assert "These readings are of" not in text(page)


def test_tables_for_export(page, folder, at_once, monkeypatch):
    import ui.components.worklist_export as export

    given = {}
    monkeypatch.setattr(
        export.st, "download_button", lambda label, data, **_: given.update({label: data})
    )
    read_folder(page, folder)
    page.button_group(key="worklist-status").set_value(["ok"]).run()
    rows = list(csv.DictReader(io.StringIO(given["CSV"]().decode(), newline="")))
    assert [row["file"] for row in rows] == files(page)
    lines = [json.loads(line) for line in given["JSON Lines"]().splitlines()]
    assert [line["file"] for line in lines] == files(page)
    assert given["Parquet"]()[:4] == b"PAR1"


def test_overlays_in_an_archive(tiny_predictor, folder):
    from cxr_core.batch import MemoryStore, list_items
    from cxr_core.batch.run import about_models

    items = list_items([folder]).items
    thumbnails = Thumbnails()
    reading = Reading(tiny_predictor, items, MemoryStore(), thumbnails)
    reading._run()
    assert reading.failure is None
    assert len(thumbnails) == 5
    (folder / "film-2.png").write_bytes(png(7))  # another film by now
    films = list(zip(items, reading.records, strict=True))
    overlays = Overlays(tiny_predictor, films, "vgg16", about_models(tiny_predictor))
    overlays._run()
    assert (overlays.failure, overlays.n_drawn, overlays.progress.n_done) == (None, 4, 7)
    with zipfile.ZipFile(io.BytesIO(overlays.data)) as archive:
        names = archive.namelist()
        assert archive.read(names[0])[:3] == b"\xff\xd8\xff"
        assert json.loads(archive.read("about.json"))["variant"] == "tiny"
        rows = list(csv.DictReader(io.StringIO(archive.read("results.csv").decode(), newline="")))
    assert [row["file"] for row in rows] == [item.name for item in items]
    assert names[-2:] == ["results.csv", "about.json"]
    for position, name in zip((1, 2, 4, 6), names, strict=False):
        record = reading.records[position]
        assert name == overlay_name(position + 1, record.file, record, "vgg16")
        assert name.endswith(f"{record.sha256[:8]}.vgg16.{record.label('vgg16')}.jpg")


def test_names_in_the_archive_lead_nowhere():
    record = Record({"sha256": "ab" * 32, "systems": {"vgg16": {"label": "NORMAL"}}})
    for file in ("../../etc/passwd", "..", "C:\\x\\y.png", "a\0b/ü né.png", "x" * 300 + ".png"):
        name = overlay_name(1, file, record, "vgg16")
        folder, _, base = name.partition("/")
        assert folder == "overlays"
        assert base.isascii()
        assert not set(base) & set("/\\:\0 ")
        assert ".." not in base
        assert len(base) < 120


def test_an_archive_of_overlays_ends_when_it_is_full(tiny_predictor, folder, monkeypatch):
    import ui.worklist_job as job
    from cxr_core.batch import list_items, score

    monkeypatch.setattr(job, "MAX_OVERLAY_BYTES", 1)
    items = list_items([folder]).items
    records = list(score(tiny_predictor, [folder]))
    overlays = Overlays(tiny_predictor, list(zip(items, records, strict=True)), SYSTEMS[-1], {})
    overlays._run()
    assert overlays.n_drawn == 1
    assert overlays.progress.n_done < overlays.progress.n_total
    assert overlays.data


def test_thumbnails_are_bounded(tiny_predictor, folder):
    from cxr_core.io import read_path

    thumbnails = Thumbnails(most=2)
    films = [read_path(folder / f"film-{n}.png") for n in range(4)]
    for film in films:
        thumbnails.add(film)
    assert len(thumbnails) == 2
    assert thumbnails.get(films[0].sha256) is None
    assert thumbnails.get(films[3].sha256)
    assert thumbnails.get(None) is None


def test_an_error_record_has_a_note_alone():
    from ui.worklist_view import Facts, facts_of

    record = Record.from_error("a.png", UnreadableImageError("`data` must be a film."))
    assert facts_of(record) == Facts(note="`data` must be a film.")
