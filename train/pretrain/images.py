"""Films in memory, as an end-to-end training takes them."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cxr_core.array import ByteArray, IntArray
from cxr_core.errors import CxrError
from cxr_core.io import read_path
from cxr_core.labels import class_index
from cxr_core.preprocess import PreprocessSpec, resize

if TYPE_CHECKING:
    from cxr_core.dataset import Film

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Images:
    """Films in memory.

    Attributes:
        pixels: Shape (n, h, w), uint8.
        y_true: Class indices, shape (n,).
        digests: Digest of each film's bytes.
    """

    pixels: ByteArray
    y_true: IntArray
    digests: tuple[str, ...]

    def __len__(self) -> int:
        """Return the number of films."""
        return len(self.digests)

    @property
    def digest(self) -> str:
        """One digest of the films, their classes and their order."""
        pairs = zip(self.digests, self.y_true, strict=True)
        lines = [f"{digest} {label}\n" for digest, label in pairs]
        return hashlib.sha256("".join(lines).encode()).hexdigest()


def load_images(films: Sequence[Film], size_px: int = 224) -> Images:
    """Read films into memory; those that cannot be read are left out and named in the log.

    Args:
        films: Films of a training folder.
        size_px: Side of the square that each film is stretched to, as serving does.

    Returns:
        The films that could be read, in that order; `size_px` squared bytes each.
    """
    spec = PreprocessSpec(size_px, size_px)
    pixels, labels, digests = [], [], []
    for film in films:
        try:
            image = resize(read_path(film.path).image, spec)
        except CxrError as err:
            LOG.warning("left out: %s", err)
            continue
        pixels.append(np.round(image * 255).astype(np.uint8))
        labels.append(class_index(film.label))
        digests.append(film.sha256)
    stacked = np.stack(pixels) if pixels else np.empty((0, size_px, size_px), np.uint8)
    return Images(stacked, np.array(labels, np.int64), tuple(digests))
