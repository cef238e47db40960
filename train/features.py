"""The feature cache: a frozen backbone runs once per film and augmentation pass, never per epoch.

A cache entry is a folder named by what the numbers depend on (network, preprocessing, augmentation,
pass). Inside, `features.f32` grows by one row a film and `films.txt` by one digest a film. Rows are
written before their digest, so after a kill at any moment the next run goes on from the last whole
row.
"""

from __future__ import annotations

import hashlib
import json
import logging
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cxr_core.array import Float32Array
from cxr_core.errors import CxrError, TrainingDataError
from cxr_core.io import read_path
from cxr_core.preprocess import PreprocessSpec, resize, scale
from train.augment import AugmentSpec, augment, film_rng

if TYPE_CHECKING:
    from cxr_core.dataset import Film
    from cxr_core.engine import FeatureEngine

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class FeatureKey:
    """All that a cached feature map depends on, besides the film's bytes.

    Attributes:
        backbone: Name of the backbone.
        network_digest: `train.export.backbone_digest` of the served network.
        preprocess: The network's preprocessing.
        augment: What happens to training films.
        seed: Seed of the augmentation.
        augmentation_pass: 0 for the film as it is, else the number of the variant.
    """

    backbone: str
    network_digest: str
    preprocess: PreprocessSpec
    augment: AugmentSpec
    seed: int
    augmentation_pass: int

    def to_dict(self) -> dict[str, Any]:
        """Return the key as JSON-ready values; pass 0 does not depend on augmentation or seed."""
        varied = self.augmentation_pass > 0
        return {
            "backbone": self.backbone,
            "network_digest": self.network_digest,
            "preprocess": self.preprocess.to_dict(),
            "augment": self.augment.to_dict() if varied else None,
            "seed": self.seed if varied else None,
            "augmentation_pass": self.augmentation_pass,
        }

    @property
    def folder_name(self) -> str:
        """Short, readable and unique name of the entry."""
        text = json.dumps(self.to_dict(), sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()[:12]
        return f"{self.backbone}-pass{self.augmentation_pass}-{digest}"


class FeatureCache:
    """One entry of the cache on disk, for one `FeatureKey`.

    Args:
        root: Folder of all entries.
        key: What the numbers depend on.
        feature_shape: Shape (h, w, c) of one row.
    """

    def __init__(self, root: Path, key: FeatureKey, feature_shape: tuple[int, int, int]) -> None:
        self.key = key
        self.feature_shape = feature_shape
        self._row_bytes = int(np.prod(feature_shape)) * 4
        self._folder = root / key.folder_name
        self._folder.mkdir(parents=True, exist_ok=True)
        self._data_path = self._folder / "features.f32"
        self._index_path = self._folder / "films.txt"
        (self._folder / "key.json").write_text(json.dumps(key.to_dict(), indent=1) + "\n", "utf-8")
        self._rows = self._recover()

    def _recover(self) -> dict[str, int]:
        """Return digest to row, after cutting off what a killed run left half written."""
        self._data_path.touch()
        self._index_path.touch()
        lines = self._index_path.read_text("utf-8").split("\n")[:-1]
        n_rows = min(len(lines), self._data_path.stat().st_size // self._row_bytes)
        with self._data_path.open("r+b") as data:
            data.truncate(n_rows * self._row_bytes)
        whole = "".join(f"{line}\n" for line in lines[:n_rows])
        self._index_path.write_text(whole, "utf-8")
        return {digest: row for row, digest in enumerate(lines[:n_rows])}

    def __contains__(self, film_sha256: str) -> bool:
        """Say whether a film's row is stored."""
        return film_sha256 in self._rows

    def __len__(self) -> int:
        """Return the number of stored rows."""
        return len(self._rows)

    def append(self, film_sha256: str, features: Float32Array) -> None:
        """Store one film's feature map, the row first and its digest after it.

        Args:
            film_sha256: Hex digest of the film's bytes.
            features: Shape (h, w, c), float32.

        Raises:
            TrainingDataError: If the disk is full; what was stored before stays valid.
        """
        try:
            with self._data_path.open("ab") as data:
                data.write(np.ascontiguousarray(features, np.float32).tobytes())
            with self._index_path.open("a", encoding="utf-8") as index:
                index.write(f"{film_sha256}\n")
        except OSError as err:
            msg = f"`{self._folder}` must have room for the features. Received: {err}"
            hint = (
                "Free disk space or name another cache folder, then start the same command again."
            )
            raise TrainingDataError(msg, hint=hint) from err
        self._rows[film_sha256] = len(self._rows)

    def load(self, films_sha256: Sequence[str]) -> Float32Array:
        """Return the rows of some films, in that order.

        Args:
            films_sha256: Hex digests, each of them stored.

        Returns:
            A new array of shape (n, h, w, c), float32.

        Raises:
            KeyError: If a film is not stored.
        """
        rows = [self._rows[digest] for digest in films_sha256]
        if not rows:
            return np.empty((0, *self.feature_shape), np.float32)
        shape = (len(self._rows), *self.feature_shape)
        stored = np.memmap(self._data_path, np.float32, "r", shape=shape)
        return np.asarray(stored[rows])


def fill_cache(
    cache: FeatureCache, films: Sequence[Film], engine: FeatureEngine
) -> list[tuple[Film, str]]:
    """Run the backbone on every film that the cache does not hold yet.

    Args:
        cache: Where the rows go.
        films: Films with their digests.
        engine: The network that will be served.

    Returns:
        The films that could not be read, each with its error message; all others are stored.
    """
    missing = [film for film in films if film.sha256 not in cache]
    unreadable: list[tuple[Film, str]] = []
    for film in _progress(missing, f"{cache.key.backbone} pass {cache.key.augmentation_pass}"):
        try:
            batch = network_input(film, cache.key)[None]
        except CxrError as err:
            unreadable.append((film, str(err)))
            continue
        if film.sha256 not in cache:  # the same bytes may stand in the folder twice
            cache.append(film.sha256, engine.run(batch)[0])
    return unreadable


def network_input(film: Film, key: FeatureKey) -> Float32Array:
    """Read one film and prepare it as serving would, augmented if the pass asks for it.

    Args:
        film: A film of the training folder.
        key: Preprocessing, augmentation and pass.

    Returns:
        A new array of shape (height, width, 3), float32; in pass 0 equal to
        `cxr_core.preprocess.preprocess` bit for bit.
    """
    image = resize(read_path(film.path).image, key.preprocess)
    if key.augmentation_pass > 0:
        rng = film_rng(key.seed, key.augmentation_pass, film.sha256)
        image = augment(image, key.augment, rng)
    return scale(image, key.preprocess)


def _progress(films: Sequence[Film], title: str) -> Iterator[Film]:
    """Yield the films; report count, rate and time left every few seconds on standard error."""
    started = reported = time.monotonic()
    for n_done, film in enumerate(films):
        now = time.monotonic()
        if now - reported > 5 and n_done:
            rate = n_done / (now - started)
            left_s = (len(films) - n_done) / rate
            sys.stderr.write(f"{title}: {n_done}/{len(films)}, {rate:.1f}/s, {left_s:.0f} s left\n")
            reported = now
        yield film
    if films:
        sys.stderr.write(f"{title}: {len(films)} films in {time.monotonic() - started:.0f} s\n")
