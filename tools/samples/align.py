"""Bring films of one class into one shape, so that ribs are averaged with ribs.

Group-wise registration: a template is the mean of the films; each film is laid on it by an affine
transform and then by dense optical flow, smoothed over the whole field; the template is drawn again
from the films that fit best, and so on with less and less smoothing. The fields hold what differs
in shape, the warped films what differs in appearance, and `model.py` fits each on its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

SMOOTHING: Final[tuple[float, ...]] = (14.0, 12.0, 10.0, 8.0, 7.0, 6.0, 5.0)
"""Standard deviation in px of the smoothing of the field, one value a round."""

KEEP_AFFINE: Final = 0.7
"""Share of the films that stays after the affine rounds; the others fit the template worst."""

KEEP_DENSE: Final = 0.55
"""Share of those that stays after the dense rounds."""


@dataclass(frozen=True, eq=False)
class AlignedFilms:
    """Films of one class, as taken and in the template's shape.

    Args:
        films: (n, s, s) float32 in [0, 1], in their own shape.
        fields: (n, s, s, 2) float32, px; film `i` at `x + fields[i](x)` shows what the template
            shows at `x` (last axis: column, row).
        warped: (n, s, s) float32 in [0, 1], in the template's shape.
    """

    films: Floats
    fields: Floats
    warped: Floats


def smooth(image: Floats, sigma: float) -> Floats:
    """Return the image under a Gaussian of `sigma` px; all channels alike."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.float32)


def normalise(pixels: NDArray[np.uint8]) -> Floats:
    """Stretch the 1st to 99th percentile of a film to [0, 1].

    Args:
        pixels: (h, w) uint8.

    Returns:
        (h, w) float32 in [0, 1]; zeros for a constant film.
    """
    low, high = np.percentile(pixels, [1, 99])
    stretched = (pixels.astype(np.float32) - low) / (high - low + 1e-6)
    return np.asarray(np.clip(stretched, 0, 1), np.float32)


def local_contrast(image: Floats, sigma: float = 12.0) -> Floats:
    """Divide out local brightness and contrast, so that films of any exposure can be compared.

    Args:
        image: (h, w) float32.
        sigma: Extent in px of what counts as local.

    Returns:
        (h, w) float32 in [-2.5, 2.5].
    """
    detail = image - smooth(image, sigma)
    spread = np.sqrt(smooth(detail * detail, sigma) + 0.02**2)
    return np.asarray(np.clip(detail / spread, -2.5, 2.5), np.float32)


def warp(image: Floats, field: Floats, *, interpolation: int = cv2.INTER_LINEAR) -> Floats:
    """Return `image` at `x + field(x)` for each pixel `x`; the border is repeated outwards.

    Args:
        image: (h, w) or (h, w, c) float32.
        field: (h, w, 2) float32, px, column first.
        interpolation: A cv2 interpolation flag.

    Returns:
        Array of the shape of `image`, float32.
    """
    rows, columns = np.indices(field.shape[:2], dtype=np.float32)
    map_x, map_y = columns + field[..., 0], rows + field[..., 1]
    border = cv2.BORDER_REPLICATE
    warped = cv2.remap(image, map_x, map_y, interpolation, borderMode=border)
    return np.asarray(warped, np.float32)


def invert(field: Floats, *, n_steps: int = 40) -> Floats:
    """Return the field that undoes `field`: v(y) = -u(y + v(y)), by damped fixed-point iteration.

    Args:
        field: (h, w, 2) float32, px; must not fold (slopes above -1).
        n_steps: Number of iterations.

    Returns:
        (h, w, 2) float32, px.
    """
    inverse = np.zeros_like(field)
    for _ in range(n_steps):
        inverse = np.asarray((inverse - warp(field, inverse)) / 2, np.float32)
    return inverse


def correlation(first: Floats, second: Floats) -> float:
    """Return Pearson's correlation of two images of one shape; 0 if one is flat."""
    a, b = first - first.mean(), second - second.mean()
    norm = float(np.sqrt(float((a * a).sum()) * float((b * b).sum())))
    return float((a * b).sum()) / norm if norm > 0 else 0.0


