"""Which study new objects go into, whose it is, and which film they are about.

A film in memory knows nothing of its patient. What an object of the same study needs is taken from
the bytes of the file, for the time of one export, and only values that their element may hold.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from cxr_core.io.dicom.accept import SECONDARY_CAPTURE, is_film_class
from cxr_core.io.dicom.clean import Pseudonyms
from cxr_core.io.dicom.header import MAX_ITEMS, Header, errors, quiet
from cxr_core.io.dicom.opening import load_pydicom, parse
from cxr_core.io.dicom.policy import are_terms
from cxr_core.io.limit import LIMITS, Limits
from cxr_core.radiograph import Notice

if TYPE_CHECKING:
    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset

CHARACTERS: Final = "ISO_IR 192"
"""SpecificCharacterSet of everything that is written: UTF-8, whatever the film was written in."""

REFERENCE_UIDS: Final = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID")
"""What a film must say of itself to be referred to."""

OF_PATIENT: Final = (  # PS3.3 C.7.1.1 and C.7.2.2
    *("PatientName", "PatientID", "IssuerOfPatientID", "TypeOfPatientID", "PatientBirthDate"),
    *("PatientBirthTime", "PatientSex", "OtherPatientNames", "OtherPatientIDsSequence"),
    *("EthnicGroup", "PatientComments", "PatientIdentityRemoved", "DeidentificationMethod"),
    *("DeidentificationMethodCodeSequence", "PatientAge", "PatientSize", "PatientWeight"),
)
OF_STUDY: Final = (  # PS3.3 C.7.2.1
    *("StudyDate", "StudyTime", "AccessionNumber", "IssuerOfAccessionNumberSequence"),
    *("ReferringPhysicianName", "StudyID", "StudyDescription"),
)
OF_IMAGE: Final = (
    *("Modality", "NumberOfFrames", "Rows", "Columns", "PatientOrientation", "ImagerPixelSpacing"),
    *("BurnedInAnnotation", "BodyPartExamined", "Laterality"),
    *("LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod"),
)
TYPE_2: Final = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime"),
    *("AccessionNumber", "ReferringPhysicianName", "StudyID"),
)
"""Elements that must be there and may be empty."""

_SEXES: Final = ("M", "F", "O")
_INTEGERS: Final = ("US", "SS", "UL", "SL")
_MAX_DEPTH: Final = 3


@dataclass(frozen=True, eq=False)
class Source:
    """The film that new objects are about.

    Attributes:
        reference: What it is called, and of its picture what a reference tells; every value in
            order, elements of patient and study empty.
        identity: Patient and study, for every object of the same study; identifying.
        is_stored: Whether it is a DICOM object that can be referred to. If not, it has to be
            written beside what is said of it.
        notices: What a person has to know before the objects are stored.
    """

    reference: Dataset = field(repr=False)
    identity: Dataset = field(repr=False)
    is_stored: bool
    notices: tuple[Notice, ...] = ()


def source_of(data: bytes, *, name: str, limits: Limits = LIMITS) -> Source:
    """Return what a DICOM file says of its patient and study.

    Args:
        data: The whole file; a film that `cxr_core.io.read` reads.
        name: File name for messages.
        limits: As for reading.

    Returns:
        The source. Where the file does not say which study it is of, a new one is begun for the
        same patient.

    Raises:
        UnreadableImageError: If the file is damaged.
        ImageTooLargeError: As for reading.
        UnsupportedDicomError: If pydicom is not installed.
    """
    load_pydicom()
    from pydicom.dataset import Dataset
    from pydicom.tag import Tag

    keywords = (*REFERENCE_UIDS, *OF_PATIENT, *OF_STUDY, *OF_IMAGE, "SpecificCharacterSet")
    header = parse(data, [Tag(keyword) for keyword in keywords], name=name, limits=limits)
    reference, identity = Dataset(), Dataset()
    with quiet():
        uids = {keyword: _uid(header, keyword) for keyword in REFERENCE_UIDS}
        _copy_all(header, OF_IMAGE, reference)
        _copy_all(header, (*OF_PATIENT, *OF_STUDY), identity)
    is_stored = all(uids.values()) and is_film_class(str(uids["SOPClassUID"]))
    for keyword, uid in uids.items():
        if uid is not None and (is_stored or keyword == "StudyInstanceUID"):
            setattr(reference, keyword, uid)
    _complete(reference)
    notices = _notices(identity, uids["StudyInstanceUID"] is not None, is_stored)
    return Source(reference, identity, is_stored, notices)


def source_of_picture() -> Source:
    """Return a new study of an unnamed patient, for a film that is no DICOM file.

    Returns:
        The source; the film has to be written beside what is said of it. The patient's number is
        random: an archive would take all films with an empty one for films of one person.

    Raises:
        UnsupportedDicomError: If pydicom is not installed.
    """
    load_pydicom()
    from pydicom.dataset import Dataset

    reference, identity = Dataset(), Dataset()
    _complete(reference)
    identity.PatientID = identity.PatientName = Pseudonyms().patient("")
    message = (
        "The film was no DICOM file: the objects are a study of their own, of a patient with a "
        "random number instead of a name, and the film is written as one of them."
    )
    notices = (Notice("study_of_nobody", message),)
    return Source(reference, identity, is_stored=False, notices=notices)


def new_uid() -> str:
    """Return a random UID under the root 2.25, which needs no registration (PS3.5, B.2)."""
    from pydicom.uid import generate_uid

    return str(generate_uid(prefix=None))


def identify(written: Dataset, identity: Dataset) -> None:
    """Write patient and study into an object that was made without them.

    Args:
        written: The object; changed.
        identity: From `Source.identity`.
    """
    for element in identity:
        written.add(element)
    written.SpecificCharacterSet = CHARACTERS


def _notices(identity: Dataset, has_study: bool, is_stored: bool) -> tuple[Notice, ...]:
    """Tell of a study that was begun, a film that was written anew, a name that was lost."""
    notices = []
    if not is_stored:
        where = (
            "in the same study"
            if has_study
            else "in a new study of the same patient, as the file names none"
        )
        message = (
            "The file lacks a UID that a reference needs: the film is written once more as a "
            f"Secondary Capture, {where}."
        )
        notices.append(Notice("written_anew", message))
    if "\ufffd" in str(identity.get("PatientName", "")):
        message = (
            "The patient's name has characters that do not fit the file's character set. Compare "
            "it before you store the objects."
        )
        notices.append(Notice("unreadable_name", message))
    return tuple(notices)


def _complete(reference: Dataset) -> None:
    """Give new UIDs where there are none, and leave empty what may be empty."""
    from pydicom.uid import UID

    if not reference.get("SOPClassUID"):
        reference.SOPClassUID = UID(SECONDARY_CAPTURE)
    for keyword in REFERENCE_UIDS[:3]:
        if not reference.get(keyword):
            setattr(reference, keyword, new_uid())
    for keyword in TYPE_2:
        setattr(reference, keyword, None)
    reference.SpecificCharacterSet = CHARACTERS


def _uid(header: Header, keyword: str) -> str | None:
    """Return a UID that is one, or `None`."""
    from pydicom.config import IGNORE
    from pydicom.uid import UID

    uid = UID(header.text(keyword), validation_mode=IGNORE)
    return str(uid) if uid and uid.is_valid else None


def _copy_all(
    header: Header, keywords: tuple[str, ...], target: Dataset, *, depth: int = 1
) -> None:
    """Copy elements whose values may stand in them; leave out the others."""
    for keyword in keywords:
        if keyword not in header:
            continue
        try:
            value = _value(header, header.dataset[keyword], depth)
            if value is not None:
                setattr(target, keyword, value)
        except errors():
            continue


def _value(header: Header, element: DataElement, depth: int) -> Any:
    """Return a value in plain types, or `None` where it is empty or wrong."""
    from pydicom.config import RAISE
    from pydicom.multival import MultiValue
    from pydicom.valuerep import validate_value

    vr = str(element.VR)
    if vr == "SQ":
        return _items(header, element.keyword, depth)
    raw = element.value
    many = list(raw) if isinstance(raw, MultiValue | list) else [raw]
    values = many if vr in _INTEGERS else [str(value) for value in many]
    if raw is None or values == [""]:
        return None
    for value in values:
        validate_value(vr, value, RAISE)
    if element.keyword == "PatientSex" and values[0] not in _SEXES:
        return None
    if vr == "CS" and element.keyword in OF_IMAGE and not are_terms(element.keyword, values):
        return None
    return values[0] if len(values) == 1 else values


def _items(header: Header, keyword: str, depth: int) -> list[Dataset] | None:
    """Copy the items of a sequence, each element by the same rule."""
    from pydicom.dataset import Dataset

    if depth > _MAX_DEPTH:
        return None
    items = []
    for item in list(header.items(keyword))[:MAX_ITEMS]:
        copied = Dataset()
        inner = tuple(element.keyword for element in item.dataset if element.keyword)
        _copy_all(item, inner, copied, depth=depth + 1)
        if len(copied):
            items.append(copied)
    return items or None
