"""A film, and the builders of small files as fixtures."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.io import picture_files

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
    return picture_files.encoded


@pytest.fixture
def make_png() -> Encode:
    """Write a PNG by hand."""
    return picture_files.png


@pytest.fixture
def make_tiff() -> Encode:
    """Write a TIFF by hand."""
    return picture_files.tiff
