"""A study's life: made, answered, torn, edited, resumed; nothing lost, nothing taken on trust."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
import zipfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from cxr_core.batch import BytesItem
from cxr_core.errors import OutputError, StudyChangedError, StudyError
from cxr_core.reader_study import FilmFinder, FolderShelf, MemoryShelf, Study, StudyFilm
from cxr_core.reader_study.create import check_empty, create_study
from cxr_core.reader_study.film import films_by_digest, truth_of
from cxr_core.reader_study.journal import answer_entry, lines_of
from cxr_core.reader_study.shelf import pack, unpack
from tests.reader_study.material import (
    NOW,
    Clock,
    answer_all,
    design,
    given,
    make_study,
)

ROOT = Path(__file__).resolve().parents[2]
TRUTHS = ["COVID19", "NORMAL", "PNEUMONIA", None]


@pytest.fixture(params=["folder", "memory"])
def shelf(request, tmp_path):
    return FolderShelf(tmp_path) if request.param == "folder" else MemoryShelf()


@pytest.fixture
def folder_study(tmp_path):
    return make_study(TRUTHS, shelf=FolderShelf(tmp_path))


def journal_of(tmp_path):
    return tmp_path / "answers-r1.jsonl"


def test_a_study_is_what_it_was_made_of(shelf):
    made = make_study(TRUTHS, shelf=shelf)
    opened = Study(shelf)
    assert opened.digest == made.digest
    assert opened.design == made.design == design()
    assert opened.films == made.films
    assert sorted(opened.truth.values()) == ["COVID19", "NORMAL", "PNEUMONIA"]
    assert opened.systems == ("vgg16", "ensemble_dense")
    assert opened.created == "2026-03-01T09:00:00+00:00"


def test_no_name_of_a_film_is_written(tmp_path):
    make_study(TRUTHS, shelf=FolderShelf(tmp_path))
    assert {path.name for path in tmp_path.iterdir()} == {"study.json", "readings.json"}
    for path in tmp_path.iterdir():
        assert "a name" not in path.read_text("utf-8")


def test_answers_go_in_turn_and_survive(shelf):
    clock = Clock()
    study = make_study(TRUTHS, shelf=shelf, now=clock)
    assert study.begin(" R1 ") == "r1"
    for index in range(3):
        clock.now += timedelta(seconds=5)
        study.answer("r1", index, given("NORMAL", confidence=4, time_s=3.25))
    again = Study(shelf)
    assert again.begin("r1") == "r1"
    standing = again.standing("r1")
    assert (standing.n_done, standing.next.index) == (3, 3)
    assert standing.journal.n_sittings == 2
    answer = standing.journal.answers[2]
    assert (answer.choice, answer.confidence, answer.time_s) == ("NORMAL", 4, 3.25)
    assert (answer.condition, answer.position, answer.at) == (
        "alone",
        1,
        (NOW + timedelta(seconds=15)).isoformat(),
    )
    assert again.readers() == ("r1",)


@pytest.mark.parametrize("index", [0, 2, 7])
def test_another_tasks_turn_is_refused(shelf, index):
    study = make_study(TRUTHS, shelf=shelf)
    study.begin("r1")
    study.answer("r1", 0, given("NORMAL"))
    with pytest.raises(StudyError, match="`task` must be the one whose turn it is"):
        study.answer("r1", index, given("NORMAL"))
    assert study.standing("r1").n_done == 1


def test_two_windows_cannot_answer_one_film_twice(tmp_path):
    first = make_study(TRUTHS, shelf=FolderShelf(tmp_path))
    first.begin("r1")
    second = Study(FolderShelf(tmp_path))
    first.answer("r1", 0, given("NORMAL"))
    with pytest.raises(StudyError, match="answered meanwhile") as caught:
        second.answer("r1", 0, given("COVID19"))
    assert "another window" in caught.value.hint
    assert second.standing("r1").journal.answers[0].choice == "NORMAL"


def test_threads_that_race_leave_one_answer(tmp_path):
    make_study(["NORMAL"] * 4, shelf=FolderShelf(tmp_path))
    outcomes = []

    def run():
        study = Study(FolderShelf(tmp_path))
        for index in range(8):
            try:
                study.answer("r1", index, given("NORMAL"))
            except StudyError:
                outcomes.append("late")
            else:
                outcomes.append("written")

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("written") == 8
    assert Study(FolderShelf(tmp_path)).standing("r1").n_done == 8


@pytest.mark.parametrize("n_lost", [1, 2, 30, 120])
def test_a_torn_last_line_costs_that_answer_and_no_other(tmp_path, folder_study, n_lost):
    folder_study.begin("r1")
    for index in range(3):
        folder_study.answer("r1", index, given("NORMAL"))
    journal = journal_of(tmp_path)
    journal.write_bytes(journal.read_bytes()[:-n_lost])
    opened = Study(FolderShelf(tmp_path))
    assert opened.standing("r1").n_done == 2
    opened.answer("r1", 2, given("PNEUMONIA"))
    assert opened.standing("r1").journal.answers[2].choice == "PNEUMONIA"
    assert all(json.loads(line) for line in journal.read_text("utf-8").splitlines())


def test_zeros_after_a_power_cut_are_dropped(tmp_path, folder_study):
    folder_study.begin("r1")
    folder_study.answer("r1", 0, given("NORMAL"))
    with journal_of(tmp_path).open("ab") as file:
        file.write(bytes(300))
    folder_study.answer("r1", 1, given("NORMAL"))
    assert folder_study.standing("r1").n_done == 2
    assert b"\0" not in journal_of(tmp_path).read_bytes()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda lines: [*lines[:2], lines[2].replace("NORMAL", "COVID19"), *lines[3:]], "line 3"),
        (lambda lines: [*lines[:2], *lines[3:]], "line 3"),
        (lambda lines: [lines[0], lines[2], lines[1], *lines[3:]], "line 2"),
        (lambda lines: [*lines[:3], "{}", *lines[3:]], "line 4: it cannot be read"),
        (lambda lines: [*lines[:3], "[]", *lines[3:]], "line 4: it cannot be read"),
        (lambda lines: lines[1:], "line 1"),
    ],
)
def test_an_edited_journal_is_refused_by_line(tmp_path, folder_study, change, words):
    folder_study.begin("r1")
    for index in range(3):
        folder_study.answer("r1", index, given("NORMAL"))
    journal = journal_of(tmp_path)
    lines = journal.read_text("utf-8").splitlines()
    journal.write_text("\n".join(change(lines)) + "\n", "utf-8")
    before = journal.read_bytes()
    with pytest.raises(StudyChangedError, match=rf"`answers-r1.jsonl` must be .*{words}"):
        folder_study.standing("r1")
    with pytest.raises(StudyChangedError):
        folder_study.answer("r1", 3, given("NORMAL"))
    assert journal.read_bytes() == before


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"task": []}, "line 3: it is of no known kind"),
        ({"task": True}, "line 3: it is of no known kind"),
        ({"session": "1"}, "line 3: it is of no known kind"),
        ({"film": []}, "line 3: it is of no known kind"),
        ({"at": 5}, "line 3: it is of no known kind"),
        ({"at": "yesterday"}, "line 3: it is of no known kind"),
        ({"at": "2026-03-01T09:00:00"}, "line 3: it is of no known kind"),
        ({"at": "9999-12-31T09:00:00+00:00"}, "line 3: it is of no known kind"),
        ({"more": 1}, "line 3: it is of no known kind"),
        ({"task": 99}, "an answer is to no question of the study"),
        ({"task": -1}, "an answer is to no question of the study"),
        ({"session": 2}, "an answer is to no question of the study"),
        ({"condition": "beside"}, "an answer is to no question of the study"),
        ({"film": "a" * 64}, "an answer is to no question of the study"),
        ({"choice": []}, "`choice` must be one of"),
        ({"confidence": {}}, "`confidence` must be 1 to 5"),
        ({"time_s": 10**400}, "`time_s` must be seconds in"),
    ],
)
def test_an_answer_that_was_forged_with_its_seal_is_refused(tmp_path, folder_study, change, words):
    folder_study.begin("r1")
    answer = folder_study.answer("r1", 0, given("NORMAL"))
    journal = journal_of(tmp_path)
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:2]))
    forged = {**answer_entry(answer), **change}
    lines = lines_of(folder_study.journal("r1"), folder_study.digest, [forged])
    with journal.open("ab") as file:
        file.write(lines)
    with pytest.raises(StudyError, match=words):
        folder_study.standing("r1")
    before = journal.read_bytes()
    with pytest.raises(StudyError, match=words):
        folder_study.answer("r1", 0, given("NORMAL"))
    assert journal.read_bytes() == before


def test_a_journal_that_is_nested_without_end_is_refused(tmp_path, folder_study):
    folder_study.begin("r1")
    with journal_of(tmp_path).open("ab") as file:
        file.write(b"[" * 200_000 + b"\n")
    with pytest.raises(StudyChangedError, match="line 3: it cannot be read"):
        folder_study.standing("r1")


def test_a_folder_that_the_system_refuses_is_a_typed_error(tmp_path):
    shelf = FolderShelf(tmp_path / ("x" * 300))
    with pytest.raises(OutputError, match=r"`study\.json` must be a file that can be written"):
        shelf.create("study.json", b"{}")
    with pytest.raises(
        OutputError, match=r"`answers-r1\.jsonl` must be a file that can be written"
    ):
        shelf.change("answers-r1.jsonl", lambda _: (0, b""))
    with pytest.raises(StudyError, match=r"`study\.json` must be there and readable"):
        Study(shelf)


def test_a_journal_of_another_study_is_refused(tmp_path, folder_study):
    (tmp_path / "b").mkdir()
    other = make_study(TRUTHS, shelf=FolderShelf(tmp_path / "b"), seed=8)
    other.begin("r1")
    journal_of(tmp_path).write_bytes(journal_of(tmp_path / "b").read_bytes())
    with pytest.raises(StudyChangedError, match="line 1"):
        folder_study.standing("r1")


def test_a_changed_manifest_or_reading_is_refused(tmp_path, folder_study):
    folder_study.begin("r1")
    manifest, readings = tmp_path / "study.json", tmp_path / "readings.json"
    whole = manifest.read_text("utf-8")
    manifest.write_text(whole.replace('"seed": 7', '"seed": 9'), "utf-8")
    with pytest.raises(StudyChangedError, match=r"of another study or reader|not as it was"):
        Study(FolderShelf(tmp_path)).standing("r1")
    manifest.write_text(whole, "utf-8")
    readings.write_bytes(readings.read_bytes().replace(b"0.8", b"0.9"))
    with pytest.raises(StudyChangedError, match=r"`readings\.json` must be the file"):
        Study(FolderShelf(tmp_path))
    readings.unlink()
    with pytest.raises(StudyChangedError, match=r"`readings\.json` must be the file"):
        Study(FolderShelf(tmp_path))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "must be the manifest of a reader study"),
        ("[1]", "must be the manifest of a reader study"),
        ('{"schema": "cxr-reader-study/9"}', "must be of schema cxr-reader-study/1"),
        ('{"schema": "cxr-reader-study/1"}', "fields are missing"),
        ("[" * 200_000, "must be the manifest of a reader study. Received: other content"),
        ('{"schema": [1]}', r"must be of schema cxr-reader-study/1. Received: '\[1\]'"),
        ('{"schema": ' + "1" * 5000 + "}", "Received: other content"),
    ],
)
def test_other_manifests_are_refused(tmp_path, text, words):
    (tmp_path / "study.json").write_text(text, "utf-8")
    with pytest.raises(StudyError, match=words):
        Study(FolderShelf(tmp_path))


def test_a_folder_without_a_study_and_one_that_has_one(tmp_path):
    with pytest.raises(StudyError, match=r"`folder` must hold a reader study"):
        Study(FolderShelf(tmp_path))
    make_study(TRUTHS, shelf=FolderShelf(tmp_path))
    with pytest.raises(StudyError, match="`folder` must hold no study yet"):
        make_study(TRUTHS, shelf=FolderShelf(tmp_path))


def test_a_place_is_refused_before_any_work(shelf):
    check_empty(shelf)
    make_study(TRUTHS, shelf=shelf)
    with pytest.raises(StudyError, match=r"no study yet\. Received: study\.json is there"):
        check_empty(shelf)


def test_a_study_that_was_not_made_to_the_end_is_none(tmp_path):
    (tmp_path / "readings.json").write_text("{", "utf-8")
    assert make_study(TRUTHS, shelf=FolderShelf(tmp_path)).systems


def test_studies_that_cannot_be_made():
    film = StudyFilm("a" * 64)
    for films in ([], [film, film]):
        with pytest.raises(StudyError, match="`films` must be 1 to 5,000, each once"):
            create_study(MemoryShelf(), design=design("alone"), films=films)
    with pytest.raises(StudyError, match="`records` must hold what ensemble_dense says"):
        create_study(MemoryShelf(), design=design(), films=[film])
    assert create_study(MemoryShelf(), design=design("alone"), films=[film]).systems == ()


def test_going_back_is_recorded(shelf):
    study = make_study(TRUTHS, shelf=shelf, can_go_back=True)
    study.begin("r1")
    for index in range(2):
        study.answer("r1", index, given("NORMAL"))
    standing = study.standing("r1")
    before = standing.before(standing.next)
    assert before.index == 1  # the aided answer; the one alone stands once the system was seen
    with pytest.raises(StudyError, match="`task` must be"):
        study.answer("r1", 0, given("COVID19"), revision=1)
    study.answer("r1", 1, given("COVID19"), revision=1)
    with pytest.raises(StudyError, match="`task` must be"):
        study.answer("r1", 1, given("COVID19"), revision=1)
    journal = study.journal("r1")
    assert [(a.task, a.revision, a.choice) for a in journal.answers] == [
        (0, 0, "NORMAL"),
        (1, 0, "NORMAL"),
        (1, 1, "COVID19"),
    ]
    assert journal.latest[1].choice == "COVID19"
    assert standing.before(before) is None


def test_going_back_is_forbidden_unless_the_design_allows_it(shelf):
    study = make_study(TRUTHS, shelf=shelf)
    study.begin("r1")
    for index in range(2):
        study.answer("r1", index, given("NORMAL"))
    with pytest.raises(StudyError, match="`task` must be"):
        study.answer("r1", 1, given("COVID19"), revision=1)


def test_the_second_session_waits(shelf):
    clock = Clock()
    study = make_study(TRUTHS, shelf=shelf, now=clock, arm="crossover", washout_days=14)
    study.begin("r1")
    for index in range(4):
        study.answer("r1", index, given("NORMAL"))
    assert study.standing("r1").opens_at == NOW + timedelta(days=14)
    with pytest.raises(StudyError, match="`session` must be open") as caught:
        study.answer("r1", 4, given("NORMAL"))
    assert caught.value.hint == "It opens 2026-03-15 09:00 UTC."
    clock.now += timedelta(days=14)
    assert study.standing("r1").opens_at is None
    assert study.answer("r1", 4, given("NORMAL")).session == 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"choice": "FINE"}, "`choice` must be one of"),
        ({"confidence": None}, "`confidence` must be 1 to 5"),
        ({"confidence": 6}, "`confidence` must be 1 to 5"),
        ({"confidence": True}, "`confidence` must be 1 to 5"),
        ({"choice": "CANNOT_SAY"}, "`confidence` must be 1 to 5, and none"),
        ({"choice": "CANNOT_SAY", "confidence": 9}, "`confidence` must be 1 to 5, and none"),
        ({"time_s": float("nan")}, r"`time_s` must be seconds in \[0, 604800\]"),
        ({"time_s": -1.0}, r"`time_s` must be seconds in"),
        ({"time_s": "4"}, r"`time_s` must be seconds in"),
        ({"hidden_s": float("inf")}, r"`hidden_s` must be seconds in"),
        ({"n_loads": 0}, "`n_loads` must be a whole number"),
        ({"n_loads": 1.5}, "`n_loads` must be a whole number"),
    ],
)
def test_what_no_page_sends_is_refused(change, words):
    with pytest.raises(StudyError, match=words):
        replace(given("NORMAL"), **change)


def test_a_full_disk_changes_nothing(tmp_path, folder_study, monkeypatch):
    folder_study.begin("r1")
    before = journal_of(tmp_path).read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="No space left on device") as caught:
        folder_study.answer("r1", 0, given("NORMAL"))
    monkeypatch.undo()
    assert "Free space on the disk" in caught.value.hint
    assert journal_of(tmp_path).read_bytes() == before


KILLED = """
import os, sys
from pathlib import Path
from cxr_core.reader_study import FolderShelf, Given, Study
study = Study(FolderShelf(Path(sys.argv[1])))
study.begin("r1")
for index in range(5):
    study.answer("r1", index, Given("NORMAL", 3, 4.0))
