"""A real chest film in its four encodings and as exported PNG: time to read, and what is read.

    python -m benchmarks.dicom [--bundle DIR] [--variant NAME]

The film is RG1 of pydicom-data: 1,955 by 1,841 pixels, 15 bits, MONOCHROME1. For each form: the
shortest of five times to read the file, the largest difference of a pixel of what the networks see,
and of a probability (before calibration, over all systems and classes), from the uncompressed
original. The lossy pair was compressed 10:1 before it was published.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from cxr_core.bundle import DEFAULT_BUNDLE, Bundle
from cxr_core.io import read
from cxr_core.predict import Predictor

ENCODINGS: Final = {
    "RG1_UNCR": "uncompressed, original",
    "RG1_J2KR": "JPEG 2000 lossless, original",
    "RG1_UNCI": "uncompressed, after 10:1 JPEG 2000",
    "RG1_J2KI": "10:1 JPEG 2000",
}
N_TIMES: Final = 5


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table.

    Args:
        argv: Arguments without the program's name; those of the process if `None`.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dicom")
    parser.add_argument("--bundle", type=Path, default=DEFAULT_BUNDLE)
    parser.add_argument("--variant", help="the bundle's default if left out")
    arguments = parser.parse_args(argv)
    bundle = Bundle.load(arguments.bundle)
    predictor = Predictor(bundle, variant=arguments.variant or bundle.default_variant)
    print(f"{'film':<38}{'file MB':>9}{'read ms':>9}{'pixel':>11}{'probability':>13}")
    first = None
    for title, data in _files():
        film = read(data, name="film")
        reading = predictor.read(film)
        probs = np.stack([system.raw_probs for system in reading.systems.values()])
        first = first or (film.image, probs)
        pixel, probability = (
            float(np.abs(now - then).max())
            for now, then in zip((film.image, probs), first, strict=True)
        )
        ms = min(_read_ms(data) for _ in range(N_TIMES))
        print(f"{title:<38}{len(data) / 1e6:>9.1f}{ms:>9.0f}{pixel:>11.5f}{probability:>13.6f}")


def _files() -> Iterator[tuple[str, bytes]]:
    """Yield title and bytes of each form of the film."""
    from pydicom.data import get_testdata_file

    for name, title in ENCODINGS.items():
        yield title, Path(str(get_testdata_file(f"{name}.dcm", download=False))).read_bytes()
    path = Path(str(get_testdata_file("RG1_UNCR.dcm", download=False)))
    image = read(path.read_bytes(), name="film").image
    for bits, dtype in ((16, np.uint16), (8, np.uint8)):
        stream = BytesIO()
        Image.fromarray(np.rint(image * ((1 << bits) - 1)).astype(dtype)).save(stream, "PNG")
        yield f"PNG of {bits} bits, exported as shown", stream.getvalue()


def _read_ms(data: bytes) -> float:
    """Time one reading of the file, with what the networks see of it."""
    start = time.perf_counter()
    _ = read(data, name="film").image
    return (time.perf_counter() - start) * 1e3


if __name__ == "__main__":
    main()
