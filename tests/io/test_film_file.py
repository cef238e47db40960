"""Which files of a folder may be films is told in one place, for `score` and for all others."""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path

import pytest

from cxr_core.batch import list_items
from cxr_core.errors import UnreadableImageError
from cxr_core.evaluate.folder_reads import labelled_paths
from cxr_core.explain.fidelity.folder import find_films
from cxr_core.io import read_path
from cxr_core.io.film_file import digest_of, files_below, film_files, is_left_out, printable
from ui.folder import films_below

FILMS = ("NORMAL/a.png", "NORMAL/b/IM000001", "NORMAL/c.db/d.dcm", "NORMAL/e.txt.png")
OTHERS = (
    "NORMAL/Thumbs.db",
    "NORMAL/desktop.INI",
    "NORMAL/DICOMDIR",
    "NORMAL/notes.txt",
    "NORMAL/readme.md",
    "NORMAL/results.csv",
    "NORMAL/results.json",
    "NORMAL/results.jsonl",
    "NORMAL/results.parquet",
    "NORMAL/results.parquet.part",
    "NORMAL/.hidden.png",
    "NORMAL/.cache/a.png",
    "NORMAL/__MACOSX/a.png",
)


@pytest.fixture
def folder(tmp_path):
    """Films, and files that lie beside films; every one with other bytes."""
    folder = tmp_path / "films"
    for name in (*FILMS, *OTHERS):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return folder


def names(folder, paths):
    return sorted(path.relative_to(folder).as_posix() for path in paths)


def test_every_walker_finds_the_same_films(folder):
    assert names(folder, film_files(folder)) == sorted(FILMS)
    assert names(folder, (path for path, _ in labelled_paths(folder))) == sorted(FILMS)
    assert names(folder, (path for path, _ in find_films(folder))) == sorted(FILMS)
    assert names(folder, films_below(folder, on_file=lambda *_: None).values()) == sorted(FILMS)
    assert sorted(item.name for item in list_items([folder]).items) == sorted(FILMS)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (["a.png"], False),
        (["b.db", "a.png"], False),
        (["b.db"], True),
        (["b.db", ""], False),
        (["__MacOSX", ""], True),
        (["dicomdir"], True),
        ([".b", "a.png"], True),
    ],
)
def test_what_is_left_out(parts, expected):
    assert is_left_out(parts) is expected


def test_a_file_that_the_system_says_nothing_of_is_listed(folder, monkeypatch):
    refused = folder / "NORMAL" / "a.png"
    stat = Path.stat

    def some(self, **options):
        if self == refused:
            raise PermissionError(13, "Permission denied")
        return stat(self, **options)

    monkeypatch.setattr(Path, "stat", some)
    assert refused in film_files(folder)


@pytest.fixture
def closed(folder, monkeypatch):
    """A folder among the films that may not be opened."""
    closed = folder / "NORMAL" / "b"
    scan, open_file = os.scandir, io.open

    def refused(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", lambda p: refused(p) if Path(p) == closed else scan(p))
    monkeypatch.setattr(
        io, "open", lambda p, *a, **o: refused(p) if p == closed else open_file(p, *a, **o)
    )
    return closed


def test_a_folder_that_may_not_be_opened_is_listed_for_whoever_reads_it(folder, closed):
    assert closed in film_files(folder)
    assert closed in files_below(folder)
    assert closed / "IM000001" not in files_below(folder)
    with pytest.raises(UnreadableImageError, match="Permission denied"):
        digest_of(closed)
    with pytest.raises(UnreadableImageError):
        read_path(closed)


def test_what_is_no_file_is_not_listed(folder):
    os.mkfifo(folder / "NORMAL" / "pipe.png")
    assert "NORMAL/pipe.png" not in names(folder, files_below(folder))


def test_a_digest_is_of_the_bytes(tmp_path):
    path = tmp_path / "film"
    path.write_bytes(b"abc")
    assert digest_of(path) == hashlib.sha256(b"abc").hexdigest()
    with pytest.raises(UnreadableImageError, match="`gone` must be a file") as caught:
        digest_of(tmp_path / "gone")
    assert str(tmp_path) not in str(caught.value)
    with pytest.raises(UnreadableImageError, match="must be a file that can be read"):
        digest_of(tmp_path)


def test_names_that_can_be_shown():
    assert printable("films/ä.png") == "films/ä.png"
    assert printable(os.fsdecode(b"film\xff.png")) == "film\\udcff.png"
