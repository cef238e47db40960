"""Pictures that are no chest film: drawn by rule, and photographs that come with the packages.

Everything is seeded. The two halves (`choice`, `final`) share no picture: another seed draws other
pictures, and the photographs are dealt out by turns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from cxr_core.array import ByteArray, Float64Array

Picture = ByteArray
"""Shape (h, w) grey or (h, w, 3) RGB."""

CHOICE: Final = "choice"
FINAL: Final = "final"
SIZE_PX: Final = 320

_WORDS: Final = (
    "the garden gate will be painted green before summer and two benches moved out of shade water "
    "barrel leaks a new tap is bought paths gravel cheaper than bark bees both hives came through "
    "winter need more room harvest table stands next to shed again this year whoever brings plums "
    "asked second basket meeting closed with tea Invoice No. 4711 Total 128.50 paid Tuesday"
)
_GREY_PHOTOGRAPHS: Final = (
    "brick.png",
    "camera.png",
    "cell.png",
    "clock_motion.png",
    "coins.png",
    "grass.png",
    "gravel.png",
    "microaneurysms.png",
    "moon.png",
)
_COLOUR_PHOTOGRAPHS: Final = (
    "astronaut.png",
    "chelsea.png",
    "coffee.png",
    "hubble_deep_field.jpg",
    "ihc.png",
    "motorcycle_left.png",
    "retina.jpg",
    "rocket.jpg",
)


def noise(rng: np.random.Generator) -> Picture:
    """Return one kind of noise, drawn by chance: white, coarse, one over f, specks, lines."""
    size = SIZE_PX
    kind = rng.integers(6)
    if kind == 0:
        values = rng.uniform(0, 255, (size, size))
    elif kind == 1:
        values = rng.normal(rng.uniform(80, 180), rng.uniform(8, 60), (size, size))
    elif kind == 2:
        values = cv2.GaussianBlur(rng.normal(0, 1, (size, size)), (0, 0), rng.uniform(2, 24))
        values = 128 + values / values.std() * rng.uniform(20, 60)
    elif kind == 3:
        values = _one_over_f(rng, size, rng.uniform(0.5, 2.2))
    elif kind == 4:
        values = np.where(rng.random((size, size)) < rng.uniform(0.02, 0.3), 255, 0)
    else:
        values = np.repeat(rng.normal(128, 50, (size, 1)), size, axis=1)
        values = values if rng.random() < 0.5 else values.T
    return _bytes(values)


def gradient(rng: np.random.Generator) -> Picture:
    """Return a smooth ramp, straight, round or wavy, with its own ends."""
    y, x = np.indices((SIZE_PX, SIZE_PX)) / (SIZE_PX - 1) - 0.5
    angle = rng.uniform(0, 2 * np.pi)
    straight = x * np.cos(angle) + y * np.sin(angle)
    kind = rng.integers(3)
    if kind == 0:
        ramp = straight
    elif kind == 1:
        ramp = np.hypot(x - rng.uniform(-0.3, 0.3), y - rng.uniform(-0.3, 0.3))
        ramp = ramp if rng.random() < 0.5 else -ramp
    else:
        ramp = np.sin(straight * rng.uniform(4, 40))
    ramp = (ramp - ramp.min()) / np.ptp(ramp)
    low, high = np.sort(rng.uniform(0, 255, 2))
    return _bytes(low + max(high - low, 40) * ramp)


def text_page(rng: np.random.Generator) -> Picture:
    """Return a page of printed words, dark on light or light on dark."""
    width, height = int(rng.integers(300, 520)), int(rng.integers(300, 640))
    paper, ink = (int(rng.uniform(215, 255)), int(rng.uniform(0, 60)))
    if rng.random() < 0.3:
        paper, ink = ink, paper
    page = Image.new("L", (width, height), paper)
    pen = ImageDraw.Draw(page)
    size = float(rng.uniform(9, 26))
    font = ImageFont.load_default(size)
    for top in np.arange(size, height - 2 * size, size * rng.uniform(1.2, 1.8)):
        line = " ".join(rng.choice(_WORDS.split(), 30))
        n_letters = int(rng.uniform(0.2, 1.0) * width / (0.5 * size))
        pen.text((size, float(top)), line[:n_letters], fill=ink, font=font)
    return _bytes(np.asarray(page, np.float64) + rng.normal(0, 3, (height, width)))


def drawing(rng: np.random.Generator) -> Picture:
    """Return strokes, shapes, a chart or a chessboard."""
    page = Image.new("L", (SIZE_PX, SIZE_PX), int(rng.uniform(200, 256)))
    pen = ImageDraw.Draw(page)
    kind = rng.integers(4)
    for number in range(int(rng.integers(4, 24))):
        box = np.sort(rng.uniform(0, SIZE_PX, (2, 2)), axis=0).ravel().tolist()
        ink = int(rng.uniform(0, 150))
        if kind == 0:
            corners = [tuple(p) for p in np.cumsum(rng.normal(0, 24, (20, 2)), axis=0) + 160]
            pen.line(corners, fill=ink, width=int(rng.integers(1, 6)), joint="curve")
        elif kind == 1:
            shape = (pen.ellipse, pen.rectangle)[int(rng.integers(2))]
            shape(box, outline=ink, width=int(rng.integers(1, 6)))
        elif kind == 2:
            left = 12 + 13 * number
            pen.rectangle([left, float(rng.uniform(30, 290)), left + 9, 300], fill=ink)
    if kind == 3:
        side = int(rng.integers(8, 80))
        offset = rng.integers(0, side, (2, 1, 1))
        rows, columns = (np.indices((SIZE_PX, SIZE_PX)) + offset) // side
        return _bytes((rows + columns) % 2 * rng.uniform(120, 255))
    return np.array(page)


def drawn_chest(rng: np.random.Generator) -> Picture:
    """Return two dark ovals with bright ribs and a spine: a chest as a child would draw it."""
    page = Image.new("L", (SIZE_PX, SIZE_PX), int(rng.uniform(120, 220)))
    pen = ImageDraw.Draw(page)
    top, wide = rng.uniform(30, 60), rng.uniform(90, 120)
    for left in (30 + rng.uniform(-8, 8), 290 - wide + rng.uniform(-8, 8)):
        pen.ellipse([left, top, left + wide, 280], fill=int(rng.uniform(10, 70)))
        for rib in range(7):
            at = top + 25 + rib * 28
            pen.arc([left, at, left + wide, at + 40], 190, 350, fill=150, width=4)
    pen.rectangle([150, 10, 170, 310], fill=int(rng.uniform(190, 255)))
    blurred = cv2.GaussianBlur(np.asarray(page, np.float64), (0, 0), rng.uniform(0.5, 5))
    return _bytes(blurred + rng.normal(0, 4, blurred.shape))


def colour_chart(rng: np.random.Generator) -> Picture:
    """Return fields or clouds in saturated colours."""
    if rng.random() < 0.5:
        n = int(rng.integers(2, 9))
        fields = rng.integers(0, 256, (n, n, 3), dtype=np.uint8)
        return np.asarray(Image.fromarray(fields).resize((SIZE_PX, SIZE_PX), Image.Resampling.BOX))
    return np.stack([_bytes(_one_over_f(rng, SIZE_PX, 1.6)) for _ in range(3)], axis=2)


DRAWN: Final[Mapping[str, tuple[str, int, Callable[[np.random.Generator], Picture]]]] = (
    MappingProxyType(
        {
            "noise": ("Noise of six kinds", 60, noise),
            "text": ("Pages of text", 40, text_page),
            "gradient": ("Gradients", 40, gradient),
            "drawing": ("Drawings and charts", 40, drawing),
            "drawn_chest": ("Chests drawn with two ovals and ribs", 40, drawn_chest),
            "colour_chart": ("Colour fields and clouds", 30, colour_chart),
        }
    )
)
"""Key to the words for the table, the number of pictures in each half, and who draws one."""


def drawn(key: str, half: str) -> list[Picture]:
    """Draw the pictures of one set.

    Args:
        key: One of `DRAWN`.
        half: `CHOICE` or `FINAL`.

    Returns:
        As many as `DRAWN` says, the same at each call.
    """
    _, n, draw = DRAWN[key]
    stream = [list(DRAWN).index(key), int(half == FINAL)]
    return [draw(np.random.default_rng([*stream, i])) for i in range(n)]


def flat_greys(half: str) -> list[Picture]:
    """Return pictures of one grey each, from black to white; the halves take turns.

    Args:
        half: `CHOICE` or `FINAL`.

    Returns:
        32 pictures.
    """
    levels = np.linspace(0, 255, 64).astype(np.uint8)[int(half == FINAL) :: 2]
    return [np.full((SIZE_PX, SIZE_PX), level, np.uint8) for level in levels]


def photographs(half: str, *, in_colour: bool) -> list[Picture]:
    """Return photographs that scikit-image and scikit-learn carry, whole and in five cuts each.

    Args:
        half: `CHOICE` or `FINAL`; pictures take turns.
        in_colour: The colour pictures, or those in grey.

    Returns:
        Six pictures a photograph.
    """
    import skimage
    import sklearn.datasets

    names = _COLOUR_PHOTOGRAPHS if in_colour else _GREY_PHOTOGRAPHS
    paths = [Path(skimage.__file__).parent / "data" / name for name in names]
    if in_colour:
        folder = Path(sklearn.datasets.__file__).parent / "images"
        paths += [folder / "china.jpg", folder / "flower.jpg"]
    pictures = []
    for number, path in enumerate(paths[int(half == FINAL) :: 2]):
        with Image.open(path) as opened:
            whole = np.asarray(opened.convert("RGB" if in_colour else "L"))
        rng = np.random.default_rng([int(in_colour), int(half == FINAL), number])
        pictures += [whole, *(cut(whole, rng, 0.35, 0.7) for _ in range(5))]
    return pictures


def faces(half: str) -> list[Picture]:
    """Return small photographs of faces and of other things, 25 by 25 px (scikit-image's subset).

    Args:
        half: `CHOICE` or `FINAL`; pictures take turns.

    Returns:
        50 pictures.
    """
    import skimage

    stored: npt.NDArray[Any] = np.load(Path(skimage.__file__).parent / "data" / "lfw_subset.npy")
    return [_bytes(face * 255.0) for face in stored[int(half == FINAL) :: 4]]


def cut(picture: Picture, rng: np.random.Generator, low: float, high: float) -> Picture:
    """Return a piece of a picture, its sides the same share of the picture's.

    Args:
        picture: The whole.
        rng: Draws the share in [`low`, `high`) and the place.
        low: Smallest share, in (0, 1].
        high: Largest share, in (0, 1].

    Returns:
        A copy.
    """
    height, width = picture.shape[:2]
    share = rng.uniform(low, high)
    rows, columns = max(1, int(share * height)), max(1, int(share * width))
    top, left = rng.integers(height - rows + 1), rng.integers(width - columns + 1)
    return picture[top : top + rows, left : left + columns].copy()


def pictures(half: str) -> Iterator[tuple[str, str, list[Picture]]]:
    """Yield every set of this module.

    Args:
        half: `CHOICE` or `FINAL`.

    Yields:
        Key, words for the table and pictures.
    """
    yield "photograph", "Photographs in grey", photographs(half, in_colour=False)
    yield "colour_photograph", "Colour pictures", photographs(half, in_colour=True)
    yield "face", "Small photographs of faces and things", faces(half)
    yield "flat", "Flat greys", flat_greys(half)
    for key, (title, _, _) in DRAWN.items():
        yield key, title, drawn(key, half)


def _one_over_f(rng: np.random.Generator, size: int, power: float) -> Float64Array:
    """Return noise whose amplitude falls with frequency, mean 128 and spread 45."""
    spectrum = np.fft.rfft2(rng.normal(0, 1, (size, size)))
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None, :])
    frequency[0, 0] = 1.0
    values = np.fft.irfft2(spectrum / frequency**power, (size, size))
    return np.asarray(128 + (values - values.mean()) / values.std() * 45)


def _bytes(values: npt.NDArray[Any]) -> Picture:
    """Round to uint8."""
    return np.asarray(np.clip(np.round(values), 0, 255), np.uint8)
