"""What a report says of one film, taken out of its reading: numbers, words and two pictures."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cxr_core.errors import CxrError, NotApplicableError
from cxr_core.explain.cam import DEFAULT_METHOD
from cxr_core.report.picture import MapPicture, grey_picture, jpeg, map_picture

if TYPE_CHECKING:
    from cxr_core.predict import Predictor, Reading, SystemReading, Trust
    from cxr_core.radiograph import Notice, Radiograph
    from cxr_core.report.about import About


@dataclass(frozen=True)
class ScoreRow:
    """What one system says.

    Attributes:
        system: System name.
        probs: One probability a class, in class order.
        label: Class of the highest one.
        temperature: What calibrated it; `None` for a score before calibration.
    """

    system: str
    probs: tuple[float, ...]
    label: str
    temperature: float | None = None


@dataclass(frozen=True)
class LungFacts:
    """What is known of the lungs of a film.

    Attributes:
        area_share: Share of the film that they cover.
        notes: Why these may not be the two lungs; empty for a plausible mask.
    """

    area_share: float
    notes: tuple[Notice, ...] = ()


@dataclass(frozen=True, eq=False)
class FilmPage:
    """All that a report says of one film.

    Attributes:
        name: Name of the file; `None` for a DICOM film, whose name may be a patient's.
        sha256: Digest of the file.
        facts: Format, kind and size of the stored film, each in a few words.
        scores: What each system says, in display order.
        trust: Reasons to believe it or not.
        is_refused: Whether the gate refused the film.
        notices: What was changed or looked unusual on reading.
        lungs: `None` where nobody looked for them.
        film_jpeg: The film, grey.
        shape: Rows and columns of the stored film.
        map: A map on the film; `None` where there is none, and `map_failure` says why.
        map_failure: See `map`.
        remark: A sentence of whoever asked for the report, for example on a drawn film.
    """

    name: str | None
    sha256: str
    facts: tuple[str, ...]
    scores: tuple[ScoreRow, ...]
    trust: Trust
    is_refused: bool
    notices: tuple[Notice, ...]
    lungs: LungFacts | None
    film_jpeg: bytes = field(repr=False)
    shape: tuple[int, int]
    map: MapPicture | None = None
    map_failure: str = ""
    remark: str = ""

    @property
    def votes(self) -> tuple[str, int]:
        """The class that most systems name, the first in display order among equals; how many."""
        return Counter(row.label for row in self.scores).most_common(1)[0]


@dataclass(frozen=True)
class FailedFilm:
    """A file that could not be read.

    Attributes:
        name: Name of the file where its content is known to be a picture; else `None`, because it
            may be a DICOM film.
        sha256: Digest of the file, or `None` where its bytes could not be read.
        message: What is wrong.
        hint: What to do about it.
    """

    name: str | None
    sha256: str | None
    message: str
    hint: str

    @classmethod
    def from_error(
        cls, error: CxrError, *, name: str | None = None, sha256: str | None = None
    ) -> FailedFilm:
        """Take what is shown out of an error, whose message must not name a DICOM file."""
        return cls(name, sha256, str(error), error.hint)


Page = FilmPage | FailedFilm


def film_page(
    predictor: Predictor, reading: Reading, about: About, *, remark: str = ""
) -> FilmPage:
    """Take what a report shows out of a reading; no network is run.

    Args:
        predictor: The models that read the film.
        reading: Their reading; not changed.
        about: Of the same predictor; tells whose map is drawn.
        remark: A sentence to stand below the film's name.

    Returns:
        The page's content; it holds two small pictures and none of the reading's arrays.
    """
    if about.is_raw:
        reading = reading.uncalibrated()
    film = reading.radiograph
    picture = grey_picture(film.image)
    found: MapPicture | None = None
    failure = ""
    try:
        label = reading.systems[about.system].label
        cam = predictor.explain(reading, about.system, label, method=DEFAULT_METHOD)
        found = map_picture(picture, cam)
    except NotApplicableError as err:
        failure = f"{err} {err.hint}"
    lungs = reading.lungs
    return FilmPage(
        name=None if film.dicom is not None else film.name,
        sha256=film.sha256,
        facts=film_facts(film),
        scores=tuple(_score(system) for system in reading.systems.values()),
        trust=reading.trust,
        is_refused=reading.status == "refused",
        notices=film.notices,
        lungs=None if lungs is None else LungFacts(lungs.area_share, lungs.notes),
        film_jpeg=jpeg(picture),
        shape=(film.height_px, film.width_px),
        map=found,
        map_failure=failure,
        remark=remark,
    )


def film_facts(film: Radiograph) -> tuple[str, ...]:
    """Return format, kind and size of the stored film, each in a few words.

    Args:
        film: The film.

    Returns:
        Nothing of the patient, the place or the time.
    """
    size = f"{film.width_px:,} by {film.height_px:,} pixels"
    return (film.source_format, *(film.dicom.words() if film.dicom else ()), size)


def _score(system: SystemReading) -> ScoreRow:
    """Return what one system says."""
    probs = tuple(float(value) for value in system.probs)
    return ScoreRow(system.name, probs, system.label, system.temperature)
