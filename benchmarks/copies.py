"""Are copies of training films found again, and other people's films left alone?

    python -m benchmarks.copies --data DIR [--adults ADULTS] [--n 200] [--seed 0]

The index is made of the training films. Test films and adults are of other patients: what is found
among them is a false alarm, or a copy that nobody knew of (those that `near_duplicates` finds with
the films themselves at hand are named). Changed copies of n training films must be found. Beside
the index: a 64-bit difference hash within five bits, and `near_duplicates`, which needs the films.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from benchmarks.cells import share
from cxr_core.array import BoolArray, Float32Array
from cxr_core.audit.change import (
    add_noise,
    blacken_border,
    brighten,
    compress,
    crop,
    paste_marker,
    rotate,
    stretch_contrast,
)
from cxr_core.audit.films import AuditFilms, find_films
from cxr_core.audit.fingerprint import coefficients, working_copy
from cxr_core.audit.overlap import MAX_DIFFERING, FingerprintIndex
from cxr_core.dataset.group import MAX_DIFFERING_BITS, MIN_CORRELATION, Fingerprint, fingerprint
from cxr_core.evaluate.metrics import wilson
from cxr_core.film_filter import clahe
from cxr_core.io import read_path

SMALL_HASH_BITS: Final = 5


def _resized(height: int, width: int) -> Callable[[Float32Array], Float32Array]:
    """Return what stretches a film to a size."""
    return lambda image: np.asarray(
        cv2.resize(image, (width, height), interpolation=cv2.INTER_CUBIC), np.float32
    ).clip(0, 1)


CHANGES: Final[Mapping[str, Callable[[Float32Array], Float32Array]]] = {
    "as it is": lambda image: image,
    "JPEG quality 30": lambda image: compress(image, 30),
    "512 by 512": _resized(512, 512),
    "112 by 112": _resized(112, 112),
    "400 by 300 (stretched)": _resized(300, 400),
    "gamma 0.6": lambda image: brighten(image, 0.6),
    "gamma 1.6": lambda image: brighten(image, 1.6),
    "contrast 1.5": lambda image: stretch_contrast(image, 1.5).clip(0, 1),
    "CLAHE": clahe,
    "inverted": lambda image: 1 - image,
    "mirrored": lambda image: np.ascontiguousarray(image[:, ::-1]),
    "cut 2 % off each side": lambda image: crop(image, 0.02),
    "cut 5 % off each side": lambda image: crop(image, 0.05),
    "cut 10 % off each side": lambda image: crop(image, 0.10),
    "cut 15 % off each side": lambda image: crop(image, 0.15),
    "cut 6 % off the left and 2 % off the top": lambda image: image[4:, 14:],
    "black frame 5 % over the film": lambda image: blacken_border(image, 0.05),
    "black frame 10 % around the film": lambda image: np.pad(image, 22),
    "letterbox, 13 % above and below": lambda image: np.pad(image, ((30, 30), (0, 0))),
    "turned by 2 degrees": lambda image: rotate(image, 2),
    "turned by 5 degrees": lambda image: rotate(image, 5),
    "a letter R, 10 % high": lambda image: paste_marker(image, 0.10),
    "a letter R, 20 % high": lambda image: paste_marker(image, 0.20),
    "grain 0.05": lambda image: add_noise(image, 0.05).clip(0, 1).astype(np.float32),
    "cut 5 %, 300 by 260, JPEG quality 50": lambda image: compress(
        _resized(260, 300)(crop(image, 0.05)), 50
    ),
}
"""Words to what is done to a training film."""


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print the tables.

    Args:
        argv: Arguments without the program's name; those of the process if `None`.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.copies")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--adults", type=Path)
    parser.add_argument("--n", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args(argv)
    films = find_films(arguments.data)
    known, others = films.take(films.learnt), films.take(films.judged)
    images = [read_path(path).image for path in known.paths]
    index = FingerprintIndex.of(
        np.stack([coefficients(working_copy(image)) for image in images]), known.splits
    )
    finder = _Finders(index, images)
    size = sum(array.nbytes for array in index.arrays().values())
    print(f"{len(index):,} training films, {size / 1e3:.0f} kB, a copy is within {MAX_DIFFERING}\n")
    print("| films of other patients | n | index | nearest (bits) | near_duplicates | 64 bits |")
    print("|---|---:|---|---|---|---|", flush=True)
    print(_strangers("test films", others, finder), flush=True)
    if arguments.adults is not None:
        print(_strangers("adults", find_films(arguments.adults), finder))
    print(f"\n| changed copies, n = {arguments.n} | index | near_duplicates | 64 bits |")
    print("|---|---|---|---|", flush=True)
    rng = np.random.default_rng(arguments.seed)
    drawn = rng.choice(len(images), min(arguments.n, len(images)), replace=False).tolist()
    for words, change in CHANGES.items():
        found = [finder.found(np.ascontiguousarray(change(images[i])), i) for i in drawn]
        print(f"| {words} | {' | '.join(_cells(found))} |", flush=True)


class _Finders:
    """The three ways to find a copy."""

    def __init__(self, index: FingerprintIndex, images: Sequence[Float32Array]) -> None:
        self.index = index
        prints = [fingerprint(image) for image in images]
        self._bits = np.stack([each.bits for each in prints])
        self._thumbnails = np.stack([each.thumbnail for each in prints])
        self._small = np.stack([small_hash(image) for image in images])

    def near(self, own: Fingerprint) -> BoolArray:
        """Return the films that `near_duplicates` pairs with one."""
        differing = (self._bits != own.bits).sum(axis=1)
        alike = self._thumbnails @ own.thumbnail >= MIN_CORRELATION
        return np.asarray((differing <= MAX_DIFFERING_BITS) & alike)

    def small(self, image: Float32Array) -> BoolArray:
        """Return the films within five bits of a 64-bit hash."""
        return np.asarray((self._small != small_hash(image)).sum(axis=1) <= SMALL_HASH_BITS)

    def found(self, image: Float32Array, position: int) -> tuple[bool, bool, bool]:
        """Tell which of the three find the film at a position."""
        match = self.index.nearest(image)
        is_own = match is not None and match.is_overlap and match.position == position
        return (
            is_own,
            bool(self.near(fingerprint(image))[position]),
            bool(self.small(image)[position]),
        )


def small_hash(image: Float32Array) -> BoolArray:
    """Return the 64-bit difference hash of a film."""
    small = cv2.resize(np.ascontiguousarray(image), (9, 8), interpolation=cv2.INTER_AREA)
    return np.asarray((small[:, 1:] > small[:, :-1]).ravel())


def _strangers(words: str, films: AuditFilms, finder: _Finders) -> str:
    """Return the line of films of other patients."""
    rows: list[tuple[bool, bool, bool]] = []
    nearest = []
    for path in films.paths:
        image = read_path(path).image
        match = finder.index.nearest(image)
        nearest.append(match.n_differing if match is not None else 0)
        near = finder.near(fingerprint(image)).any()
        rows.append((bool(match and match.is_overlap), bool(near), bool(finder.small(image).any())))
    index, near, small = _cells(rows)
    apart = sorted(n for n, row in zip(nearest, rows, strict=True) if not row[1])
    return f"| {words} | {len(rows):,} | {index} | {apart[:3]} at least | {near} | {small} |"


def _cells(found: Sequence[tuple[bool, bool, bool]]) -> list[str]:
    """Return the share that each way found, with its count."""
    cells: list[str] = []
    for column in zip(*found, strict=True):
        figure: dict[str, Any] = wilson(sum(column), len(column)).to_dict()
        cells.append(f"{sum(column)}: {share([figure])}")
    return cells


if __name__ == "__main__":
    main()
