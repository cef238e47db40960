"""Chest films that are turned, cut, squeezed or inverted, and those that are changed only a little.

All come from labelled films that the caller names; nothing is written. Far sets should be refused,
near sets should pass.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from benchmarks.far_pictures import Picture, cut
from cxr_core.io import read_path

Change = Callable[[Picture, np.random.Generator], Picture]


def _squeezed(film: Picture, _rng: np.random.Generator) -> Picture:
    """Return the film a third as wide, on black: the outline of a film from the side."""
    height, width = film.shape
    narrow = Image.fromarray(film).resize((max(1, width // 3), height))
    page = np.zeros_like(film)
    left = (width - narrow.width) // 2
    page[:, left : left + narrow.width] = np.asarray(narrow)
    return page


def _half(film: Picture, rng: np.random.Generator) -> Picture:
    """Return the left or the right half; it is stretched to the network's square later."""
    middle = film.shape[1] // 2
    return (film[:, :middle] if rng.random() < 0.5 else film[:, middle:]).copy()


def _small_change(film: Picture, rng: np.random.Generator) -> Picture:
    """Return the film a little brighter or darker, with another contrast, turned by up to 7°."""
    levels = film / 255.0
    levels = np.clip((levels - 0.5) * rng.uniform(0.85, 1.15) + 0.5, 0, 1) ** rng.uniform(0.85, 1.2)
    image = Image.fromarray(np.round(levels * 255).astype(np.uint8))
    turned = image.rotate(rng.uniform(-7, 7), Image.Resampling.BILINEAR)
    return np.asarray(turned)


def _jpeg(film: Picture, _rng: np.random.Generator) -> Picture:
    """Return the film after JPEG of quality 40."""
    buffer = io.BytesIO()
    Image.fromarray(film).save(buffer, "JPEG", quality=40)
    return np.asarray(Image.open(buffer))


FAR: Final[Mapping[str, tuple[str, Change]]] = MappingProxyType(
    {
        "inverted": ("Chest films, black and white swapped", lambda film, _: 255 - film),
        "turned_90": ("Chest films turned by 90°", lambda film, _: np.rot90(film).copy()),
        "turned_180": ("Chest films turned by 180°", lambda film, _: np.rot90(film, 2).copy()),
        "turned_270": ("Chest films turned by 270°", lambda film, _: np.rot90(film, 3).copy()),
        "upside_down": ("Chest films mirrored top to bottom", lambda film, _: film[::-1].copy()),
        "cropped": ("Pieces of chest films, a fifth of the side", lambda f, r: cut(f, r, 0.2, 0.2)),
        "cropped_less": (
            "Pieces of chest films, two fifths of the side",
            lambda f, r: cut(f, r, 0.4, 0.4),
        ),
        "half": ("Left or right half of chest films, stretched", _half),
        "squeezed": ("Chest films squeezed to a third, on black", _squeezed),
    }
)
"""Key to the words for the table and the change; these should be refused."""

NEAR: Final[Mapping[str, tuple[str, Change]]] = MappingProxyType(
    {
        "mirrored": ("Chest films mirrored left to right", lambda film, _: film[:, ::-1].copy()),
        "small_change": ("Chest films, a little brighter, darker or turned", _small_change),
        "jpeg": ("Chest films after JPEG of quality 40", _jpeg),
        "trimmed": ("Chest films, a tenth of the side cut off", lambda f, r: cut(f, r, 0.9, 0.9)),
    }
)
"""Key to the words for the table and the change; these should pass."""


def changed(
    paths: Sequence[Path], changes: Mapping[str, tuple[str, Change]]
) -> Iterator[tuple[str, str, list[Picture]]]:
    """Yield every change of some films.

    Args:
        paths: Chest films.
        changes: `FAR` or `NEAR`.

    Yields:
        Key, words for the table and pictures, one a film.
    """
    films = [_grey(path) for path in paths]
    for number, (key, (title, change)) in enumerate(changes.items()):
        rngs = [np.random.default_rng([number, i]) for i in range(len(films))]
        yield key, title, [change(film, rng) for film, rng in zip(films, rngs, strict=True)]


def other_modalities() -> Iterator[tuple[str, str, list[Picture]]]:
    """Yield medical pictures that are no chest film, where `pydicom` and `pydicom-data` are there.

    Yields:
        Key, words for the table and pictures: the ankle film RG3 as it is displayed, as it is
        stored and cut to its middle; slices and frames of CT, MR, ultrasound and bone scans. Last
        the adult's chest film RG1, which should pass.
    """
    try:
        import data_store
        import pydicom.data
    except ImportError as err:
        print(f"no medical pictures of other kinds: {err}", file=sys.stderr)
        return
    store = Path(data_store.__file__).parent / "data"
    tests = Path(pydicom.data.__file__).parent / "test_files"
    ankle = _frames(store / "RG3_UNCR.dcm")[0]
    yield (
        "ankle",
        "Ankle film (RG3): displayed, stored, middle",
        [ankle, 255 - ankle, ankle[:, 440:1320]],
    )
    slices = [
        *(store / name for name in ("693_UNCR.dcm", "eCT_Supplemental.dcm", "MR2_UNCR.dcm")),
        store / "MR-SIEMENS-DICOM-WithOverlays.dcm",
        *(tests / name for name in ("CT_small.dcm", "MR_small.dcm")),
        store / "emri_small.dcm",
    ]
    yield "slices", "CT and MR slices", [f for path in slices for f in _frames(path)]
    others = ("US1_UNCR.dcm", "OBXXXX1A_2frame.dcm", "color-pl.dcm", "gdcm-US-ALOKA-16.dcm")
    found = [frame for name in others for frame in _frames(store / name)]
    found += _frames(store / "color3d_jpeg_baseline.dcm")[::12]
    found += _frames(store / "JPEG2000_UNC.dcm")
    yield "ultrasound", "Ultrasound and bone scan", found
    yield "adult_film", "An adult's chest film (RG1)", [_frames(store / "RG1_UNCR.dcm")[0]]


def _frames(path: Path) -> list[Picture]:
    """Return each frame of a DICOM file, spread from its 1 % to its 99 % value, bright = dense."""
    import pydicom

    dataset = pydicom.dcmread(path)
    stored: npt.NDArray[Any] = dataset.pixel_array.astype(np.float64)
    is_colour = int(dataset.get("SamplesPerPixel", 1)) == 3
    if is_colour:
        stored = stored.mean(axis=-1)
    frames = stored if stored.ndim == 3 else stored[None]
    pictures = []
    for frame in frames:
        low, high = np.percentile(frame, [1, 99])
        levels = np.clip((frame - low) / max(high - low, 1e-9), 0, 1)
        if dataset.PhotometricInterpretation == "MONOCHROME1":
            levels = 1 - levels
        pictures.append(np.round(levels * 255).astype(np.uint8))
    return pictures


def _grey(path: Path) -> Picture:
    """Return a film as uint8, bright = dense."""
    return np.asarray(np.round(read_path(path).image * 255), np.uint8)
