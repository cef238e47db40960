"""The generative model: shape and appearance of one class, each a Gaussian, and draws from it.

Appearance: a trimmed mean of the aligned films, plus Gaussian coefficients on their leading
principal components (structure), plus Gaussian coefficients on all remaining components (texture: a
Gaussian field that has the films' own local covariance), plus grain in the octave above the films'
sampling, with a spread learned for each place. Shape: Gaussian coefficients on the principal
components of the fields. All films fitted enter each draw with random weights of one order; none is
singled out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from .align import AlignedFilms, Floats, invert, smooth, warp
from .components import Components, draw_normal, fit_components

N_STRUCTURE: Final = 30
"""Leading principal components of appearance that count as structure."""

N_SHAPE: Final = 24
"""Principal components of the fields."""

PAD: Final = 1 / 18
"""Margin around the template as a share of its side: what some films show beyond the frame."""

SHAPE_STEP: Final = 4
"""The (smooth) fields are modelled at this share of the resolution."""

N_QUANTILES: Final = 13
"""Points of the intensity distribution; few, so that the map between two of them stays smooth."""

TOE: Final = 0.06
"""Intensities below this fall off softly, as on film, and not to a hard edge at zero."""

BODY: Final = 0.2
"""Template intensity above which a pixel counts as body, not as the black around it."""

MAX_SHAPES: Final = 400
"""Shapes drawn for one film before giving up."""

MAX_ZOOM: Final = 1.09
"""A draw whose frame can only be filled by a larger zoom than this is drawn again."""


@dataclass(frozen=True, eq=False)
class Gains:
    """How far draws may go, as factors on what was measured in the films.

    Args:
        structure: Factor on the leading components of appearance.
        structure_limit: Truncation of their coefficients, in standard deviations.
        texture: Factor on the remaining components.
        grain: Factor on the grain above the films' sampling.
        sharpen: Share of the detail under 1.5 px that is added again (averaging blurs).
        shape: Factor on the components of shape.
        shape_limit: Truncation of their coefficients, in standard deviations.
        histogram: Share of the way to the class's mean intensity distribution.
    """

    structure: float = 0.9
    structure_limit: float = 1.8
    texture: float = 0.5
    grain: float = 0.55
    sharpen: float = 0.9
    shape: float = 0.9
    shape_limit: float = 1.6
    histogram: float = 0.4


@dataclass(frozen=True, eq=False)
class FilmModel:
    """What is known of the films of one class after the fit; no single film is kept.

    Args:
        n_films: Number of films fitted.
        pad: Margin in px on each side of the frame; t below is the frame's side plus twice this.
        template: (t, t) float32, mean of the middle three fifths of the aligned films.
        appearance: Components of the winsorised rest, p = t * t.
        shape: Components of the fields, every `SHAPE_STEP` px, in px.
        gate: (t, t) float32 in [0, 1], low where the rest is rare marks (letters, wires).
        grain: (t, t) float32, spread of the finest detail.
        quantiles: (`N_QUANTILES`,) float32, mean intensity distribution of the aligned films.
    """

    n_films: int
    pad: int
    template: Floats
    appearance: Components
    shape: Components
    gate: Floats
    grain: Floats
    quantiles: Floats


def fit_model(aligned: AlignedFilms) -> FilmModel:
    """Fit the model of one class.

    Args:
        aligned: Films in the template's shape, with their fields.

    Returns:
        The model; it holds means, components and spreads only.
    """
    n, side = len(aligned.films), aligned.films.shape[1]
    pad = round(side * PAD / SHAPE_STEP) * SHAPE_STEP
    fields = np.stack([_pad_field(field, pad) for field in aligned.fields])
    template, rest = _split(aligned.films, fields)
    fine = np.stack([image - smooth(image, 1) for image in rest])
    rms = smooth(np.sqrt((fine * fine).mean(axis=0)), 4) + 1e-4
    robust = smooth((1.4826 * np.median(np.abs(fine), axis=0)).astype(np.float32), 4)
    size = (template.shape[0] // SHAPE_STEP,) * 2
    small = [cv2.resize(field, size, interpolation=cv2.INTER_AREA) for field in fields]
    points = np.linspace(0, 100, N_QUANTILES)
    quantiles = np.mean([np.percentile(film, points) for film in aligned.warped], axis=0)
    return FilmModel(
        n_films=n,
        pad=pad,
        template=template,
        appearance=fit_components(rest.reshape(n, -1), n - 1),
        shape=fit_components(np.stack(small).astype(np.float32).reshape(n, -1), N_SHAPE),
        gate=np.square(np.clip(robust / rms / 0.8, 0, 1)).astype(np.float32),
        grain=robust,
        quantiles=quantiles.astype(np.float32),
    )


def draw_film(
    model: FilmModel, rng: np.random.Generator, *, size: int = 512, gains: Gains | None = None
) -> NDArray[np.uint8]:
    """Draw one film.

    Args:
        model: The fitted model.
        rng: Source of randomness; advanced. One state gives one film.
        size: Side length in px.
        gains: How far to go; the defaults if `None`.

    Returns:
        (size, size) uint8, bright = dense.
    """
    gains = gains or Gains()
    scale = size / (model.template.shape[0] - 2 * model.pad)
    side = round(model.template.shape[0] * scale)
    appearance = _draw_appearance(model, rng, side, gains)
    inverse, zoom = _draw_shape(model, rng, side, gains)
    film = _take_frame(warp(appearance, inverse, interpolation=cv2.INTER_CUBIC), size, zoom)
    return np.round(match_histogram(film, model.quantiles, gains.histogram) * 255).astype(np.uint8)


def match_histogram(film: Floats, quantiles: Floats, share: float) -> Floats:
    """Move the intensities of a film towards a given distribution, keeping their order.

    Args:
        film: (h, w) float32.
        quantiles: (q,) float32, rising; the distribution to move to.
        share: 0 leaves the film, 1 gives it that distribution.

    Returns:
        (h, w) float32 in [0, 1].
    """
    own = np.percentile(film, np.linspace(0, 100, len(quantiles)))
    own = np.maximum.accumulate(own + np.arange(len(own)) * 1e-6)
    goal = PchipInterpolator(own, (1 - share) * own + share * quantiles)
    return np.asarray(np.clip(goal(np.clip(film, own[0], own[-1])), 0, 1), np.float32)


def fill_zoom(field: Floats, frame: float) -> float:
    """Return the zoom about the centre at which no point of the frame looks outside the template.

    Args:
        field: (s, s, 2) float32, px; the inverse field, template place minus film place.
        frame: Side of the frame as a share of s, in (0, 1].

    Returns:
        1 if the frame is filled already, else more; infinity if no zoom up to 2 fills it.
    """
    size = field.shape[0]
    rows, columns = np.indices((size, size), dtype=np.float32)
    x, y = columns + field[..., 0], rows + field[..., 1]
    outside = np.minimum(np.minimum(x, y), size - 1 - np.maximum(x, y)) < 0.01 * size
    for zoom in np.arange(1.0, 2.0, 0.01):
        cut = round(size * (1 - frame / zoom) / 2)
        if not outside[cut : size - cut, cut : size - cut].any():
            return float(zoom)
    return float("inf")


def is_folded(field: Floats, body: Floats) -> bool:
    """Return whether a field turns over within the body; in the black around it nothing would show.

    Args:
        field: (h, w, 2) float32, px, column first.
        body: (h, w) float32, above 0 where to look.

    Returns:
        True if the determinant of the map's Jacobian is 0 or less at any pixel of the body.
    """
    (xx, xy), (yx, yy) = (np.gradient(field[..., axis], axis=(1, 0)) for axis in (0, 1))
    area = np.asarray((1 + xx) * (1 + yy) - xy * yx)
    return bool((area[body > 0] <= 0).any())


def _pad_field(field: Floats, pad: int) -> Floats:
    """Continue a field `pad` px beyond each side; places stay relative to the padded frame."""
    padded = cv2.copyMakeBorder(field, pad, pad, pad, pad, cv2.BORDER_REPLICATE)
    return np.asarray(padded, np.float32)


def _split(films: Floats, fields: Floats) -> tuple[Floats, Floats]:
    """Return template (t, t) and winsorised rest (n, t, t), both soft where few films reach."""
    pad = (fields.shape[1] - films.shape[1]) // 2
    wide = [_widen(film, field, pad) for film, field in zip(films, fields, strict=True)]
    warped = np.stack([image for image, _ in wide])
    inside = np.stack([is_inside for _, is_inside in wide])
    middle = slice(len(warped) // 5, len(warped) - len(warped) // 5)
    template = np.sort(warped, axis=0)[middle].mean(axis=0)
    rest = warped - template
    spread = (1.4826 * np.median(np.abs(rest), axis=0)).astype(np.float32)
    limit = 2.5 * (smooth(spread, 3) + 0.01)
    reach = smooth(np.clip(inside.mean(axis=0) / 0.6, 0, 1).astype(np.float32), 4) ** 2
    template = reach * template + (1 - reach) * smooth(template, 6)
    return template, np.clip(rest, -limit, limit) * reach


def _widen(film: Floats, field: Floats, pad: int) -> tuple[Floats, NDArray[np.bool_]]:
    """Warp a film into the padded frame, its edge repeated outwards, and say where it reaches."""
    rows, columns = np.indices(field.shape[:2], dtype=np.float32) - np.float32(pad)
    x, y = columns + field[..., 0], rows + field[..., 1]
    image = cv2.remap(film, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    inside = (np.minimum(x, y) >= 0) & (np.maximum(x, y) <= film.shape[0] - 1)
    return np.asarray(image, np.float32), inside


def _draw_appearance(model: FilmModel, rng: np.random.Generator, size: int, gains: Gains) -> Floats:
    """Return (size, size) float32 in the template's shape: structure, texture and grain."""
    parts, side = model.appearance, model.template.shape[0]
    n = min(N_STRUCTURE, len(parts.spread))
    lead = draw_normal(rng, n, gains.structure_limit) * parts.spread[:n] * gains.structure
    rest = rng.standard_normal(len(parts.spread) - n) * parts.spread[n:]
    structure = (parts.mean + lead.astype(np.float32) @ parts.axes[:n]).reshape(side, side)
    structure = model.gate * structure + (1 - model.gate) * smooth(structure, 3)
    texture = (rest.astype(np.float32) @ parts.axes[n:]).reshape(side, side) * model.gate
    image = model.template + structure
    image = image + gains.sharpen * (image - smooth(image, 1.5)) + gains.texture * texture
    image = np.where(image < TOE, TOE * np.exp(image / TOE - 1), image).astype(np.float32)
    body = np.clip((smooth(image, 2) - 0.04) / 0.2, 0, 1)
    shape = (size, size)
    grain = cv2.resize(model.grain * model.gate * body, shape, interpolation=cv2.INTER_CUBIC)
    noise = rng.standard_normal(shape).astype(np.float32)
    noise = smooth(noise, 0.7) - smooth(noise, 2.0)
    large = cv2.resize(image, shape, interpolation=cv2.INTER_LANCZOS4)
    return np.asarray(large + gains.grain * grain * noise / noise.std(), np.float32)


