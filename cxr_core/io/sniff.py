"""What a file is, from its first bytes; the file name and its extension are never asked."""

from __future__ import annotations

from typing import Final

RASTERS: Final[tuple[str, ...]] = ("PNG", "JPEG", "TIFF", "BMP", "WebP", "GIF")
"""Containers of plain pictures that are read."""

DICOM: Final = "DICOM"

_DICOM_OFFSET: Final = 128  # PS3.10 clause 7.1: a preamble of 128 bytes, then "DICM"
_BARE_DICOM: Final = (  # the same without a preamble: a first element of group 0002 or 0008
    b"\x02\x00\x00\x00UL",
    b"\x02\x00\x01\x00OB",
    b"\x02\x00\x02\x00UI",
    b"\x02\x00\x10\x00UI",
    *(b"\x08\x00" + element + b"\x00" for element in (b"\x00", b"\x01", b"\x05", b"\x08")),
    *(b"\x08\x00" + element + b"\x00" for element in (b"\x12", b"\x16", b"\x18", b"\x60")),
    *(b"\x00\x08\x00" + start for start in (b"\x00UL", b"\x05CS", b"\x08CS", b"\x16UI", b"\x18UI")),
)
_PREFIXES: Final = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"II+\x00", "TIFF"),
    (b"MM\x00+", "TIFF"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
)
_BMP_HEADER_SIZES: Final = (12, 40, 52, 56, 64, 108, 124)

_FOREIGN: Final = (
    (b"%PDF-", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 picture"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 picture"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x89HDF", "an HDF5 file"),
    (b"NRRD", "an NRRD volume"),
)
_TEXT_SAMPLE_BYTES: Final = 1024


def sniff(data: bytes) -> str | None:
    """Name the container of a file by its magic bytes.

    Args:
        data: The bytes of the file; any length.

    Returns:
        One of `RASTERS`, `DICOM`, or `None` where the bytes are neither.

    Notes:
        DICOM goes first, because its preamble may hold a complete TIFF header (PS3.10 clause 7.1).
    """
    if data[_DICOM_OFFSET : _DICOM_OFFSET + 4] == b"DICM" or data.startswith(_BARE_DICOM):
        return DICOM
    for prefix, container in _PREFIXES:
        if data.startswith(prefix):
            return container
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WebP"
    if data[:2] == b"BM" and int.from_bytes(data[14:18], "little") in _BMP_HEADER_SIZES:
        return "BMP"
    return None


def describe(data: bytes) -> str:
    """Say in plain words what a file is that `sniff` does not know.

    Args:
        data: The bytes of the file; any length.

    Returns:
        A noun phrase, for example `a PDF document`; nothing of the content is quoted.
    """
    if not data:
        return "an empty file"
    for prefix, words in _FOREIGN:
        if data.startswith(prefix):
            return words
    if data[4:8] == b"ftyp":
        return "a HEIC, AVIF or video file"
    return _describe_text(data[:_TEXT_SAMPLE_BYTES])


def _describe_text(sample: bytes) -> str:
    """Tell HTML, XML and other text from bytes of an unknown kind."""
    try:
        text = sample.decode("utf-8", errors="strict" if len(sample) < 4 else "ignore")
    except UnicodeDecodeError:
        return "a file of an unknown kind"
    start = text.lstrip("\ufeff \t\r\n").lower()
    if start.startswith(("<!doctype html", "<html")):
        return "a web page (HTML)"
    if start.startswith(("<?xml", "<svg")):
        return "an XML or SVG document"
    lost = len(sample) - len(text.encode())
    is_text = lost <= 3 and all(letter.isprintable() or letter.isspace() for letter in text)
    return "a text file" if is_text else "a file of an unknown kind"
