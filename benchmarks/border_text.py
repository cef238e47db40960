"""How often writing at the border of a film is found, and how often where there is none.

    python -m benchmarks.border_text [--data FOLDER] [--n 200] [--alarms DIR]

Writing is drawn into films by the script: two films of pydicom-data at their own size, and, with
`--data`, films of a labelled folder enlarged to 1,600 pixels. Enlarged films are smoother than
films of that size, which makes both rates look better than they would be there; and films of
public sets carry writing of their own, so that an alarm on one is not always false: `--alarms`
writes small pictures of those films, for looking at. Never commit them.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from cxr_core.array import Float32Array
from cxr_core.evaluate.folder_reads import labelled_paths
from cxr_core.evaluate.metrics import wilson
from cxr_core.io import read_path
from cxr_core.io.dicom.border_text import has_border_text

HEIGHTS_PX: Final = (8, 12, 18, 28, 44)
WORDS: Final = ("DOE JANE 4711", "07.03.1947", "Ward 12 AP erect", "PORTABLE")
SIDE_PX: Final = 1600
Film = Float32Array


def main(argv: Sequence[str] | None = None) -> None:
    """Print the rates.

    Args:
        argv: Arguments without the program's name; those of the process if `None`.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.border_text")
    parser.add_argument("--data", type=Path, help="holds FOLDER/<CLASS>/*.jpg")
    parser.add_argument("--n", type=int, default=200)
    parser.add_argument("--alarms", type=Path, metavar="DIR")
    arguments = parser.parse_args(argv)
    print("films  without writing: alarms (95 % interval)   drawn writing found, by letter height")
    print("                                                 " + _row(HEIGHTS_PX, "{} px"))
    rng = np.random.default_rng(0)
    _measure("pydicom-data", _sample_films(), rng, None)
    if arguments.data:
        films = _enlarged(arguments.data, arguments.n, rng)
        _measure("enlarged", films, rng, arguments.alarms)


def _measure(
    title: str, films: Iterator[tuple[str, Film]], rng: np.random.Generator, alarms: Path | None
) -> None:
    """Print one row: alarms on the films as they are, then with writing of each height."""
    n_films = n_alarms = n_drawn = 0
    found = dict.fromkeys(HEIGHTS_PX, 0)
    for name, film in films:
        n_films += 1
        is_alarm = has_border_text(film)
        n_alarms += is_alarm
        if is_alarm and alarms is not None:
            alarms.mkdir(parents=True, exist_ok=True)
            picture = Image.fromarray(np.rint(film * 255).astype(np.uint8))
            picture.resize((500, 500)).save(alarms / f"{name}.png")
        if is_alarm:
            continue
        n_drawn += 1
        for height_px in HEIGHTS_PX:
            found[height_px] += has_border_text(_written(film, height_px, rng))
    share = wilson(n_alarms, n_films)
    rate = f"{n_alarms} of {n_films} ({share.low:.3f} to {share.high:.3f})"
    print(f"{title:<14} {rate:<34}" + _row(found.values(), f"{{}} of {n_drawn}"))


def _row(values: Any, pattern: str) -> str:
    """Return values in columns."""
    return "".join(f"{pattern.format(value):>13}" for value in values)


def _sample_films() -> Iterator[tuple[str, Film]]:
    """Yield the real films of pydicom-data; of each pair of encodings one."""
    from pydicom.data import get_testdata_file

    for name in ("RG1_UNCR", "RG3_UNCR"):
        yield name, read_path(str(get_testdata_file(f"{name}.dcm", download=False))).image


def _enlarged(folder: Path, n_films: int, rng: np.random.Generator) -> Iterator[tuple[str, Film]]:
    """Yield films of a folder, the longest side at 1,600 pixels, with a little noise."""
    paths = [path for path, _ in labelled_paths(folder)]
    for index in rng.permutation(len(paths))[:n_films]:
        film = Image.fromarray(read_path(paths[index]).image)
        factor = SIDE_PX / max(film.size)
        size = (round(film.width * factor), round(film.height * factor))
        large = np.asarray(film.resize(size, Image.Resampling.BICUBIC), np.float32)
        large = large + rng.normal(0, 0.01, large.shape).astype(np.float32)
        yield paths[index].stem, np.clip(large, 0, 1).astype(np.float32)


def _written(film: Film, height_px: int, rng: np.random.Generator) -> Film:
    """Draw writing of a height in pixels of a film of 1,600, white where it is dark there."""
    factor = max(film.shape) / SIDE_PX
    picture = Image.fromarray(np.rint(film * 255).astype(np.uint8))
    font = ImageFont.load_default(round(1.35 * height_px * factor))  # capitals are 0.74 of the size
    words = str(rng.choice(WORDS))
    left, top, right, bottom = font.getbbox(words)
    corner = rng.integers(0, 4)
    x = round(0.03 * picture.width) if corner % 2 else picture.width - int(right - left) - 20
    y = round(0.03 * picture.height) if corner < 2 else picture.height - int(bottom - top) - 40
    around = film[y : y + int(bottom), x : x + int(right)]
    ImageDraw.Draw(picture).text((x, y), words, font=font, fill=0 if around.mean() > 0.5 else 255)
    return np.asarray(picture, np.float32) / np.float32(255)


if __name__ == "__main__":
    main()
