"""Bad files: each is refused with a typed error, a pinned message and a hint."""

from __future__ import annotations

import resource
import struct
import time
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxr_core.errors import (
    CxrError,
    ImageTooLargeError,
    UnreadableImageError,
    UnsupportedDicomError,
)
from cxr_core.io import LIMITS, Limits, read, read_path

Encode = Callable[..., bytes]


def refused(data: bytes, error: type[CxrError], match: str, name: str = "film.png") -> CxrError:
    with pytest.raises(error, match=match) as caught:
        read(data, name=name)
    assert caught.value.hint.endswith(".")
    return caught.value


def test_empty_file() -> None:
    refused(b"", UnreadableImageError, r"Received: name='film.png', an empty file$")


def test_text_renamed_png() -> None:
    match = r"`data` must be PNG, JPEG, .* by content. Received: name='film.png', a text file$"
    refused(b"Dear colleague,\nthe film is", UnreadableImageError, match)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"<!DOCTYPE html><html>", r"a web page \(HTML\)"),
        (b"PK\x03\x04abc", "a ZIP archive"),
        (b"%PDF-1.4 abc", "a PDF document"),
        (bytes(1000), "a file of an unknown kind"),
    ],
)
def test_other_files(data: bytes, words: str) -> None:
    refused(data, UnreadableImageError, words)


def test_dicom_without_anything_of_a_film() -> None:
    data = bytes(128) + b"DICM" + bytes(50)
    err = refused(
        data, UnsupportedDicomError, "must be a radiograph .* an object without a picture"
    )
    assert err.hint == "Choose the frontal chest film of the study (CR or DX)."


@pytest.mark.parametrize("container", ["PNG", "JPEG", "TIFF", "BMP", "GIF", "WebP"])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.97])
def test_truncated(encode: Encode, container: str, share: float) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (200, 180), dtype=np.uint8)
    data = encode(noise, container)
    match = rf"`data` must be a complete {container} picture .* name='film.png', [\d,]+ bytes"
    err = refused(data[: int(len(data) * share)], UnreadableImageError, match)
    assert err.__cause__ is not None


