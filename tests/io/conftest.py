"""Builders of small files; PNG and TIFF by hand, so that they do not depend on Pillow's writers."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

Encode = Callable[..., bytes]


@pytest.fixture
def film() -> np.ndarray:
    """A 96 by 80 film without any symmetry, with smooth greys from 0 to 255."""
    rows, columns = np.mgrid[:96, :80]
    image = rows * 1.5 + columns * 0.5
    image[:20, :30] = 255
    image[70:90, 5:12] = 0
    return np.clip(image, 0, 255).astype(np.uint8)


@pytest.fixture
def encode() -> Encode:
    """Save an array or a Pillow image with Pillow."""

    def _encode(image: np.ndarray | Image.Image, container: str, **options: object) -> bytes:
        if isinstance(image, np.ndarray):
            image = Image.fromarray(image)
        stream = BytesIO()
        image.save(stream, container, **options)
        return stream.getvalue()

    return _encode


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


@pytest.fixture
def make_png() -> Encode:
    """Write uint8 or uint16 of shape (h, w) or (h, w, c) as PNG; `chunks` go before the pixels."""

    def _make(values: np.ndarray, chunks: tuple[tuple[bytes, bytes], ...] = ()) -> bytes:
        n_channels = values.shape[2] if values.ndim == 3 else 1
        colour_type = {1: 0, 2: 4, 3: 2, 4: 6}[n_channels]
        depth = values.dtype.itemsize * 8
        rows = values.astype(">u2" if depth == 16 else "u1").reshape(len(values), -1)
        body = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
        head = struct.pack(
            ">IIBBBBB", values.shape[1], values.shape[0], depth, colour_type, 0, 0, 0
        )
        middle = b"".join(_chunk(*chunk) for chunk in chunks)
        return (
            b"\x89PNG\r\n\x1a\n"
            + _chunk(b"IHDR", head)
            + middle
            + _chunk(b"IDAT", body)
            + _chunk(b"IEND", b"")
        )

    return _make


@pytest.fixture
def make_tiff() -> Encode:
    """Write an array of shape (h, w) or (h, w, c) as one raw strip; `tags` add to or replace."""

    def _make(values: np.ndarray, order: str = "<", **tags: int | None) -> bytes:
        n_channels = values.shape[2] if values.ndim == 3 else 1
        body = values.astype(values.dtype.newbyteorder(order)).tobytes()
        numbers = {"u": 1, "i": 2, "f": 3}
        bits = values.dtype.itemsize * 8
        entries: dict[int, int | None] = {
            256: values.shape[1],
            257: values.shape[0],
            258: bits,
            259: 1,
            262: 1 if n_channels == 1 else 2,
            273: 8,
            277: n_channels,
            278: values.shape[0],
            279: len(body),
            339: numbers[values.dtype.kind],
        }
        entries |= {int(tag[1:]): value for tag, value in tags.items()}
        fields = sorted((tag, value) for tag, value in entries.items() if value is not None)
        directory = struct.pack(order + "H", len(fields))
        for tag, value in fields:
            directory += struct.pack(order + "HHII", tag, 4, 1, value)
        magic = b"II" if order == "<" else b"MM"
        head = magic + struct.pack(order + "HI", 42, 8 + len(body))
        return head + body + directory + bytes(4)

    return _make
