"""Films behind an address: the same listing and bytes as on a disk, and no password kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from cxr_core.batch import list_items, score
from cxr_core.batch.storage import Folder, StoredItem, is_address
from cxr_core.errors import ImageTooLargeError, OutputError, UnreadableImageError
from cxr_core.io import LIMITS, Limits
from tests.batch.films import mixed_folder
from tests.conftest import write_film


@pytest.fixture
def folder(tmp_path):
    path = mixed_folder(tmp_path / "films of 2020")
    (path / "a").mkdir()
    write_film(path / "a" / "1 %20?.png", seed=7)
    (path / ".hidden.png").write_bytes(b"x")
    (path / "notes.txt").write_text("x", "utf-8")
    return path


def test_what_is_an_address():
    assert is_address("s3://bucket/x")
    assert not is_address("films/x")
    assert not is_address("C:\\films")
    assert not is_address(Path("s3://bucket/x"))  # pages hand paths on: nobody there names one


def test_an_address_lists_what_the_folder_holds(folder):
    local, stored = list_items([folder]), list_items([f"file://{folder}"])
    plain = [item for item in local.items if item.archive is None]
    by_name = {item.name: item for item in stored.items}
    assert stored.n_left_out == local.n_left_out == 2
    assert [item.name for item in stored.items] == sorted(by_name, key=lambda n: n.split("/"))
    for item in plain:
        if item.name != "refused.zip":
            assert by_name[item.name].read_bytes(LIMITS) == item.read_bytes(LIMITS)
    for name in ("more.zip", "refused.zip"):
        assert "must lie on a disk" in str(by_name[name].error)


def test_films_behind_an_address_are_scored(folder, tiny_predictor):
    local = {record.file: record for record in score(tiny_predictor, [folder / "a"])}
    (record,) = score(tiny_predictor, [f"file://{folder}/a"])
    assert record.content == local[record.file].content
    assert record.status == "ok"


def test_one_file_and_several_sources(folder):
    (one,) = list_items([f"file://{folder}/0.png"]).items
    assert one.name == "0.png"
    (hidden,) = list_items([f"file://{folder}/.hidden.png"]).items
    assert hidden.name == ".hidden.png"
    both = list_items([f"file://{folder}/a", folder / "1.png"]).items
    assert both[0].name == f"file://{folder}/a/1 %20?.png"


def test_what_cannot_be_opened_is_one_row(tmp_path):
    (gone,) = list_items([f"file://{tmp_path}/gone"]).items
    with pytest.raises(UnreadableImageError, match="`address` must be a folder") as raised:
        gone.read_bytes(LIMITS)
    assert "credentials in the environment" in raised.value.hint
    (unknown,) = list_items(["nowhere://x/y"]).items
    assert isinstance(unknown.error, UnreadableImageError)


def test_a_password_is_refused_and_not_repeated():
    (item,) = list_items(["s3://key:secret@bucket/films"]).items
    assert "secret" not in f"{item.name} {item.error} {item.error.hint}"
    with pytest.raises(OutputError, match="must be one that can be written") as raised:
        Folder("s3://key:secret@bucket/films")
    assert "secret" not in str(raised.value)


def test_what_follows_the_question_mark_is_no_name(folder):
    first, *_ = list_items([f"file://{folder}?x=1", folder]).items
    assert "?x=1" not in first.name


def test_a_stored_file_that_is_gone_or_too_long(folder):
    (item,) = list_items([f"file://{folder}/0.png"]).items
    with pytest.raises(ImageTooLargeError, match="at most 100 bytes"):
        item.read_bytes(Limits(max_bytes=100))
    with pytest.raises(UnreadableImageError, match=r"name='x\.png'"):
        StoredItem("in/x.png", "file:///", f"{folder}/x.png".lstrip("/")).read_bytes(LIMITS)


@pytest.mark.parametrize("kind", ["path", "address"])
def test_a_folder_is_written_whole_or_not(tmp_path, kind):
    path = tmp_path / "new" / "parts"
    folder = Folder(path if kind == "path" else f"file://{path}")
    folder.write("a.bin", b"1")
    folder.write("a.bin", b"22")
    (path / ".a.part").write_bytes(b"half")
    assert folder.names() == ("a.bin",)
    assert folder.read("a.bin") == b"22"
    folder.remove("a.bin")
    folder.remove("a.bin")
    assert folder.names() == ()