def test_truncated_progressive_jpeg(encode: Encode) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (200, 180), dtype=np.uint8)
    data = encode(noise, "JPEG", progressive=True)
    refused(data[: len(data) * 3 // 4], UnreadableImageError, "a complete JPEG")


def test_damaged_png_is_caught_by_its_checksum(film: np.ndarray, make_png: Encode) -> None:
    """The flipped bit lies in stored (uncompressed) pixels: it would decode without an error."""
    good = bytearray(make_png(film))
    start = good.index(b"IDAT")
    rows = b"".join(b"\0" + row.tobytes() for row in film)
    body = bytearray(zlib.compress(rows, 0))
    checksum = struct.pack(">I", zlib.crc32(b"IDAT" + body))
    body[500] ^= 1
    data = bytes(good[: start - 4]) + struct.pack(">I", len(body)) + b"IDAT" + bytes(body)
    refused(data + checksum + bytes(good[-12:]), UnreadableImageError, "a complete PNG")


def one_colour_png(side_px: int) -> bytes:
    """A grey PNG of zeros; each block of rows is the same run of deflate bytes."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + checksum

    n_blocks = 100
    packer = zlib.compressobj(9)
    head = packer.compress(b"") + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(bytes((side_px + 1) * (side_px // n_blocks)))
    block += packer.flush(zlib.Z_FULL_FLUSH)
    tail = zlib.compressobj(9, zlib.DEFLATED, -15).flush()
    adler = ((side_px + 1) * side_px % 65521) << 16 | 1
    body = head + block * n_blocks + tail + struct.pack(">I", adler)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", side_px, side_px, 8, 0, 0, 0, 0))
        + chunk(b"IDAT", body)
        + chunk(b"IEND", b"")
    )


def test_the_bomb_builder_makes_a_whole_png() -> None:
    got = read(one_colour_png(1000), name="film.png")
    assert got.pixels.shape == (1000, 1000)
    assert not got.pixels.any()


def test_a_bomb_is_refused_from_its_header() -> None:
    data = one_colour_png(30_000)
    resident_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tracemalloc.start()
    start_s = time.perf_counter()
    match = r"at most 100,000,000 pixels. Received: name='film.png' with 30,000 by 30,000 pixels$"
    refused(data, ImageTooLargeError, match)
    elapsed_s = time.perf_counter() - start_s
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert elapsed_s < 1
    assert peak_bytes < 8 * 2**20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - resident_kib < 64 * 2**10


@pytest.mark.parametrize("container", ["PNG", "JPEG", "TIFF", "BMP", "GIF", "WebP"])
def test_pixels_are_limited_in_every_container(
    film: np.ndarray, encode: Encode, container: str
) -> None:
    data = encode(film, container)
    with pytest.raises(ImageTooLargeError, match=r"at most 7,679 pixels. .* 80 by 96 pixels$"):
        read(data, name="film", limits=Limits(max_pixels=96 * 80 - 1))
    assert read(data, name="film", limits=Limits(max_pixels=96 * 80)).pixels.shape == (96, 80)


def test_a_webp_that_declares_the_largest_canvas() -> None:
    canvas = (2**14 - 1).to_bytes(3, "little") * 2
    body = b"WEBPVP8X" + struct.pack("<I", 10) + b"\x02\0\0\0" + canvas
    refused(b"RIFF" + struct.pack("<I", len(body)) + body, CxrError, "film.png")


def test_bytes_are_limited(film: np.ndarray, encode: Encode) -> None:
    data = encode(film, "PNG")
    with pytest.raises(ImageTooLargeError, match=r"at most 100 bytes. .* with [\d,]+ bytes$") as c:
        read(data, name="film", limits=Limits(max_bytes=100))
    assert c.value.hint
    assert (LIMITS.max_bytes, LIMITS.max_pixels) == (64 * 2**20, 100_000_000)


@pytest.mark.parametrize("value", [0, -1, 1.5, True, None])
def test_limits_must_be_positive_integers(value: object) -> None:
    with pytest.raises(ValueError, match=r"`max_bytes` must be a positive int. Received"):
        Limits(max_bytes=value)
    with pytest.raises(ValueError, match=r"`max_pixels` must be a positive int. Received"):
        Limits(max_pixels=value)


def test_no_memory_left(film: np.ndarray, encode: Encode, monkeypatch: pytest.MonkeyPatch) -> None:
    data = encode(film, "BMP")

    def exhausted(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(Image.Image, "load", exhausted)
    refused(data, ImageTooLargeError, "fit into memory. Received: name='film.png'$")


def test_nan_in_a_float_tiff(make_tiff: Encode) -> None:
    values = np.zeros((64, 64), np.float32)
    values[0, :3] = np.nan
    values[1, 1] = -np.inf
    match = r"must hold finite values only. .* with 4 NaN or infinite of 4,096 values$"
    err = refused(make_tiff(values), UnreadableImageError, match)
    assert "background value" in err.hint


def test_tiffs_that_pillow_would_misread(make_tiff: Encode) -> None:
    match = "a complete TIFF picture of a kind that is read"
    planar = make_tiff(np.zeros((64, 64, 3), np.uint16), t284=2)
    err = refused(planar, UnreadableImageError, match)
    assert "separate planes" in str(err.__cause__)
    err = refused(make_tiff(np.zeros((64, 64), np.uint8), t262=None), UnreadableImageError, match)
    assert "PhotometricInterpretation" in str(err.__cause__)


def test_tiffs_of_kinds_that_are_not_read(make_tiff: Encode) -> None:
    match = "a complete TIFF picture of a kind that is read"
    refused(make_tiff(np.zeros((64, 64), np.float64)), UnreadableImageError, match)
    refused(make_tiff(np.zeros((64, 64), np.uint16), ">", t262=0), UnreadableImageError, match)


@pytest.mark.parametrize("name", ["/srv/MUSTER^MAX/film.png", r"C:\MUSTER^MAX\film.png"])
def test_folders_are_in_no_message(name: str) -> None:
    err = refused(b"", UnreadableImageError, "name='film.png'", name=name)
    assert "MUSTER" not in f"{err} {err.hint}"


def test_a_name_without_a_name(film: np.ndarray, encode: Encode) -> None:
    assert read(encode(film, "PNG"), name="").name == "unnamed"


def path_refused(path: Path | str, error: type[CxrError], match: str) -> None:
    with pytest.raises(error, match=match) as caught:
        read_path(path)
    assert caught.value.hint.endswith(".")
    assert "MUSTER" not in f"{caught.value} {caught.value.hint}"


def test_read_path(tmp_path: Path, film: np.ndarray, encode: Encode) -> None:
    path = tmp_path / "film.png"
    path.write_bytes(encode(film, "PNG"))
    for given in (path, str(path)):
        got = read_path(given)
        np.testing.assert_array_equal(got.pixels, film)
        assert got.name == "film.png"


def test_missing_file(tmp_path: Path) -> None:
    match = "`path` must exist. Received: name='none.png', no such file$"
    path_refused(tmp_path / "MUSTER" / "none.png", UnreadableImageError, match)


def test_folder_given_as_file(tmp_path: Path) -> None:
    folder = tmp_path / "MUSTER" / "films"
    folder.mkdir(parents=True)
    match = "`path` must be a file. Received: name='films', a folder$"
    path_refused(folder, UnreadableImageError, match)


def test_device_given_as_file() -> None:
    match = "`path` must be a file. Received: name='zero', a device or pipe$"
    path_refused("/dev/zero", UnreadableImageError, match)


def test_file_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    match = r"`path` must be readable. Received: name='b.png' \(NotADirectoryError\)$"
    path_refused(tmp_path / "a" / "b.png", UnreadableImageError, match)


def test_no_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "film.png"
    path.write_bytes(b"x")

    def denied(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", denied)
    match = r"`path` must be readable. Received: name='film.png' \(PermissionError\)$"
    path_refused(path, UnreadableImageError, match)


def test_null_in_a_path() -> None:
    path_refused("film\0.png", UnreadableImageError, "`path` must be readable")


def test_long_file_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "film.png"
    with path.open("wb") as file:
        file.truncate(LIMITS.max_bytes + 1)
    monkeypatch.setattr(Path, "read_bytes", None)
    path_refused(path, ImageTooLargeError, "at most 67,108,864 bytes. .* with 67,108,865 bytes$")


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_tiff_cut_within_its_tags_is_refused(make_tiff: Encode, order: str) -> None:
    """Without its last tag, the sample format, fractions were read as whole numbers."""
    film = np.full((3, 4), 49, np.float32)
    whole = make_tiff(film, order)
    assert read(whole, name="f").pixels[0, 0] == 49
    for n_lost in range(5, 12 * 10):  # the last four bytes say that there is no other page
        with pytest.raises(UnreadableImageError, match="damaged or unsupported"):
            read(whole[:-n_lost], name="f")