os.kill(os.getpid(), 9)
"""


def test_a_killed_process_loses_no_answer(tmp_path, folder_study):
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], cwd=ROOT, check=False)
    assert done.returncode == -9
    assert folder_study.standing("r1").n_done == 5


def test_a_study_in_memory_goes_away_and_comes_back():
    study = make_study(TRUTHS)
    study.begin("r1")
    study.answer("r1", 0, given("COVID19"))
    data = pack(study.shelf)
    assert data == pack(study.shelf)
    again = Study(unpack(data))
    assert again.digest == study.digest
    assert again.standing("r1").n_done == 1
    again.answer("r1", 1, given("COVID19"))


def archive(**files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as written:
        for name, data in files.items():
            written.writestr(name, data)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "data", [b"", b"PK", archive(**{"../study.json": "{}"}), archive(other="x")]
)
def test_another_archive_is_refused(data):
    with pytest.raises(StudyError, match="`resume file` must be a file that this page saved"):
        unpack(data)


def test_classes_from_folders():
    assert truth_of("COVID19/a.png") == "COVID19"
    assert truth_of("test/normal/b/a.png") == "NORMAL"
    assert truth_of("NORMAL/PNEUMONIA/a.png") == "PNEUMONIA"
    assert truth_of("a.png") is None
    assert truth_of("normal.png") is None
    assert truth_of("films.zip/COVID19/a.png") == "COVID19"


def test_films_are_found_by_their_bytes_wherever_they_lie():
    items = [BytesItem("a.png", b"one"), BytesItem("b.png", b"two"), BytesItem("c.png", b"one")]
    told = []
    found = films_by_digest(items, on_film=lambda *now: told.append(now))
    assert [item.name for item in found.values()] == ["a.png", "b.png"]
    assert told == [(3, 3)]
    films = [StudyFilm(next(iter(found)))]
    finder = FilmFinder(films, found)
    assert finder.read(films[0].digest) == b"one"


def test_a_missing_or_changed_film_is_refused_without_its_name():
    found = films_by_digest([BytesItem("Jane Doe.png", b"one")])
    digest = next(iter(found))
    with pytest.raises(StudyChangedError, match="1 of 2 are missing or changed"):
        FilmFinder([StudyFilm(digest), StudyFilm("b" * 64)], found)
    finder = FilmFinder([StudyFilm(digest)], {digest: BytesItem("Jane Doe.png", b"other")})
    with pytest.raises(StudyChangedError, match="its bytes are others by now") as caught:
        finder.read(digest)
    assert "Jane" not in str(caught.value)


def test_answering_changes_nothing_but_the_journal(tmp_path, folder_study):
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    answer_all(folder_study, "r1", lambda *_: "NORMAL")
    after = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert set(after) - set(before) == {"answers-r1.jsonl"}
    assert all(after[name] == data for name, data in before.items())
    assert folder_study.standing("r1").next is None
