"""Cut, mutated and hostile DICOM files: a film or a typed error, soon, without noise.

Seconds are of this process, so that a busy machine is no reason to fail.
"""

from __future__ import annotations

import struct
import time
import zlib
from functools import cache

import numpy as np
import pytest
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)

from cxr_core.errors import CxrError, ImageTooLargeError, UnreadableImageError
from cxr_core.io import Limits, read
from tests.io.dicom_files import (
    JPEG_LOSSLESS,
    compressed,
    dataset,
    gradient,
    jpeg,
    with_frame,
    written,
)
from tests.io.test_dicom_tone import STEPS, table
from tests.io.test_fuzz import mutate

SMALL = Limits(max_bytes=2**20, max_pixels=1_000_000)
SYNTAXES = (
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    DeflatedExplicitVRLittleEndian,
    RLELossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    JPEG2000Lossless,
    JPEG_LOSSLESS,
)
N_MUTATIONS = 300


@cache
def film_bytes(syntax):
    """A film with a table and two windows, in that transfer syntax."""
    bits = 8 if syntax == JPEGBaseline8Bit else 12
    ds = dataset(gradient((48, 40), bits=bits), bits=bits)
    ds.WindowCenter, ds.WindowWidth = [2048, 1000], [4096, 500]
    ds.VOILUTSequence = [table(STEPS, 0, 8)]
    ds.PatientOrientation = ["L", "F"]
    ds.PixelPaddingValue = 0
    is_native = not syntax.is_encapsulated
    return written(ds, syntax) if is_native else compressed(ds, syntax)


def outcome(data, name="film"):
    """The film, or the error."""
    try:
        return read(data, name=name, limits=SMALL)
    except CxrError as err:
        return err


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda uid: uid.name)
def test_cut_at_many_places(syntax):
    """No cut file comes back in part; the mark that ends the fragments may be missing."""
    data = film_bytes(syntax)
    whole = read(data, name="film").pixels
    near_the_end = range(len(data) - 12, len(data), 3)
    few = 12 if syntax == JPEG_LOSSLESS else 60
    for length in (*np.linspace(132, len(data) - 13, few, dtype=int), *near_the_end):
        got = outcome(data[:length])
        if isinstance(got, CxrError):
            assert got.hint.endswith("."), length
        else:
            assert length >= len(data) - 8
            assert np.array_equal(got.pixels, whole)


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda uid: uid.name)
def test_mutated(syntax, capfd):
    data = film_bytes(syntax)
    rng = np.random.default_rng(0)
    n_read, n_all = 0, 30 if syntax == JPEG_LOSSLESS else N_MUTATIONS
    for index in range(n_all):
        changed = mutate(data, rng)
        start_s = time.process_time()
        got = outcome(changed)
        is_film = not isinstance(got, CxrError)
        assert np.isfinite(got.image).all() if is_film else got.hint, index
        assert time.process_time() - start_s < 5, index
        n_read += is_film
    assert 5 < n_read < n_all - 5
    assert capfd.readouterr().out == ""


def test_a_codec_that_would_end_the_process():
    """GDCM aborts on some JPEG Lossless streams; here that is one damaged film."""
    data = film_bytes(JPEG_LOSSLESS)
    start = data.index(b"\xff\xc3")
    for offset, value in [(11, 0), (11, 0xFF), (-8, 0), (12, 0x40)]:
        changed = bytearray(data)
        changed[start + offset] = value
        got = outcome(bytes(changed))
        assert not isinstance(got, CxrError) or isinstance(got, UnreadableImageError)


def test_too_many_pixels_are_refused_before_anything_is_decoded():
    ds = dataset(gradient((8, 8), bits=12), bits=12)
    ds.Rows, ds.Columns = 60000, 60000
    with pytest.raises(ImageTooLargeError, match="60,000 by 60,000 pixels"):
        read(written(ds), name="film")


def test_a_codestream_may_not_claim_more_than_the_header():
    frame = bytearray(jpeg(gradient((48, 40), bits=8)))
    at = frame.index(b"\xff\xc0") + 5
    frame[at : at + 4] = struct.pack(">HH", 65535, 65535)
    data = with_frame(dataset(gradient((48, 40), bits=8)), bytes(frame), JPEGBaseline8Bit)
    with pytest.raises(UnreadableImageError, match="damaged or cut short"):
        read(data, name="film")


def test_a_deflated_file_that_grows_without_end():
    data = film_bytes(DeflatedExplicitVRLittleEndian)
    start = 144 + struct.unpack("<I", data[140:144])[0]
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(64)) + packer.flush()
    start_s = time.process_time()
    with pytest.raises(ImageTooLargeError, match="a deflated data set that grows without end"):
        read(data[:start] + bomb, name="film", limits=SMALL)
    assert time.process_time() - start_s < 5


ITEM = struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
ITEM_END = struct.pack("<HHI", 0xFFFE, 0xE00D, 0)
SEQUENCE = struct.pack("<HH2sHI", 8, 0x1140, b"SQ", 0, 0xFFFFFFFF)


@pytest.mark.parametrize(
    "filling",
    [
        SEQUENCE + (ITEM + ITEM_END) * 100_000,
        (SEQUENCE + ITEM) * 100_000,
        struct.pack("<HH2sH", 9, 1, b"SH", 0) * 200_000,
    ],
    ids=["items", "depth", "elements"],
)
def test_headers_that_would_take_minutes(filling):
    data = film_bytes(ExplicitVRLittleEndian)
    start = 144 + struct.unpack("<I", data[140:144])[0]
    start_s = time.process_time()
    with pytest.raises(CxrError):
        read(data[:start] + filling + data[start:], name="film")
    assert time.process_time() - start_s < 5


def test_a_million_fragments():
    ds = dataset(gradient((48, 40), bits=8))
    data = with_frame(ds, jpeg(gradient((48, 40), bits=8)), JPEGBaseline8Bit)
    at = data.rindex(struct.pack("<HHI", 0xFFFE, 0xE0DD, 0))
    many = struct.pack("<HHI", 0xFFFE, 0xE000, 0) * 1_000_000
    start_s = time.process_time()
    with pytest.raises(CxrError):
        read(data[:at] + many + data[at:], name="film")
    assert time.process_time() - start_s < 5


def test_messages_quote_nothing_of_the_header():
    ds = dataset(gradient((48, 40), bits=12), bits=12)
    ds.PatientName = "Doe^Jane"
    data = bytearray(written(ds))
    at = data.index(b"\x28\x00\x10\x00US")
    data[at + 4 : at + 6] = b"DA"
    with pytest.raises(UnreadableImageError) as caught:
        read(bytes(data), name="film")
    error = caught.value
    assert error.__cause__ is None
    assert error.__suppress_context__
    assert "Doe" not in f"{error} {error.hint}"
