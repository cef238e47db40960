"""Films that no cache knows: the synthetic samples in turn, each with noise of its own."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

SAMPLES: Final = Path(__file__).resolve().parents[1] / "assets" / "samples"
_NOISE: Final = 6


def noisy_films(n_films: int, *, seed: int = 0, enlarge: int = 1) -> Iterator[bytes]:
    """Draw films of 512 by 512, or so many times as large.

    Args:
        n_films: How many.
        seed: Films of one seed are the same each time, and no two of them are equal.
        enlarge: Each pixel of the sample becomes so many by so many.

    Yields:
        PNG files of 8 bits.
    """
    rng = np.random.default_rng(seed)
    samples = [
        np.asarray(Image.open(path).convert("L"), np.int16)
        for path in sorted(SAMPLES.glob("synthetic-*.png"))
    ]
    for n in range(n_films):
        film = samples[n % len(samples)].repeat(enlarge, 0).repeat(enlarge, 1)
        noisy = film + rng.integers(-_NOISE, _NOISE + 1, film.shape)
        buffer = io.BytesIO()
        pixels = np.clip(noisy, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
        yield buffer.getvalue()
