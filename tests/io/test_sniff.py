from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from cxr_core.io.sniff import DICOM, RASTERS, describe, sniff

Encode = Callable[..., bytes]


@pytest.mark.parametrize("container", RASTERS)
def test_every_container_is_told_by_its_bytes(
    film: np.ndarray, encode: Encode, container: str
) -> None:
    assert sniff(encode(film, container)) == container


@pytest.mark.parametrize(
    "head", [b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"], ids=["II", "MM", "II big", "MM big"]
)
def test_all_tiff_byte_orders(head: bytes) -> None:
    assert sniff(head + bytes(20)) == "TIFF"


@pytest.mark.parametrize("preamble", [bytes(128), b"II*\x00" + bytes(124)], ids=["zeros", "TIFF"])
def test_dicom_wins_over_what_its_preamble_holds(preamble: bytes) -> None:
    assert sniff(preamble + b"DICM" + bytes(20)) == DICOM


def test_dicom_without_preamble() -> None:
    assert sniff(b"\x08\x00\x05\x00CS\x0a\x00ISO_IR 100") == DICOM


@pytest.mark.parametrize(
    "data", [b"", b"B", b"BM is how this letter starts", b"RIFF\0\0\0\0WAVEfmt ", b"\x89PNG"]
)
def test_what_only_looks_like_a_picture(data: bytes) -> None:
    assert sniff(data) is None


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "an empty file"),
        (b"%PDF-1.7\n", "a PDF document"),
        (b"PK\x03\x04\x14\0", "a ZIP archive"),
        (b"\x1f\x8b\x08\0", "a gzip archive"),
        (b"\0\0\0\x18ftypheic\0\0", "a HEIC, AVIF or video file"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "a JPEG 2000 picture"),
        (b"\xef\xbb\xbf\n <!DOCTYPE html><html>", "a web page (HTML)"),
        (b"<?xml version='1.0'?><svg/>", "an XML or SVG document"),
        (b"name,age\n", "a text file"),
        ("Befund: unauff\u00e4llig".encode(), "a text file"),
        (b"a", "a text file"),
        ("\u00e4".encode() * 700, "a text file"),
        (bytes(range(256)), "a file of an unknown kind"),
        (b"\xff\xfe", "a file of an unknown kind"),
    ],
)
def test_other_files_are_named(data: bytes, words: str) -> None:
    assert describe(data) == words
