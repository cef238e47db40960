"""Mutated files: each is read or refused with a `CxrError`, soon, and without noise."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from cxr_core.errors import CxrError
from cxr_core.io import Limits, read

Encode = Callable[..., bytes]

N_MUTATIONS = 300
SMALL = Limits(max_bytes=2**20, max_pixels=4_000_000)


def mutate(data: bytes, rng: np.random.Generator) -> bytes:
    """Flip bits, set bytes in the header, cut the end, or drop a piece."""
    changed = bytearray(data)
    kind = rng.integers(0, 4)
    if kind == 0:
        for position in rng.integers(0, len(changed), rng.integers(1, 9)):
            changed[position] ^= 1 << int(rng.integers(0, 8))
    elif kind == 1:
        for position in rng.integers(0, min(200, len(changed)), rng.integers(1, 5)):
            changed[position] = int(rng.choice([0, 1, 127, 128, 255]))
    elif kind == 2:
        del changed[int(rng.integers(0, len(changed))) :]
    else:
        start = int(rng.integers(0, len(changed)))
        del changed[start : start + int(rng.integers(1, 40))]
    return bytes(changed)


def files(film: np.ndarray, encode: Encode, make_png: Encode, make_tiff: Encode) -> dict:
    small = film[::2, ::2].copy()
    colour = np.dstack([small, small[::-1], small[:, ::-1]])
    exif = Image.Exif()
    exif[274] = 6
    exif[271] = "maker"
    return {
        "png": encode(small, "PNG", exif=exif),
        "png palette": encode(Image.fromarray(colour).quantize(16), "PNG", transparency=0),
        "png 16": make_png(small.astype(np.uint16) * 257),
        "png 16 colour": make_png(colour.astype(np.uint16) * 257),
        "jpeg": encode(colour, "JPEG", exif=exif),
        "jpeg cmyk": encode(Image.fromarray(colour).convert("CMYK"), "JPEG", progressive=True),
        "tiff float": make_tiff(small.astype(np.float32), t274=6),
        "tiff lzw": encode(colour, "TIFF", compression="tiff_lzw"),
        "tiff jpeg": encode(colour, "TIFF", compression="jpeg"),
        "tiff fax": encode(Image.fromarray(small > 99), "TIFF", compression="group4"),
        "bmp": encode(colour, "BMP"),
        "bmp palette": encode(Image.fromarray(colour).quantize(16), "BMP"),
        "gif": encode(small, "GIF", save_all=True, append_images=[Image.fromarray(255 - small)]),
        "webp": encode(colour, "WebP", exif=exif),
        "webp lossless": encode(colour, "WebP", lossless=True),
    }


def test_mutated_files(
    film: np.ndarray,
    encode: Encode,
    make_png: Encode,
    make_tiff: Encode,
    capfd: pytest.CaptureFixture[str],
) -> None:
    outcomes: dict[str, int] = {}
    for seed, (kind, data) in enumerate(files(film, encode, make_png, make_tiff).items()):
        rng = np.random.default_rng(seed)
        for index in range(N_MUTATIONS):
            changed = mutate(data, rng)
            start_s = time.perf_counter()
            try:
                got = read(changed, name="film", limits=SMALL)
            except CxrError as err:
                outcome, is_sound = type(err).__name__, bool(err.hint)
            else:
                outcome, is_sound = "read", bool(np.isfinite(got.image).all())
            assert is_sound, (kind, index)
            assert time.perf_counter() - start_s < 5, (kind, index)
            outcomes[outcome] = outcomes.get(outcome, 0) + 1
    assert outcomes["read"] > 100
    assert outcomes["UnreadableImageError"] > 100
    # libtiff writes its own warnings to stderr, below Python; nothing may go to stdout
    assert capfd.readouterr().out == ""
