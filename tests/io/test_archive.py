"""Zip archives that somebody built to do harm: each attack written here, none of them unpacked."""

from __future__ import annotations

import io
import stat
import struct
import sys
import threading
import zipfile
import zlib

import pytest

from cxr_core.errors import ArchiveError, ImageTooLargeError
from cxr_core.io import ArchiveLimits, Limits
from cxr_core.io.archive import Archive

SMALL = ArchiveLimits(
    max_entries=50, max_directory_bytes=20_000, max_total_bytes=1 << 20, free_bytes=1 << 16
)


def zipped(entries, *, method=zipfile.ZIP_DEFLATED):
    """Return an archive of names (or `ZipInfo`) and bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return buffer.getvalue()


def opened(data, limits=SMALL):
    return Archive.from_bytes(data, name="films.zip", limits=limits)


def test_entries_are_read_in_memory_and_folders_are_none():
    archive = opened(zipped([("a/", b""), ("a/one.png", b"1"), ("two.png", b"22")]))
    assert [entry.name for entry in archive.entries] == ["a/one.png", "two.png"]
    assert [archive.read(entry) for entry in archive.entries] == [b"1", b"22"]
    archive.close()
    assert archive.read(archive.entries[0]) == b"1"  # opened again
    archive.close()


def test_backslashes_are_folders():
    archive = opened(zipped([("a\\b.png", b"1")]))
    assert archive.entries[0].name == "a/b.png"
    assert archive.read(archive.entries[0]) == b"1"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("../../etc/cron.d/film.png", "a name that leaves its folder"),
        ("a/../../film.png", "a name that leaves its folder"),
        ("..\\film.png", "a name that leaves its folder"),
        ("/etc/film.png", "a name that starts at the root of a disk"),
        ("\\\\host\\share\\film.png", "a name that starts at the root of a disk"),
        ("C:\\film.png", "a name that starts at the root of a disk"),
        ("a/film\n.png", "a name with control characters"),
        ("a/film\x1b[2J.png", "a name with control characters"),
    ],
)
def test_names_that_lead_elsewhere_are_errors_of_their_own(name, words):
    archive = opened(zipped([(name, b"1"), ("good.png", b"2")]))
    bad, good = archive.entries
    assert archive.read(good) == b"2"
    with pytest.raises(ArchiveError, match=words) as caught:
        archive.read(bad)
    assert caught.value.hint
    assert bad.name.isprintable()


def test_a_name_with_a_zero_byte():
    data = zipped([("filmX.png", b"1")]).replace(b"filmX", b"film\0")
    archive = opened(data)
    with pytest.raises(ArchiveError, match="control characters"):
        archive.read(archive.entries[0])


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFBLK])
def test_links_and_devices(kind):
    info = zipfile.ZipInfo("link.png")
    info.create_system = 3
    info.external_attr = (kind | 0o777) << 16
    archive = opened(zipped([(info, b"/etc/passwd")]))
    with pytest.raises(ArchiveError, match="a link or device, not a file"):
        archive.read(archive.entries[0])


def test_encrypted_entries():
    data = bytearray(zipped([("secret.png", b"1")]))
    data[6] |= 1  # general purpose flag of the local header
    central = data.index(b"PK\x01\x02")
    data[central + 8] |= 1
    archive = opened(bytes(data))
    with pytest.raises(ArchiveError, match="encrypted"):
        archive.read(archive.entries[0])


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_packed_in_a_way_that_gives_no_bound(method):
    archive = opened(zipped([("a.png", bytes(40_000))], method=method))
    with pytest.raises(ArchiveError, match="packed in another way than deflate"):
        archive.read(archive.entries[0])


def test_an_archive_in_an_archive():
    archive = opened(zipped([("inner.zip", zipped([("a.png", b"1")])), ("b.png", zipped([]))]))
    for entry in archive.entries:
        with pytest.raises(ArchiveError, match="an archive inside an archive"):
            archive.read(entry)


def test_a_bomb_is_refused_before_anything_is_unpacked():
    with pytest.raises(ArchiveError, match="unpack to at most 100 times its length"):
        opened(zipped([("a.bmp", bytes(800_000))]))


def test_films_that_unpack_to_too_much_together():
    with pytest.raises(ArchiveError, match="unpack to at most 1,048,576 bytes"):
        opened(zipped([(f"{n}.bmp", bytes(300_000)) for n in range(4)]))


def test_small_archives_may_shrink_as_they_like():
    assert len(opened(zipped([("a.bmp", bytes(60_000))])).entries) == 1


def test_an_entry_that_is_too_long_for_a_film():
    archive = opened(zipped([("a.bmp", bytes(60_000))]))
    with pytest.raises(ImageTooLargeError, match=r"'a.bmp' with 60,000 bytes"):
        archive.read(archive.entries[0], limits=Limits(max_bytes=59_999))


def lying(data, n_claimed):
    """Let the table of contents claim another size than the entry unpacks to."""
    data = bytearray(data)
    for place in (22, data.index(b"PK\x01\x02") + 24):
        data[place : place + 4] = struct.pack("<I", n_claimed)
    return bytes(data)


@pytest.mark.parametrize("n_claimed", [10, 50_000])
def test_an_entry_that_lies_about_its_size(n_claimed):
    archive = opened(lying(zipped([("a.bmp", bytes(40_000))]), n_claimed))
    with pytest.raises(ArchiveError, match="must be whole"):
        archive.read(archive.entries[0])


def test_entries_that_share_their_bytes():
    """The bomb of David Fifield (2019): many entries of the table name one packed file."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    plain = bytes(50_000)
    packed = packer.compress(plain) + packer.flush()
    crc = zlib.crc32(plain)
    local = struct.pack(
        "<4s5H3I2H", b"PK\x03\x04", 20, 0, 8, 0, 33, crc, len(packed), len(plain), 1, 0
    )
    body = local + b"a" + packed
    central = b"".join(
        struct.pack(
            "<4s6H3I5H2I",
            b"PK\x01\x02", 20, 20, 0, 8, 0, 33, crc, len(packed), len(plain), 1, 0, 0, 0, 0, 0, 0,
        )
        + b"a"
        for _ in range(20)
    )  # fmt: skip
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 20, 20, len(central), len(body), 0)
    data = body + central + end
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert len(archive.infolist()) == 20
    with pytest.raises(ArchiveError, match="must not overlap"):
        opened(data, ArchiveLimits(max_ratio=10**6))


