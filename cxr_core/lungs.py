"""Where the lungs are on a film, and how much of a heatmap lies in them.

A small network of its own, published with its record and its hashes, run by the engine that runs
the backbones. It draws the projected lung fields as its training masks do: with the part of the
left lung behind the heart, without the part below the domes of the diaphragm.

Caution:
    The share of a map in the lungs is never called a localisation. A map with all of its mass in
    the lungs may still follow the source of the film, and a cell of a 7 by 7 map is a window on a
    far larger part of the film. A share near the lungs' own share of the area is what a map that
    knows nothing of lungs would have.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from cxr_core.engine import FeatureEngine
from cxr_core.errors import ArtifactIntegrityError, SpecMismatchError
from cxr_core.lung_shape import (
    LungLimits,
    Polygon,
    clean,
    outline,
    plausibility_notes,
    unsure_share,
)
from cxr_core.preprocess import PreprocessSpec, preprocess
from cxr_core.radiograph import Notice, Radiograph

SCHEMA: Final = "cxr-lungs/1"
RECORD: Final = "lungs.json"
NETWORK: Final = "lungs.xml"
DEFAULT_LUNGS: Final = Path(__file__).resolve().parent.parent / "assets" / "lungs"
"""The network that comes with the repository."""

_HINT: Final = "Restore the folder from the repository; do not edit its files."


@dataclass(frozen=True, eq=False)
class LungMask:
    """The lungs of one film.

    Attributes:
        mask: Shape (h, w) of the network's input, bool, read-only. The film was stretched to it.
        probability: The network's own output, shape (h, w), float32 in [0, 1], read-only.
        area_share: Share of the film that the mask covers.
        polygons: Outlines for display, see `cxr_core.lung_shape.outline`.
        notes: Why this may not be the two lungs; empty for a plausible mask.
    """

    mask: npt.NDArray[np.bool_]
    probability: npt.NDArray[np.float32]
    area_share: float
    polygons: tuple[Polygon, ...]
    notes: tuple[Notice, ...] = ()

    @property
    def is_plausible(self) -> bool:
        """True if nothing speaks against the mask."""
        return not self.notes


@dataclass(frozen=True)
class LungShare:
    """How much of a map lies in the lungs. Not a localisation, see the module's caution.

    Attributes:
        share: Share of the positive map mass in the lungs; `None` where there is none of either.
        area_share: Share of the film that the lungs cover.
        enrichment: `share` over `area_share`: 1 for a map that knows nothing of lungs.
        notes: What a reader of these numbers should know.
    """

    share: float | None
    area_share: float
    enrichment: float | None
    notes: tuple[Notice, ...] = ()


class LungSegmenter:
    """Finds the lungs on films; safe to share between threads.

    Args:
        engine: Network from (n, height, width, 1) to probabilities of the same shape.
        preprocess_spec: How a film is prepared for it.
        threshold: Least probability of a lung.
        limits: What a plausible mask looks like.
        record: The published record: origin, figures, films.

    Raises:
        SpecMismatchError: If the network's output is not one number a pixel of its input.
    """

    def __init__(
        self,
        engine: FeatureEngine,
        *,
        preprocess_spec: PreprocessSpec,
        threshold: float,
        limits: LungLimits,
        record: Mapping[str, Any],
    ) -> None:
        expected = (preprocess_spec.height_px, preprocess_spec.width_px, 1)
        if engine.feature_shape != expected:
            msg = f"The lung network must give shape {expected}. Received: {engine.feature_shape}"
            raise SpecMismatchError(msg, hint=_HINT)
        self._engine = engine
        self._spec = preprocess_spec
        self._threshold = threshold
        self._limits = limits
        self.record = record

    @classmethod
    def load(cls, folder: str | Path = DEFAULT_LUNGS) -> LungSegmenter:
        """Check a published network against its record and compile it.

        Args:
            folder: Holds `lungs.json`, `lungs.xml` and `lungs.bin`.

        Returns:
            The segmenter.

        Raises:
            ArtifactIntegrityError: If a file is missing or changed; the message names it.
            SpecMismatchError: If the record is of another schema or lacks a field.
        """
        from cxr_core.engine.openvino import OpenVinoEngine

        folder = Path(folder)
        record = read_record(folder)
        try:
            spec = PreprocessSpec.from_dict(record["preprocess"])
            threshold = float(record["threshold"])
            limits = LungLimits.from_dict(record["limits"])
        except (KeyError, TypeError, ValueError) as err:
            msg = f"`{RECORD}` must have every field of {SCHEMA}. Received: {err!r}"
            raise SpecMismatchError(msg, hint=_HINT) from err
        engine = OpenVinoEngine(folder / NETWORK)
        return cls(engine, preprocess_spec=spec, threshold=threshold, limits=limits, record=record)

    def segment(self, radiograph: Radiograph) -> LungMask:
        """Find the lungs on one film.

        Args:
            radiograph: The film, of any size and shape.

        Returns:
            The mask at the network's size with its outline, and notes where it is not plausible.
        """
        batch = preprocess(radiograph, self._spec)[None, :, :, :1]
        return self.from_probability(self._engine.run(np.ascontiguousarray(batch))[0, :, :, 0])

    def from_probability(self, probability: npt.NDArray[np.float32]) -> LungMask:
        """Make the mask of a probability in every pixel.

        Args:
            probability: Shape (h, w), float32 in [0, 1]; not changed.

        Returns:
            The mask.
        """
        mask, regions = clean(probability, self._threshold)
        area_share = float(mask.mean())
        unsure = unsure_share(probability, mask)
        kept = probability.copy()
        for array in (mask, kept):
            array.flags.writeable = False
        return LungMask(
            mask=mask,
            probability=kept,
            area_share=area_share,
            polygons=outline(probability, mask, self._threshold),
            notes=plausibility_notes(regions, area_share, unsure, self._limits),
        )


def lung_share(cam_grid: npt.NDArray[Any], lung_mask: LungMask) -> LungShare:
    """Return the share of a map's positive mass that lies in the lungs.

    A cell counts with the exact share of its area that the mask covers, whatever the sizes of map
    and mask. What speaks against the class (negative cells) takes no part.

    Args:
        cam_grid: Raw map over the whole film, shape (h, w).
        lung_mask: The film's lungs.

    Returns:
        The share beside the lungs' share of the area. A map without positive mass, one that is not
        finite, and a film without lungs give `None` with a note; a map that lies in the lungs less
        than their share of the area gets a note too.

    Raises:
        ValueError: If the map is not two-dimensional or empty.
    """
    grid = np.asarray(cam_grid, np.float64)
    if grid.ndim != 2 or not grid.size:
        msg = f"`cam_grid` must have shape (h, w). Received: shape={grid.shape}"
        raise ValueError(msg)
    area_share = lung_mask.area_share
    if not np.isfinite(grid).all():
        note = Notice("not_finite", "The map has cells that are not numbers.")
        return LungShare(None, area_share, None, (note,))
    if not lung_mask.mask.any():
        note = Notice("no_lungs", "No lungs were found, so no share of the map lies in them.")
        return LungShare(None, area_share, None, (note,))
    positive = np.maximum(grid, 0.0)
    largest = positive.max()
    if largest == 0.0:
        note = Notice("no_positive_mass", "No cell of the map speaks for this class.")
        return LungShare(None, area_share, None, (note,))
    positive = positive / largest  # so that no sum overflows
    share = float((positive * _covered(lung_mask.mask, grid.shape)).sum() / positive.sum())
    enrichment = share / area_share
    notes = lung_mask.notes
    if enrichment < 1.0:
        text = (
            f"{share:.0%} of the positive map lies in the lungs, which cover {area_share:.0%} of "
            "the film: less than of a map that is the same everywhere."
        )
        notes = (Notice("outside_lungs", text), *notes)
    return LungShare(share, area_share, enrichment, notes)


def _covered(mask: npt.NDArray[np.bool_], shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
    """Return which share of each grid cell's area the mask covers, shape (h, w)."""
    rows, columns = (_overlap(n, size) for n, size in zip(shape, mask.shape, strict=True))
    return rows @ mask.astype(np.float64) @ columns.T


