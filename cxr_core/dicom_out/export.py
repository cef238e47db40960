"""One film's DICOM objects: captures of its maps, the report, and the film where it must be one.

The app keeps nothing of a header in memory. So the bytes of the file are given here once more, and
what they say of the patient is in the objects that are written, and nowhere else.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Final

from cxr_core.dicom_out.device import RESEARCH_USE, Device
from cxr_core.dicom_out.picture import overlay_picture
from cxr_core.dicom_out.study import (
    Source,
    identify,
    new_uid,
    source_of,
    source_of_picture,
)
from cxr_core.errors import UnsupportedDicomError
from cxr_core.explain.cam import DEFAULT_METHOD
from cxr_core.explain.overlay import caption
from cxr_core.io.limit import LIMITS, Limits
from cxr_core.io.quiet import quiet
from cxr_core.io.sniff import DICOM, sniff
from cxr_core.labels import CLASS_TITLES, CLASSES, class_index
from cxr_core.provenance import Provenance

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from cxr_core.array import ByteArray
    from cxr_core.explain.cam import Cam
    from cxr_core.io.dicom.clean import Pseudonyms
    from cxr_core.predict import Predictor, Reading
    from cxr_core.radiograph import Notice

FILM, OVERLAY, REPORT = "film", "overlay", "report"

_REFUSED: Final = (
    "Refused: the film is unlike those the models were trained on; do not believe the score."
)
_MAP_MEANS: Final = "The map shows what moved the score, not where disease is."


@dataclass(frozen=True)
class MapChoice:
    """Which map is drawn.

    Attributes:
        system: System name.
        class_name: Class it speaks for; the system's own top class if `None`.
        method: Key of `cxr_core.explain.cam.METHODS`.
    """

    system: str
    class_name: str | None = None
    method: str = DEFAULT_METHOD


@dataclass(frozen=True, eq=False)
class Written:
    """One DICOM object as a file.

    Attributes:
        kind: `film`, `overlay` or `report`.
        uid: Its SOP instance UID.
        data: The file.
    """

    kind: str
    uid: str
    data: bytes = field(repr=False)

    @property
    def file_name(self) -> str:
        """Name for the file; nothing of the film's own name is in it."""
        return f"{self.kind}-{self.uid}.dcm"


@dataclass(frozen=True, eq=False)
class Export:
    """Everything that one film became.

    Attributes:
        objects: In this order: the film where it had to be written, overlays, the report.
        notices: What a person has to know or to check before the objects are stored.
    """

    objects: tuple[Written, ...]
    notices: tuple[Notice, ...]

    def zipped(self) -> bytes:
        """Return all objects as one zip archive."""
        stream = BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
            for written in self.objects:
                packed.writestr(written.file_name, written.data)
        return stream.getvalue()


def export(
    data: bytes,
    reading: Reading,
    predictor: Predictor,
    maps: Sequence[MapChoice],
    *,
    pseudonyms: Pseudonyms | None = None,
    is_raw: bool = False,
    limits: Limits = LIMITS,
) -> Export:
    """Write what the systems say of a film as DICOM objects.

    Args:
        data: The bytes of the film's file, those that `reading` was made from.
        reading: What the systems say; `Reading.uncalibrated` for raw probabilities.
        predictor: The models that said it.
        maps: The maps to draw, each on a Secondary Capture of its own in one series.
        pseudonyms: If given, identifiers are taken out of the film first, and what they become is
            kept there, so that films of one study stay together.
        is_raw: Whether `reading` was taken back to raw probabilities.
        limits: As for reading.

    Returns:
        The objects. Of a DICOM film they are in its study; of another one, or where identifiers
        were taken out, the film is among them.

    Raises:
        UnsupportedDicomError: If highdicom is not installed.
        UnreadableImageError: If the file is damaged.
        ImageTooLargeError: As for reading.
        NotApplicableError: If the models have no such system.
        ValueError: If a class or a method is unknown.

    Notes:
        Thread-safe; nothing is logged or kept.
    """
    _check_installed()
    provenance = Provenance.of(predictor, is_raw=is_raw)
    device = Device.of(provenance)
    name = reading.radiograph.name
    source, film, notices = _source(data, name, pseudonyms, limits)
    film_size = reading.radiograph.height_px, reading.radiograph.width_px
    source.reference.Rows, source.reference.Columns = film_size
    drawn = [_drawn(reading, predictor, choice, provenance) for choice in maps]
    with silent():
        objects = [film] if film is not None else []
        if not source.is_stored:
            objects.append(_film(source, reading, device))
        objects += _overlays(source, drawn, device)
        objects.append(_report(source, reading, device))
    return Export(tuple(objects), (*notices, *source.notices))