def _draw_shape(
    model: FilmModel, rng: np.random.Generator, size: int, gains: Gains
) -> tuple[Floats, float]:
    """Return an inverse field (size, size, 2) and the zoom at which it fills the frame."""
    parts, side = model.shape, model.template.shape[0]
    coarse, inside = side // SHAPE_STEP, slice(model.pad, -model.pad)
    body = np.zeros_like(model.template)
    body[inside, inside] = model.template[inside, inside] > BODY
    for _ in range(MAX_SHAPES):
        lead = draw_normal(rng, len(parts.spread), gains.shape_limit) * parts.spread * gains.shape
        flat = parts.mean + lead.astype(np.float32) @ parts.axes
        small = flat.reshape(coarse, coarse, 2)
        field = cv2.resize(small, (side, side), interpolation=cv2.INTER_CUBIC).astype(np.float32)
        if is_folded(field, body):
            continue
        inverse = invert(field)
        error = np.abs(inverse + warp(field, inverse)).max(axis=-1) * warp(body, inverse)
        zoom = fill_zoom(inverse, 1 - 2 * model.pad / side)
        if error[inside, inside].max() < 0.5 and zoom <= MAX_ZOOM:
            large = cv2.resize(inverse, (size, size), interpolation=cv2.INTER_CUBIC)
            return np.asarray(large * (size / side), np.float32), zoom
    msg = (
        "`model` must allow an unfolded film that fills its frame. "
        f"Received: none such in {MAX_SHAPES} draws"
    )
    raise ValueError(msg)


def _take_frame(canvas: Floats, size: int, zoom: float) -> Floats:
    """Return the central `size` px of a canvas, enlarged about the centre by `zoom`."""
    centre = (canvas.shape[0] - 1) / 2
    rows, columns = np.indices((size, size), dtype=np.float32)
    x = (columns - (size - 1) / 2) / np.float32(zoom) + np.float32(centre)
    y = (rows - (size - 1) / 2) / np.float32(zoom) + np.float32(centre)
    return np.asarray(cv2.remap(canvas, x, y, cv2.INTER_CUBIC), np.float32)
