"""The synthetic sample films that come with the application."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Final

from PIL import Image, ImageOps

SAMPLES: Final = Path(__file__).resolve().parent.parent / "assets" / "samples"
"""Folder of the sample films and their `manifest.json`."""

THUMBNAIL_PX: Final = 240
"""Side of a thumbnail."""


@dataclass(frozen=True)
class Sample:
    """One sample film.

    Attributes:
        file: File name inside the folder.
        title: What the page calls it.
        path: Where its bytes are.
    """

    file: str
    title: str
    path: Path

    def read_bytes(self) -> bytes:
        """Return the bytes of the file."""
        return self.path.read_bytes()

    def thumbnail(self) -> bytes:
        """Return a small square PNG of the film, cut from its middle."""
        return _thumbnail(self.path, self.path.stat().st_mtime_ns)


def load_samples(folder: Path | None = None) -> tuple[Sample, ...]:
    """Return the samples of a folder in the manifest's order; none where there is no manifest.

    Args:
        folder: Folder with `manifest.json`; `SAMPLES` if `None`.

    Returns:
        The samples whose file exists.
    """
    folder = SAMPLES if folder is None else folder
    manifest = folder / "manifest.json"
    if not manifest.is_file():
        return ()
    return _read(manifest, manifest.stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _thumbnail(path: Path, _changed_ns: int) -> bytes:
    """Draw a thumbnail; drawn again when the file has changed."""
    with Image.open(path) as film:
        small = ImageOps.fit(film.convert("L"), (THUMBNAIL_PX, THUMBNAIL_PX))
    buffer = BytesIO()
    small.save(buffer, "PNG")
    return buffer.getvalue()


@lru_cache(maxsize=4)
def _read(manifest: Path, _changed_ns: int) -> tuple[Sample, ...]:
    """Parse a manifest; read again when the file has changed."""
    entries = json.loads(manifest.read_text(encoding="utf-8"))["films"]
    samples = (
        Sample(
            file=entry["file"],
            title=entry["title"],
            path=manifest.parent / Path(entry["file"]).name,
        )
        for entry in entries
    )
    return tuple(sample for sample in samples if sample.path.is_file())
