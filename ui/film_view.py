"""From a reading to what the page shows of it: packed pixels, small grids, words; no Streamlit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from cxr_core.errors import NotApplicableError
from cxr_core.explain.cam import METHODS
from cxr_core.labels import CLASSES
from ui.film_pixels import FilmPixels

if TYPE_CHECKING:
    from cxr_core.array import Float64Array
    from cxr_core.explain.cam import Cam
    from cxr_core.lungs import LungMask
    from cxr_core.predict import Reading, Trust
    from cxr_core.radiograph import DicomFacts, Notice

SIGNIFICANT_DIGITS: Final = 4
"""Digits of every map value in the browser; keeps all maps of one film under 60 kB."""

Explain = Callable[..., "Mapping[str, Cam]"]


@dataclass(frozen=True)
class Score:
    """What one system says of one film.

    Attributes:
        system: System name.
        label: The class with the highest probability.
        probs: Class name to probability, in class order; calibrated where the bundle can do that.
        raw_probs: The same before calibration; `None` where nothing was calibrated.
    """

    system: str
    label: str
    probs: Mapping[str, float]
    raw_probs: Mapping[str, float] | None = None

    @property
    def is_calibrated(self) -> bool:
        """Whether `probs` went through a calibration."""
        return self.raw_probs is not None

    def uncalibrated(self) -> Score:
        """Return the score before calibration."""
        return self if self.raw_probs is None else Score(self.system, self.label, self.raw_probs)


@dataclass(frozen=True)
class Lungs:
    """What the page shows of the lungs.

    Attributes:
        outline: Polygons of (x, y) as shares of the film from its upper left.
        area_share: Share of the film that they cover.
        notes: Why these may not be the two lungs; empty for a plausible mask.
    """

    outline: tuple[tuple[tuple[float, float], ...], ...] = field(repr=False)
    area_share: float
    notes: tuple[Notice, ...] = ()

    @classmethod
    def of(cls, mask: LungMask) -> Lungs:
        """Take what is shown out of a mask."""
        return cls(mask.polygons, mask.area_share, mask.notes)


@dataclass(frozen=True)
class Summary:
    """What tables of many films show of one.

    Attributes:
        scores: One entry per system, in display order.
        trust: What is known about believing the scores.
        refused: True where the refusal gate refused the film.
    """

    scores: tuple[Score, ...]
    trust: Trust
    refused: bool

    def uncalibrated(self) -> Summary:
        """Return the summary with every score before calibration."""
        return replace(self, scores=tuple(score.uncalibrated() for score in self.scores))


@dataclass(frozen=True)
class FilmView:
    """Everything the page shows of one film.

    Attributes:
        pixels: The film as the browser gets it, at full depth; 2 MB at most before packing.
        width_px: Columns of the stored film.
        height_px: Rows of the stored film.
        source_format: Container the pixels came from.
        notices: What was changed or looked unusual on reading.
        scores: One entry per system, in display order.
        trust: What is known about believing the scores.
        refused: True where the refusal gate refused the film.
        maps: System, then method, then class (`""` where the method knows none) to a map.
        timing_ms: Step to milliseconds.
        lungs: Where the lungs are; `None` where nobody looked for them.
        dicom: What a DICOM file says of the film and may be shown; `None` for pictures.
    """

    pixels: FilmPixels = field(repr=False)
    width_px: int
    height_px: int
    source_format: str
    notices: tuple[Notice, ...]
    scores: tuple[Score, ...]
    trust: Trust
    refused: bool
    maps: dict[str, dict[str, dict[str, Any]]] = field(repr=False)
    timing_ms: Mapping[str, float]
    lungs: Lungs | None = None
    dicom: DicomFacts | None = None

    @property
    def is_calibrated(self) -> bool:
        """Whether every score went through a calibration."""
        return bool(self.scores) and all(score.is_calibrated for score in self.scores)

    def uncalibrated(self) -> FilmView:
        """Return the view with every score before calibration."""
        return replace(self, scores=tuple(score.uncalibrated() for score in self.scores))

    def with_timing(self, step: str, ms: float) -> FilmView:
        """Return a copy with one more step in `timing_ms`."""
        return replace(self, timing_ms={**self.timing_ms, step: ms})


def film_view(reading: Reading, explain: Explain) -> FilmView:
    """Prepare one reading for the page.

    Args:
        reading: The reading; not changed.
        explain: `Predictor.explain_classes`; runs no network.

    Returns:
        The film's view.
    """
    film = reading.radiograph
    summary = summary_of(reading)
    return FilmView(
        pixels=FilmPixels.from_radiograph(film),
        width_px=film.width_px,
        height_px=film.height_px,
        source_format=film.source_format,
        notices=film.notices,
        scores=summary.scores,
        trust=summary.trust,
        refused=summary.refused,
        maps={name: _system_maps(reading, name, explain) for name in reading.systems},
        timing_ms=dict(reading.timing_ms),
        lungs=None if reading.lungs is None else Lungs.of(reading.lungs),
        dicom=film.dicom,
    )


def summary_of(reading: Reading) -> Summary:
    """Take what tables show out of a reading.

    Args:
        reading: The reading.

    Returns:
        Its summary.
    """
    scores = tuple(
        Score(
            name,
            result.label,
            _by_class(result.probs),
            None if result.temperature is None else _by_class(result.raw_probs),
        )
        for name, result in reading.systems.items()
    )
    return Summary(scores, reading.trust, reading.status == "refused")


def _by_class(probs: Float64Array) -> dict[str, float]:
    """Return class name to probability."""
    return dict(zip(CLASSES, map(float, probs), strict=True))


def _system_maps(reading: Reading, system: str, explain: Explain) -> dict[str, dict[str, Any]]:
    """Compute every map of one system; a map that does not apply carries the reason instead."""
    maps: dict[str, dict[str, Any]] = {}
    for method, about in METHODS.items():
        names = CLASSES if about.is_class_specific else ("",)
        try:
            cams = explain(reading, system, method=method)
        except NotApplicableError as err:
            maps[method] = {name: {"missing": f"{err} {err.hint}"} for name in names}
        else:
            maps[method] = {name: map_data(cams[name or CLASSES[0]]) for name in names}
    return maps


def map_data(cam: Cam) -> dict[str, Any]:
    """Return one map as the browser gets it.

    Args:
        cam: The map.

    Returns:
        JSON-ready: `grid` with `SIGNIFICANT_DIGITS`, and `score`, `bias` and `notes` where the map
        has them.
    """
    shown: dict[str, Any] = {"grid": [[_short(v) for v in row] for row in cam.grid.tolist()]}
    if cam.class_name is not None:
        shown["score"] = _short(cam.score)
    if cam.bias is not None:
        shown["bias"] = _short(cam.bias)
    if cam.notes:
        shown["notes"] = list(cam.notes)
    return shown


def _short(value: float) -> float:
    """Round to `SIGNIFICANT_DIGITS`; whole zeros lose their sign and decimals."""
    return float(f"{value:.{SIGNIFICANT_DIGITS - 1}e}") or 0
