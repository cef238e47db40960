"""PNG and TIFF written by hand, so that no test depends on Pillow's writers; others by Pillow."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import numpy as np
from PIL import Image


def encoded(image: np.ndarray | Image.Image, container: str, **options: object) -> bytes:
    """Save an array or a Pillow image with Pillow."""
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image)
    stream = BytesIO()
    image.save(stream, container, **options)
    return stream.getvalue()


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(values: np.ndarray, chunks: tuple[tuple[bytes, bytes], ...] = ()) -> bytes:
    """Write uint8 or uint16 of shape (h, w) or (h, w, c) as PNG; `chunks` go before the pixels."""
    n_channels = values.shape[2] if values.ndim == 3 else 1
    colour_type = {1: 0, 2: 4, 3: 2, 4: 6}[n_channels]
    depth = values.dtype.itemsize * 8
    rows = values.astype(">u2" if depth == 16 else "u1").reshape(len(values), -1)
    body = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    head = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], depth, colour_type, 0, 0, 0)
    middle = b"".join(_chunk(*chunk) for chunk in chunks)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", head)
        + middle
        + _chunk(b"IDAT", body)
        + _chunk(b"IEND", b"")
    )


def tiff(values: np.ndarray, order: str = "<", **tags: int | None) -> bytes:
    """Write an array of shape (h, w) or (h, w, c) as one raw strip; `tags` add to or replace."""
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
