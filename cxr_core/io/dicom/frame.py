"""The first frame of a DICOM file as whole numbers, exactly as stored."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from cxr_core.io.dicom import codestream, gdcm_worker
from cxr_core.io.dicom.header import (
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    Header,
    quiet,
    uid_words,
)
from cxr_core.io.dicom.layout import Layout, refusal

NATIVE: Final = (IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG)
RLE: Final = "1.2.840.10008.1.2.5"
JPEG_LOSSLESS: Final = ("1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70")
JPEG_LOSSY: Final = ("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51")

PLUGINS: Final = MappingProxyType(
    {
        RLE: "pydicom",  # pylibjpeg-rle panics on damaged runs, past every `except Exception`
        **dict.fromkeys(JPEG_LOSSY, "pillow"),
        **dict.fromkeys(("1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"), "pyjpegls"),
        **dict.fromkeys(("1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91"), "pylibjpeg"),
        "1.2.840.10008.1.2.4.201": "pylibjpeg",
        "1.2.840.10008.1.2.4.202": "pylibjpeg",
        "1.2.840.10008.1.2.4.203": "pylibjpeg",
    }
)
"""Transfer syntax to the one codec that decodes it; another one would be asked for a part."""

_WORKER: Final = Path(gdcm_worker.__file__)
_WORKER_NEEDS: Final = ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT", "PYTHONHOME")
"""What the worker is given of the environment; tokens and passwords are not among it."""
_WORKER_SECONDS: Final = 60
_ITEM: Final = b"\xfe\xff\x00\xe0"
_MAX_FRAGMENTS: Final = 100_000

Integers = npt.NDArray[Any]


def read_frame(header: Header, layout: Layout, name: str) -> tuple[Integers, int]:
    """Decode the first frame.

    Args:
        header: The opened file, with pixels.
        layout: Its layout.
        name: File name for messages.

    Returns:
        Stored values, shape (h, w), or (h, w, 3) for colours, which come as RGB; and the bits that
        they have, which a codestream may know better than the header.

    Raises:
        UnsupportedDicomError: If no codec reads the transfer syntax.
        ValueError: If the pixels are damaged; codecs also raise others of `header.errors`.
    """
    syntax = header.transfer_syntax
    if syntax in NATIVE:
        return _unwrapped(_read_native(header, layout), layout), layout.stored
    if syntax not in PLUGINS and syntax not in JPEG_LOSSLESS:
        raise refusal(f"pixels encoded as {syntax_words(syntax)}", name)
    with quiet():
        frame = _first_frame(header, layout)
    if syntax == RLE:
        return _unwrapped(_decode(frame, _container(layout), syntax), layout), layout.stored
    stream = codestream.inspect(frame)
    _check_stream(stream, layout)
    if stream.bits > 16:
        raise refusal(f"a codestream of {stream.bits} bits", name)
    if syntax in JPEG_LOSSY and stream.bits > 8:
        raise refusal("12-bit lossy JPEG, which no codec here reads", name)
    allocated, bits = (8 if stream.bits <= 8 else 16), min(layout.stored, stream.bits)
    coded = replace(layout, allocated=allocated, stored=stream.bits, high_bit=stream.bits - 1)
    if syntax not in JPEG_LOSSLESS:
        return _decode(frame, coded, syntax), bits
    values = _decode_apart(frame, coded, syntax, name)
    if layout.is_signed:  # JPEG Lossless knows no sign
        values = _unwrapped(values, replace(coded, stored=bits, high_bit=bits - 1))
    return values, bits


def syntax_words(syntax: str) -> str:
    """Return the registered name of a transfer syntax, or words for an unknown one."""
    return uid_words(syntax) or "an unknown transfer syntax"


def _read_native(header: Header, layout: Layout) -> Integers:
    """Cut the first frame out of plain pixels."""
    n_values = layout.rows * layout.columns * layout.samples
    if layout.photometric == "YBR_FULL_422":
        n_values = n_values * 2 // 3
    n_bytes = n_values * layout.allocated // 8
    with quiet():
        data = header.data("PixelData")
        is_word = header.vr("PixelData") == "OW"
    if len(data) < n_bytes:
        msg = "fewer pixels than declared"
        raise ValueError(msg)
    syntax = EXPLICIT_LITTLE if header.is_little_endian else EXPLICIT_BIG
    is_swapped = syntax == EXPLICIT_BIG and layout.allocated == 8 and is_word
    frame = data[: n_bytes + n_bytes % 2]
    return _decode(frame, _container(layout), syntax, be_swap_ow=is_swapped)


def _container(layout: Layout) -> Layout:
    """Return the layout of whole containers, so that no codec thinks about bits in them."""
    return replace(layout, stored=layout.allocated, high_bit=layout.allocated - 1, is_signed=False)


def _unwrapped(values: Integers, layout: Layout) -> Integers:
    """Take the stored bits out of their containers: whatever lies beside them is no value."""
    shift = layout.high_bit + 1 - layout.stored
    if not shift and layout.stored == layout.allocated:
        signed = values.dtype.str.replace("u", "i")  # keeps the order of the bytes
        return values.view(signed) if layout.is_signed else values
    wide = values.astype(np.int32) if layout.allocated < 32 else values.astype(np.int64)
    wide = (wide >> shift) & ((1 << layout.stored) - 1)
    if layout.is_signed:
        wide -= (wide >> (layout.stored - 1)) << layout.stored
    return wide


def _decode(frame: bytes, layout: Layout, syntax: str, **options: Any) -> Integers:
    """Let pydicom decode one frame with the codec for it."""
    from pydicom.encaps import encapsulate
    from pydicom.pixels.decoders.base import get_decoder

    source = frame if syntax in NATIVE else encapsulate([frame + b"\0" * (len(frame) % 2)])
    options |= {
        "pixel_keyword": "PixelData",
        "rows": layout.rows,
        "columns": layout.columns,
        "samples_per_pixel": layout.samples,
        "photometric_interpretation": layout.photometric,
        "number_of_frames": 1,
        "bits_allocated": layout.allocated,
        "bits_stored": layout.stored,
        "pixel_representation": int(layout.is_signed),
    }
    if layout.samples > 1:
        options["planar_configuration"] = layout.planar
    plugin = PLUGINS.get(syntax, "")
    with quiet():
        decoder = get_decoder(syntax)
        values, _ = decoder.as_array(source, index=0, decoding_plugin=plugin, **options)
    return values


def _decode_apart(frame: bytes, layout: Layout, syntax: str, name: str) -> Integers:
    """Decode JPEG Lossless in a process that may die."""
    bits = (layout.rows, layout.columns, layout.samples, layout.allocated, layout.stored)
    command = [sys.executable, "-I", str(_WORKER), *map(str, bits), syntax, layout.photometric]
    try:
        done = subprocess.run(  # noqa: S603 - our own script, numbers and registered words
            command,
            input=frame,
            capture_output=True,
            timeout=_WORKER_SECONDS,
            check=False,
            env={name: os.environ[name] for name in _WORKER_NEEDS if name in os.environ},
        )
    except subprocess.TimeoutExpired as err:
        msg = "a codestream that does not end"
        raise ValueError(msg) from err
    if done.returncode == gdcm_worker.NOT_INSTALLED:
        raise refusal("JPEG Lossless pixels, and python-gdcm is not installed", name)
    shape = (layout.rows, layout.columns, layout.samples)[: 2 + (layout.samples > 1)]
    values = np.frombuffer(done.stdout, f"<u{layout.allocated // 8}")
    if done.returncode or values.size != np.prod(shape):
        msg = "a damaged codestream"
        raise ValueError(msg)
    return values.reshape(shape)


def _first_frame(header: Header, layout: Layout) -> bytes:
    """Return the bytes of the first frame from their fragments (PS3.5 A.4)."""
    from pydicom.encaps import generate_fragments, get_frame

    data = header.data("PixelData")
    if data.count(_ITEM) > _MAX_FRAGMENTS:
        msg = "far more fragments than a film has"
        raise ValueError(msg)
    if layout.n_frames > 1:
        return get_frame(data, 0, number_of_frames=layout.n_frames)
    fragments = list(generate_fragments(data))
    if len(fragments) < 2:
        msg = "no fragment after the offset table"
        raise ValueError(msg)
    return b"".join(fragments[1:])  # all but the offset table: it is often wrong


def _check_stream(stream: codestream.Codestream, layout: Layout) -> None:
    """Refuse a stream that is not the picture of the header, or is cut short."""
    if (stream.height_px, stream.width_px) != (layout.rows, layout.columns):
        msg = "a codestream of another size than declared"
        raise ValueError(msg)
    if stream.n_components != layout.samples:
        msg = "a codestream with other channels than declared"
        raise ValueError(msg)
    if not stream.has_end:
        msg = "a codestream without its end"
        raise ValueError(msg)