@contextmanager
def silent() -> Iterator[None]:
    """Mute highdicom, whose log names the UIDs of the film, and its warnings, which quote names."""
    with quiet(r"pydicom", r"highdicom", logger="highdicom"):
        yield


def _check_installed() -> None:
    """Say how to get highdicom where it is missing."""
    try:
        import highdicom  # noqa: F401
    except ImportError as err:
        msg = "DICOM objects can be written only where highdicom is installed"
        hint = "Install it with: pip install -r requirements.txt"
        raise UnsupportedDicomError(msg, hint=hint) from err


def _source(
    data: bytes, name: str, pseudonyms: Pseudonyms | None, limits: Limits
) -> tuple[Source, Written | None, tuple[Notice, ...]]:
    """Return the film's study, the film without identifiers if asked, and what to check of it."""
    if sniff(data) != DICOM:
        return source_of_picture(), None, ()
    if pseudonyms is None:
        return source_of(data, name=name, limits=limits), None, ()
    from cxr_core.io.dicom.clean import clean

    cleaned = clean(data, pseudonyms, name=name, limits=limits)
    source = source_of(cleaned.data, name=name, limits=limits)
    film = Written(FILM, cleaned.uid, cleaned.data) if source.is_stored else None
    return source, film, cleaned.notices


def _drawn(
    reading: Reading, predictor: Predictor, choice: MapChoice, provenance: Provenance
) -> tuple[ByteArray, Cam]:
    """Draw one map with what must be read beside it."""
    system = reading.systems.get(choice.system)
    class_name = choice.class_name or (system.label if system else CLASSES[0])
    cam = predictor.explain(reading, choice.system, class_name, method=choice.method)
    lines = words_below(reading, choice.system, class_name, cam, provenance)
    return overlay_picture(reading.radiograph.image, cam, lines), cam


def words_below(
    reading: Reading, system: str, class_name: str, cam: Cam, provenance: Provenance
) -> list[str]:
    """Return what must be read beside a map that travels alone.

    Args:
        reading: What the systems say of the film.
        system: The system in question.
        class_name: The class in question.
        cam: Its map.
        provenance: What made the numbers.

    Returns:
        Lines: the map, the score, the gate where it refused, the models, what a map does not show.
    """
    said = reading.systems[system]
    kind = "not calibrated" if said.temperature is None else "calibrated"
    title = CLASS_TITLES[class_name]
    title = f"{title}, neither of the other two" if class_name == "NORMAL" else title
    return [
        caption(cam),
        f"Probability of {title}: {said.probs[class_index(class_name)]:.3f} ({kind})",
        *([_REFUSED] if reading.trust.ood_verdict == "refused" else []),
        provenance.line(),
        f"{_MAP_MEANS} {RESEARCH_USE}",
    ]


def _film(source: Source, reading: Reading, device: Device) -> Written:
    """Write the film as an object of its own."""
    from cxr_core.dicom_out.capture import film_capture

    return _finished(FILM, film_capture(source.reference, reading.radiograph, device), source)


def _overlays(
    source: Source, drawn: Sequence[tuple[ByteArray, Cam]], device: Device
) -> list[Written]:
    """Write the pictures as one series."""
    from cxr_core.dicom_out.capture import overlay_capture

    series_uid = new_uid()
    return [
        _finished(
            OVERLAY,
            overlay_capture(
                source.reference, picture, cam, device, series_uid=series_uid, number=number
            ),
            source,
        )
        for number, (picture, cam) in enumerate(drawn, start=1)
    ]


def _report(source: Source, reading: Reading, device: Device) -> Written:
    """Write the report."""
    from cxr_core.dicom_out.structured_report import structured_report

    return _finished(REPORT, structured_report(source.reference, reading, device), source)


def _finished(kind: str, written: Dataset, source: Source) -> Written:
    """Write patient and study into an object, and the object as a file."""
    import pydicom

    identify(written, source.identity)
    stream = BytesIO()
    pydicom.dcmwrite(stream, written, enforce_file_format=True)
    return Written(kind, str(written.SOPInstanceUID), stream.getvalue())
