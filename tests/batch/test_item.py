"""Files, folders and archives become items in one fixed order; what is no film is left out."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from cxr_core.batch import BytesItem, list_items
from cxr_core.batch.item import archive_items
from cxr_core.errors import ArchiveError, CxrError, ImageTooLargeError, UnreadableImageError
from cxr_core.io import LIMITS, ArchiveLimits, Limits


@pytest.fixture
def folder(tmp_path):
    """Films at two depths, an archive, and files that are none."""
    path = tmp_path / "films"
    for name in ("b/2.png", "b/10.png", "a.png", "b.png", "c/d/e.dcm", "noext"):
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(name.encode())
    for name in (".hidden.png", "results.csv", "b/.DS_Store", "DICOMDIR", "b/notes.txt"):
        (path / name).write_bytes(b"x")
    with zipfile.ZipFile(path / "b" / "more.zip", "w") as archive:
        archive.writestr("z.png", b"z")
        archive.writestr("../y.png", b"y")
        archive.writestr("__MACOSX/._z.png", b"x")
        archive.writestr("manifest.csv", b"x")
    return path


def names(listing):
    return [item.name for item in listing.items]


def test_a_folder_alone(folder):
    listing = list_items([folder])
    assert names(listing) == [
        "a.png",
        "b/10.png",
        "b/2.png",
        "b/more.zip/../y.png",
        "b/more.zip/z.png",
        "b.png",
        "c/d/e.dcm",
        "noext",
    ]
    assert listing.n_left_out == 7
    assert listing.items[1].read_bytes(LIMITS) == b"b/10.png"
    assert listing.items[4].read_bytes(LIMITS) == b"z"
    with pytest.raises(ArchiveError, match="leaves its folder"):
        listing.items[3].read_bytes(LIMITS)
    listing.items[4].archive.close()


def test_several_sources_are_named_as_given(folder):
    listing = list_items([folder / "b", folder / "results.csv", folder / "gone.png"])
    prefix = (folder / "b").as_posix()
    assert names(listing)[:2] == [f"{prefix}/10.png", f"{prefix}/2.png"]
    assert names(listing)[-2:] == [str(folder / "results.csv"), str(folder / "gone.png")]
    with pytest.raises(UnreadableImageError, match="no such file"):
        listing.items[-1].read_bytes(LIMITS)


def test_an_archive_alone_and_one_without_its_suffix(folder):
    path = folder / "b" / "more.zip"
    assert names(list_items([path])) == ["../y.png", "z.png"]
    path.rename(folder / "more")
    assert names(list_items([folder / "more"])) == ["../y.png", "z.png"]


def test_a_refused_archive_is_one_item(folder):
    (folder / "b" / "more.zip").write_bytes(b"no archive")
    listing = list_items([folder])
    (item,) = [item for item in listing.items if item.name == "b/more.zip"]
    with pytest.raises(ArchiveError, match="must be a whole zip file"):
        item.read_bytes(LIMITS)
    limits = ArchiveLimits(max_entries=1)
    (item,) = list_items([folder / "b" / "more.zip"], limits=limits).items
    with pytest.raises(ArchiveError, match="must be a whole zip file"):
        item.read_bytes(LIMITS)


def test_links_to_folders_are_not_followed(folder):
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    (folder / "dangling.png").symlink_to(folder / "gone.png")
    (folder / "link.png").symlink_to(folder / "a.png")
    items = {item.name: item for item in list_items([folder]).items}
    assert not [name for name in items if name.startswith("loop/")]
    assert items["link.png"].read_bytes(LIMITS) == b"a.png"
    for name in ("loop", "dangling.png"):
        with pytest.raises(UnreadableImageError):
            items[name].read_bytes(LIMITS)


@pytest.mark.skipif(os.name != "posix", reason="names of bytes")
def test_names_that_are_not_utf_8(tmp_path):
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/film\xff.png")).write_bytes(b"x")
    (item,) = list_items([tmp_path]).items
    assert item.name == "film\\udcff.png"
    assert item.read_bytes(LIMITS) == b"x"


def test_a_pipe_is_an_error_and_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    (item,) = list_items([tmp_path]).items
    with pytest.raises(UnreadableImageError, match="a device or pipe"):
        item.read_bytes(LIMITS)


def test_bytes_in_memory(folder):
    data = (folder / "b" / "more.zip").read_bytes()
    listing = archive_items(data, "more.zip/", name="more.zip")
    assert names(listing) == ["more.zip/../y.png", "more.zip/z.png"]
    assert names(archive_items(b"x", "", name="upload.zip")) == ["upload.zip"]
    item = BytesItem("a.png", b"abc")
    assert item.read_bytes(LIMITS) == b"abc"
    with pytest.raises(ImageTooLargeError):
        item.read_bytes(Limits(max_bytes=2))


def test_the_order_does_not_depend_on_the_disk(folder, monkeypatch):
    expected = names(list_items([folder]))
    scan = os.scandir

    class Reversed:
        def __init__(self, path):
            with scan(path) as entries:
                self._entries = sorted(entries, key=lambda e: e.name, reverse=True)

        def __enter__(self):
            return iter(self._entries)

        def __exit__(self, *_):
            return False

    monkeypatch.setattr(os, "scandir", Reversed)
    assert names(list_items([folder])) == expected


def test_nothing_at_all(tmp_path):
    assert list_items([tmp_path]).items == ()
    assert list_items([]).items == ()


def test_errors_are_of_our_own_kind(tmp_path):
    for item in list_items([tmp_path / "gone", "bad\0name"]).items:
        with pytest.raises(CxrError):
            item.read_bytes(LIMITS)


def test_a_name_that_is_too_long_is_one_item_with_our_own_error(tmp_path):
    for suffix in ("", ".zip"):
        (item,) = list_items([tmp_path / ("a" * 300 + suffix)]).items
        with pytest.raises(UnreadableImageError, match="must be readable"):
            item.read_bytes(LIMITS)


@pytest.mark.parametrize("suffix", ["", ".zip"])
def test_a_folder_that_may_not_be_entered_is_one_item(folder, monkeypatch, suffix):
    path = folder / f"inner{suffix}"
    path.mkdir()

    def refuse(self, **_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "stat", refuse)
    (item,) = list_items([path]).items
    with pytest.raises(UnreadableImageError, match="PermissionError"):
        item.read_bytes(LIMITS)
