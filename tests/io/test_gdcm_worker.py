"""The decoder of JPEG Lossless, here in this process; elsewhere a child runs it."""

from __future__ import annotations

import io
import sys
from types import SimpleNamespace

import pydicom
import pytest
from pydicom.encaps import generate_fragments

from cxr_core.io.dicom import gdcm_worker
from tests.io.dicom_files import JPEG_LOSSLESS, compressed, dataset, gradient, pixels_of


@pytest.fixture
def work(monkeypatch):
    """Return what decodes a frame as the script does; the process keeps its memory images."""
    monkeypatch.setattr(gdcm_worker, "_write_no_memory_image", lambda: None)

    def run(frame, *, rows, columns, samples=1, allocated=8, bits=8, colours="MONOCHROME2"):
        numbers = map(str, (rows, columns, samples, allocated, bits))
        monkeypatch.setattr(sys, "argv", ["worker", *numbers, JPEG_LOSSLESS, colours])
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(frame)))
        out = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=out))
        return gdcm_worker.main(), out.getvalue()

    return run


def frame_of(film):
    """The first frame of a film as JPEG Lossless."""
    packed = pydicom.dcmread(io.BytesIO(compressed(film, JPEG_LOSSLESS)), force=True)
    return b"".join(list(generate_fragments(packed.PixelData))[1:])


@pytest.mark.parametrize("bits", [8, 12])
def test_the_pixels_come_back_bit_by_bit(work, bits):
    film = dataset(gradient(bits=bits), bits=bits)
    pixels = pixels_of(film)
    rows, columns = pixels.shape
    allocated = 8 * pixels.itemsize
    status, raw = work(frame_of(film), rows=rows, columns=columns, allocated=allocated, bits=bits)
    assert status == 0
    assert raw == pixels.tobytes()


def test_a_frame_of_another_size_is_refused(work):
    film = dataset(gradient(bits=8))
    status, raw = work(frame_of(film), rows=8, columns=film.Columns)
    assert (status, raw) == (gdcm_worker.REFUSED, b"")


def test_without_gdcm_the_status_says_so(work, monkeypatch):
    monkeypatch.setitem(sys.modules, "gdcm", None)
    assert work(b"", rows=8, columns=8) == (gdcm_worker.NOT_INSTALLED, b"")
