"""Is there writing at the borders of a film? A cheap look for burned-in names; it reads none."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from cxr_core.array import BoolArray, ByteArray, Float32Array

BORDER_SHARE: Final = 0.2
"""How far from each edge is looked at, as a share of the side."""

MIN_LETTERS: Final = 4
"""Marks in a row that count as writing; a side marker has fewer."""

_LONGEST_PX: Final = 1600  # larger films are reduced to this
_TALLEST: Final = 1 / 25  # letters, as a share of the rows
_SMALLEST_PX: Final = 6
_CONTRAST: Final = 90  # of 255, against what lies around


def has_border_text(image: Float32Array) -> bool:
    """Look for four or more marks of one height in a row, lighter or darker than around them.

    Args:
        image: Shape (h, w), float32 in [0, 1].

    Returns:
        Whether something looks like writing within a fifth of the side from an edge.

    Notes:
        Misses handwriting, vertical writing, letters below 6 or above a 25th of 1,600 pixels, and
        anything inside the film. How often it is right is measured by `benchmarks.border_text`.
    """
    import cv2

    grey = np.rint(image * 255.0).astype(np.uint8)
    factor = _LONGEST_PX / max(grey.shape)
    if factor < 1.0:
        size = [max(1, round(side * factor)) for side in grey.shape[::-1]]
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    side = max(3, int(grey.shape[0] * _TALLEST / 2) | 1)
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (side, side))
    for kind in (cv2.MORPH_TOPHAT, cv2.MORPH_BLACKHAT):
        marks = cv2.morphologyEx(grey, kind, kernel) > _CONTRAST
        if _has_row(_letters(_at_borders(marks), cv2)):
            return True
    return False


def _at_borders(marks: BoolArray) -> ByteArray:
    """Drop the middle of the film: bones and devices are there."""
    height, width = (round(side * BORDER_SHARE) for side in marks.shape)
    kept = marks.astype(np.uint8)
    kept[height : marks.shape[0] - height, width : marks.shape[1] - width] = 0
    return kept


def _letters(marks: ByteArray, cv2: Any) -> list[tuple[int, int, int, int]]:
    """Return left, top, width and height of marks that a letter could be, from left to right."""
    tallest = marks.shape[0] * _TALLEST
    _, _, boxes, _ = cv2.connectedComponentsWithStats(marks, connectivity=8)
    return sorted(
        (int(left), int(top), int(width), int(height))
        for left, top, width, height, area in boxes[1:]
        if _SMALLEST_PX <= height <= tallest
        and width <= 1.6 * height
        and 0.12 <= area / (width * height) <= 0.95
    )


def _has_row(letters: list[tuple[int, int, int, int]]) -> bool:
    """Tell whether enough of them stand side by side on one line."""
    for index, first in enumerate(letters):
        right, height, n_letters = first[0] + first[2], first[3], 1
        for left, top, width, tall in letters[index + 1 :]:
            if left - right > 3 * height:
                break
            is_beside = -1 <= left - right <= 1.2 * height
            is_level = abs(top + tall - first[1] - height) <= 0.2 * height + 1
            if is_beside and is_level and 0.7 <= tall / height <= 1.45:
                right, n_letters = left + width, n_letters + 1
        if n_letters >= MIN_LETTERS:
            return True
    return False
