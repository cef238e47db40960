"""How long a report takes, and how large it is: one film, and many in one PDF.

    python -m benchmarks.report [--films N] [--bundle DIR] [--variant NAME]

Films are the synthetic samples, enlarged to 2,400 by 2,000 pixels. Times are medians: reading (five
systems, lungs), taking the page out of the reading (two pictures and the map), writing the PDF of
one film, and writing one PDF of N films. Loading of models and of fpdf2 is told apart.
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Final

from PIL import Image

from cxr_core.bundle import DEFAULT_BUNDLE, Bundle
from cxr_core.io import read
from cxr_core.lungs import LungSegmenter
from cxr_core.predict import Predictor
from cxr_core.report import About, film_page, write_report

SAMPLES: Final = Path(__file__).resolve().parents[1] / "assets" / "samples"
SIZE_PX: Final = (2000, 2400)


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table.

    Args:
        argv: Arguments without the program's name; those of the process if `None`.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report")
    parser.add_argument("--films", type=int, default=100, help="in one PDF")
    parser.add_argument("--bundle", type=Path, default=DEFAULT_BUNDLE)
    parser.add_argument("--variant", help="the bundle's default if left out")
    arguments = parser.parse_args(argv)
    bundle = Bundle.load(arguments.bundle)
    predictor = Predictor(bundle, variant=arguments.variant, lungs=LungSegmenter.load())
    about = About.of(predictor)
    created = datetime.now(UTC)
    pages, parts, sizes = [], {"read": [], "page": [], "write": []}, []
    for path in sorted(SAMPLES.glob("*.png")):
        started = time.perf_counter()
        reading = predictor.read(read(_enlarged(path), name=path.name))
        was_read = time.perf_counter()
        pages.append(film_page(predictor, reading, about))
        was_taken = time.perf_counter()
        sizes.append(len(write_report(pages[-1:], about, created)))
        done = time.perf_counter()
        for part, s in zip(
            parts, (was_read - started, was_taken - was_read, done - was_taken), strict=True
        ):
            parts[part].append(s)
    first = parts["write"].pop(0)  # with the import of fpdf2
    print(f"one film, {len(pages)} films, ms: median (least to most)")
    for part, s in parts.items():
        print(f"  {part:<6}{1e3 * median(s):>6.0f} ({1e3 * min(s):.0f} to {1e3 * max(s):.0f})")
    print(f"  first write, with the import of fpdf2, {1e3 * first:.0f}")
    print(f"size of one, kB: {min(sizes) / 1e3:.0f} to {max(sizes) / 1e3:.0f}")
    many = [pages[n % len(pages)] for n in range(arguments.films)]
    started = time.perf_counter()
    write_report(many, about, created)
    each_ms = 1e3 * (time.perf_counter() - started) / len(many)
    print(f"one PDF of {len(many)} films: {each_ms:.0f} ms a film for writing")


def _enlarged(path: Path) -> bytes:
    """Return a sample at the size of a film, as PNG."""
    buffer = io.BytesIO()
    Image.open(path).convert("L").resize(SIZE_PX).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


if __name__ == "__main__":
    main()