def _overlap(n_cells: int, n_pixels: int) -> npt.NDArray[np.float64]:
    """Return the share of each cell of a line that each pixel fills, shape (cells, pixels)."""
    cells = np.arange(n_cells + 1) / n_cells
    pixels = np.arange(n_pixels + 1) / n_pixels
    low = np.maximum(cells[:-1, None], pixels[None, :-1])
    high = np.minimum(cells[1:, None], pixels[None, 1:])
    return np.asarray(np.maximum(high - low, 0.0) * n_cells)


def read_record(folder: Path) -> dict[str, Any]:
    """Read a published network's record and compare every file with it.

    Args:
        folder: See `LungSegmenter.load`.

    Returns:
        The record.

    Raises:
        ArtifactIntegrityError: If a file is missing or changed; the message names it.
        SpecMismatchError: If the record is of another schema.
    """
    try:
        record = json.loads(_read(folder, RECORD))
    except ValueError as err:
        msg = f"{RECORD}: the file must be JSON. Received: {err}"
        raise ArtifactIntegrityError(msg, hint=_HINT) from err
    schema = record.get("schema") if isinstance(record, dict) else None
    if schema != SCHEMA:
        msg = f"`schema` of {RECORD} must be {SCHEMA!r}. Received: {schema!r}"
        raise SpecMismatchError(msg, hint=_HINT)
    if record.get("digest") != record_digest(record):
        msg = f"{RECORD}: the file must be the one that was published. Received: other content"
        raise ArtifactIntegrityError(msg, hint=_HINT)
    for name, entry in record["files"].items():
        data = _read(folder, Path(name).name)
        if hashlib.sha256(data).hexdigest() != entry["sha256"]:
            msg = f"{name}: the file must be the one that was published. Received: other bytes"
            raise ArtifactIntegrityError(msg, hint=_HINT)
    return dict(record)


def write_record(folder: Path, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Hash the network's two files and write the record that goes with them.

    Args:
        folder: Holds `lungs.xml` and `lungs.bin`.
        fields: JSON-ready values: all but `schema`, `files` and `digest`.

    Returns:
        The record, as `read_record` gives it.
    """
    files = {}
    for name in (NETWORK, str(Path(NETWORK).with_suffix(".bin"))):
        data = _read(folder, name)
        files[name] = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    record = {"schema": SCHEMA, **fields, "files": files}
    record["digest"] = record_digest(record)
    temporary = folder / f"{RECORD}.new"
    temporary.write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    temporary.replace(folder / RECORD)
    return read_record(folder)


def record_digest(record: Mapping[str, Any]) -> str:
    """Return the SHA-256 over a record's content without its own digest; it names the network.

    Args:
        record: JSON-ready values.

    Returns:
        64 hex digits.
    """
    content = {key: value for key, value in record.items() if key != "digest"}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _read(folder: Path, name: str) -> bytes:
    """Return a file's bytes, or say which file is missing."""
    try:
        return (folder / name).read_bytes()
    except OSError as err:
        msg = f"{name}: the lung network must have this file. Received: {err.strerror or err}"
        raise ArtifactIntegrityError(msg, hint=_HINT) from err
