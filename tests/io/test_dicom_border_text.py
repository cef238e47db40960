"""Writing at the border of a drawn film; side markers are none."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from cxr_core.io import read
from cxr_core.io.dicom.border_text import has_border_text
from tests.io.dicom_files import dataset, written


def drawn(text="", *, height_px=30, place=(0.03, 0.05), is_bright=False):
    """A film with two dark lungs, and letters at a place given in shares of its sides."""
    rows, columns = np.mgrid[:1600, :1400]
    film = np.full(rows.shape, 0.75)
    for middle in (450, 950):
        film -= 0.55 * np.exp(-(((columns - middle) / 200) ** 2 + ((rows - 700) / 400) ** 2))
    film += np.random.default_rng(0).normal(0, 0.01, film.shape)
    film = np.rint(255 * np.clip(film * (0.4 if is_bright else 1.0), 0, 1)).astype(np.uint8)
    at = (round(place[0] * 1400), round(place[1] * 1600))
    grey = 255 if is_bright else 0
    cv2.putText(film, text, at, cv2.FONT_HERSHEY_SIMPLEX, height_px / 22, grey, 3, cv2.LINE_AA)
    return film


def looks_written(film):
    return has_border_text(film.astype(np.float32) / 255)


@pytest.mark.parametrize("is_bright", [False, True])
@pytest.mark.parametrize("height_px", [16, 30, 50])
@pytest.mark.parametrize("place", [(0.03, 0.05), (0.4, 0.97), (0.02, 0.5)])
def test_writing_at_the_border(place, height_px, is_bright):
    film = drawn("DOE JANE 4711", height_px=height_px, place=place, is_bright=is_bright)
    assert looks_written(film)


@pytest.mark.parametrize("text", ["", "R", "AP"])
def test_no_writing_and_side_markers(text):
    assert not looks_written(drawn(text, height_px=40))


def test_writing_becomes_a_notice():
    got = read(written(dataset(drawn("DOE JANE 4711"))), name="film")
    assert "border_text" in {notice.code for notice in got.notices}
