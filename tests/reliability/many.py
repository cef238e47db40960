"""Distinct films, what each of them gives when it is read alone, and many threads that ask."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from PIL import Image

from cxr_core.explain.cam import METHODS
from cxr_core.io import read
from tests.io.dicom_files import dataset, gradient, written

N_THREADS = 16
N_REQUESTS = 2000
SYSTEMS = ("vgg16", "ensemble_probs", "ensemble_dense", "densenet201", "efficientnetb7")


def films(n):
    """Films of two depths and two sizes as PNG, and every eighth as DICOM; no two alike."""
    return [film(seed) for seed in range(n)]


def film(seed):
    """One of them."""
    if seed % 8 == 7:
        pixels = np.roll(gradient((96, 80), bits=12), seed, axis=1)
        return written(dataset(pixels, bits=12))
    rng = np.random.default_rng(seed)
    size = (120 + 10 * (seed % 2), 100)
    coarse = Image.fromarray(rng.integers(0, 255, (9, 8), np.uint8)).resize(size)
    if seed % 3 == 0:
        coarse = Image.fromarray(np.asarray(coarse, np.uint16) * 257)
    buffer = io.BytesIO()
    coarse.save(buffer, "PNG")
    return buffer.getvalue()


def fingerprint(predictor, data, number):
    """All that one request gives, as bytes: which maps are asked for depends on its number."""
    film = read(data, name=f"{number}.png")
    reading = predictor.read(film)
    system = SYSTEMS[number % len(SYSTEMS)]
    method = tuple(METHODS)[number % len(METHODS)]
    parts = [film.sha256.encode(), film.pixels.tobytes(), repr(reading.trust).encode()]
    for name, said in reading.systems.items():
        parts += [name.encode(), said.logits.tobytes(), said.probs.tobytes(), said.label.encode()]
    parts += [array.tobytes() for array in reading.features.values()]
    for cam in predictor.explain_classes(reading, system, method=method).values():
        parts += [cam.grid.tobytes(), repr((cam.score, cam.bias, cam.notes)).encode()]
    return tuple(parts)


def at_once(ask, n=N_REQUESTS, n_threads=N_THREADS):
    """Ask with every number below `n` from many threads; what each was given, in order."""
    with ThreadPoolExecutor(n_threads) as pool:
        return list(pool.map(ask, range(n)))