def test_a_hundred_thousand_entries():
    """Refused by the length of the table of contents or by its count, with little memory."""
    n = 100_000
    central = b"".join(
        struct.pack("<4s6H3I5H2I", b"PK\x01\x02", 20, 20, 0, 0, 0, 33, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0)
        + b"a/"
        for _ in range(n)
    )
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, len(central), 0, 0)
    data = central + end
    with pytest.raises(ArchiveError, match=r"at most 20,000 entries. Received: .* with 100,000"):
        opened(data, ArchiveLimits())
    with pytest.raises(ArchiveError, match="table of contents of an archive must have at most"):
        opened(data, ArchiveLimits(max_directory_bytes=1 << 20))


@pytest.mark.parametrize("cut", [1, 30, 200])
def test_cut_off(cut):
    data = zipped([(f"{n}.png", bytes(range(200))) for n in range(5)])
    with pytest.raises(ArchiveError, match="must be a whole zip file"):
        opened(data[:-cut])


def test_a_damaged_entry_leaves_the_others_readable():
    data = bytearray(zipped([("a.png", b"first"), ("b.png", b"second")], method=0))
    data[data.index(b"first")] ^= 1
    archive = opened(bytes(data))
    with pytest.raises(ArchiveError, match=r"name='a.png' in 'films.zip', damaged"):
        archive.read(archive.entries[0])
    assert archive.read(archive.entries[1]) == b"second"


@pytest.mark.parametrize("data", [b"", b"PK", b"no archive at all", b"PK\x05\x06" + bytes(10)])
def test_what_is_no_archive(data):
    with pytest.raises(ArchiveError, match="must be a whole zip file"):
        opened(data)


def test_a_path_that_is_gone(tmp_path):
    with pytest.raises(ArchiveError, match=r"'gone.zip', which cannot be opened"):
        Archive.from_path(tmp_path / "gone.zip")


def test_several_threads_read_at_once(tmp_path):
    path = tmp_path / "films.zip"
    contents = [bytes([n]) * (1000 + n) for n in range(40)]
    path.write_bytes(zipped([(f"{n}.png", data) for n, data in enumerate(contents)]))
    archive = Archive.from_path(path)
    wrong = []

    def read(start):
        numbers = range(start, 40, 4)
        wrong.extend(n for n in numbers if archive.read(archive.entries[n]) != contents[n])

    threads = [threading.Thread(target=read, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    archive.close()
    assert not wrong


def test_closing_waits_for_those_who_read(tmp_path):
    """A page opens a film of an archive while the run that it is part of lets go of it."""
    path = tmp_path / "films.zip"
    path.write_bytes(zipped([(f"{n}.png", bytes([n]) * 50_000) for n in range(20)]))
    archive = Archive.from_path(path)
    is_over, wrong = threading.Event(), []

    def close_again_and_again():
        while not is_over.is_set():
            archive.close()

    thread = threading.Thread(target=close_again_and_again)
    thread.start()
    for n, entry in enumerate(archive.entries * 5):
        if archive.read(entry) != bytes([n % 20]) * 50_000:
            wrong.append(n)
    is_over.set()
    thread.join()
    archive.close()
    assert not wrong


@pytest.mark.skipif(sys.platform == "win32", reason="names of bytes")
def test_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    archive = opened(zipped([("../out.png", b"1"), ("/out.png", b"1"), ("in.png", b"1")]))
    for entry in archive.entries:
        if entry.problem is None:
            archive.read(entry)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["max_entries", "max_ratio"])
def test_bounds_must_be_positive(name):
    with pytest.raises(ValueError, match=f"`{name}` must be a positive int"):
        ArchiveLimits(**{name: 0})