def align_films(films: Floats) -> AlignedFilms:
    """Register all films to a template that is found along the way, dropping those that do not fit.

    Args:
        films: (n, s, s) float32 in [0, 1]; n of at least 8, s of at least 64.

    Returns:
        About `KEEP_AFFINE * KEEP_DENSE * n` films with their fields.

    Raises:
        ValueError: If there are too few films, or they are too small.
    """
    if films.ndim != 3 or len(films) < 8 or min(films.shape[1:]) < 64:
        msg = (
            "`films` must be at least 8 films of 64 px in one array (n, s, s). "
            f"Received: films.shape={films.shape}"
        )
        raise ValueError(msg)
    template, fields, kept = _align_affine(films)
    films = films[kept]
    n_start = len(films)
    for step, sigma in enumerate(SMOOTHING, start=1):
        fields = np.stack(
            [
                _refine(template, film, field, sigma)
                for film, field in zip(films, fields, strict=True)
            ]
        )
        warped = _warp_all(films, fields)
        contrast = np.stack([local_contrast(image) for image in warped])
        fit = [correlation(template, image) for image in contrast]
        n_keep = max(4, int(n_start * (1 - (1 - KEEP_DENSE) * step / len(SMOOTHING))))
        order = np.sort(np.argsort(fit, kind="stable")[-n_keep:])
        films, fields = films[order], fields[order]
        back = invert(np.median(fields, axis=0).astype(np.float32))
        template = local_contrast(warp(contrast[order].mean(axis=0), back))
        fields = np.stack([warp(field, back) + back for field in fields])
    return AlignedFilms(films, fields, _warp_all(films, fields))


def _warp_all(films: Floats, fields: Floats) -> Floats:
    """Warp each film by its own field."""
    return np.stack([warp(film, field) for film, field in zip(films, fields, strict=True)])


def _refine(template: Floats, film: Floats, field: Floats, sigma: float) -> Floats:
    """Add the optical flow that is left between template and warped film, then smooth the field."""
    finder = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    finder.setFinestScale(1)
    moved = local_contrast(warp(film, field))
    none = np.zeros_like(field)
    flow = np.asarray(finder.calc(_to_uint8(template), _to_uint8(moved), none), np.float32)
    return smooth(warp(field, flow) + flow, sigma)


def _to_uint8(contrast: Floats) -> NDArray[np.uint8]:
    """Map local contrast in [-2.5, 2.5] to bytes, as the flow finder wants them."""
    return np.asarray(np.clip(contrast * 51 + 127.5, 0, 255), np.uint8)


def _align_affine(films: Floats) -> tuple[Floats, Floats, NDArray[np.intp]]:
    """Return template, the fields of the films kept, and which films those are."""
    contrast = np.stack([local_contrast(film, 20) for film in films])
    template = local_contrast(films.mean(axis=0), 20)
    for _ in range(2):
        target = _half(template)
        found = [_affine_field(target, image) for image in contrast]
        scores = np.array([score for score, _ in found])
        kept = np.sort(np.argsort(scores, kind="stable")[-max(6, int(len(films) * KEEP_AFFINE)) :])
        fields = np.stack([found[i][1] for i in kept])
        template = local_contrast(np.median(_warp_all(contrast[kept], fields), axis=0), 20)
    return template, fields, kept


def _half(image: Floats) -> Floats:
    """Return the image smoothed at half its size, for the affine search."""
    size = (image.shape[1] // 2, image.shape[0] // 2)
    return np.asarray(cv2.resize(smooth(image, 3), size, interpolation=cv2.INTER_AREA), np.float32)


def _affine_field(target: Floats, image: Floats) -> tuple[float, Floats]:
    """Return correlation and field of the best affine map; (0, no motion) if none is sane."""
    matrix = np.eye(2, 3, dtype=np.float32)
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 1e-4)
    field = np.zeros((*image.shape, 2), np.float32)
    try:
        score, found = cv2.findTransformECC(
            target, _half(image), matrix, cv2.MOTION_AFFINE, criteria
        )
    except cv2.error:
        return 0.0, field
    matrix = np.asarray(found, np.float32)
    limit = 0.14 * image.shape[0] / 2
    if abs(np.linalg.det(matrix[:, :2]) - 1) > 0.5 or np.abs(matrix[:, 2]).max() > 2 * limit:
        return 0.0, field
    rows, columns = np.indices(image.shape, dtype=np.float32)
    for axis, own in enumerate((columns, rows)):
        a, b, shift = matrix[axis]
        field[..., axis] = a * columns + b * rows + 2 * shift - own
    return float(score), field
