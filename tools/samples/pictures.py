"""Pictures that are no chest films, drawn by rule; what the tool should refuse to read as films."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from .align import smooth

Picture = NDArray[np.uint8]

_TEXT: Final = (
    "Minutes of the garden committee",
    "",
    "The meeting opened at half past six. Eleven members were present.",
    "The gate at the north end will be painted green before the summer,",
    "and two benches will be moved out of the shade of the walnut tree.",
    "",
    "1. Water. The barrel leaks. A new tap is to be bought and fitted.",
    "2. Paths. Gravel is cheaper than bark; the vote was seven to four.",
    "3. Bees. Both hives came through the winter and need more room.",
    "",
    "The harvest table will stand next to the shed again this year.",
    "Whoever brings plums is asked to bring a second basket as well.",
    "",
    "The meeting closed at ten to eight with tea and a seed swap.",
)


def draw_noise(rng: np.random.Generator, size: int) -> Picture:
    """Return (size, size) uint8 of white noise without any structure."""
    return np.asarray(np.clip(rng.normal(128, 24, (size, size)), 0, 255), np.uint8)


def draw_gradient(rng: np.random.Generator, size: int) -> Picture:
    """Return (size, size) uint8, a smooth ramp from one corner to the other."""
    rows, columns = np.indices((size, size)) / (size - 1)
    angle = rng.uniform(0.15, 0.35) * np.pi
    ramp = columns * np.cos(angle) + rows * np.sin(angle)
    return np.asarray(np.round(255 * ramp / ramp.max()), np.uint8)


def draw_render(rng: np.random.Generator, size: int) -> Picture:
    """Return (size, size, 3) uint8 RGB, a landscape with sun, hills, water and a shaded ball."""
    rows, columns = (np.indices((size, size)) / size).astype(np.float32)
    high, low = np.array([70, 120, 190.0]), np.array([235, 205, 170.0])
    image = high + (low - high) * np.clip(rows / 0.6, 0, 1)[..., None]
    glow = np.exp(-((columns - 0.72) ** 2 + (rows - 0.24) ** 2) / 0.006)
    image += glow[..., None] * np.array([90, 70, 20.0])
    for depth in range(4):
        line = _ridge(rng, size) * (0.2 - 0.03 * depth) + 0.36 + 0.07 * depth
        shade = np.array([120, 140, 165.0]) * (1 - 0.26 * depth) + np.array([0, 12, 0]) * depth
        image[rows > line[None, :]] = shade
    water = rows > 0.68
    waves = 12 * np.sin(rows * 220 + 3 * np.sin(columns * 9)) * (rows - 0.6)
    mirror = image[::-1][np.clip((rows * size - 0.36 * size).astype(int), 0, size - 1), 0]
    image[water] = (0.45 * mirror + np.array([20, 60, 85.0]) + waves[..., None])[water]
    image = _ball(image, rows, columns)
    image = smooth(image.astype(np.float32), 0.6) + rng.normal(0, 0.6, (size, size, 1))
    return np.asarray(np.clip(image, 0, 255), np.uint8)


def draw_text(rng: np.random.Generator, size: int) -> Picture:
    """Return (size, size) uint8, a page of printed text on paper."""
    page = Image.new("L", (size, size), 244)
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(size * 13 / 512)
    for number, line in enumerate(_TEXT):
        pen.text((size * 0.08, size * (0.08 + 0.06 * number)), line, fill=30, font=font)
    paper = smooth(rng.normal(0, 6, (size, size)).astype(np.float32), 3)
    return np.asarray(np.clip(np.asarray(page, np.float32) + paper, 0, 255), np.uint8)


def draw_sketch(rng: np.random.Generator, size: int) -> Picture:
    """Return (size, size) uint8, a house, a tree and a sun in shaky pen strokes."""
    page = np.full((size, size), 250, np.uint8)
    house = [(0.2, 0.85), (0.2, 0.5), (0.38, 0.3), (0.56, 0.5), (0.56, 0.85), (0.2, 0.85)]
    door = [(0.33, 0.85), (0.33, 0.66), (0.43, 0.66), (0.43, 0.85)]
    strokes = [house, door, [(0.2, 0.5), (0.56, 0.5)], [(0.05, 0.86), (0.95, 0.84)]]
    strokes += [[(0.76, 0.85), (0.77, 0.6)], _circle(0.77, 0.48, 0.13), _circle(0.8, 0.15, 0.07)]
    for angle in np.linspace(0, 2 * np.pi, 9)[:-1]:
        ray = np.array([np.cos(angle), np.sin(angle)])
        ends = np.array([0.8, 0.15]) + np.outer([0.09, 0.13], ray)
        strokes.append([(float(x), float(y)) for x, y in ends])
    for stroke in strokes:
        _pen(page, rng, stroke)
    return page


PICTURES: Final[Mapping[str, tuple[str, Callable[[np.random.Generator, int], Picture]]]] = (
    MappingProxyType(
        {
            "noise": ("Noise", draw_noise),
            "gradient": ("Gradient", draw_gradient),
            "render": ("Landscape in colour", draw_render),
            "text": ("Page of text", draw_text),
            "hand-drawn": ("Pen drawing", draw_sketch),
        }
    )
)
"""Short name to the words for the screen and the function `(rng, size) -> picture`."""


def _ridge(rng: np.random.Generator, size: int) -> NDArray[np.float64]:
    """Return (size,) heights of a hill line in about [-0.5, 0.5]."""
    x = np.linspace(0, 2 * np.pi, size)
    waves = [np.sin(k * x * 0.7 + rng.uniform(0, 2 * np.pi)) / k**1.1 for k in range(1, 24)]
    return np.asarray(np.sum(waves, axis=0) / 4, np.float64)


def _ball(
    image: NDArray[np.float64], rows: NDArray[np.float32], columns: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Return the image with a red ball, lit from the right, floating on the water."""
    x, y = (columns - 0.3) / 0.11, (rows - 0.76) / 0.11
    height = np.sqrt(np.clip(1 - x**2 - y**2, 0, 1))
    light = np.clip(0.6 * x - 0.55 * y + 0.58 * height, 0.06, 1)
    colour = light[..., None] * np.array([215, 60, 45.0]) + 160 * light[..., None] ** 18
    shadow = 1 - 0.5 * np.exp(-(x**2) / 1.2 - (y - 1.0) ** 2 / 0.03)
    return np.where((height > 0)[..., None], colour, image * shadow[..., None])


def _circle(x: float, y: float, radius: float) -> list[tuple[float, float]]:
    """Return the corners of a circle as shares of the page."""
    angles = np.linspace(0, 2 * np.pi, 14)
    return [(float(x + radius * np.cos(a)), float(y + radius * np.sin(a))) for a in angles]


def _pen(page: Picture, rng: np.random.Generator, corners: list[tuple[float, float]]) -> None:
    """Draw one shaky line through the corners onto the page."""
    size, steps = page.shape[0], np.arange(len(corners))
    at = np.linspace(0, len(corners) - 1, 40 * len(corners))
    xy = np.stack([np.interp(at, steps, axis) for axis in np.transpose(corners)], axis=1)
    shake = rng.normal(0, 1, xy.shape).astype(np.float32)
    shake = cv2.GaussianBlur(shake, (1, 31), sigmaX=0.5, sigmaY=6) * 0.008
    points = np.round((xy + shake) * size * 16).astype(np.int32)
    cv2.polylines(
        page, [points], isClosed=False, color=45, thickness=3, lineType=cv2.LINE_AA, shift=4
    )
